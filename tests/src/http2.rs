//! Real servers of HTTP/2: nghttpd, which tells what arrives, and one of gRPC.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::Certificates;

const START_LIMIT: Duration = Duration::from_secs(30);

/// nghttpd, which answers each request with its body; dropping it stops it.
#[derive(Debug)]
pub struct Http2Server {
    child: Child,
    url: String,
    told: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

impl Http2Server {
    /// Starts a server, behind TLS if there are certificates.
    ///
    /// # Panics
    /// If the program `nghttpd` is missing or does not start.
    #[must_use]
    pub fn start(certificates: Option<&Certificates>) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let port = crate::free_port();
        let mut command = Command::new("nghttpd");
        command.args(["-v", "-a", "127.0.0.1", "--echo-upload", "--htdocs"]);
        command.arg(folder.path());
        let scheme = match certificates {
            Some(certificates) => {
                command.arg(port.to_string());
                command.args(["server.key", "server.pem"].map(|name| certificates.path(name)));
                "https"
            }
            None => {
                command.args(["--no-tls", &port.to_string()]);
                "http"
            }
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("start `nghttpd` (`tests/run` installs it): {error}"));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (output, notes) = (child.stdout.take(), Arc::clone(&told));
        std::thread::spawn(move || {
            let lines = output
                .into_iter()
                .flat_map(|out| BufReader::new(out).lines());
            for line in lines.map_while(Result::ok) {
                notes
                    .lock()
                    .expect("no holder of the lock panics")
                    .push(line);
            }
        });
        wait_for(port, &mut child);
        Self {
            child,
            url: format!("{scheme}://127.0.0.1:{port}"),
            told,
            _folder: folder,
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The header and trailer fields that have arrived, as `name: value` in their order, requests one after the other.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let told = self.told.lock().expect("no holder of the lock panics");
        let field = |line: &String| {
            let (_, rest) = line.split_once("recv (stream_id=")?;
            let (_, field) = rest.split_once(") ")?;
            Some(plain(field))
        };
        told.iter().filter_map(field).collect()
    }
}

/// The text without what colours it on a terminal.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split('\u{1b}');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

impl Drop for Http2Server {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// A gRPC server written with the package `grpcio`; dropping it stops it.
#[derive(Debug)]
pub struct Grpc {
    child: Child,
    port: u16,
}

impl Grpc {
    /// Starts a server with one method, `/reprise.Echo/Twice`, which answers with the message twice over.
    ///
    /// # Panics
    /// If Python or the package `grpcio` is missing.
    #[must_use]
    pub fn start() -> Self {
        let port = crate::free_port();
        let script = crate::workspace().join("tests/python/grpc_server.py");
        let mut child = crate::python::python_with("grpc")
            .arg(script)
            .arg(port.to_string())
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("start Python (`tests/run` installs it): {error}"));
        wait_for(port, &mut child);
        Self { child, port }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

fn stop(child: &mut Child) {
    // An error means that it has ended already.
    drop(child.kill());
    drop(child.wait());
}

fn wait_for(port: u16, child: &mut Child) {
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = child.try_wait().expect("a child can be asked");
        assert!(
            ended.is_none() && started.elapsed() < START_LIMIT,
            "the server did not start; `tests/run` installs what it needs"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
