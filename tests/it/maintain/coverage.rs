//! `ls` and `coverage`, beside what the replayer says of the same archive.

use serde_json::Value;
use tests::{files_below, replayer, run};

use super::{archive, json, record, traffic};

#[test]
fn coverage_is_what_a_plan_rests_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(200), "gw-1");
    let windows = [
        (0, ["--last", "1m"].as_slice()),
        (
            1,
            &[
                "--from",
                "2026-11-22T12:58:00Z",
                "--to",
                "2026-11-22T13:05:00Z",
            ],
        ),
    ];
    for (code, window) in windows {
        let covered = json(&path, &[&["coverage"], window].concat(), code);
        let mut command = replayer();
        command.args(["plan", "--json", "--archive"]).arg(&path);
        let ran = run(command.args(window)).expect_code(code);
        let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
        for key in ["coverage", "warnings", "from", "to"] {
            assert_eq!(covered[key], plan[key], "{key} of {window:?}");
        }
        assert_eq!(covered["whole"], code == 0);
    }
    let covered = json(
        &path,
        &[
            "coverage",
            "--from",
            "2026-11-22T12:58:00Z",
            "--to",
            "2026-11-22T13:05:00Z",
        ],
        1,
    );
    let states: Vec<_> = covered["timeline"]["all"]["stretches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stretch| {
            (
                stretch["state"].as_str().unwrap(),
                stretch["minutes"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("not_recorded", Some(1)),
            ("whole", Some(2)),
            ("not_recorded", Some(4))
        ]
    );
    let text = archive(&path, &["coverage", "--window", "week"]);
    assert_eq!(
        text.code, 2,
        "the archive holds no whole week: {}",
        text.stderr
    );
    assert!(text.stderr.contains("no whole week"), "{}", text.stderr);
}

#[test]
fn a_listing_names_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(folder.path(), &traffic(200), "gw-1");
    record(folder.path(), &traffic(50), "gw-2");
    std::fs::write(
        path.join("exchanges/date=2026-11-22/hour=13/notes.txt"),
        "x",
    )
    .unwrap();
    let listed = json(&path, &["ls", "--hours"], 0);
    let segments = files_below(&path.join("exchanges"));
    let segments = segments
        .iter()
        .filter(|file| file.extension().unwrap() == "parquet");
    let bytes: u64 = segments
        .clone()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert_eq!(listed["segments"], segments.count());
    assert_eq!(listed["bytes"], bytes);
    assert_eq!(listed["parts"].as_array().unwrap().len(), 2);
    assert_eq!(
        listed["parts"][0]["recorders"],
        serde_json::json!(["gw-1", "gw-2"])
    );
    assert!(
        listed["strangers"][0]
            .as_str()
            .unwrap()
            .ends_with("hour=13/notes.txt")
    );

    let text = archive(&path, &["ls"]).expect_code(0).stdout;
    assert!(
        text.contains("2026-11-22") && text.contains("gw-1, gw-2"),
        "{text}"
    );
    let ran = archive(&folder.path().join("none"), &["ls"]).expect_code(2);
    assert!(ran.stderr.contains("no such folder"), "{}", ran.stderr);
    assert!(
        !folder.path().join("none").exists(),
        "looking makes nothing"
    );
}
