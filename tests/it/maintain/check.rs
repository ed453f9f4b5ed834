//! `check`: whatever is done to an archive is found and named, and the rest is checked all the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::{files_below, workspace};

use super::{archive, json, record_with, traffic};

/// An archive with several segments.
fn several(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let path = record_with(folder, &traffic(400), "gw-1", &["--segment-bytes", "64KiB"]);
    let segments = files_below(&path.join("exchanges"));
    assert!(segments.len() >= 4, "{segments:?}");
    (path, segments)
}

/// The kinds of problem and where they are, as `check` says; the rest must be sound.
#[track_caller]
fn problems(path: &Path, files: usize) -> Vec<(String, String)> {
    let found = json(path, &["check"], 1);
    let problems = found["problems"].as_array().unwrap();
    assert_eq!(found["files"], files, "{found}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    problems
        .iter()
        .map(|problem| (text(&problem["kind"]), text(&problem["path"])))
        .collect()
}

fn below(path: &Path, file: &Path) -> String {
    let below = file.strip_prefix(path).unwrap();
    below.to_str().unwrap().to_owned()
}

#[test]
fn a_sound_archive_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (path, segments) = several(folder.path());
    let found = json(&path, &["check"], 0);
    let ledger = files_below(&path.join("capture"));
    assert_eq!(found["files"], segments.len() + ledger.len());
    assert_eq!(found["sound"], found["files"]);
    assert_eq!(found["rows"].as_u64().unwrap(), 400 + 2, "{found}");
    assert_eq!(found["without_checksum"], 0);
    let text = archive(&path, &["check"]).expect_code(0).stdout;
    assert!(text.contains("Nothing is wrong."), "{text}");
}

#[test]
fn a_flipped_bit_is_found_in_any_segment_and_any_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, segments) = several(folder.path());
    let files: Vec<_> = [segments, files_below(&path.join("capture"))].concat();
    // One bit of each file, each at another depth: the first bytes, pages, indexes, the checksum, the footer, the last bytes.
    for round in 0..4 {
        let kept: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        for (index, file) in files.iter().enumerate() {
            let mut bytes = kept[index].clone();
            let steps = (files.len() * 4 - 1) as f64;
            let share = (index * 4 + round) as f64 / steps;
            let place = (share * (bytes.len() - 1) as f64) as usize;
            bytes[place] ^= 1 << (place % 8);
            fs::write(file, bytes).unwrap();
        }
        let found = problems(&path, files.len());
        let expected: Vec<_> = files
            .iter()
            .map(|file| ("damaged".to_owned(), below(&path, file)))
            .collect();
        assert_eq!(found, expected);
        for (file, bytes) in files.iter().zip(kept) {
            fs::write(file, bytes).unwrap();
        }
    }
    // And with one of them damaged, the rest is checked.
    let mut bytes = fs::read(&files[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&files[1], bytes).unwrap();
    let found = json(&path, &["check"], 1);
    assert_eq!(found["sound"], files.len() - 1);
    let text = archive(&path, &["check"]).expect_code(1).stdout;
    assert!(text.contains(&below(&path, &files[1])), "{text}");
    assert!(text.contains("what to do: "), "{text}");
}

#[test]
fn what_is_missing_twice_or_renamed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (path, segments) = several(folder.path());
    let files = segments.len() + files_below(&path.join("capture")).len();
    let lost = fs::read(&segments[1]).unwrap();
    fs::remove_file(&segments[1]).unwrap();
    let found = json(&path, &["check"], 1);
    assert_eq!(found["problems"][0]["kind"], "missing");
    assert_eq!(found["problems"][0]["what"], "number 1 of gw-1 is missing");
    // A window does not look for it.
    let _ = archive(&path, &["check", "--last", "1h"]).expect_code(0);

    // Under the name of another recorder it is what it was, and is not.
    let other = segments[1].to_str().unwrap().replace("gw-1", "gw-2");
    fs::write(&other, &lost).unwrap();
    let kinds: Vec<_> = problems(&path, files)
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, ["inconsistent", "missing", "missing"]);
    fs::remove_file(&other).unwrap();

    // A copy with another number is a second copy of its rows.
    fs::write(&segments[1], &lost).unwrap();
    let number = segments.len() as u64;
    let copy = segments[1].to_str().unwrap();
    let copy = copy.replace("-00000001.", &format!("-{number:08}."));
    fs::write(&copy, &lost).unwrap();
    let kinds: Vec<_> = problems(&path, files + 1)
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, ["inconsistent", "duplicates"]);
    fs::remove_file(&copy).unwrap();

    // In another hour's folder, other programs would count it; Reprise does not.
    let misplaced = path.join("exchanges/date=2026-11-22/hour=14");
    fs::create_dir(&misplaced).unwrap();
    let misplaced = misplaced.join(segments[1].file_name().unwrap());
    fs::write(&misplaced, &lost).unwrap();
    let notes = path.join("exchanges/date=2026-11-22/hour=13/notes.txt");
    fs::write(notes, "x").unwrap();
    let found = json(&path, &["check"], 1);
    assert_eq!(found["problems"][0]["kind"], "misplaced");
    assert_eq!(found["strangers"].as_array().unwrap().len(), 1);
}

/// Segments of earlier formats have no checksum, which is said.
#[test]
fn segments_without_a_checksum_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (path, segments) = several(folder.path());
    let golden = workspace().join("tests/golden/format/segment-1.0.parquet");
    let name = "1795352400000000-1795352400000800-golden-00000007.parquet";
    let hour = segments.last().unwrap().parent().unwrap();
    fs::copy(golden, hour.join(name)).unwrap();
    let found = json(&path, &["check"], 1);
    assert_eq!(found["without_checksum"], 1);
    let problems = found["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{found}");
    assert_eq!(problems[0]["what"], "numbers 0 to 6 of golden are missing");
}
