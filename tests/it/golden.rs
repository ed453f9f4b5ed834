//! Small captures, each written down as a script, and what the recorder makes of them.
//!
//! `tests/golden/NAME.pcap` is derived from the script, `NAME.txt` from the recorder; `UPDATE_EXPECT=1` rewrites both, and
//! the difference is for a person to judge.

mod http;
mod http2;
mod links;
mod loss;
mod peers;
mod pitfalls;
mod tcp;

use std::path::PathBuf;

use tests::{PacketScript, record, recorder, render, run, workspace};

/// Captures are minimal: what they show must be found by eye.
const PCAP_BYTES_MAX: usize = 64 * 1_024;

/// One test a capture, named as its files.
macro_rules! golden {
    ($($(#[doc = $doc:literal])* $name:ident => $script:expr;)+) => {
        $($(#[doc = $doc])* #[test] fn $name() { $crate::golden::check(stringify!($name), &$script); })+
    };
}
use golden;

fn file(name: &str) -> PathBuf {
    workspace().join("tests/golden").join(name)
}

fn check(name: &str, script: &PacketScript) {
    let pcap = script.pcap();
    assert!(
        pcap.len() <= PCAP_BYTES_MAX,
        "{name}.pcap has {} bytes",
        pcap.len()
    );
    let path = file(&format!("{name}.pcap"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &pcap).unwrap();
    }
    let kept = std::fs::read(&path).unwrap_or_default();
    assert!(
        kept == pcap,
        "{name}.pcap is not what its script gives: UPDATE_EXPECT=1 rewrites it"
    );
    expect_test::expect_file![file(&format!("{name}.txt"))].assert_eq(&render(&record(script)));
}

/// The whole program makes of the file what the core makes of its frames.
#[test]
fn the_program_agrees_with_the_core() {
    for name in [
        "in_order",
        "lost_in_answer_body",
        "chunked_with_trailers_and_extensions",
        "vxlan",
        "cooked_v2",
        "raw_ip",
        "not_utf8_in_head",
        "response_without_request",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let mut command = recorder();
        command
            .arg("read")
            .arg(file(&format!("{name}.pcap")))
            .arg("--archive")
            .arg(&archive);
        let ran = run(&mut command);
        let exchanges = tests::read_archive(&archive);
        let start = exchanges
            .first()
            .map(schema::Exchange::start)
            .unwrap_or_default();
        let text: String = exchanges
            .iter()
            .map(|exchange| tests::render_exchange(exchange, start))
            .collect();
        let expected = std::fs::read_to_string(file(&format!("{name}.txt"))).unwrap();
        let (expected, _) = expected.split_once("counted").unwrap();
        assert_eq!(text, expected, "{name}: {}", ran.stderr);
    }
}

/// A file that no test writes any more is a lie.
#[test]
fn every_file_belongs_to_a_script() {
    let sources: String = tests::source_files(&["rs"])
        .iter()
        .filter(|path| path.starts_with(workspace().join("tests/it")))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for path in tests::files_below(&workspace().join("tests/golden")) {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let extension = path.extension().unwrap().to_str().unwrap();
        let known = !matches!(extension, "pcap") || sources.contains(&format!("{stem} =>"));
        assert!(known, "{} has no script", path.display());
    }
}
