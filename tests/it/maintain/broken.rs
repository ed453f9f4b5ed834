//! The commands on a real S3 server, and `forget` broken off there between any two of its changes.

use std::path::Path;

use schema::Exchange;
use tests::{
    Answer, S3Server, StoreGate, Target, read_archive, read_run, recorder, replayer, run,
    run_python,
};

use super::*;

/// An archive on a server that forbids changes when a test wants.
pub(super) struct Remote {
    pub(super) server: S3Server,
    pub(super) gate: StoreGate,
}

impl Remote {
    pub(super) fn start() -> Self {
        let server = S3Server::start();
        let gate = StoreGate::start(server.endpoint().trim_start_matches("http://"));
        Self { server, gate }
    }

    /// A command on the archive, through the gate.
    pub(super) fn run(&self, mut command: std::process::Command, arguments: &[&str]) -> Ran {
        let endpoint = ("AWS_ENDPOINT_URL", self.gate.url());
        let variables = self.server.variables().into_iter().chain([endpoint]);
        command
            .args(arguments)
            .args(["--archive", &self.server.url("it")]);
        run(command.envs(variables))
    }

    /// The archive as it is, on this machine.
    fn fetch(&self, to: &Path) {
        let source = Path::new("archive/it");
        let _ = run_python("fetch_s3.py", &[source, to], &self.server.variables());
    }
}

fn path_of(exchange: &Exchange) -> &str {
    &exchange.request.as_ref().unwrap().path
}

/// Half a minute of traffic within one hour, so that each table has one segment.
fn capture(folder: &Path, id: &str) -> String {
    let traffic = Traffic {
        exchanges: 120,
        ..Traffic::default()
    };
    let path = folder.join(format!("{id}.pcap"));
    write_pcap(traffic.frames(), File::create(&path).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn broken_off_anywhere_and_run_again_it_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::start();
    let file = capture(folder.path(), "gw-1");
    let read = ["read", &file, "--recorder-id", "gw-1"];
    let _ = remote.run(recorder(), &read).expect_code(0);
    let target = Target::start(|_| Answer::json("{\"answer\": \"another\"}"));
    let url = target.url();
    let replay = [
        "run",
        "--run",
        "new",
        "--last",
        "1h",
        "--speed",
        "max",
        "--allow-writes",
    ];
    let replay = [&replay[..], &["--target", &url]].concat();
    let _ = remote.run(replayer(), &replay).expect_code(1);
    let compare = ["compare", "--baseline", "recorded", "--candidate", "new"];
    let _ = remote.run(replayer(), &compare).expect_code(1);

    let before = folder.path().join("before");
    remote.fetch(&before);
    let rows = read_archive(&before);
    let mut paths: Vec<_> = rows.iter().map(|row| path_of(row).to_owned()).collect();
    paths.sort();
    paths.dedup();
    let mut erased = Vec::new();
    for (changes, path) in paths.iter().enumerate() {
        erased.push(path.as_str());
        let forget = ["archive", "forget", "--path", path, "--lease", "0s"];
        remote.gate.allow_changes(changes);
        let ran = remote.run(recorder(), &forget);
        remote.gate.allow_changes(usize::MAX);
        if ran.code == 0 {
            break;
        }
        assert_eq!(ran.code, 2, "after {changes} changes: {}", ran.stderr);
        let _ = remote.run(recorder(), &forget).expect_code(0);
    }
    // Its record, four documents and files of differences, and two segments that give way in steps.
    assert!((10..60).contains(&erased.len()), "{} changes", erased.len());
    assert!(erased.len() < paths.len(), "the last one ran through");

    let after = folder.path().join("after");
    remote.fetch(&after);
    let is_erased = |row: &&Exchange| erased.contains(&path_of(row));
    let ids: Vec<_> = rows.iter().filter(is_erased).map(Exchange::id).collect();
    let (run_rows, divergences) = read_run(&after, "new");
    let left = read_archive(&after);
    assert_eq!(left.len(), rows.len() - ids.len());
    assert_eq!(left.iter().chain(&run_rows).find(is_erased), None);
    assert!(!divergences.is_empty());
    assert!(divergences.iter().all(|row| !ids.contains(&row.exchange)));
    let findings = tests::files_below(&after.join("comparisons"));
    assert!(findings.len() > 1, "{findings:?}");
    for path in tests::files_below(&after) {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        // A checkpoint says by an id how far the run had come: a place, and nothing of the exchange.
        let is_document =
            path.extension().is_some_and(|end| end == "json") && !path.ends_with("checkpoint.json");
        let shown = ids.iter().find(|id| text.contains(&id.to_string()));
        assert!(
            !is_document || shown.is_none(),
            "{}: {shown:?}",
            path.display()
        );
    }
    let _ = remote.run(recorder(), &["archive", "check"]).expect_code(0);
}

/// On S3 as on a disk.
#[test]
fn every_command_works_on_s3() {
    let folder = tempfile::tempdir().unwrap();
    let remote = Remote::start();
    for id in ["gw-1", "gw-2"] {
        let file = capture(folder.path(), id);
        let read = ["read", &file, "--recorder-id", id];
        let _ = remote.run(recorder(), &read).expect_code(0);
    }
    let json = |arguments: &[&str], code| -> Value {
        let arguments = [&["archive"], arguments, &["--json"]].concat();
        let ran = remote.run(recorder(), &arguments).expect_code(code);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let checked = json(&["check"], 1);
    assert_eq!(checked["problems"][0]["kind"], "duplicates", "{checked}");
    let compacted = json(&["compact"], 0);
    assert_eq!(compacted["segments_after"], 1, "{compacted}");
    assert_eq!(compacted["duplicates"], 120, "{compacted}");
    let _ = json(&["check"], 0);
    let window = ["coverage", "--last", "1m"];
    let ran = remote.run(recorder(), &[&["archive"], &window[..]].concat());
    assert!(matches!(ran.code, 0 | 1), "{}", ran.stderr);
    let forgotten = json(&["forget", "--status", "200"], 0);
    assert!(
        forgotten["exchanges"]["rows"].as_u64() > Some(0),
        "{forgotten}"
    );
    let expire = ["expire", "--before", "2030-01-01T00:00:00Z"];
    let expired = json(&expire, 0);
    assert!(
        expired["exchanges"]["segments"].as_u64() > Some(0),
        "{expired}"
    );
    let left = folder.path().join("left");
    remote.fetch(&left);
    assert!(read_archive(&left).is_empty());
    assert!(!tests::files_below(&left.join("maintenance")).is_empty());
}
