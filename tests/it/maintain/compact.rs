//! `compact`: fewer and larger segments, the same exchanges, each once, whatever happens meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use benches::{Mix, Traffic, write_pcap};
use schema::{Completeness, Exchange};
use serde_json::Value;
use tests::{files_below, read_archive, recorder, replayer, run};

use super::{archive, json, record_with, traffic};

const SMALL: [&str; 2] = ["--segment-bytes", "64KiB"];
const NOW: [&str; 5] = ["compact", "--min-age", "0s", "--lease", "0s"];

/// How many exchanges the replayer finds.
fn planned(path: &Path) -> u64 {
    let mut command = replayer();
    command.args(["plan", "--json", "--last", "1d", "--archive"]);
    let ran = run(command.arg(path));
    let plan: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
    plan["read"].as_u64().unwrap()
}

/// The files of exchanges that other programs would read.
fn segments(path: &Path) -> Vec<PathBuf> {
    let mut files = files_below(&path.join("exchanges"));
    files.retain(|file| file.extension().is_some_and(|end| end == "parquet"));
    files
}

/// What is left of changes, without the marks that tell readers to list again, and without what a kill in the middle of a
/// write leaves on a local disk: the store's own temporary file (`NAME#1`), which is in no listing.
fn leftovers(path: &Path) -> Vec<PathBuf> {
    let mut files = files_below(&path.join("exchanges"));
    files.retain(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        !name.contains('#') && (name.starts_with("_swap-") || name.starts_with("_staged-"))
    });
    files
}

#[test]
fn many_segments_become_few_and_rows_stay_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = record_with(folder.path(), &traffic(400), "gw-1", &SMALL);
    let (before, rows) = (segments(&path), read_archive(&path));
    let planned_before = planned(&path);
    let dry = json(&path, &[&NOW[..], &["--dry-run"]].concat(), 0);
    assert_eq!(segments(&path), before, "a dry run changes nothing");

    let done = json(&path, &NOW, 0);
    assert_eq!(done["segments_before"], dry["segments_before"]);
    assert_eq!(done["rows_before"], done["rows_after"]);
    assert_eq!(
        (&done["duplicates"], &done["joined"]),
        (&0.into(), &0.into())
    );
    let after = segments(&path);
    assert_eq!(after.len(), 2, "one an hour: {after:?}");
    assert_eq!(read_archive(&path), rows);
    assert_eq!(planned(&path), planned_before);
    assert_eq!(leftovers(&path), [""; 0].map(PathBuf::from));
    // The numbers of what was replaced are not missing.
    let found = json(&path, &["check"], 0);
    assert_eq!(found["rows"], 400 + 2);

    let again = json(&path, &NOW, 0);
    assert_eq!(again["segments_before"], 0, "{again}");
    assert_eq!(segments(&path), after);
}

