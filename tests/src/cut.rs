//! A wire that can be cut: a proxy for TCP whose connections break off when the test says so.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The running proxy; it ends with the test's process.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Where connections go; `None` while the wire is cut.
    upstream: Option<SocketAddr>,
    open: Vec<TcpStream>,
}

impl Wire {
    /// Starts a proxy to `upstream`.
    ///
    /// # Panics
    /// If loopback cannot be listened on.
    #[must_use]
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let state = State {
            upstream: Some(upstream),
            open: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let upstream = shared.lock().expect("no holder panics").upstream;
                let server = upstream.and_then(|upstream| TcpStream::connect(upstream).ok());
                if let Some(server) = server {
                    pass(&client, &server);
                    pass(&server, &client);
                    let mut state = shared.lock().expect("no holder panics");
                    if state.upstream == upstream {
                        state.open.extend([client, server]);
                    } else {
                        // It was cut while this was opened.
                        drop(server.shutdown(Shutdown::Both));
                        drop(client.shutdown(Shutdown::Both));
                    }
                }
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks off what is open, and lets nothing through until [`Wire::mend`].
    ///
    /// # Panics
    /// Never.
    pub fn cut(&self) {
        let mut state = self.state.lock().expect("no holder panics");
        state.upstream = None;
        for stream in state.open.drain(..) {
            // What is closed already is cut.
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Lets connections through, to `upstream` from now on.
    ///
    /// # Panics
    /// Never.
    pub fn mend(&self, upstream: SocketAddr) {
        self.state.lock().expect("no holder panics").upstream = Some(upstream);
    }
}

/// Passes bytes one way until either end closes.
fn pass(from: &TcpStream, to: &TcpStream) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    std::thread::spawn(move || {
        let mut buffer = [0; 16_384];
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    });
}
