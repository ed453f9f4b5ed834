//! A real TLS server: nginx, which passes on the bytes that it decrypts, and certificates that openssl makes.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

const START_LIMIT: Duration = Duration::from_secs(30);
const EXTENSIONS: &str = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=reprise test\n\
    [ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=hash\n\
    [leaf]\nbasicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1,DNS:target.test\n";

/// An authority of one's own, and a certificate for a server on 127.0.0.1 and one for its client, which it signed.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Makes them, for two days.
    ///
    /// # Panics
    /// If the program `openssl` is missing or fails.
    #[must_use]
    pub fn make() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        std::fs::write(folder.path().join("openssl.cnf"), EXTENSIONS)
            .expect("a file can be written in a new folder");
        let certificates = Self { folder };
        certificates.request("ca", "ca", &[]);
        for leaf in ["server", "client"] {
            certificates.request(leaf, "leaf", &["-CA", "ca.pem", "-CAkey", "ca.key"]);
        }
        certificates
    }

    /// The path of `ca.pem`, `server.pem`, `server.key`, `client.pem` or `client.key`.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text, for a command line.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn request(&self, name: &str, extensions: &str, signer: &[&str]) {
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let output = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-config",
                "openssl.cnf",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args([
                "-extensions",
                extensions,
                "-keyout",
                &key,
                "-out",
                &certificate,
            ])
            .args(signer)
            .current_dir(self.folder.path())
            .output()
            .unwrap_or_else(|error| panic!("start `openssl` (`tests/run` installs it): {error}"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl: {told}");
    }
}

/// nginx before a target: TLS on its own side, plain bytes on the target's. Dropping it stops it.
#[derive(Debug)]
pub struct TlsFront {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl TlsFront {
    /// Starts a server that decrypts and passes every byte on to `target`. With `clients`, only clients with a certificate
    /// of the authority are let in.
    ///
    /// # Panics
    /// If nginx with its stream module is missing or does not start.
    #[must_use]
    pub fn bytes(certificates: &Certificates, target: SocketAddr, clients: bool) -> Self {
        let server = format!("proxy_pass {target};");
        Self::start(certificates, "stream", "", &server, clients)
    }

    /// Starts a server that speaks HTTP/2 and passes requests on to `target` as HTTP/1.1.
    ///
    /// # Panics
    /// If nginx is missing or does not start.
    #[must_use]
    pub fn http_2(certificates: &Certificates, target: SocketAddr) -> Self {
        let server = format!(
            "access_log off; location / {{ proxy_pass http://{target}; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header Connection \"\"; }}"
        );
        Self::start(certificates, "http", " http2", &server, false)
    }

    fn start(
        certificates: &Certificates,
        module: &str,
        protocol: &str,
        server: &str,
        clients: bool,
    ) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let port = crate::free_port();
        let verify = if clients {
            format!(
                "ssl_verify_client on; ssl_client_certificate {};",
                certificates.text("ca.pem")
            )
        } else {
            String::new()
        };
        // Debian keeps the module in a file; an nginx with it built in has none.
        let stream = "/usr/lib/nginx/modules/ngx_stream_module.so";
        let load = if module == "stream" && std::path::Path::new(stream).is_file() {
            format!("load_module {stream};")
        } else {
            String::new()
        };
        let configuration = format!(
            "{load} daemon off; master_process off; worker_processes 1;\n\
             pid {folder}/pid; error_log {folder}/log;\nevents {{ }}\n\
             {module} {{ server {{ listen 127.0.0.1:{port} ssl{protocol}; ssl_certificate {certificate};\n\
             ssl_certificate_key {key}; {verify}\n{server} }} }}\n",
            folder = folder.path().display(),
            certificate = certificates.text("server.pem"),
            key = certificates.text("server.key"),
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, configuration).expect("a file can be written in a new folder");
        let child = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&path)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("start `nginx` (`tests/run` installs it): {error}"));
        let mut front = Self {
            child,
            port,
            _folder: folder,
        };
        front.wait_until_ready(&path);
        front
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn wait_until_ready(&mut self, configuration: &std::path::Path) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait().expect("a child can be asked");
            if ended.is_some() || started.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(configuration.with_file_name("log"));
                panic!("nginx did not start: {}", log.unwrap_or_default());
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
