//! More than the recorder takes: what is lost is counted where it is lost, and a policy decides what that is.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use schema::Completeness;

use super::operate::{Program, listen};
use super::*;

/// A recorder with a buffer that is soon full.
fn start(place: &Path, flags: &[&str]) -> Program {
    let mut command = listen(place.to_str().unwrap());
    command.args(["--shards", "1", "--receive-buffer", "256KiB"]);
    command.args(flags);
    Program::start(command)
}

/// Sends more than the buffer holds while the recorder stands still, for longer than it looks at its buffer once.
fn flood(program: &Program, socket: &UdpSocket) -> u64 {
    const PIECES: u64 = 10;
    const FRAMES: u64 = 300;
    program.signal("-STOP");
    for _ in 0..PIECES {
        for _ in 0..FRAMES {
            socket.send(&[8; 1_000]).unwrap();
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    program.signal("-CONT");
    PIECES * FRAMES
}

fn dropped(text: &str) -> u64 {
    metric(text, "recorder_frames_dropped_total")
}

/// Frames that were received, and those that were not.
fn all(text: &str) -> u64 {
    metric(text, "recorder_frames_total") + dropped(text)
}

/// Frames that the ledger calls dropped.
fn ledger_drops(archive: &Path) -> u64 {
    let ledger = read_ledger(archive);
    ledger.iter().map(|(_, row)| row.frames_dropped).sum()
}

/// The socket says how many datagrams it had no room for: to the last one, in the metrics and in the ledger.
#[test]
fn what_the_socket_drops_is_counted_to_the_last_frame() {
    let place = tempfile::tempdir().unwrap();
    let program = start(place.path(), &[]);
    let socket = mirror("127.0.0.1", program.vxlan);
    let sent = flood(&program, &socket);
    let text = await_answer(program.metrics, |_, text| all(text) >= sent);
    assert_eq!(all(&text), sent);
    assert!(dropped(&text) > 100, "{text}");
    let (code, _, log) = program.end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(ledger_drops(place.path()), dropped(&text));
}

/// `--shed sample`: once buffers fill, a share of connections is let go. The others are whole, and every frame that was let
/// go is counted.
#[test]
fn whole_connections_are_let_go() {
    const CONNECTIONS: usize = 40;
    let place = tempfile::tempdir().unwrap();
    let program = start(place.path(), &["--shed", "sample"]);
    let socket = mirror("127.0.0.1", program.vxlan);
    let sent = flood(&program, &socket);
    let text = await_answer(program.metrics, |_, text| {
        all(text) >= sent && text.lines().any(|line| line == "recorder_shed_ratio 0.25")
    });
    let before = dropped(&text);
    assert_eq!(metric(&text, "recorder_frames_shed_total"), 0);
    let mut script = PacketScript::new();
    for number in 0..CONNECTIONS {
        let client = format!("10.0.0.1:{}", 41_000 + number);
        script = script
            .between(&client, "10.0.0.2:80")
            .connect()
            .client("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
            .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab")
            .close();
    }
    let frames = script.frames();
    for frame in frames {
        let datagram = wire::vxlan_payload(&frame.bytes, Vni::new(7));
        socket.send(&datagram).unwrap();
    }
    let due = sent + frames.len() as u64;
    let text = await_answer(program.metrics, |_, text| all(text) >= due);
    assert_eq!(all(&text), due);
    let (code, _, log) = program.end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("this share of connections is left out"),
        "{log}"
    );

    let mut kept = BTreeMap::new();
    for exchange in read_archive(place.path()) {
        assert_eq!(exchange.completeness, Completeness::Complete);
        *kept.entry(exchange.connection.client.port()).or_insert(0) += 1;
    }
    assert!(kept.values().all(|exchanges| *exchanges == 1), "{kept:?}");
    assert!((20..CONNECTIONS).contains(&kept.len()), "{}", kept.len());
    let of_each = frames.len() / CONNECTIONS;
    let shed = ((CONNECTIONS - kept.len()) * of_each) as u64;
    assert_eq!(metric(&text, "recorder_frames_shed_total"), shed);
    assert_eq!(dropped(&text) - before, shed);
    assert_eq!(ledger_drops(place.path()), dropped(&text));
}
