//! The spool as it is used: killed at any moment, without a store, without room, damaged; and what is in the archive then.

mod faults;
mod kill;
mod sealed;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use benches::{Traffic, write_pcap};
use recorder_core::{Frame, Limits, LinkType, Pipeline};
use schema::{Exchange, Key, Keyring, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tests::{Ran, files_below, read_archive, read_encrypted_archive, recorder, run};

/// 32 bytes.
const KEY: &str = "cmVwcmlzZSB0ZXN0IGtleSBvZiAzMiBieXRlcyBsZW4=\n";

/// A folder with a spool and an archive.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// One whose recorder has a key.
    fn encrypted() -> Self {
        let place = Self::new();
        std::fs::write(place.key(), KEY).unwrap();
        place
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("production.key")
    }

    fn keys(&self) -> Keyring {
        let text = std::fs::read_to_string(self.key());
        text.map_or_else(
            |_| Keyring::default(),
            |text| Keyring::new(vec![Key::from_base64("production", &text).unwrap()]),
        )
    }

    fn archive(&self) -> PathBuf {
        self.0.path().join("archive")
    }

    fn spool(&self) -> PathBuf {
        self.0.path().join("spool")
    }

    /// `recorder read` of `files` through the spool, with small segments.
    fn command(&self, files: &[&Path], flags: &[&str]) -> Command {
        self.command_to(self.archive().to_str().unwrap(), files, flags)
    }

    fn command_to(&self, archive: &str, files: &[&Path], flags: &[&str]) -> Command {
        let mut command = recorder();
        command.arg("read").args(files).arg("--json");
        command.arg("--spool").arg(self.spool());
        command.args(["--archive", archive, "--segment-bytes", "64KiB"]);
        command.args(flags);
        if self.key().exists() {
            command.arg("--key-file").arg(self.key());
        }
        command
    }

    /// Publishes what the spool holds; gives the summary.
    #[track_caller]
    fn drain(&self, code: i32) -> Value {
        let ran = run(&mut self.command(&[], &[])).expect_code(code);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn exchanges(&self) -> Vec<Exchange> {
        read_encrypted_archive(&self.archive(), &self.keys())
    }

    fn frames(&self) -> Vec<PathBuf> {
        let mut files = files_below(&self.spool());
        files.retain(|path| path.extension().is_some_and(|end| end == "frames"));
        files
    }

    fn capture(&self, traffic: &Traffic) -> PathBuf {
        let path = self.0.path().join(format!("{}.pcap", traffic.seed));
        std::fs::write(&path, pcap(traffic)).unwrap();
        path
    }
}

/// The traffic of one life of a recorder: its hour, its minute and its requests are its own.
fn traffic(life: u64, exchanges: u64) -> Traffic {
    let default = Traffic::default();
    Traffic {
        seed: life + 1,
        exchanges,
        start: default
            .start
            .saturating_add(Duration::from_secs(120 * life)),
        ..default
    }
}

fn pcap(traffic: &Traffic) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_pcap(traffic.frames(), &mut bytes).unwrap();
    bytes
}

/// What tells an exchange from all others.
fn identity(exchange: &Exchange) -> (Timestamp, String) {
    let start = exchange.start().to_micros_precision();
    let path = exchange
        .request
        .as_ref()
        .map(|request| request.path.clone());
    (start, path.unwrap_or_default())
}

/// The exchanges of `traffic` in the order in which they are done.
fn truth(traffic: &Traffic) -> Vec<(Timestamp, String)> {
    let source: Arc<str> = "-".into();
    let mut pipeline = Pipeline::new(Limits::default(), tests::options());
    let mut done = Vec::new();
    for frame in traffic.frames() {
        pipeline.handle_frame(&Frame {
            at: frame.at,
            link: LinkType::Ethernet,
            bytes: &frame.bytes,
            wire_len: u32::try_from(frame.bytes.len()).unwrap(),
            source: &source,
        });
        let ready = std::iter::from_fn(|| pipeline.poll_exchange());
        done.extend(ready.map(|exchange| identity(&exchange)));
    }
    pipeline.finish();
    let ready = std::iter::from_fn(|| pipeline.poll_exchange());
    done.extend(ready.map(|exchange| identity(&exchange)));
    done
}

