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
    check_help("replayer-accept.txt", &["accept", "--help"]);
    check_help(
        "replayer-rules-suggest.txt",
        &["rules", "suggest", "--help"],
    );
    check_help("replayer-calibrate.txt", &["calibrate", "--help"]);
    check_help("replayer-compare.txt", &["compare", "--help"]);
    check_help("replayer-follow.txt", &["follow", "--help"]);
    check_help("replayer-plan.txt", &["plan", "--help"]);
    check_help("replayer-run.txt", &["run", "--help"]);
    check_help("replayer-run-short.txt", &["run", "-h"]);
}

/// Code 2, nothing on standard output, and an error that names what was wrong and what is right.
#[track_caller]
fn check_mistake(arguments: &[&str], expected: &[&str]) {
    let ran = run(replayer().args(arguments)).expect_code(2);
    assert_eq!(ran.stdout, "", "{arguments:?}");
    for text in expected {
        assert!(ran.stderr.contains(text), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn mistakes_in_what_to_replay() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().to_str().unwrap();
    let windows = [
        "no window",
        "--last 7d",
        "--window week",
        "--from TIME",
        "--exchange ID",
    ];
    check_mistake(&[], &["Usage: replayer"]);
    check_mistake(&["plan", "--last", "1d"], &["--archive <URL>"]);
    check_mistake(&["plan", "--archive", archive], &windows);
    let cases: [(&str, &[&str]); 3] = [
        ("/nowhere", &["/nowhere", "is no folder"]),
        ("ftp://x", &["ftp://x", "s3://bucket/prefix"]),
        (archive, &["holds no exchanges"]),
    ];
    for (archive, expected) in cases {
        check_mistake(&["plan", "--archive", archive, "--last", "1d"], expected);
    }
}

#[test]
fn mistakes_in_how_to_replay() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().to_str().unwrap();
    let typed = [
        "run",
        "--archive",
        archive,
        "--target",
        "http://127.0.0.1:9",
    ];
    let cases: [(&[&str], &[&str]); 19] = [
        (&[], &["no window"]),
        (
            &["--last", "1d", "--window", "week"],
            &["--last", "--window"],
        ),
        (
            &["--from", "yesterday"],
            &["yesterday", "2026-11-22T13:00:00Z"],
        ),
        (&["--last", "7"], &["--last", "7d"]),
        (
            &["--last", "1d", "--status", "20"],
            &["--status", "5xx", "200-299"],
        ),
        (&["--last", "1d", "--path", "/["], &["--path", "/[", "glob"]),
        (&["--last", "1d", "--speed", "fast"], &["--speed", "max"]),
        (&["--last", "1d", "--rate", "0/s"], &["--rate", "500/s"]),
        (
            &["--last", "1d", "--host", "target"],
            &["--host-header target"],
        ),
        (&["--last", "1d", "--in-flight", "0"], &["--in-flight"]),
        (&["--last", "1d", "--run", "../x"], &["--run", "../x"]),
        (
            &["--last", "1d", "--rate", "1/s", "--speed", "2"],
            &["--rate", "--speed", "exclude each other"],
        ),
        (
            &["--last", "1d", "--order", "session"],
            &["--session-key cookie:NAME"],
        ),
        (
            &["--last", "1d", "--speed", "max", "--ramp", "1m"],
            &["--ramp needs due times", "--rate"],
        ),
        (
            &["--last", "1d", "--speed", "max", "--when-behind", "skip"],
            &["--when-behind skip needs due times"],
        ),
        (
            &["--last", "1d", "--target-proof", "test"],
            &["--target-proof", "path:/PATH=TOKEN"],
        ),
        (
            &["--last", "1d", "--policy", "/nowhere"],
            &["--policy /nowhere", "cannot be read"],
        ),
        (&["--last", "1d", "--loop", "0"], &["--loop", "10m"]),
        (
            &["--last", "1d", "--speed", "max", "--max-lag", "1s"],
            &["--max-lag needs due times"],
        ),
    ];
    for (flags, expected) in cases {
        check_mistake(&[&typed, flags].concat(), expected);
    }
}

/// A flag that is typed wins over a variable; two variables that exclude each other are named.
#[test]
fn variables_and_flags_that_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().to_str().unwrap();
    let run_with = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = replayer();
        command
            .args(["run", "--archive", archive, "--last", "1d"])
            .args(["--target", "http://127.0.0.1:9"])
            .args(flags)
            .envs(variables.iter().copied());
        run(&mut command).expect_code(2).stderr
    };
    let rate = ("REPLAYER_RATE", "5/s");
    // The archive is empty, which is found out after the flags were made sense of.
    let understood = "holds no exchanges";
    assert!(run_with(&["--speed", "2"], &[rate]).contains(understood));
    assert!(run_with(&[], &[rate]).contains(understood));
    let speed = ("REPLAYER_SPEED", "2");
    assert!(run_with(&["--rate", "5/s"], &[speed]).contains(understood));
    let both = run_with(&[], &[rate, speed]);
    assert!(both.contains("REPLAYER_SPEED and REPLAYER_RATE"), "{both}");
}

#[test]
fn mistakes_in_the_target() {
    for target in [
        "shop.test",
        "ftp://a",
        "http://",
        "http://a:0",
        "http://u:p@a",
        "http://a/?q",
        "http://a b",
    ] {
        check_mistake(
            &["run", "--archive", "a", "--last", "1d", "--target", target],
            &["--target"],
        );
    }
}
