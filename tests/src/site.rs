//! Django's administration site: a login, sessions, forms with tokens against forgery, all written by others.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::python_with;

/// The running site with its own database; dropping it stops it.
#[derive(Debug)]
pub struct Site {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Site {
    /// Starts a site that signs with `secret` and whose first group will have a number above `groups`.
    ///
    /// # Panics
    /// If Django is missing, or does not start.
    #[must_use]
    pub fn start(secret: &str, groups: u32) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let script = crate::workspace().join("tests/python/django_site.py");
        let mut command = python_with("django");
        command
            .arg(script)
            .arg(folder.path())
            .args([secret, &groups.to_string()]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            // An empty line means that it has ended.
            drop(BufReader::new(output).read_line(&mut line));
        }
        assert!(
            line.starts_with("127.0.0.1:"),
            "the site did not start; `tests/run` installs Django"
        );
        Self {
            child,
            address: line.trim().to_owned(),
            _folder: folder,
        }
    }

    /// Where it listens, `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The client: logs in at `address`, makes a group, changes it, takes it away, logs out.
    ///
    /// # Panics
    /// If the site answers otherwise than it should.
    pub fn visit(address: &str) {
        let _said = crate::run_python("django_client.py", &[Path::new(address)], &[]);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
