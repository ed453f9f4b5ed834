//! Real proxies, nginx and Envoy, with the configurations that operators get.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

const START_LIMIT: Duration = Duration::from_secs(60);

/// A running proxy; dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    folder: TempDir,
}

impl Proxy {
    /// Starts nginx, which listens at `port` of loopback. Where it writes by default, a temporary folder takes the place.
    ///
    /// # Panics
    /// If nginx is missing or does not start.
    #[must_use]
    pub fn nginx(configuration: &str, port: u16) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let place = folder.path().display().to_string();
        let configuration = configuration
            .replace("/var/log/nginx", &place)
            .replace("/run/nginx.pid", &format!("{place}/pid"));
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, configuration).expect("a file can be written in a new folder");
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(&path);
        command.args(["-g", "daemon off; master_process off;"]);
        Self::start(command, folder, port)
    }

    /// Starts Envoy, which listens at `port` of loopback.
    ///
    /// # Panics
    /// If Envoy is missing or does not start.
    #[must_use]
    pub fn envoy(configuration: &str, port: u16) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let path = folder.path().join("envoy.yaml");
        std::fs::write(&path, configuration).expect("a file can be written in a new folder");
        let mut command = Command::new(crate::python::tool("envoy"));
        command.arg("-c").arg(&path);
        // What Envoys on one machine share would let the second one of tests side by side not start.
        command.args([
            "--concurrency",
            "1",
            "--disable-hot-restart",
            "--log-level",
            "error",
        ]);
        Self::start(command, folder, port)
    }

    fn start(mut command: Command, folder: TempDir, port: u16) -> Self {
        let log = std::fs::File::create(folder.path().join("log"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("a file can be made in a new folder"));
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("start {command:?} (`tests/run` installs it): {error}"));
        let mut proxy = Self { child, folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = proxy.child.try_wait().expect("a child can be asked");
            if ended.is_some() || started.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(proxy.folder.path().join("log"));
                panic!("{command:?} did not start: {}", log.unwrap_or_default());
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A TCP port of loopback that nobody listens at.
///
/// # Panics
/// If loopback cannot be listened on.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
    let address = listener.local_addr().expect("a listener has an address");
    address.port()
}
