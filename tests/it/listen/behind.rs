//! Exchanges come faster than segments are made of them: they wait in the spool, and no one of them is lost or twice.

use std::collections::BTreeSet;

use std::path::PathBuf;
use std::time::Duration;

use super::spool::{Place, counted, feed, life, spooled};
use super::*;

/// Room that one lot of what a shard hands over fills so far that the recording falls behind.
const QUEUE_BYTES: usize = 64 << 10;

fn start(place: &Path) -> Listening {
    start_with(place, &[])
}

fn start_with(place: &Path, more: &[&str]) -> Listening {
    let spool = place.join("spool");
    let mut flags = LOOPBACK.to_vec();
    flags.extend(["--spool", spool.to_str().unwrap(), "--shards", "1"]);
    flags.extend(more);
    Listening::start_with(&place.join("archive"), &flags, |config| {
        let listen = config.listen.as_mut().unwrap();
        listen.limits.queue_bytes = QUEUE_BYTES;
    })
}

/// Waits until exchanges wait in the spool: for some seconds they do from then on.
fn await_behind(metrics: std::net::SocketAddr) {
    await_answer(metrics, |_, text| metric(text, "recorder_behind") == 1);
}

/// Everything is in the archive once, in segments with one numbering, and the ledger agrees.
fn assert_is_all(archive: &Path, lives: &[Traffic]) {
    let exchanges = read_archive(archive);
    for life in lives {
        let of_life = |exchange: &&Exchange| exchange.connection.vni == life.vni;
        let of_life: Vec<_> = exchanges.iter().filter(of_life).cloned().collect();
        assert_is_truth(life, &of_life);
    }
    let all: u64 = lives.iter().map(|life| life.exchanges).sum();
    assert_eq!(exchanges.len() as u64, all);
    let ledger = read_ledger(archive);
    let counted: u64 = ledger.iter().map(|(_, row)| row.exchanges).sum();
    let odd: u64 = ledger
        .iter()
        .map(|(_, row)| row.exchanges_shed + row.frames_dropped + row.interruptions)
        .sum();
    assert_eq!((counted, odd), (all, 0));
    let mut sequences = keys(&archive.join("exchanges"));
    sequences.sort_unstable();
    let expected: Vec<u64> = (0..sequences.len() as u64).collect();
    assert_eq!(sequences, expected);
}

/// Once it is calm, another thread makes segments of the frames, long before one would be due; what comes meanwhile, and
/// after the next time, is beside them.
#[test]
fn what_waits_in_the_spool_is_published_when_it_is_calm() {
    let place = tempfile::tempdir().unwrap();
    let listening = start(place.path());
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    let metrics = listening.bound().metrics.unwrap();
    let lives = [life(1, 400), life(2, 300), life(3, 200)];
    send(&socket, &listening, &datagrams(&lives[0]));
    await_answer(metrics, |_, text| {
        metric(text, "recorder_segments_published_total") > 0
    });
    assert_is_truth(&lives[0], &read_archive(&place.path().join("archive")));
    // Behind again, with a generation that the writer had begun.
    send(&socket, &listening, &datagrams(&lives[1]));
    send(&socket, &listening, &datagrams(&lives[2]));
    let summary = stop(listening);
    assert_eq!(summary.exchange_count("complete"), 900);
    assert_is_all(&place.path().join("archive"), &lives);
}

/// Told to stop while it is behind, it makes segments of all frames first.
#[test]
fn the_end_waits_for_what_is_behind() {
    let place = tempfile::tempdir().unwrap();
    let listening = start(place.path());
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    let lives = [life(1, 400)];
    send(&socket, &listening, &datagrams(&lives[0]));
    await_behind(listening.bound().metrics.unwrap());
    let summary = stop(listening);
    assert_eq!(summary.exchange_count("complete"), 400);
    assert_is_all(&place.path().join("archive"), &lives);
}

/// A spool that has no room makes segments of its frames at once, behind or not. What comes while it is full is left out, and
/// counted: it and what is in the archive are all.
#[test]
fn a_small_spool_is_emptied_while_it_is_behind() {
    let place = tempfile::tempdir().unwrap();
    let listening = start_with(place.path(), &["--spool-max", "1MiB"]);
    let socket = mirror("127.0.0.1", listening.bound().vxlan.unwrap());
    let life = life(1, 1_500);
    send(&socket, &listening, &datagrams(&life));
    await_answer(listening.bound().metrics.unwrap(), |_, text| {
        metric(text, "recorder_fell_behind_total") > 0
    });
    let summary = stop(listening);
    assert_eq!(summary.exchange_count("complete"), life.exchanges);
    let exchanges = read_archive(&place.path().join("archive"));
    let ids: BTreeSet<_> = exchanges.iter().map(Exchange::id).collect();
    assert_eq!(ids.len(), exchanges.len());
    let shed = summary.spool.unwrap().exchanges_shed;
    assert_eq!(exchanges.len() as u64 + shed, life.exchanges);
    assert!(summary.segments.exchanges.published > 1, "it was full");
}

/// Sealing that takes its time.
const SLOW: [&str; 6] = ["--spool-sync", "always", "--shards", "1", "--level", "19"];

/// A life whose segments are soon full.
fn bulky(number: u32, exchanges: u64) -> Traffic {
    let mix = Mix::Incompressible;
    Traffic {
        mix,
        ..life(number, exchanges)
    }
}

