//! Recordings that are told to stop.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tests::PacketScript;

use super::{Place, capture, exchange, paths};

#[test]
fn an_interrupt_publishes_what_was_read() {
    let place = Place::new();
    let mut child = place
        .command(&[Path::new("-")], &["--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let capture = capture(&["/a", "/b"]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&capture).unwrap();
    // The archive's folder is made once the first frame was seen, and signals are heeded from then on at the latest. What was
    // written is read when the thread that reads sleeps, because it waits for more.
    wait_for(|| place.archive().exists());
    wait_for(|| is_asleep(child.id(), "shard"));
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let mut stderr = String::new();
    read_line(child.stderr.as_mut().unwrap(), &mut stderr);
    assert!(stderr.contains("interrupted"), "{stderr}");
    // One more frame, at which the thread that waits for input sees that it is to stop.
    let more = exchange(PacketScript::new(), 41_000, "/late").pcap();
    stdin.write_all(&more[24..]).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["interrupted"], true);
    assert_eq!(summary["outcome"], "incomplete");
    assert_eq!(paths(&place.exchanges())[..2], ["/a", "/b"]);
}

/// Whether a process has a thread of this name, and it sleeps.
fn is_asleep(process: u32, thread: &str) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let stats =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let asleep = format!("({thread}) S");
    stats.into_iter().any(|stat| stat.contains(&asleep))
}

/// Reads to the end of the first line.
fn read_line(pipe: &mut impl std::io::Read, line: &mut String) {
    let mut byte = [0];
    while !line.ends_with('\n') && pipe.read(&mut byte).unwrap() == 1 {
        line.push(char::from(byte[0]));
    }
}

/// Waits until something that another process does has happened.
#[track_caller]
fn wait_for(happened: impl Fn() -> bool) {
    let deadline = std::time::SystemTime::now() + Duration::from_secs(60);
    while !happened() {
        assert!(
            std::time::SystemTime::now() < deadline,
            "it did not happen within a minute"
        );
        std::thread::yield_now();
    }
}
