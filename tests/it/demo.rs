//! `replayer demo`: both verdicts are right, for the right reason, and what it leaves behind can be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use schema::run::{RunDocument, RunVerdict};
use schema::{Completeness, Exchange};
use tests::{Ran, read_archive, read_run, replayer, run, workspace};

/// Exchanges of the bundled capture by endpoint, as tshark counts its requests.
const RECORDED: &[(&str, usize)] = &[
    ("GET /v1/offers", 1),
    ("GET /v1/search", 28),
    ("GET /v1/titles/{id}", 77),
    ("GET /v1/titles/{id}/poster", 72),
    ("GET /v1/viewers/{id}", 7),
    ("GET /watch/{id}", 25),
    ("HEAD /v1/titles/{id}", 1),
    ("HEAD /v1/titles/{id}/poster", 1),
    ("POST /v1/playbacks", 24),
    ("POST /v1/playbacks/{id}/progress", 48),
    ("POST /v1/quotes", 50),
    ("PUT /v1/viewers/{id}/ratings/{id}", 24),
];

/// Answers of the bundled capture by status.
const ANSWERED: &[(u16, usize)] = &[
    (200, 220),
    (201, 24),
    (204, 48),
    (302, 25),
    (304, 36),
    (400, 1),
    (404, 3),
    (422, 1),
];

fn demo(folder: &Path) -> Ran {
    run(replayer().arg("demo").arg("--dir").arg(folder))
}

/// Whose environment names a key has it used, by the demo as by every command.
#[test]
fn the_demo_goes_with_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("demo.key");
    fs::write(&key, "cmVwcmlzZSB0ZXN0IGtleSBvZiAzMiBieXRlcyBsZW4=\n").unwrap();
    let folder = dir.path().join("demo");
    let mut command = replayer();
    command
        .env("REPLAYER_KEY_FILE", &key)
        .env("RECORDER_KEY_FILE", &key);
    let _ = run(command.arg("demo").arg("--dir").arg(&folder)).expect_code(0);
    let document = fs::read(folder.join("archive/runs/faithful/run.json")).unwrap();
    assert!(document.starts_with(b"RSEA"));
}

