//! The replayer's command line: its help, and what it says to mistakes.

use std::path::PathBuf;

use tests::{replayer, run, workspace};

/// Compares with a golden file; `UPDATE_EXPECT=1` writes it.
#[track_caller]
fn check_help(name: &str, arguments: &[&str]) {
    let path: PathBuf = workspace().join("tests/golden/help").join(name);
    let help = run(replayer().args(arguments).env("COLUMNS", "100"))
        .expect_code(0)
        .stdout;
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &help).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        help,
        expected,
        "{}: UPDATE_EXPECT=1 writes it",
        path.display()
    );
}

#[test]
fn help_is_as_written_down() {
    check_help("replayer.txt", &["--help"]);
    check_help("replayer-plan.txt", &["plan", "--help"]);
    check_help("replayer-run.txt", &["run", "--help"]);
    check_help("replayer-run-short.txt", &["run", "-h"]);
}

#[test]
fn mistakes_are_named_with_what_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().to_str().unwrap();
    let run_with = |flags: &[&'static str]| {
        let mut all = vec![
            "run",
            "--archive",
            archive,
            "--target",
            "http://127.0.0.1:9",
        ];
        all.extend(flags);
        all
    };
    let cases: [(Vec<&str>, &[&str]); 17] = [
        (vec![], &["Usage: replayer"]),
        (vec!["plan", "--last", "1d"], &["--archive <URL>"]),
        (
            vec!["plan", "--archive", archive],
            &[
                "no window",
                "--last 7d",
                "--window week",
                "--from TIME",
                "--exchange ID",
            ],
        ),
        (
            vec!["plan", "--archive", "/nowhere", "--last", "1d"],
            &["/nowhere", "is no folder"],
        ),
        (
            vec!["plan", "--archive", "ftp://x", "--last", "1d"],
            &["ftp://x", "s3://bucket/prefix"],
        ),
        (
            vec!["plan", "--archive", archive, "--last", "1d"],
            &["holds no exchanges"],
        ),
        (run_with(&[]), &["no window"]),
        (
            run_with(&["--last", "1d", "--window", "week"]),
            &["--last", "--window"],
        ),
        (
            run_with(&["--from", "yesterday"]),
            &["yesterday", "2026-11-22T13:00:00Z"],
        ),
        (run_with(&["--last", "7"]), &["--last", "7d"]),
        (
            run_with(&["--last", "1d", "--status", "20"]),
            &["--status", "5xx", "200-299"],
        ),
        (
            run_with(&["--last", "1d", "--path", "/["]),
            &["--path", "/[", "glob"],
        ),
        (
            run_with(&["--last", "1d", "--speed", "fast"]),
            &["--speed", "max"],
        ),
        (
            run_with(&["--last", "1d", "--rate", "0/s"]),
            &["--rate", "500/s"],
        ),
        (
            run_with(&["--last", "1d", "--host", "target"]),
            &["--host-header target"],
        ),
        (
            run_with(&["--last", "1d", "--in-flight", "0"]),
            &["--in-flight"],
        ),
        (
            run_with(&["--last", "1d", "--run", "../x"]),
            &["--run", "../x"],
        ),
    ];
    for (arguments, expected) in cases {
        let ran = run(replayer().args(&arguments)).expect_code(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        for text in expected {
            assert!(ran.stderr.contains(text), "{arguments:?}: {}", ran.stderr);
        }
    }
    let targets = [
        "shop.test",
        "ftp://a",
        "http://",
        "http://a:0",
        "http://u:p@a",
        "http://a/?q",
        "http://a b",
    ];
    for target in targets {
        let mut command = replayer();
        command.args([
            "run",
            "--archive",
            archive,
            "--last",
            "1d",
            "--target",
            target,
        ]);
        let ran = run(&mut command).expect_code(2);
        assert!(ran.stderr.contains("--target"), "{target}: {}", ran.stderr);
    }
}
