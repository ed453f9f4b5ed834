//! The built programs, run with a time limit.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long a program may take unless a test says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

/// What a program left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Fails the test unless the program ended with `code`.
    ///
    /// # Panics
    /// If it ended with another code; the message holds all that it printed.
    #[track_caller]
    #[must_use]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "the program ended with another code\nstdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

/// The built `recorder`.
#[must_use]
pub fn recorder() -> Command {
    command("recorder")
}

/// Where the built `recorder` lies.
#[must_use]
pub fn recorder_path() -> PathBuf {
    binary("recorder")
}

/// The built `replayer`.
#[must_use]
pub fn replayer() -> Command {
    command("replayer")
}

fn command(name: &str) -> Command {
    let mut command = Command::new(binary(name));
    // A test must not depend on what the machine it runs on is set up for.
    for (variable, _) in std::env::vars_os() {
        let text = variable.to_string_lossy();
        let ours = ["AWS_", "RECORDER_", "REPLAYER_", "RUST_LOG", "NO_COLOR"];
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&variable);
        }
    }
    command
}

/// A program of the workspace: it lies beside the folder of the test binary.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let profile = test
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "deps"))
        .and_then(|deps| deps.parent())
        .expect("test binaries lie in target/<profile>/deps");
    let path = profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --workspace --bins` before the tests, as tests/run does",
        path.display()
    );
    path
}

/// Runs a program to its end within [`TIME_LIMIT`].
#[must_use]
pub fn run(command: &mut Command) -> Ran {
    run_within(TIME_LIMIT, command)
}

/// Runs a program that reads `input`.
#[must_use]
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped());
    drive(TIME_LIMIT, command, Some(input.to_vec()))
}

/// Runs a program to its end.
///
/// # Panics
/// If it cannot be started or takes longer than `limit`.
#[must_use]
pub fn run_within(limit: Duration, command: &mut Command) -> Ran {
    command.stdin(Stdio::null());
    drive(limit, command, None)
}

fn drive(limit: Duration, command: &mut Command, input: Option<Vec<u8>>) -> Ran {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // A program that does not read all of its input is no failure of the test.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take().expect("standard output is piped");
    let stderr = child.stderr.take().expect("standard error is piped");
    collect(0, stdout, sender.clone());
    collect(1, stderr, sender);
    let mut texts = [String::new(), String::new()];
    for _ in 0..2 {
        let Ok((index, text)) = receiver.recv_timeout(limit) else {
            child.kill().expect("a child can be killed");
            child.wait().expect("a killed child ends");
            panic!("{command:?} was not done within {limit:?}");
        };
        texts[index] = text;
    }
    let status = child.wait().expect("a child that closed its output ends");
    let [stdout, stderr] = texts;
    Ran {
        code: status.code().unwrap_or(-1),
        stdout,
        stderr,
    }
}

/// Reads a pipe to its end in a thread of its own.
fn collect(
    index: usize,
    mut pipe: impl Read + Send + 'static,
    sender: mpsc::Sender<(usize, String)>,
) {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let text = match pipe.read_to_end(&mut bytes) {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("(unreadable: {error})"),
        };
        // Nobody listens any more once the time is over.
        drop(sender.send((index, text)));
    });
}
