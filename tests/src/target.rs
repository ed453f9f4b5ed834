//! An HTTP/1.1 server on loopback that answers as told and remembers what arrived, byte for byte.
//!
//! It is written on plain sockets, not on an HTTP library: a library would hide the case and order of header fields, and
//! those are what replaying must not change.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Which connection brought it, from 0 in the order of their acceptance.
    pub connection: u64,
    /// Time since the target was started.
    pub at: Duration,
    /// Method of the request.
    pub method: String,
    /// The request target as it was on the wire.
    pub target: String,
    /// Header fields in the order and case of the wire.
    pub headers: Vec<(String, String)>,
    /// The body, de-chunked.
    pub body: Vec<u8>,
    /// Trailer fields after a chunked body.
    pub trailers: Vec<(String, String)>,
}

/// What the target does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status of the answer.
    pub status: u16,
    /// Header fields; Content-Length is added unless the status has no body.
    pub headers: Vec<(String, String)>,
    /// Body of the answer.
    pub body: Vec<u8>,
    /// How long the target thinks.
    pub delay: Duration,
    /// These bytes are sent instead of all of the above.
    pub raw: Option<Vec<u8>>,
    /// The connection is closed after the answer.
    pub close: bool,
}

/// The running server; dropping it stops it.
#[derive(Debug)]
pub struct Target {
    address: SocketAddr,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    stopped: Arc<AtomicBool>,
}

impl Arrival {
    /// The value of the first header field called `name`, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The target's path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

impl Answer {
    /// An answer at once, over a connection that stays open.
    #[must_use]
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            status,
            headers: headers.iter().map(own).collect(),
            body: body.into(),
            delay: Duration::ZERO,
            raw: None,
            close: false,
        }
    }

    /// A 200 with a JSON body.
    #[must_use]
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, &[("Content-Type", "application/json")], body)
    }

    /// Exactly these bytes, and then the end of the connection; none is a target that hangs up.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            raw: Some(bytes.into()),
            close: true,
            ..Self::new(200, &[], "")
        }
    }

    /// The same after a while.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn to_wire(&self, method: &str) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let bodiless = matches!(self.status, 100..200 | 204 | 304);
        if !bodiless {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut wire = head.into_bytes();
        if !bodiless && method != "HEAD" {
            wire.extend(&self.body);
        }
        wire
    }
}

impl Target {
    /// Starts a server on a free port of 127.0.0.1 that answers each request with `answer`.
    ///
    /// # Panics
    /// If loopback cannot be listened on.
    #[must_use]
    pub fn start(answer: impl Fn(&Arrival) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let server = Arc::new(Server {
            answer: Box::new(answer),
            arrivals: Arc::clone(&arrivals),
            started: tokio::time::Instant::now(),
            connections: AtomicU64::new(0),
        });
        let stop = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.serve(stream));
            }
        });
        Self {
            address,
            arrivals,
            stopped,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has arrived so far, in the order of arrival.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals
            .lock()
            .expect("no holder of the lock panics")
            .clone()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The thread that accepts looks at the flag when the next connection comes: this one.
        drop(TcpStream::connect(self.address));
    }
}

struct Server {
    answer: Box<dyn Fn(&Arrival) -> Answer + Send + Sync>,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    started: tokio::time::Instant,
    connections: AtomicU64,
}

impl Server {
    /// Serves one connection until it ends or says something that is not HTTP.
    fn serve(&self, stream: TcpStream) {
        let connection = self.connections.fetch_add(1, Ordering::SeqCst);
        drop(stream.set_nodelay(true));
        let Ok(mut output) = stream.try_clone() else {
            return;
        };
        let mut input = BufReader::new(stream);
        while let Some(mut arrival) = read_request(&mut input) {
            arrival.connection = connection;
            arrival.at = self.started.elapsed();
            let answer = (self.answer)(&arrival);
            let method = arrival.method.clone();
            self.arrivals
                .lock()
                .expect("no holder of the lock panics")
                .push(arrival);
            if !answer.delay.is_zero() {
                std::thread::park_timeout(answer.delay);
            }
            if output.write_all(&answer.to_wire(&method)).is_err() || answer.close {
                return;
            }
        }
    }
}

/// The next request; `None` at the connection's end, and where bytes are no HTTP/1.1.
fn read_request(input: &mut BufReader<TcpStream>) -> Option<Arrival> {
    let request_line = read_line(input)?;
    let (method, rest) = request_line.split_once(' ')?;
    let (target, _version) = rest.rsplit_once(' ')?;
    let (method, target) = (method.to_owned(), target.to_owned());
    let headers = read_fields(input)?;
    let mut arrival = Arrival {
        connection: 0,
        at: Duration::ZERO,
        method,
        target,
        headers,
        body: Vec::new(),
        trailers: Vec::new(),
    };
    let chunked = arrival
        .header("Transfer-Encoding")
        .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
    if chunked {
        (arrival.body, arrival.trailers) = read_chunks(input)?;
    } else if let Some(length) = arrival.header("Content-Length") {
        arrival.body = vec![0; length.parse().ok()?];
        input.read_exact(&mut arrival.body).ok()?;
    }
    Some(arrival)
}

/// Names and values in the order of the wire.
type Fields = Vec<(String, String)>;

/// Fields up to the empty line.
fn read_fields(input: &mut BufReader<TcpStream>) -> Option<Fields> {
    let mut fields = Vec::new();
    loop {
        let line = read_line(input)?;
        if line.is_empty() {
            return Some(fields);
        }
        let (name, value) = line.split_once(':')?;
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// A chunked body, and its trailers.
fn read_chunks(input: &mut BufReader<TcpStream>) -> Option<(Vec<u8>, Fields)> {
    let mut body = Vec::new();
    loop {
        let line = read_line(input)?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        let start = body.len();
        body.resize(start + size, 0);
        input.read_exact(&mut body[start..]).ok()?;
        if size == 0 {
            return Some((body, read_fields(input)?));
        }
        read_line(input)?;
    }
}

/// One line without its end; bytes that are no UTF-8 become the code points of the same number.
fn read_line(input: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    let read = input.read_until(b'\n', &mut line).ok()?;
    (read > 0).then_some(())?;
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Some(String::from_utf8(line).unwrap_or_else(|error| {
        error
            .into_bytes()
            .iter()
            .map(|&byte| char::from(byte))
            .collect()
    }))
}
