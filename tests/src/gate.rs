//! A gate before a real S3 server: it notes every request that passes, shuts on changes when a test wants, and can be as slow as
//! a store that is far away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>The gate is shut.</Message></Error>";

/// The running gate; it ends with the test's process.
#[derive(Clone, Debug)]
pub struct StoreGate {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// `host:port` of the server.
    upstream: String,
    /// Method, target and range of each request that came.
    requests: Mutex<Vec<String>>,
    /// How many are being served, and how many were at most since it was asked.
    serving: AtomicUsize,
    serving_max: AtomicUsize,
    /// How long each request waits before it passes.
    delay: Duration,
    /// How many more changes pass.
    changes_left: AtomicUsize,
}

impl StoreGate {
    /// Opens a gate to `upstream` (`host:port`) that lets everything pass.
    ///
    /// # Panics
    /// If loopback cannot be listened on.
    #[must_use]
    pub fn start(upstream: &str) -> Self {
        Self::slow(upstream, Duration::ZERO)
    }

    /// The same where every request waits for `delay`, however many others do.
    ///
    /// # Panics
    /// As [`StoreGate::start`].
    #[must_use]
    pub fn slow(upstream: &str, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            requests: Mutex::default(),
            serving: AtomicUsize::new(0),
            serving_max: AtomicUsize::new(0),
            delay,
            changes_left: AtomicUsize::new(usize::MAX),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that hangs up has what it wanted.
                std::thread::spawn(move || {
                    let serving = state.serving.fetch_add(1, Ordering::SeqCst) + 1;
                    state.serving_max.fetch_max(serving, Ordering::SeqCst);
                    drop(serve(&state, stream));
                    state.serving.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, state }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets so many more changes pass (puts and deletes), and then refuses them as a store does that forbids them.
    pub fn allow_changes(&self, changes: usize) {
        self.state.changes_left.store(changes, Ordering::SeqCst);
    }

    /// How many requests were served at once since the last call, at most.
    #[must_use]
    pub fn take_most_at_once(&self) -> usize {
        self.state.serving_max.swap(0, Ordering::SeqCst)
    }

    /// The requests since the last call: method, target, and the range if one was asked for (`bytes=…`).
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        let requests = self.state.requests.lock();
        std::mem::take(&mut requests.unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves one request of a connection, and closes it.
fn serve(state: &State, client: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut length, mut first) = (String::new(), 0, String::new());
    let mut range = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if let Some(value) = lower.strip_prefix("range:") {
            range = format!(" {}", value.trim());
        }
        if head.is_empty() {
            first = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        }
        if line == "\r\n" {
            head.push_str("connection: close\r\n\r\n");
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let changes = ["PUT ", "DELETE ", "POST "]
        .iter()
        .any(|method| first.starts_with(method));
    let mut requests = state
        .requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    requests.push(first + &range);
    drop(requests);
    std::thread::park_timeout(state.delay);
    let passes = |left: usize| left.checked_sub(1);
    let left = &state.changes_left;
    if changes
        && left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, passes)
            .is_err()
    {
        return refuse(client);
    }
    let mut server = TcpStream::connect(&state.upstream)?;
    server.write_all(head.as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut &client)?;
    client.shutdown(std::net::Shutdown::Both)
}

fn refuse(mut client: TcpStream) -> std::io::Result<()> {
    let length = DENIED.len();
    let head = format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(format!("{head}{DENIED}").as_bytes())?;
    client.shutdown(std::net::Shutdown::Both)
}