#[test]
fn the_demo_passes_the_faithful_build_and_finds_the_planted_change() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    let ran = demo(&folder).expect_code(0);
    let archive = folder.join("archive");

    let recorded = read_archive(&archive);
    check_recording(&recorded);

    let faithful = document(&archive, "faithful");
    assert_eq!(verdict(&faithful), RunVerdict::Pass, "{}", ran.stdout);
    assert_eq!(faithful.totals.matched, recorded.len() as u64);
    let (_, divergences) = read_run(&archive, "faithful");
    assert_eq!(divergences, []);

    let regressed = document(&archive, "regressed");
    assert_eq!(verdict(&regressed), RunVerdict::Fail, "{}", ran.stdout);
    let (answers, divergences) = read_run(&archive, "regressed");
    assert_eq!(answers.len(), recorded.len());
    let places: BTreeMap<_, _> = divergences
        .iter()
        .fold(BTreeMap::new(), |mut places, found| {
            let place = (found.endpoint.as_str(), found.location.as_str());
            *places.entry(place).or_insert(0) += 1;
            places
        });
    let quotes = "POST api.films.example /v1/quotes";
    let differing = planted_differences(&recorded);
    assert!(differing > 0);
    let expected = BTreeMap::from([
        ((quotes, "$.tax"), differing),
        ((quotes, "$.total"), differing),
    ]);
    assert_eq!(places, expected);
    assert_eq!(regressed.totals.differed, differing);

    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    for text in [quotes, "$.tax", "$.total"] {
        assert!(html.contains(text), "{text}");
    }
    let html = fs::read_to_string(folder.join("compare.html")).unwrap();
    for text in [quotes, "$.tax", "$.total"] {
        assert!(html.contains(text), "{text}");
    }
    let compared = format!("the refactor changed {differing} answers in 2 ways, at 1 endpoint");
    assert!(ran.stdout.contains(&compared), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains(&format!("{differing} of 358 answers differ")),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("all 358 answers match"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_front_page_shows_what_the_demo_prints() {
    let dir = tempfile::tempdir().unwrap();
    let ran = demo(&dir.path().join("demo")).expect_code(0);
    let page = fs::read_to_string(workspace().join("README.md")).unwrap();
    let shown = page
        .split("```\n")
        .find(|block| block.starts_with("1. Record"))
        .unwrap();
    // Commands name folders and ports, which differ; an ellipsis stands for lines that are left out.
    let lines = shown
        .lines()
        .filter(|line| !line.starts_with('$') && line.trim() != "…");
    for line in lines {
        assert!(
            ran.stdout.lines().any(|printed| printed == line),
            "{line:?} is not printed"
        );
    }
}

#[test]
fn a_second_demo_replaces_the_first_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("demo");
    let _first = demo(&folder).expect_code(0);
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let _second = demo(&folder).expect_code(0);
    assert_eq!(read_archive(&folder.join("archive")).len(), 358);
    assert_eq!(
        fs::read_to_string(folder.join("notes.txt")).unwrap(),
        "mine"
    );
}

#[test]
fn a_folder_that_no_demo_made_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "").unwrap();
    let ran = demo(dir.path()).expect_code(2);
    assert!(
        ran.stderr
            .contains("no demo made it: name another folder with --dir"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn the_page_of_the_capture_has_its_true_counts() {
    let page = fs::read_to_string(workspace().join("replayer/demo/README.md")).unwrap();
    for (endpoint, count) in RECORDED {
        assert!(
            page.contains(&format!("| `{endpoint}` | {count} |")),
            "{endpoint}"
        );
    }
    let all: usize = RECORDED.iter().map(|(_, count)| count).sum();
    assert!(page.contains(&format!("\n{all} exchanges on 18 connections")));
}

fn check_recording(recorded: &[Exchange]) {
    let mut endpoints = BTreeMap::new();
    let mut statuses = BTreeMap::new();
    for exchange in recorded {
        assert_eq!(
            exchange.completeness,
            Completeness::Complete,
            "{}",
            exchange.id()
        );
        assert_eq!(exchange.connection.vni.unwrap().to_string(), "7301");
        let request = exchange.request.as_ref().unwrap();
        *endpoints
            .entry(endpoint(&request.method, &request.path))
            .or_insert(0) += 1;
        *statuses
            .entry(exchange.response.as_ref().unwrap().status)
            .or_insert(0) += 1;
    }
    let expected: BTreeMap<_, _> = RECORDED
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect();
    assert_eq!(endpoints, expected);
    assert_eq!(statuses, ANSWERED.iter().copied().collect());
}

/// Method and path, parts of digits only as `{id}`.
fn endpoint(method: &str, path: &str) -> String {
    let parts: Vec<_> = path
        .split('/')
        .map(|part| match part.parse::<u64>() {
            Ok(_) => "{id}",
            Err(_) => part,
        })
        .collect();
    format!("{method} {}", parts.join("/"))
}

/// How many of the recorded quotes the planted change must alter, worked out from the recorded amounts alone: those whose
/// tax lies exactly between two cents, the lower of which is even.
fn planted_differences(recorded: &[Exchange]) -> u64 {
    let changed = |exchange: &&Exchange| {
        let response = exchange.response.as_ref().unwrap();
        let request = exchange.request.as_ref().unwrap();
        if request.path != "/v1/quotes" || response.status != 200 {
            return false;
        }
        let quote: serde_json::Value = serde_json::from_slice(&response.body.bytes).unwrap();
        let cents = |name: &str| (quote[name].as_f64().unwrap() * 100.0).round() as u64;
        let rate = match quote["country"].as_str().unwrap() {
            "AT" => 2000,
            "CH" => 810,
            "DE" => 1900,
            "PL" => 2300,
            _ => 2100,
        };
        let tax = (cents("net") - cents("discount")) * rate;
        tax % 10_000 == 5_000 && (tax / 10_000) % 2 == 0
    };
    recorded.iter().filter(changed).count() as u64
}

fn document(archive: &Path, run: &str) -> RunDocument {
    let json = fs::read(archive.join("runs").join(run).join("run.json")).unwrap();
    RunDocument::from_json(&json).unwrap()
}

fn verdict(document: &RunDocument) -> RunVerdict {
    document.conclusion.as_ref().unwrap().verdict
}
