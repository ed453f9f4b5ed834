//! A place with an archive and a target, recorders that write into it, and what is mirrored to them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Child;

use schema::run::{RunFollow, RunState};
use serde_json::Value;
use tests::{Listening, await_answer, metric, mirror};

use super::super::*;

/// How long anything here is waited for, in steps of [`STEP`].
pub(super) const STEPS_MAX: u32 = 1_200;
pub(super) const STEP: Duration = Duration::from_millis(50);
/// Bytes of Ethernet, IPv4 and UDP around a script's VXLAN.
pub(super) const OUTER: usize = 14 + 20 + 8;
pub(super) const LIVE: [&str; 8] = [
    "--vxlan",
    "127.0.0.1:0",
    "--metrics",
    "127.0.0.1:0",
    "--live",
    "127.0.0.1:0",
    "--recorder-id",
    "gw",
];

#[track_caller]
pub(super) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..STEPS_MAX {
        if is_so() {
            return;
        }
        std::thread::park_timeout(STEP);
    }
    panic!("not in time: {what}");
}

/// Requests `from` to `to`, each on a connection of its own, as a mirror sends them.
pub(super) fn datagrams(from: usize, to: usize) -> Vec<Vec<u8>> {
    let mut script = PacketScript::new().vxlan(7);
    for number in from..to {
        script = script
            .between(&format!("10.0.0.1:{}", 20_000 + number), "10.0.0.2:80")
            .client(get(&format!("/{number}")))
            .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    let frames = script.frames().iter();
    frames.map(|frame| frame.bytes[OUTER..].to_vec()).collect()
}

/// Mirrors these requests to a recorder, and waits until it has taken them.
pub(super) fn feed(vxlan: SocketAddr, metrics: SocketAddr, from: usize, to: usize) {
    let frames = |text: &str| metric(text, "recorder_frames_total");
    let before = frames(&await_answer(metrics, |status, _| status == 200));
    let socket: UdpSocket = mirror("127.0.0.1", vxlan);
    let datagrams = datagrams(from, to);
    for datagram in &datagrams {
        socket.send(datagram).unwrap();
    }
    let due = before + datagrams.len() as u64;
    await_answer(metrics, |_, text| frames(text) >= due);
}

pub(super) fn feed_listening(recorder: &Listening, from: usize, to: usize) {
    let bound = recorder.bound();
    feed(bound.vxlan.unwrap(), bound.metrics.unwrap(), from, to);
}

/// A folder with an archive, and a target that answers as recorded.
pub(super) struct Place {
    pub(super) folder: TempDir,
    pub(super) target: Target,
}

impl Place {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            target: Target::start(ok),
        }
    }

    pub(super) fn archive(&self) -> PathBuf {
        let archive = self.folder.path().join("archive");
        std::fs::create_dir_all(&archive).unwrap();
        archive
    }

    /// A command of `replayer follow`, as the run `it`, with everything quick.
    pub(super) fn command(&self, flags: &[&str]) -> Command {
        let mut command = replayer();
        command.args(["follow", "--archive", self.archive().to_str().unwrap()]);
        command.args(["--target", &self.target.url(), "--delay", "1s"]);
        command.args(["--checkpoint", "100ms", "--every", "200ms"]);
        command.args(flags);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        command
    }

    pub(super) fn follow(&self, flags: &[&str]) -> Child {
        let flags = [&["--run", "it"], flags].concat();
        self.command(&flags).spawn().unwrap()
    }

    pub(super) fn document(&self) -> Option<RunDocument> {
        let json = std::fs::read(self.archive().join("runs/it/run.json")).ok()?;
        RunDocument::from_json(&json).ok()
    }

    /// What the run knows of what it follows, as it was stored last.
    pub(super) fn known(&self) -> RunFollow {
        let document = self.document();
        document
            .and_then(|document| document.follow)
            .unwrap_or_default()
    }

    /// How often each path has arrived.
    pub(super) fn arrived(&self) -> BTreeMap<String, usize> {
        let mut arrived = BTreeMap::new();
        for arrival in self.target.arrivals() {
            *arrived.entry(arrival.target).or_default() += 1;
        }
        arrived
    }

    pub(super) fn await_arrivals(&self, count: usize) {
        wait_until(&format!("{count} requests"), || {
            self.arrived().len() >= count
        });
    }

    pub(super) fn await_connections(&self, count: u64) {
        wait_until("the stream", || self.known().connections >= count);
    }

    /// Every one of `count` requests has arrived, once, and the run's sums say so.
    #[track_caller]
    pub(super) fn check_each_once(&self, count: usize) -> RunDocument {
        let arrived = self.arrived();
        assert_eq!(arrived.len(), count);
        assert!(arrived.values().all(|times| *times == 1), "{arrived:?}");
        let document = self.document().unwrap();
        assert_eq!(document.state, RunState::Finished);
        let totals = &document.totals;
        let count = count as u64;
        assert_eq!((totals.read, totals.planned), (count, count), "{totals:?}");
        assert_eq!((totals.sent, totals.matched), (count, count), "{totals:?}");
        assert_eq!(totals.not_reached, 0);
        document
    }
}

/// Asks a follow to end, and says how it did.
pub(super) fn end(child: Child) -> (Option<i32>, String, String) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A recorder in a process of its own, which can be killed.
pub(super) struct Recorder {
    child: Child,
    vxlan: SocketAddr,
    metrics: SocketAddr,
    pub(super) live: SocketAddr,
}

impl Recorder {
    pub(super) fn start(place: &Place) -> Self {
        let mut command = recorder();
        command.arg("listen").arg("--archive").arg(place.archive());
        command
            .args(LIVE)
            .args(["--json", "--spool-sync", "always"]);
        command
            .arg("--spool")
            .arg(place.folder.path().join("spool"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let line = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                break line;
            }
        };
        // It must not wait for somebody to read its log.
        std::thread::spawn(move || drop(log.read_to_end(&mut Vec::new())));
        let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
        Self {
            child,
            vxlan: address("vxlan"),
            metrics: address("metrics"),
            live: address("live"),
        }
    }

    /// Records these requests, on its disk when this returns.
    pub(super) fn feed(&self, from: usize, to: usize) {
        let spooled = |text: &str| metric(text, "recorder_exchanges_spooled_total");
        let before = spooled(&await_answer(self.metrics, |status, _| status == 200));
        feed(self.vxlan, self.metrics, from, to);
        await_answer(self.metrics, |_, text| {
            spooled(text) >= before + (to - from) as u64
        });
    }

    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
