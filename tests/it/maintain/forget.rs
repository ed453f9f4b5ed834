//! `forget`: what was asked to be erased is nowhere any more, and everything else is as it was.

use std::fs;
use std::path::Path;

use schema::Exchange;
use tests::{Answer, Target, files_below, read_archive, read_ledger, read_run, replayer, run};

use super::{archive, json, record, record_with, traffic};

fn path_of(exchange: &Exchange) -> &str {
    &exchange.request.as_ref().unwrap().path
}

/// Whether any file below a folder holds the text, in whatever column: Parquet pages are compressed, so segments are decoded.
fn holds(folder: &Path, path: &str) -> bool {
    let rows = read_archive(folder);
    let in_rows = rows.iter().any(|row| path_of(row) == path);
    let in_files = files_below(folder).iter().any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes
            .windows(path.len())
            .any(|window| window == path.as_bytes())
    });
    in_rows || in_files
}

#[test]
fn matches_go_from_recordings_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = record_with(
        folder.path(),
        &traffic(400),
        "gw-1",
        &["--segment-bytes", "64KiB"],
    );
    let before = read_archive(&path);
    let victim = path_of(&before[200]).to_owned();
    let files = files_below(&path);
    let flags = ["forget", "--path", &victim, "--reason", "ticket 7"];

    let planned = json(&path, &[&flags[..], &["--dry-run"]].concat(), 0);
    assert_eq!(files_below(&path), files, "a dry run changes nothing");
    let done = json(&path, &flags, 0);
    assert_eq!(done["exchanges"], planned["exchanges"]);

    let mut expected = before.clone();
    expected.retain(|exchange| path_of(exchange) != victim);
    assert!(expected.len() < before.len());
    assert_eq!(
        done["exchanges"]["rows"].as_u64().unwrap() as usize,
        before.len() - expected.len()
    );
    assert_eq!(read_archive(&path), expected);
    assert!(!holds(&path, &victim));
    assert!(!read_ledger(&path).is_empty());
    let found = json(&path, &["check"], 0);
    assert_eq!(found["strangers"], serde_json::json!([]), "{found}");

    let document = fs::read_to_string(path.join(done["document"].as_str().unwrap())).unwrap();
    assert!(
        document.contains("ticket 7") && document.contains("--path"),
        "{document}"
    );
    assert!(!document.contains(&victim), "{document}");
    // Nothing is left to erase.
    let again = json(&path, &flags, 0);
    assert_eq!(again["exchanges"]["rows"], 0);
    assert!(again["document"].is_null());
}

/// What runs hold of an exchange goes too: its row, its divergences, and the examples in documents.
#[test]
fn matches_go_from_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(60), "gw-1");
    let target =
        Target::start(|arrival| Answer::json(format!("{{\"asked\": \"{}\"}}", arrival.path())));
    let mut command = replayer();
    command.args(["run", "--last", "1h", "--speed", "max", "--allow-writes"]);
    command
        .args(["--run", "first", "--target", &target.url()])
        .arg("--archive")
        .arg(&path);
    let _ = run(&mut command).expect_code(1);
    let (rows, divergences) = read_run(&path, "first");
    let victim = path_of(&rows[0]).to_owned();
    let erased: Vec<_> = rows
        .iter()
        .filter(|row| path_of(row) == victim)
        .map(Exchange::id)
        .collect();
    assert!(divergences.iter().any(|row| erased.contains(&row.exchange)));
    let learned = path.join("runs/first/state/learned.json");
    fs::write(&learned, "{}").unwrap();

    json(&path, &["forget", "--path", "/of/nobody"], 0);
    assert!(learned.exists(), "no row of the run went");
    let done = json(&path, &["forget", "--path", &victim], 0);
    assert_eq!(done["run_exchanges"]["rows"], erased.len(), "{done}");
    assert!(!holds(&path, &victim) && !learned.exists());
    let (left, differ) = read_run(&path, "first");
    assert_eq!(left.len(), rows.len() - erased.len());
    assert!(!differ.is_empty());
    let of_erased = differ.iter().filter(|row| erased.contains(&row.exchange));
    assert_eq!(of_erased.count(), 0);
    let json_text = fs::read_to_string(path.join("runs/first/run.json")).unwrap();
    assert!(erased.iter().all(|id| !json_text.contains(&id.to_string())));
    let _ = archive(&path, &["check"]).expect_code(0);
    let mut command = replayer();
    let report = run(command.args(["report", "first", "--archive"]).arg(&path));
    assert_eq!(
        report.code, 1,
        "a run without these rows is still read: {}",
        report.stderr
    );
}

/// What only one run's answer tells goes from all runs, whatever they are called; what was recorded did not match, and stays.
#[test]
fn what_one_run_tells_goes_from_every_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(40), "gw-1");
    let rows = read_archive(&path);
    let victim = path_of(&rows[7]).to_owned();
    for (name, status) in [("a", 200), ("b", 418), ("c", 200)] {
        let asked = victim.clone();
        let target = Target::start(move |arrival| match arrival.path() == asked {
            true => Answer::new(status, &[], "{}"),
            false => Answer::json("{}"),
        });
        let mut command = replayer();
        command.args(["run", "--last", "1h", "--speed", "max", "--allow-writes"]);
        command.args(["--run", name, "--target", &target.url()]);
        let _ = run(command.arg("--archive").arg(&path)).expect_code(1);
    }
    let done = json(&path, &["forget", "--status", "418"], 0);
    assert_eq!(done["exchanges"]["rows"], 0, "{done}");
    assert_eq!(read_archive(&path), rows);
    let victims = rows.iter().filter(|row| path_of(row) == victim).count();
    assert_eq!(done["run_exchanges"]["rows"], 3 * victims, "{done}");
    for name in ["a", "b", "c"] {
        let (left, divergences) = read_run(&path, name);
        assert_eq!(left.len(), rows.len() - victims, "run {name}");
        assert!(left.iter().all(|row| path_of(row) != victim), "run {name}");
        assert!(
            divergences.iter().all(|row| row.exchange != rows[7].id()),
            "run {name}"
        );
    }
}

#[test]
fn a_whole_segment_may_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(100), "gw-1");
    let done = json(&path, &["forget", "--path", "/**"], 0);
    assert_eq!(done["exchanges"]["rows"], 100);
    assert!(read_archive(&path).is_empty());
    let _ = archive(&path, &["check"]).expect_code(0);
}

#[test]
fn what_to_forget_has_to_be_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(20), "gw-1");
    let ran = archive(&path, &["forget", "--last", "1h"]).expect_code(2);
    assert!(ran.stderr.contains("say what to forget"), "{}", ran.stderr);
}