/// A recorder that reads standard input.
struct Live {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Live {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        Self { child, stdin }
    }

    /// Writes bytes in pieces, with a short pause after each; false if the recorder takes no more.
    fn feed(&mut self, bytes: &[u8]) -> bool {
        let stdin = self.stdin.as_mut().unwrap();
        bytes.chunks(16 << 10).all(|piece| {
            std::thread::park_timeout(Duration::from_millis(2));
            stdin.write_all(piece).is_ok()
        })
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends the input, and waits for the end.
    fn finish(mut self) -> Ran {
        self.stdin = None;
        let output = self.child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// How often each exchange is in the archive.
fn counted(exchanges: &[Exchange]) -> BTreeMap<(Timestamp, String), usize> {
    let mut counts = BTreeMap::new();
    for exchange in exchanges {
        *counts.entry(identity(exchange)).or_default() += 1;
    }
    counts
}

#[test]
fn a_recording_through_a_spool_is_the_same() {
    let place = Place::new();
    let traffic = traffic(0, 3_000);
    let capture = place.capture(&traffic);
    let ran = run(&mut place.command(&[&capture], &["--recorder-id", "gateway-1"])).expect_code(0);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["recorder"], "gateway-1");
    assert!(
        summary["segments"]["exchanges"]["published"].as_u64() > Some(3),
        "{summary}"
    );

    let direct = place.0.path().join("direct");
    let mut command = recorder();
    command
        .arg("read")
        .arg(&capture)
        .arg("--archive")
        .arg(&direct);
    let _ = run(&mut command).expect_code(0);
    assert_eq!(place.exchanges(), read_archive(&direct));

    // Nothing waits, and what is left says who records here and which numbers come next.
    let left: Vec<_> = std::fs::read_dir(place.spool())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let kinds = ["lock", "id-", "sealed-"];
    assert!(
        kinds
            .iter()
            .all(|kind| left.iter().any(|name| name.starts_with(kind))),
        "{left:?}"
    );
    assert_eq!(left.len(), kinds.len(), "{left:?}");
    assert_eq!(files_below(&place.spool()).len(), 2, "no segment is left");
}

#[test]
fn numbers_go_on_where_the_last_recording_ended_and_the_id_stays() {
    let place = Place::new();
    for life in 0..3 {
        let capture = place.capture(&traffic(life, 200));
        let _ = run(&mut place.command(&[&capture], &[])).expect_code(0);
    }
    let names: Vec<_> = files_below(&place.archive().join("exchanges"))
        .into_iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let mut numbers: Vec<u64> = names
        .iter()
        .map(|name| name.rsplit('-').next().unwrap().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..names.len() as u64).collect::<Vec<_>>());
    assert_eq!(place.exchanges().len(), 600);

    let other = run(&mut place.command(&[], &["--recorder-id", "other"])).expect_code(2);
    assert!(
        other.stderr.contains("belongs to recorder"),
        "{}",
        other.stderr
    );
}

#[test]
fn a_spool_is_for_its_owner_and_for_one_recorder_at_a_time() {
    let place = Place::new();
    let mut live = Live::start(place.command(&[Path::new("-")], &["--spool-sync", "always"]));
    let bytes = pcap(&traffic(0, 300));
    assert!(live.feed(&bytes[..bytes.len() / 2]));
    while place.frames().is_empty() {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let other = run(&mut place.command(&[], &[])).expect_code(2);
    assert!(other.stderr.contains("in use"), "{}", other.stderr);

    let mut modes = vec![(place.spool(), 0o700)];
    modes.extend(
        files_below(&place.spool())
            .into_iter()
            .map(|path| (path, 0o600)),
    );
    for (path, mode) in modes {
        // A file of the uploader may be gone by now.
        if let Ok(metadata) = std::fs::metadata(&path) {
            assert_eq!(
                metadata.permissions().mode() & 0o777,
                mode,
                "{}",
                path.display()
            );
        }
    }
    assert!(live.feed(&bytes[bytes.len() / 2..]));
    let _ = live.finish().expect_code(0);
    assert_eq!(place.exchanges().len(), 300);
}
