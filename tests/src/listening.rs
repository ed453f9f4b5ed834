//! A live recorder in this process, and what a mirror would send to it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use recorder::cli::Cli;
use recorder::{Bound, Config, Listener, Summary};
use tokio::sync::oneshot;

/// How long anything here is waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// A recorder that listens on loopback until it is told to stop.
#[derive(Debug)]
pub struct Listening {
    bound: Bound,
    stop: Option<oneshot::Sender<()>>,
    thread: JoinHandle<anyhow::Result<Summary>>,
}

impl Listening {
    /// Starts `recorder listen --archive ARCHIVE FLAGS…` in this process, with every address on a free port of loopback.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start(archive: &Path, flags: &[&str]) -> Self {
        Self::start_with(archive, flags, |_| {})
    }

    /// The same with a configuration that is changed before.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start_with(archive: &Path, flags: &[&str], change: impl FnOnce(&mut Config)) -> Self {
        let archive = archive.to_str().expect("a test's folder has a plain name");
        let mut config = config(archive, flags);
        change(&mut config);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let listener = Listener::bind(config).await?;
                // A test that is over does not wait.
                let _ = tell.send(listener.bound());
                listener.run(async { drop(stopped.await) }).await
            })
        });
        let bound = told
            .recv_timeout(LIMIT)
            .expect("the recorder finds its addresses free");
        Self {
            bound,
            stop: Some(stop),
            thread,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// Tells it to stop and waits until it has.
    ///
    /// # Errors
    /// As the recorder.
    ///
    /// # Panics
    /// If the recorder panicked.
    pub fn stop(mut self) -> anyhow::Result<Summary> {
        drop(self.stop.take());
        self.thread.join().expect("the recorder does not panic")
    }
}

/// The configuration of `recorder listen --archive ARCHIVE FLAGS…`.
fn config(archive: &str, flags: &[&str]) -> Config {
    use clap::Parser as _;
    let command = ["recorder", "listen", "--archive", archive, "--quiet"];
    let cli = Cli::try_parse_from(command.iter().chain(flags)).expect("the flags are known");
    Config::try_from(cli).expect("the flags are valid")
}

/// A socket that sends as a mirrored interface with the address `from` of loopback does.
///
/// # Panics
/// If loopback has no such address.
#[must_use]
pub fn mirror(from: &str, to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((from, 0)).expect("127.0.0.0/8 is loopback");
    socket
        .connect(to)
        .expect("a UDP socket is connected at once");
    socket
}

/// Status and body of a GET, over a connection of its own.
///
/// # Panics
/// If there is no answer.
#[must_use]
pub fn get(address: SocketAddr) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the address is listened at");
    stream
        .set_read_timeout(Some(LIMIT))
        .expect("a timeout can be set");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("the request is taken");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is text");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .expect("an answer has a status");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

/// Asks again and again until the answer is as wanted.
///
/// # Panics
/// If it is not within a minute; with the last answer.
#[track_caller]
pub fn await_answer(address: SocketAddr, wanted: impl Fn(u16, &str) -> bool) -> String {
    let pause = Duration::from_millis(50);
    let mut last = (0, String::new());
    for _ in 0..LIMIT.as_millis() / pause.as_millis() {
        last = get(address);
        if wanted(last.0, &last.1) {
            return last.1;
        }
        std::thread::park_timeout(pause);
    }
    panic!("{}: {}", last.0, last.1);
}

/// The value of a metric without labels; 0 if there is none.
#[must_use]
pub fn metric(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}
