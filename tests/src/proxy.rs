//! A proxy that makes a store look busy: it refuses the first requests as S3 does when it throttles.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SLOW_DOWN: &str =
    "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

/// The running proxy; it ends with the test's process.
#[derive(Debug)]
pub struct ThrottlingProxy {
    address: SocketAddr,
    refused: Arc<AtomicUsize>,
}

impl ThrottlingProxy {
    /// Starts a proxy to `upstream` (`host:port`) that answers the first `refusals` connections with 503 SlowDown.
    ///
    /// # Panics
    /// If loopback cannot be listened on.
    #[must_use]
    pub fn start(upstream: String, refusals: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let refused = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&refused);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if counter.load(Ordering::SeqCst) < refusals {
                    counter.fetch_add(1, Ordering::SeqCst);
                    refuse(stream);
                } else if let Ok(server) = TcpStream::connect(&upstream) {
                    pass(&stream, &server);
                    pass(&server, &stream);
                }
            }
        });
        Self { address, refused }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests it has refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }
}

fn refuse(mut stream: TcpStream) {
    // Part of the request is enough to know that the client waits for an answer.
    let mut request = [0; 65_536];
    let answer = format!(
        "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{SLOW_DOWN}",
        SLOW_DOWN.len()
    );
    // A client that hangs up has been refused as well.
    let told = stream
        .read(&mut request)
        .and_then(|_| stream.write_all(answer.as_bytes()));
    drop(told.and_then(|()| stream.shutdown(std::net::Shutdown::Write)));
    while stream.read(&mut request).is_ok_and(|read| read > 0) {}
}

/// Passes bytes one way until either end closes.
fn pass(from: &TcpStream, to: &TcpStream) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    std::thread::spawn(move || {
        // Either end may hang up at any time; both then see the end of the stream.
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(std::net::Shutdown::Write));
    });
}
