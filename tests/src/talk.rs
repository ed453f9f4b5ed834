//! A server that does on each connection what a test tells it, byte for byte: one that answers early, never, or with what
//! is no HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a server waits for bytes that may not come.
const READ_LIMIT: Duration = Duration::from_secs(20);

/// The running server; it ends with the test's process.
#[derive(Debug)]
pub struct Talk {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

/// One connection of a [`Talk`].
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Talk {
    /// Starts a server that does `talk` on each connection that says something, and then closes it.
    ///
    /// # Panics
    /// If loopback cannot be listened on.
    #[must_use]
    pub fn start(talk: impl Fn(&mut Line) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        let talk = Arc::new(talk);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (talk, heard) = (Arc::clone(&talk), Arc::clone(&notes));
                std::thread::spawn(move || {
                    drop(stream.set_read_timeout(Some(READ_LIMIT)));
                    // A run first looks whether anybody is there, and hangs up.
                    if stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0) {
                        talk(&mut Line { stream, heard });
                    }
                });
            }
        });
        Self { address, heard }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What its connections noted.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock();
        heard.expect("no holder of the lock panics").clone()
    }
}

impl Line {
    /// Reads the bytes of a request's head.
    pub fn hear_head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && self.stream.read(&mut byte).is_ok_and(|n| n > 0) {
            head.push(byte[0]);
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// Reads so many bytes, or fewer if the connection ends before: how many.
    pub fn hear(&mut self, bytes: usize) -> usize {
        let mut limited = (&mut self.stream).take(bytes as u64);
        std::io::copy(&mut limited, &mut std::io::sink()).map_or(0, |read| read as usize)
    }

    /// How many bytes come within a while.
    pub fn hear_for(&mut self, limit: Duration) -> usize {
        drop(self.stream.set_read_timeout(Some(limit)));
        let read = self.stream.read(&mut [0; 1024]).unwrap_or(0);
        drop(self.stream.set_read_timeout(Some(READ_LIMIT)));
        read
    }

    /// Writes these bytes; whether they could be.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Notes something for the test.
    ///
    /// # Panics
    /// Never.
    pub fn note(&self, text: impl Into<String>) {
        let mut heard = self.heard.lock().expect("no holder of the lock panics");
        heard.push(text.into());
    }
}