/// Files of frames that are not sealed.
fn frames(place: &Place) -> Vec<PathBuf> {
    let mut files = files_below(&place.spool());
    files.retain(|path| path.extension().is_some_and(|end| end == "frames"));
    files
}

/// Exchanges that surely are in files of frames: those before the last frame of each.
fn rows(files: &[PathBuf]) -> u64 {
    let rows = |path: &PathBuf| {
        let file = std::fs::read(path).unwrap();
        let headers = file
            .windows(44)
            .filter(|header| header.starts_with(b"RSF1"));
        let rows = headers.map(|header| u64::from_le_bytes(header[36..].try_into().unwrap()));
        // The magic may also lie in compressed bytes, with any number behind it.
        rows.filter(|rows| *rows < 100_000).max().unwrap_or(0)
    };
    files.iter().map(rows).sum()
}

/// Waits a little while for something.
#[track_caller]
fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let pause = Duration::from_millis(2);
    for _ in 0..30_000 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(pause);
    }
    panic!("{what}: not within a minute");
}

/// A spool with the frames of `life`, whose recorder was killed before it had sealed any of them.
fn leave(place: &Place, life: &Traffic) {
    let flags = ["--spool-sync", "always", "--segment-bytes", "1GiB"];
    let program = place.local(&flags);
    let socket = mirror("127.0.0.1", program.vxlan);
    feed(&program, &socket, &datagrams(life));
    await_answer(program.metrics, |_, text| spooled(text) == life.exchanges);
    program.kill();
}

/// Told to end while it has more to seal than the time for draining allows, it leaves everything in the spool: that is said,
/// and is neither a failure nor an interruption.
#[test]
fn an_end_that_comes_too_soon_costs_nothing() {
    let place = Place::new();
    let life = bulky(1, 1_200);
    let flags = ["--segment-bytes", "1GiB", "--drain", "2s"];
    let program = place.local(&[&SLOW[..], &flags].concat());
    let socket = mirror("127.0.0.1", program.vxlan);
    feed(&program, &socket, &datagrams(&life));
    await_answer(program.metrics, |_, text| spooled(text) == life.exchanges);
    let (code, summary, log) = program.end("-TERM");
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("is safe"), "{log}");
    assert_eq!(summary["spool"]["unsealed"], true);
    assert_eq!(counted(&place.archive()).len(), 0);
    let (code, _, log) = place.local(&["--spool-sync", "none"]).end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    let counts = counted(&place.archive());
    assert_eq!(counts.len() as u64, life.exchanges);
    assert!(counts.values().all(|count| *count == 1));
    let ledger = read_ledger(&place.archive());
    let exchanges: u64 = ledger.iter().map(|(_, row)| row.exchanges).sum();
    let interruptions: u64 = ledger.iter().map(|(_, row)| row.interruptions).sum();
    assert_eq!((exchanges, interruptions), (life.exchanges, 0));
}

/// Killed at some moment while it seals what the last one left and is behind with what comes, again and again: everything is
/// in the archive once, every kill is in the ledger once, and the recorder is well and takes what comes from the start. What
/// was left is published bit by bit.
#[test]
fn killed_while_it_is_behind_it_loses_nothing() {
    let place = Place::new();
    let lives = [bulky(1, 300), bulky(2, 150), bulky(3, 150), bulky(4, 150)];
    leave(&place, &lives[0]);
    let mut floors = vec![lives[0].exchanges];
    for (life, wait_ms) in lives[1..].iter().zip([0, 70, 190]) {
        let left = frames(&place);
        let program = place.local(&SLOW);
        if floors.len() == 1 {
            let text = await_answer(program.metrics, |_, text| {
                metric(text, "recorder_spool_recovering_bytes") > 0
            });
            assert_eq!(metric(&text, "recorder_healthy"), 1, "{text}");
        }
        let socket = mirror("127.0.0.1", program.vxlan);
        for datagram in datagrams(life) {
            socket.send(&datagram).unwrap();
        }
        let own = || -> Vec<_> {
            let files = frames(&place).into_iter();
            files.filter(|file| !left.contains(file)).collect()
        };
        await_that("it falls behind", || own().len() > 2);
        std::thread::park_timeout(Duration::from_millis(wait_ms));
        program.kill();
        floors.push(rows(&own()));
    }
    let left = frames(&place);
    let published = || files_below(&place.archive().join("exchanges")).len();
    let before = published();
    let program = place.local(&SLOW);
    await_that("something is published", || published() > before);
    let still = frames(&place);
    let is_waiting = left.iter().any(|file| still.contains(file));
    assert!(is_waiting, "all was sealed before any of it was published");
    let (code, summary, log) = program.end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(summary["spool"]["recovered"]["damaged_bytes"], 0);
    let counts = counted(&place.archive());
    assert!(counts.values().all(|count| *count == 1));
    for (life, floor) in lives.iter().zip(floors) {
        let there = counts.keys().filter(|(vni, _)| *vni == life.vni).count() as u64;
        assert!(
            (floor..=life.exchanges).contains(&there) && there > 0,
            "{there} of {floor}"
        );
    }
    let ledger = read_ledger(&place.archive());
    let exchanges: u64 = ledger.iter().map(|(_, row)| row.exchanges).sum();
    let interruptions: u64 = ledger.iter().map(|(_, row)| row.interruptions).sum();
    assert_eq!(
        (exchanges, interruptions),
        (counts.len() as u64, lives.len() as u64)
    );
}
