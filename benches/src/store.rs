//! A real S3 server on loopback: SeaweedFS, which enforces create-only puts.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStoreExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use tempfile::TempDir;
use tokio::time::Instant;

const ACCESS_KEY: &str = "testkey";
const SECRET_KEY: &str = "testsecret";
const BUCKET: &str = "archive";
const START_LIMIT: Duration = Duration::from_secs(60);
/// Objects that are put at once.
const PUTS_AT_ONCE: usize = 32;
/// SeaweedFS opens a second port this far above each one that it is given.
const SECOND_PORT: u16 = 10_000;

/// The running server with one empty bucket, `archive`; dropping it stops it and removes its data.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    folder: TempDir,
    /// Of S3, of the filer (where the server keeps its folders, the buckets among them), and of its other parts.
    ports: [u16; 6],
}

impl S3Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If the program `weed` is missing or does not answer within a minute.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let ports = free_ports();
        let mut server = Self {
            child: spawn(&folder, ports),
            folder,
            ports,
        };
        server.wait_until_ready();
        server
    }

    /// Starts it again after [`S3Server::kill`], with the same address and what it held.
    ///
    /// # Panics
    /// As [`S3Server::start`].
    pub fn restart(&mut self) {
        self.child = spawn(&self.folder, self.ports);
        self.wait_until_ready();
    }

    /// The URL of a folder in its bucket.
    #[must_use]
    pub fn url(&self, folder: &str) -> String {
        format!("s3://{BUCKET}/{folder}")
    }

    /// A client of its bucket, whose requests are not signed whole: the server is not what is measured.
    ///
    /// # Errors
    /// If the client cannot be made.
    pub fn client(&self) -> anyhow::Result<AmazonS3> {
        // The first provider stays; a program around this one may have installed its own.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_region("us-east-1")
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .with_unsigned_payload(true);
        client.build().context("make a client of the S3 server")
    }

    /// Puts files below a folder of its bucket, many at once.
    ///
    /// # Errors
    /// If the server refuses one.
    pub async fn put_all(
        &self,
        folder: &str,
        files: impl IntoIterator<Item = (String, Bytes)>,
    ) -> anyhow::Result<()> {
        let client = self.client()?;
        let client = &client;
        let puts = stream::iter(files).map(|(path, bytes)| async move {
            let place = format!("{folder}/{path}").into();
            let put = client.put(&place, bytes.into()).await;
            put.with_context(|| format!("put {place}")).map(drop)
        });
        puts.buffer_unordered(PUTS_AT_ONCE).try_collect().await
    }

    /// Its endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// The environment that a program needs to use it.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    /// Stops the server at once, as a failing disk would.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while !self.is_ready() {
            let ended = self
                .child
                .try_wait()
                .expect("a child can be asked for its state");
            if ended.is_some() || started.elapsed() > START_LIMIT {
                let log = std::fs::read_to_string(self.folder.path().join("weed.log"));
                panic!("the S3 server did not start: {}", log.unwrap_or_default());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Whether the bucket is there and unsigned requests for it are refused, as they are once keys are known.
    fn is_ready(&self) -> bool {
        let bucket = ask(self.ports[1], "/buckets/archive/").is_ok_and(|status| status == "200");
        bucket && ask(self.ports[0], "/archive/").is_ok_and(|status| status == "403")
    }
}

/// Starts the program.
fn spawn(folder: &TempDir, [port, filer, master, volume, admin, iceberg]: [u16; 6]) -> Child {
    let mut command = Command::new(program());
    command
        .args([
            "-logtostderr=true",
            "mini",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
        ])
        .arg(format!("-dir={}", folder.path().display()))
        .args([
            "-bucket=archive",
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",
        ])
        .arg(format!("-s3.port={port}"))
        .arg(format!("-s3.port.iceberg={iceberg}"))
        .arg("-s3.port.lance=0")
        .arg(format!("-filer.port={filer}"))
        .arg(format!("-master.port={master}"))
        .arg(format!("-volume.port={volume}"))
        .arg(format!("-admin.port={admin}"))
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let log = std::fs::File::create(folder.path().join("weed.log"));
    command.stderr(log.expect("a file can be made in a new folder"));
    command.spawn().unwrap_or_else(|error| {
        panic!("start `weed`, the S3 server (`tests/run` installs it): {error}")
    })
}

/// Where `tests/run` installs it, else in the search path.
fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let installed = root.join("target/python/bin/weed");
    if installed.is_file() {
        installed
    } else {
        "weed".into()
    }
}

/// The status that a server of this machine answers to a plain request.
fn ask(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[9..]).into_owned())
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ports that are free together with their second ports.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let mut held = Vec::new();
    let mut ports = Vec::new();
    // Tests run as processes side by side: each starts to look at another place, below the ports that the system hands out.
    let start = 10_000 + (std::process::id().wrapping_mul(97) % 11_000) as u16;
    for port in start..22_000 {
        if ports.len() == COUNT {
            break;
        }
        let both = TcpListener::bind(("127.0.0.1", port))
            .and_then(|first| Ok((first, TcpListener::bind(("127.0.0.1", port + SECOND_PORT))?)));
        if let Ok(both) = both {
            held.push(both);
            ports.push(port);
        }
    }
    drop(held);
    ports.try_into().expect("loopback has free ports")
}
