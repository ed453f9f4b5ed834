//! A target that answers everything alike at once, and knows when its first request came.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Instant;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// The running target; it ends with the benchmark.
#[derive(Debug)]
pub(super) struct Target {
    address: SocketAddr,
    first: Receiver<Instant>,
}

impl Target {
    pub(super) fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        // One message fits, and what comes behind it is not kept.
        let (sender, first) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                // A client that hangs up has what it wanted.
                std::thread::spawn(move || drop(serve(&stream, &sender)));
            }
        });
        Ok(Self { address, first })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// When the first request came since this was asked last.
    pub(super) fn take_first(&self) -> Option<Instant> {
        self.first.try_recv().ok()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is a clock of the measurement"
)]
fn serve(stream: &TcpStream, first: &SyncSender<Instant>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let (mut line, mut length) = (String::new(), 0);
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let _is_not_the_first = first.try_send(Instant::now());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        writer.write_all(ANSWER)?;
    }
}
