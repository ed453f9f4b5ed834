//! A subscriber of the live stream that is not ours: pyarrow, in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;

/// A running `tests/python/subscribe.py`.
#[derive(Debug)]
pub struct Subscriber {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Subscriber {
    /// Subscribes at `address` with `query`, and waits until it is subscribed, or refused.
    ///
    /// # Panics
    /// If Python or pyarrow is missing (`tests/run` installs them).
    #[must_use]
    pub fn start(address: SocketAddr, query: &str, flags: &[&str]) -> Self {
        Self::start_at(&format!("http://{address}"), query, flags)
    }

    /// The same at a server such as `https://127.0.0.1:9091`.
    ///
    /// # Panics
    /// As [`Subscriber::start`].
    #[must_use]
    pub fn start_at(server: &str, query: &str, flags: &[&str]) -> Self {
        let script = crate::workspace().join("tests/python/subscribe.py");
        let mut command = crate::python();
        command
            .arg(script)
            .arg(format!("{server}/v1/exchanges?{query}"))
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python is installed");
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it prints text");
        assert!(
            ["subscribed\n", "refused\n"].contains(&&*line),
            "subscribe.py failed; `tests/run` installs what the tests need: {line}"
        );
        Self { child, stdout }
    }

    /// Lets one that was started with `--wait` read.
    ///
    /// # Panics
    /// If it has ended.
    pub fn go(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("standard input is piped");
        stdin.write_all(b"go\n").expect("it reads a line");
    }

    /// What it has read, at its end.
    ///
    /// # Panics
    /// If it failed.
    #[must_use]
    pub fn result(mut self) -> Value {
        let mut text = String::new();
        self.stdout
            .read_to_string(&mut text)
            .expect("it prints text");
        let status = self.child.wait().expect("a child ends");
        assert!(status.success(), "subscribe.py failed: {text}");
        serde_json::from_str(&text).expect("it prints JSON")
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
