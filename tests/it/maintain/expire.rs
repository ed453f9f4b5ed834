//! `expire`: whole hours go, are written down, and are not missed.

use std::fs;

use tests::files_below;

use super::{archive, json, record, traffic};

#[test]
fn whole_hours_go_and_are_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(200), "gw-1");
    let before = files_below(&path);
    let flags = ["expire", "--before", "2026-11-22T13:59:59Z"];
    let planned = json(&path, &[&flags[..], &["--dry-run"]].concat(), 0);
    assert_eq!(files_below(&path), before, "a dry run changes nothing");

    let done = json(&path, &flags, 0);
    assert_eq!(done["exchanges"], planned["exchanges"]);
    assert_eq!(done["before"], "2026-11-22T13:00:00.000000Z");
    let left = files_below(&path.join("exchanges"));
    assert!(!left.is_empty());
    assert!(
        left.iter()
            .all(|file| file.to_str().unwrap().contains("hour=13"))
    );
    let ledger = files_below(&path.join("capture"));
    assert!(
        ledger
            .iter()
            .all(|file| file.to_str().unwrap().contains("hour=13"))
    );
    // Number 0 is gone on purpose.
    let found = json(&path, &["check"], 0);
    assert_eq!(found["sound"], left.len() + ledger.len());
    let document = done["document"].as_str().unwrap();
    let document = fs::read_to_string(path.join(document)).unwrap();
    assert!(
        document.contains("\"gw-1\",\n          0,\n          0"),
        "{document}"
    );

    // Again there is nothing to do, and nothing is written down.
    assert!(json(&path, &flags, 0)["document"].is_null());
    fs::remove_dir_all(path.join("maintenance")).unwrap();
    let found = json(&path, &["check"], 1);
    assert_eq!(found["problems"][0]["kind"], "missing");
}

#[test]
fn how_much_to_keep_has_to_be_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(20), "gw-1");
    let ran = archive(&path, &["expire"]).expect_code(2);
    assert!(ran.stderr.contains("--keep"), "{}", ran.stderr);
    // Everything is younger than a thousand years.
    let done = json(&path, &["expire", "--keep", "365000d"], 0);
    assert_eq!(done["exchanges"]["segments"], 0);
}
