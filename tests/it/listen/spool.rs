//! The live recorder with a spool: killed, without a store, without room; and what is in the archive then.

use std::collections::BTreeMap;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;

use benches::Traffic;
use schema::Vni;
use serde_json::Value;
use tempfile::TempDir;
use tests::{
    Listening, S3Server, await_answer, files_below, metric, mirror, read_archive, read_ledger,
    recorder, run, run_python,
};

use super::operate::{Program, listen};
use super::{datagrams, send, traffic};

/// A folder with a spool and an archive.
pub(super) struct Place(TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.0.path().join("archive")
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.0.path().join("spool")
    }

    /// `recorder listen` through the spool, with small segments.
    fn command(&self, archive: &str, flags: &[&str]) -> Command {
        let mut command = listen(archive);
        command.arg("--spool").arg(self.spool());
        command.args(["--segment-bytes", "64KiB"]).args(flags);
        command
    }

    pub(super) fn local(&self, flags: &[&str]) -> Program {
        Program::start(self.command(self.archive().to_str().unwrap(), flags))
    }
}

/// The traffic of one life of a recorder, in a network of its own.
pub(super) fn life(number: u32, exchanges: u64) -> Traffic {
    Traffic {
        seed: u64::from(number) + 1,
        vni: Some(Vni::new(number)),
        ..traffic(exchanges)
    }
}

/// Sends all in pieces that the recorder has taken before the next one goes.
pub(super) fn feed(program: &Program, socket: &UdpSocket, datagrams: &[Vec<u8>]) {
    let frames = |text: &str| metric(text, "recorder_frames_total");
    let mut due = frames(&await_answer(program.metrics, |status, _| status == 200));
    for batch in datagrams.chunks(2_000) {
        due += batch.len() as u64;
        for datagram in batch {
            socket.send(datagram).unwrap();
        }
        await_answer(program.metrics, |_, text| frames(text) >= due);
    }
}

fn complete(text: &str) -> u64 {
    metric(text, "recorder_exchanges_total{completeness=\"complete\"}")
}

/// Exchanges that are in the spool, and synced with `--spool-sync always`.
pub(super) fn spooled(text: &str) -> u64 {
    metric(text, "recorder_exchanges_spooled_total")
}

/// How often each path of each life is in the archive.
pub(super) fn counted(archive: &Path) -> BTreeMap<(Option<Vni>, String), usize> {
    let mut counts = BTreeMap::new();
    for exchange in read_archive(archive) {
        let key = (exchange.connection.vni, exchange.request.unwrap().path);
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// Killed again and again: what was recorded before is in the archive once, whether it was published or in frames then.
#[test]
fn what_was_synced_survives_a_kill_and_is_published_once() {
    let place = Place::new();
    let exchanges = 400;
    let mut floors = Vec::new();
    for number in 0..5 {
        let program = place.local(&["--spool-sync", "always", "--shards", "2"]);
        let socket = mirror("127.0.0.1", program.vxlan);
        let datagrams = datagrams(&life(number, exchanges));
        let floor = if number < 2 {
            feed(&program, &socket, &datagrams);
            await_answer(program.metrics, |_, text| spooled(text) == exchanges);
            exchanges
        } else {
            // The last lives end in the middle of what is sent.
            let (first, rest) = datagrams.split_at(datagrams.len() / 2);
            feed(&program, &socket, first);
            let text = await_answer(program.metrics, |_, text| spooled(text) > 0);
            for datagram in &rest[..rest.len() / number as usize] {
                socket.send(datagram).unwrap();
            }
            spooled(&text)
        };
        program.kill();
        floors.push(floor);
    }
    let (code, summary, log) = place.local(&[]).end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(summary["spool"]["segments_waiting"], 0);

    let counts = counted(&place.archive());
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "published twice: {twice:?}");
    for (number, floor) in (0..5).zip(floors) {
        let truth = life(number, exchanges);
        let key = |path| (truth.vni, path);
        let there = truth.truth().map(|exchange| key(exchange.path));
        let there = there.filter(|key| counts.contains_key(key)).count() as u64;
        assert!(there >= floor, "life {number}: {there} of {floor}");
    }
    let ledger = read_ledger(&place.archive());
    let counted_there: u64 = ledger.iter().map(|(_, row)| row.exchanges).sum();
    let interruptions: u64 = ledger.iter().map(|(_, row)| row.interruptions).sum();
    assert_eq!(counted_there, counts.len() as u64);
    assert!((1..=5).contains(&interruptions), "{interruptions}");
}

/// What a crash left was recorded under the flags of then, and its segments say so; not under those of the start that
/// publishes it.
#[test]
fn what_a_crash_left_keeps_its_policy() {
    let place = Place::new();
    let lives: [&[&str]; 3] = [
        &["--keep", "path=/api/**", "--redact", "header:x-none"],
        &["--redact", "query:page=drop"],
        &[],
    ];
    for (number, flags) in (1..).zip(lives) {
        let program = place.local(
            &[
                flags,
                &["--spool-sync", "always", "--segment-bytes", "1GiB"],
            ]
            .concat(),
        );
        let socket = mirror("127.0.0.1", program.vxlan);
        feed(&program, &socket, &datagrams(&life(number, 50)));
        await_answer(program.metrics, |_, text| spooled(text) == 50);
        program.kill();
    }
    assert_eq!(place.local(&["--drop", "path=/**"]).end("-TERM").0, Some(0));
    let told = |path: &PathBuf| {
        let file = fs::read(path).unwrap();
        let footer = String::from_utf8_lossy(&file);
        assert!(!footer.contains("drop path=/**"), "{}", path.display());
        (
            footer.contains("keep path=/api/**"),
            footer.contains("reprise.redaction"),
        )
    };
    let segments = files_below(&place.archive().join("exchanges"));
    let mut found: Vec<_> = segments.iter().map(told).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, [(false, false), (false, true), (true, true)]);
    assert_eq!(read_archive(&place.archive()).len(), 150);
}

