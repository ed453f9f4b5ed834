//! A real PostgreSQL: a cluster of its own in a temporary folder, reached through a Unix socket only.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// What `psql` says behind each answer.
const END: &str = "-- end of answer --";
/// The one database.
const DATABASE: &str = "postgres";

/// The running cluster; dropping it stops it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    folder: TempDir,
    /// What every session begins with.
    script: String,
    sessions: AtomicU32,
}

/// One connection with tables of its own, by way of `psql`; dropping it closes the connection.
#[derive(Debug)]
pub struct Session {
    client: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Postgres {
    /// Starts a cluster whose sessions begin with what `script` makes.
    ///
    /// # Panics
    /// If PostgreSQL is missing, or does not start.
    #[must_use]
    pub fn start(script: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let owner = owner();
        if let Some((user, group)) = owner {
            let owned = std::os::unix::fs::chown(folder.path(), Some(user), Some(group));
            owned.expect("root may give a folder away");
        }
        let data = folder.path().join("data");
        let mut initdb = program("initdb", owner);
        initdb.arg("--pgdata").arg(&data).args([
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        let _made = crate::run(&mut initdb).expect_code(0);
        Self {
            server: serve(folder.path(), &data, owner),
            folder,
            script: script.to_owned(),
            sessions: AtomicU32::new(0),
        }
    }

    /// A connection with the state that the script makes, in a schema of its own.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn session(&self) -> Session {
        let number = self.sessions.fetch_add(1, Ordering::SeqCst);
        let mut psql = self.psql();
        let mut client = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {psql:?}: {error}"));
        let output = client.stdout.take().expect("it is piped");
        let mut session = Session {
            input: client.stdin.take(),
            output: BufReader::new(output),
            client,
        };
        let own =
            format!("create schema of_session_{number}; set search_path = of_session_{number}");
        let _made = session.rows(&format!("{own};\n{}", self.script));
        session
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new("psql");
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
            .arg("--host")
            .arg(self.folder.path())
            .args(["--username=postgres", "--dbname", DATABASE])
            .args(["--variable=ON_ERROR_STOP=1", "--file=-"]);
        psql
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // An interrupt is a fast shutdown; an error means that it has ended already.
        let pid = self.server.id().to_string();
        drop(Command::new("kill").args(["-INT", &pid]).status());
        drop(self.server.wait());
    }
}

impl Session {
    /// Runs a statement, or several, and gives the rows, their columns joined with `|`.
    ///
    /// # Panics
    /// If the database does not take it.
    pub fn rows(&mut self, statement: &str) -> Vec<String> {
        let input = self.input.as_mut().expect("it is taken when dropped");
        let asked = write!(input, "{statement}\n;\n\\echo {END}\n").and_then(|()| input.flush());
        asked.unwrap_or_else(|error| panic!("ask for {statement}: {error}"));
        let mut rows = Vec::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line);
            assert!(
                read.is_ok_and(|read| read > 0),
                "the database does not take {statement}"
            );
            let line = line.trim_end_matches('\n');
            if line == END {
                return rows;
            }
            rows.push(line.to_owned());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.input.take());
        drop(self.client.wait());
    }
}

/// A text as SQL writes it.
#[must_use]
pub fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Starts the server and waits until it takes connections.
fn serve(folder: &Path, data: &Path, owner: Option<(u32, u32)>) -> Child {
    let mut command = program("postgres", owner);
    command.arg("-D").arg(data).arg("-k").arg(folder);
    // Nothing here has to outlive the machine, and nothing may change the order of rows but the statements themselves.
    let settings = [
        "listen_addresses=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "autovacuum=off",
        "shared_buffers=16MB",
        "timezone=UTC",
        "lc_messages=C",
    ];
    for setting in settings {
        command.args(["-c", setting]);
    }
    let mut server = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
    let mut log = BufReader::new(server.stderr.take().expect("it is piped"));
    let mut said = String::new();
    while !said.contains("ready to accept connections") {
        let read = log.read_line(&mut said);
        assert!(
            read.is_ok_and(|read| read > 0),
            "PostgreSQL did not start: {said}"
        );
    }
    // Else it would wait once the pipe is full.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    server
}

/// A program of the server, which Debian keeps out of the search path; as its own user, since it refuses to run as root.
fn program(name: &str, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(installed(name));
    if let Some((user, group)) = owner {
        command.gid(group).uid(user);
    }
    // A folder that this user may be in.
    command.current_dir("/");
    command
}

/// The newest one that is installed.
fn installed(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let programs = versions
        .flatten()
        .map(|version| version.path().join("bin").join(name));
    let newest = programs.filter(|program| program.is_file()).max();
    newest.unwrap_or_else(|| name.into())
}

/// Who runs the server where this process is root: user and group of `postgres`.
fn owner() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let found = id(&["-u", "postgres"]).zip(id(&["-g", "postgres"]));
    assert!(
        found.is_some(),
        "there is no user postgres; `tests/run` installs PostgreSQL"
    );
    found
}