/// An hour that is not over for long is left to its recorders.
#[test]
fn an_hour_that_is_still_recorded_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = record_with(folder.path(), &traffic(400), "gw-1", &SMALL);
    let done = json(&path, &["compact", "--min-age", "36500d"], 0);
    assert_eq!(
        (&done["hours"], &done["segments_before"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn what_was_mirrored_at_both_ends_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = record_with(folder.path(), &traffic(500), "gw-1", &[]);
    let of = |rows: &[Exchange]| -> Vec<_> {
        let parts = |row: &Exchange| (row.request.clone(), row.response.clone());
        rows.iter().map(parts).collect()
    };
    let once = of(&read_archive(&path));
    record_with(folder.path(), &traffic(500), "gw-2", &[]);
    assert_eq!(read_archive(&path).len(), 1_000);
    let done = json(&path, &NOW, 0);
    assert_eq!(done["duplicates"], 500, "{done}");
    assert_eq!(of(&read_archive(&path)), once);
}

/// Traffic whose two directions two recorders have.
fn halves(folder: &Path, traffic: &Traffic) -> PathBuf {
    let archive = folder.join("archive");
    for (name, of_server) in [("a", false), ("b", true)] {
        let frames = traffic.frames().filter(|frame| {
            // Source port: behind Ethernet and IPv4 without options.
            (frame.bytes[34..36] == 8_080_u16.to_be_bytes()) == of_server
        });
        let capture = folder.join(format!("{name}.pcap"));
        write_pcap(frames, fs::File::create(&capture).unwrap()).unwrap();
        let mut command = recorder();
        command
            .arg("read")
            .arg(&capture)
            .args(["--recorder-id", name]);
        let _ = run(command.arg("--archive").arg(&archive)).expect_code(0);
    }
    archive
}

#[test]
fn halves_that_two_recorders_have_become_whole() {
    let folder = tempfile::tempdir().unwrap();
    let traffic = Traffic {
        exchanges: 300,
        mix: Mix::Mixed,
        exchanges_per_connection: 4,
        vni: None,
        ..Traffic::default()
    };
    let path = halves(folder.path(), &traffic);
    let apart = read_archive(&path);
    assert_eq!(apart.len(), 600);
    let done = json(&path, &NOW, 0);
    assert_eq!(done["joined"], 300, "{done}");
    let joined = read_archive(&path);
    assert_eq!(joined.len(), 300);
    for exchange in &joined {
        let (request, response) = (exchange.request.as_ref(), exchange.response.as_ref());
        let sent = traffic.find(&request.unwrap().path).unwrap();
        assert_eq!(
            exchange.completeness,
            Completeness::Complete,
            "{exchange:?}"
        );
        assert_eq!(request.unwrap().body.bytes, sent.request_body);
        assert_eq!(response.unwrap().body.bytes, sent.response_body);
    }
    let asked = apart.iter().filter(|half| half.request.is_some());
    let ids: Vec<_> = asked.map(Exchange::id).collect();
    assert_eq!(joined.iter().map(Exchange::id).collect::<Vec<_>>(), ids);
    let _ = archive(&path, &["check"]).expect_code(0);
}

/// Killed wherever it is, a compaction leaves every exchange once for our readers, and the next one finishes it. Where the kill falls
/// is luck; what lies between any two steps is enumerated beside the protocol.
#[test]
fn a_compaction_that_is_killed_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = record_with(folder.path(), &traffic(400), "gw-1", &SMALL);
    let rows = read_archive(&path);
    let read = planned(&path);
    let copy = folder.path().join("copy");
    for round in 0..8 {
        let _removed = fs::remove_dir_all(&copy);
        copy_folder(&path, &copy);
        let mut command = recorder();
        command.arg("archive").args(NOW).arg("--archive").arg(&copy);
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        // The change itself takes some milliseconds, after seconds of reading and encoding.
        while leftovers(&copy).is_empty() && child.try_wait().unwrap().is_none() {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        std::thread::park_timeout(Duration::from_millis(2 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(planned(&copy), read, "round {round}");
        let done = json(&copy, &NOW, 0);
        assert_eq!(read_archive(&copy), rows, "round {round}: {done}");
        assert_eq!(leftovers(&copy), [""; 0].map(PathBuf::from));
        assert_eq!(segments(&copy).len(), 2);
    }
}

/// Two recorders publish into an hour that is compacted again and again, and that a replayer reads meanwhile.
#[test]
fn two_recorders_a_reader_and_compactions_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = record_with(folder.path(), &traffic(100), "first", &SMALL);
    let others: Vec<_> = ["gw-1", "gw-2"]
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let traffic = Traffic {
                seed: 100 + index as u64,
                // Apart, so that nothing looks as if it had been mirrored twice.
                start: Traffic::default()
                    .start
                    .saturating_add(Duration::from_secs(60 * (1 + index as u64))),
                ..traffic(600)
            };
            let folder = folder.path().to_owned();
            std::thread::spawn(move || drop(record_with(&folder, &traffic, name, &SMALL)))
        })
        .collect();
    let (mut rounds, mut least) = (0, 0);
    loop {
        let over = others.iter().all(std::thread::JoinHandle::is_finished);
        let ran = archive(&path, &NOW);
        assert!(ran.code < 2, "{}", ran.stderr);
        let read = planned(&path);
        assert!(read >= least, "{read} exchanges after {least}");
        (rounds, least) = (rounds + 1, read);
        if over || rounds > 200 {
            break;
        }
    }
    for other in others {
        other.join().unwrap();
    }
    let _ = archive(&path, &NOW);
    let rows = read_archive(&path);
    let mut ids: Vec<_> = rows.iter().map(Exchange::id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((rows.len(), ids.len()), (1_300, 1_300));
    let _ = archive(&path, &["check"]).expect_code(0);
}

/// What a spool publishes again, because its recorder did not live to remove it, is not there twice, though it was compacted.
#[test]
fn what_was_compacted_is_not_published_again() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool");
    let capture = folder.path().join("a.pcap");
    write_pcap(traffic(400).frames(), fs::File::create(&capture).unwrap()).unwrap();
    // Nobody answers there: everything waits in the spool.
    let mut command = recorder();
    command
        .arg("read")
        .arg(&capture)
        .args(SMALL)
        .arg("--spool")
        .arg(&spool);
    command.args(["--archive", "s3://archive/x", "--retry-for", "100ms"]);
    command.envs([
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ]);
    let _ = run(&mut command).expect_code(1);
    let copy = folder.path().join("copy");
    copy_folder(&spool, &copy);

    let path = folder.path().join("archive");
    let publish = |spool: &Path| {
        let mut command = recorder();
        command.arg("read").arg("--spool").arg(spool);
        let _ = run(command.arg("--archive").arg(&path)).expect_code(0);
    };
    publish(&spool);
    let rows = read_archive(&path);
    assert_eq!(rows.len(), 400);
    let done = json(&path, &NOW, 0);
    assert!(done["segments_before"].as_u64().unwrap() > 3, "{done}");
    publish(&copy);
    assert_eq!(read_archive(&path), rows);

    // Captures that are read again cannot be compared with what they became.
    let path = record_with(folder.path(), &traffic(400), "gw-1", &SMALL);
    let _ = archive(&path, &NOW).expect_code(0);
    let mut command = recorder();
    command
        .arg("read")
        .arg(folder.path().join("gw-1.pcap"))
        .args(SMALL);
    command
        .args(["--recorder-id", "gw-1"])
        .arg("--archive")
        .arg(&path);
    let ran = run(&mut command).expect_code(2);
    assert!(ran.stderr.contains("compacted"), "{}", ran.stderr);
}

fn copy_folder(from: &Path, to: &Path) {
    for file in files_below(from) {
        let to = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(file, to).unwrap();
    }
}