/// Segments are cut by the clock though nothing comes, and numbers and name go on with the next start.
#[test]
fn a_spool_is_emptied_by_the_clock_and_keeps_its_owner() {
    let place = Place::new();
    let spool = place.spool();
    let mut flags = super::LOOPBACK.to_vec();
    flags.extend(["--spool", spool.to_str().unwrap(), "--segment-age", "1s"]);
    for round in 1..=2 {
        let listening = Listening::start(&place.archive(), &flags);
        let metrics = listening.bound().metrics.unwrap();
        let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
        send(&socket, &listening, &datagrams(&life(round, 20)));
        await_answer(metrics, |_, text| {
            metric(text, "recorder_segments_published_total") > 0
                && metric(text, "recorder_exchanges_waiting") == 0
        });
        assert_eq!(read_archive(&place.archive()).len(), 20 * round as usize);
        let summary = listening.stop().unwrap();
        assert_eq!(summary.spool.unwrap().segments_waiting, 0);
    }
    let mut numbers = super::keys(&place.archive().join("exchanges"));
    numbers.sort_unstable();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    let mut command = place.command(place.archive().to_str().unwrap(), &["--recorder-id", "x"]);
    let ran = run(command.args(["--vxlan", "127.0.0.1:0"])).expect_code(2);
    assert!(ran.stderr.contains("belongs to recorder"), "{}", ran.stderr);
}

/// The store is taken away in the middle and comes back: recording goes on, healthy, and in the end everything is there. Gone
/// at the end, it costs the time for draining; the next start publishes what is left.
#[test]
fn a_store_that_goes_away_and_comes_back() {
    let mut server = S3Server::start();
    let place = Place::new();
    let start = |server: &S3Server| {
        let flags = ["--segment-age", "1s", "--drain", "5s"];
        let mut command = place.command(&server.url("live"), &flags);
        command.envs(server.variables());
        Program::start(command)
    };
    let published = |server: &S3Server| {
        let archive = Path::new("archive/live");
        run_python("read_s3.py", &[archive], &server.variables())
    };
    let rows = |rows: u64| move |text: &str| text.starts_with(&format!("{{\"rows\": {rows},"));
    let program = start(&server);
    let socket = mirror("127.0.0.1", program.vxlan);
    feed(&program, &socket, &datagrams(&life(0, 300)));
    await_answer(program.metrics, |_, text| {
        metric(text, "recorder_segments_published_total") > 0
            && metric(text, "recorder_exchanges_waiting") == 0
    });
    server.kill();
    feed(&program, &socket, &datagrams(&life(1, 300)));
    let text = await_answer(program.metrics, |_, text| {
        metric(text, "recorder_spool_segments_waiting") > 1
            && metric(text, "recorder_exchanges_waiting") == 300
    });
    assert_eq!(metric(&text, "recorder_healthy"), 1, "{text}");
    assert!(metric(&text, "recorder_spool_bytes") > 1_000, "{text}");
    server.restart();
    await_answer(program.metrics, |_, text| {
        metric(text, "recorder_exchanges_waiting") == 0
    });
    assert!(rows(600)(&published(&server)));

    server.kill();
    feed(&program, &socket, &datagrams(&life(2, 300)));
    let (code, summary, log) = program.end("-TERM");
    assert_eq!(code, Some(1), "{log}");
    assert!(summary["spool"]["segments_waiting"].as_u64() > Some(0));
    for words in ["draining took longer than 5.00 s", "wait in the spool"] {
        assert!(log.contains(words), "{log}");
    }
    server.restart();
    let program = start(&server);
    await_answer(program.metrics, |_, text| {
        metric(text, "recorder_segments_published_total") > 0
            && metric(text, "recorder_spool_segments_waiting") == 0
    });
    let (code, _, log) = program.end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(rows(900)(&published(&server)));
}

/// An archive that takes nothing, and a spool that is soon full: what comes is left out and counted, and health says so.
#[test]
fn a_full_spool_leaves_out_what_is_new_and_says_so() {
    let place = Place::new();
    // Nobody listens there.
    let variables = [
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
    ];
    let flags = ["--spool-max", "1MiB", "--drain", "2s"];
    let mut command = place.command("s3://archive/full", &flags);
    command.envs(variables);
    let program = Program::start(command);
    let socket = mirror("127.0.0.1", program.vxlan);
    let exchanges = 3_000;
    feed(&program, &socket, &datagrams(&life(0, exchanges)));
    let text = await_answer(program.metrics, |_, text| {
        complete(text) == exchanges && metric(text, "recorder_exchanges_shed_total") > 0
    });
    assert_eq!(metric(&text, "recorder_healthy"), 0, "{text}");
    assert_eq!(metric(&text, "recorder_spool_full"), 1, "{text}");
    let (code, summary, log) = program.end("-TERM");
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the spool is full"), "{log}");
    let shed = summary["spool"]["exchanges_shed"].as_u64().unwrap();
    assert!(shed > 100, "{summary}");

    let mut drain = recorder();
    drain.args(["read", "--json", "--spool"]).arg(place.spool());
    let ran = run(drain.arg("--archive").arg(place.archive())).expect_code(0);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["spool"]["segments_waiting"], 0);
    let counts = counted(&place.archive());
    assert_eq!(counts.len() as u64 + shed, exchanges);
    let ledger = read_ledger(&place.archive());
    let told: u64 = ledger.iter().map(|(_, row)| row.exchanges_shed).sum();
    assert_eq!(told, shed);
}
