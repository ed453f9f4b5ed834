//! The recorder's command line: its help, and what it says to mistakes.

use std::path::PathBuf;

use tests::{recorder, run, workspace};

/// Compares with a golden file; `UPDATE_EXPECT=1` writes it.
#[track_caller]
fn check_help(name: &str, arguments: &[&str]) {
    let path: PathBuf = workspace().join("tests/golden/help").join(name);
    let help = run(recorder().args(arguments).env("COLUMNS", "100"))
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
    check_help("recorder.txt", &["--help"]);
    check_help("recorder-read.txt", &["read", "--help"]);
    check_help("recorder-read-short.txt", &["read", "-h"]);
    check_help("recorder-listen.txt", &["listen", "--help"]);
    check_help("recorder-listen-short.txt", &["listen", "-h"]);
    check_help("recorder-archive.txt", &["archive", "--help"]);
    for command in ["ls", "coverage", "check", "compact", "expire", "forget"] {
        let file = format!("recorder-archive-{command}.txt");
        check_help(&file, &["archive", command, "--help"]);
    }
}

#[test]
fn mistakes_are_named_with_what_is_right() {
    let read = |flags: &[&'static str]| {
        let mut all = vec!["read", "x.pcap", "--archive", "/nowhere"];
        all.extend(flags);
        all
    };
    let cases: [(Vec<&str>, &[&str]); 12] = [
        (vec![], &["Usage: recorder"]),
        (vec!["hear"], &["unrecognized subcommand 'hear'"]),
        (vec!["listen"], &["--archive <URL>"]),
        (
            vec!["listen", "--archive", "x", "--vxlan", "here"],
            &["--vxlan", "here", "0.0.0.0:4789"],
        ),
        (
            vec!["listen", "--archive", "x", "--max-drops", "1"],
            &["--max-drops", "`1`", "1%"],
        ),
        (
            vec!["listen", "--archive", "x", "--shards", "0"],
            &["--shards", "between 1 and 128"],
        ),
        (vec!["read", "x.pcap"], &["--archive <URL>"]),
        (vec!["read", "--archive", "x"], &["<FILE>..."]),
        (
            vec!["read", "x", "--archive", "ftp://x"],
            &["--archive", "ftp://x", "s3://bucket/prefix"],
        ),
        (
            read(&["--max-body", "10q"]),
            &["--max-body", "10q", "16MiB"],
        ),
        (read(&["--segment-age", "1"]), &["--segment-age", "5m"]),
        (read(&["--level", "99"]), &["--level", "99", "22"]),
    ];
    for (arguments, expected) in cases {
        let ran = run(recorder().args(&arguments)).expect_code(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        for text in expected {
            assert!(ran.stderr.contains(text), "{arguments:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn variables_stand_for_flags() {
    let ran = run(recorder()
        .args(["read", "/no/such.pcap"])
        .env("RECORDER_ARCHIVE", "/nowhere")
        .env("RECORDER_LEVEL", "99"))
    .expect_code(2);
    assert!(ran.stderr.contains("--level"), "{}", ran.stderr);
}
