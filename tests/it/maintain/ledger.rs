//! `compact` on the ledger: one segment an hour in place of one a minute and recorder, and every count as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use benches::{Mix, Month};
use serde_json::Value;
use tests::{files_below, read_ledger, recorder, replayer, run};

use super::broken::Remote;
use super::{archive, json};

const WINDOW: [&str; 4] = [
    "--from",
    "2026-11-22T13:00:00Z",
    "--to",
    "2026-11-22T15:00:00Z",
];
const NOW: [&str; 5] = ["compact", "--min-age", "0s", "--lease", "0s"];

/// What a recorder leaves of hours: files of its exchanges and its ledger.
fn month(id: &str, hours: u64) -> Month {
    Month {
        recorder: id.parse().unwrap(),
        start: WINDOW[1].parse().unwrap(),
        hours,
        segments_an_hour: 1,
        exchanges_a_segment: 30,
        mix: Mix::Api,
        answers: u64::MAX,
    }
}

fn put(folder: &Path, month: &Month) {
    for (path, bytes) in month.segments().chain(month.ledger()) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Segments of the ledger, as other programs see them.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(&folder.join("capture"));
    files.retain(|file| file.extension().is_some_and(|end| end == "parquet"));
    files
}

fn coverage(folder: &Path) -> Value {
    let arguments = [&["coverage"], &WINDOW[..]].concat();
    json(folder, &arguments, 0)
}

/// What the replayer takes for the coverage.
fn planned(folder: &Path) -> Value {
    let mut command = replayer();
    command.args(["plan", "--json"]).args(WINDOW);
    let ran = run(command.arg("--archive").arg(folder)).expect_code(0);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["coverage"].take()
}

#[test]
fn an_hour_of_the_ledger_becomes_one_segment_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    for id in ["gw-1", "gw-2"] {
        put(&path, &month(id, 2));
    }
    let (covered, plan) = (coverage(&path), planned(&path));
    let before = segments(&path);
    assert_eq!(before.len(), 2 * 2 * 60);
    let dry = json(&path, &[&NOW[..], &["--dry-run"]].concat(), 0);
    assert_eq!(dry["ledger_segments_before"], before.len());
    assert_eq!(segments(&path), before, "a dry run changes nothing");

    // Others look while it runs.
    let mut command = recorder();
    command.arg("archive").args(NOW).arg("--archive").arg(&path);
    let mut compaction = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while compaction.try_wait().unwrap().is_none() {
        assert_eq!(coverage(&path), covered);
        assert_eq!(planned(&path), plan);
    }
    assert!(compaction.wait().unwrap().success());
    assert_eq!(segments(&path).len(), 2, "one an hour");
    assert_eq!(coverage(&path), covered);
    assert_eq!(planned(&path), plan);
    assert_eq!(
        read_ledger(&path).len(),
        before.len(),
        "a row a minute and recorder"
    );
    let _ = archive(&path, &["check"]).expect_code(0);

    let again = json(&path, &NOW, 0);
    assert_eq!(again["ledger_segments_before"], 0, "{again}");
    // What comes later joins it.
    let late = Month {
        start: WINDOW[1].parse().unwrap(),
        ..month("gw-3", 1)
    };
    put(&path, &late);
    let covered = coverage(&path);
    let again = json(&path, &NOW, 0);
    assert_eq!(again["ledger_segments_before"], 61, "{again}");
    assert_eq!(coverage(&path), covered);
    let _ = archive(&path, &["check"]).expect_code(0);
    let expired = json(&path, &["expire", "--before", "2026-11-23T00:00:00Z"], 0);
    assert_eq!(expired["ledger"]["segments"], 2, "{expired}");
    let _ = archive(&path, &["check"]).expect_code(0);
}

/// Broken off between any two of its changes, it leaves each row to be seen once, and the next one finishes it.
#[test]
fn broken_off_anywhere_each_row_is_seen_once() {
    let remote = Remote::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let files: Vec<_> = month("gw-1", 1).ledger().take(4).collect();
    let window = [
        "--from",
        WINDOW[1],
        "--to",
        "2026-11-22T13:04:00Z",
        "--json",
    ];
    let covered = || {
        let arguments = [&["archive", "coverage"], &window[..]].concat();
        remote.run(recorder(), &arguments).expect_code(0).stdout
    };
    let compact = [&["archive"], &NOW[..]].concat();
    let mut expected = None;
    for changes in 0..60 {
        let put = remote.server.put_all("it", files.clone());
        runtime.block_on(put).unwrap();
        let expected = expected.get_or_insert_with(covered).clone();
        remote.gate.allow_changes(changes);
        let ran = remote.run(recorder(), &compact);
        remote.gate.allow_changes(usize::MAX);
        assert_eq!(covered(), expected, "after {changes} changes");
        let _ = remote.run(recorder(), &compact).expect_code(0);
        assert_eq!(
            covered(),
            expected,
            "after {changes} changes, and once more"
        );
        let expire = ["archive", "expire", "--before", "2026-11-23T00:00:00Z"];
        let _ = remote.run(recorder(), &expire).expect_code(0);
        if ran.code == 0 {
            // Stage, announce, 4 marks, place, 4 segments, mark, and two files at the end.
            assert!(changes >= 14, "{changes} changes");
            return;
        }
        assert_eq!(ran.code, 1, "after {changes} changes: {}", ran.stderr);
    }
    panic!("it never ran through");
}
