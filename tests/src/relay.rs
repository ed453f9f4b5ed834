//! A relay on loopback that notes what passes: the capture of real clients and servers, without the rights to capture.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::PacketScript;

/// The running relay; it ends with the test's process.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Passed>>>,
}

/// Bytes that one end of a connection has sent.
#[derive(Debug)]
struct Passed {
    connection: usize,
    from_client: bool,
    bytes: Vec<u8>,
}

impl Relay {
    /// Starts a relay to `upstream` (`host:port`).
    ///
    /// # Panics
    /// If loopback cannot be listened on.
    #[must_use]
    pub fn start(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            for (connection, client) in listener.incoming().flatten().enumerate() {
                if let Ok(server) = TcpStream::connect(&upstream) {
                    pass(&client, &server, connection, true, &notes);
                    pass(&server, &client, connection, false, &notes);
                }
            }
        });
        Self { address, seen }
    }

    /// Where it listens, `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What has passed so far, as packets of one connection after the other.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn script(&self) -> PacketScript {
        let seen = self.seen.lock().expect("no holder of the lock panics");
        let last = seen.iter().map(|passed| passed.connection).max();
        let connections = 0..last.map_or(0, |last| last + 1);
        connections.fold(PacketScript::new(), |script, connection| {
            let client = format!("10.0.0.1:{}", 41_000 + connection);
            let script = script.between(&client, "10.0.0.2:80").connect();
            let passed = seen.iter().filter(|passed| passed.connection == connection);
            passed
                .fold(script, |script, passed| match passed.from_client {
                    true => script.client(&passed.bytes),
                    false => script.server(&passed.bytes),
                })
                .close()
        })
    }
}

/// Passes bytes one way until either end closes; each is noted before the other end can answer it.
fn pass(
    from: &TcpStream,
    to: &TcpStream,
    connection: usize,
    from_client: bool,
    notes: &Arc<Mutex<Vec<Passed>>>,
) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    let notes = Arc::clone(notes);
    std::thread::spawn(move || {
        let mut buffer = [0; 16_384];
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            let bytes = buffer[..len].to_vec();
            notes
                .lock()
                .expect("no holder of the lock panics")
                .push(Passed {
                    connection,
                    from_client,
                    bytes,
                });
            if to.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        // Either end may hang up at any time; both then see the end of the stream.
        drop(to.shutdown(std::net::Shutdown::Write));
    });
}
