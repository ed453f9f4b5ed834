//! Exchanges come faster than segments are made of them: they wait in the spool, and no one of them is lost or twice.

use std::collections::BTreeSet;

use super::spool::life;
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
    let summary = stop(listening);
    assert_eq!(summary.exchange_count("complete"), life.exchanges);
    let exchanges = read_archive(&place.path().join("archive"));
    let ids: BTreeSet<_> = exchanges.iter().map(Exchange::id).collect();
    assert_eq!(ids.len(), exchanges.len());
    let shed = summary.spool.unwrap().exchanges_shed;
    assert_eq!(exchanges.len() as u64 + shed, life.exchanges);
    assert!(summary.segments.exchanges.published > 1, "it was full");
}
