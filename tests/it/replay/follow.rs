//! What is recorded is replayed while it is: from a real recorder's stream, or from segments as they appear.

mod place;

use std::path::PathBuf;

use schema::run::{RunState, RunVerdict};
use schema::{Exchange, InDoubt};
use serde_json::Value;
use tests::{Certificates, Listening, Wire, files_below};

use super::*;
use place::{LIVE, Place, Recorder, end, feed_listening, wait_until};

#[test]
fn what_is_recorded_is_sent_a_delay_later_and_judged() {
    let place = Place::new();
    let recorder = Listening::start(&place.archive(), &LIVE);
    let url = format!("http://{}", recorder.bound().live.unwrap());
    let follow = place.follow(&["--live", &url, "--exclude-path", "/7"]);
    place.await_connections(1);
    feed_listening(&recorder, 0, 30);
    place.await_arrivals(29);
    wait_until("a verdict so far", || {
        let document = place.document().unwrap();
        assert_eq!(document.state, RunState::Running);
        let conclusion = document.conclusion.map(|conclusion| conclusion.verdict);
        document.totals.matched == 29 && conclusion == Some(RunVerdict::Pass)
    });
    let (code, out, err) = end(follow);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("pass so far: 29 sent, 0 failed"), "{out}");
    assert!(
        out.contains("30 = 1 filtered out + 29 planned + 0 not reached"),
        "{out}"
    );
    recorder.stop().unwrap();
    let follow = place.known();
    assert_eq!(
        (follow.missed, follow.gaps, follow.late),
        (0, 0, 0),
        "{follow:?}"
    );
    assert_eq!(follow.delay_us, 1_000_000);
    let (rows, _) = read_run(&place.archive(), "it");
    assert_eq!(rows.len(), 29);
    for row in rows {
        let replay = row.replay.unwrap();
        let due = replay.recorded_start.saturating_add(Duration::from_secs(1));
        assert_eq!(replay.due, due, "the recorded spacing, and the delay");
        assert_eq!(replay.pass, 0);
    }
}

/// The stream is cut, and then the recorder is killed; with a spool it goes on where it was.
#[test]
fn a_cut_stream_and_a_killed_recorder_lose_nothing() {
    let place = Place::new();
    let recorder = Recorder::start(&place);
    let wire = Wire::start(recorder.live);
    let url = format!("http://{}", wire.address());
    let follow = place.follow(&["--live", &url, "--allow-writes"]);
    place.await_connections(1);
    recorder.feed(0, 20);
    place.await_arrivals(20);
    wire.cut();
    recorder.feed(20, 40);
    wire.mend(recorder.live);
    place.await_arrivals(40);
    recorder.feed(40, 60);
    recorder.kill();
    let recorder = Recorder::start(&place);
    recorder.feed(60, 80);
    wire.cut();
    wire.mend(recorder.live);
    place.await_arrivals(80);
    let (code, out, err) = end(follow);
    assert_eq!(code, Some(0), "{out}{err}");
    let document = place.check_each_once(80);
    let follow = document.follow.unwrap();
    assert!(follow.connections >= 3, "{follow:?}");
    assert_eq!(
        (follow.missed, follow.gaps, follow.gaps_unknown),
        (0, 0, 0),
        "{follow:?}"
    );
}

/// A recorder without a spool ends while the stream is cut: what it had is in the archive, and comes from there.
#[test]
fn what_the_stream_lacks_comes_from_the_archive() {
    let place = Place::new();
    let first = Listening::start(&place.archive(), &LIVE);
    let wire = Wire::start(first.bound().live.unwrap());
    let url = format!("http://{}", wire.address());
    let follow = place.follow(&["--live", &url]);
    place.await_connections(1);
    feed_listening(&first, 0, 20);
    place.await_arrivals(20);
    wire.cut();
    feed_listening(&first, 20, 40);
    first.stop().unwrap();
    let second = Listening::start(&place.archive(), &LIVE);
    wire.mend(second.bound().live.unwrap());
    feed_listening(&second, 40, 60);
    place.await_arrivals(60);
    assert!(
        place.known().gaps > 0,
        "it is told that something may be missing"
    );
    feed_listening(&second, 60, 70);
    second.stop().unwrap();
    place.await_arrivals(70);
    wait_until("the archive has gone on", || place.known().open.is_empty());
    let (code, out, err) = end(follow);
    assert_eq!(code, Some(0), "{out}{err}");
    let document = place.check_each_once(70);
    let follow = document.follow.unwrap();
    assert!(follow.caught_up >= 20, "{follow:?}");
    assert_eq!((follow.missed, follow.gaps_unknown), (0, 0), "{follow:?}");
    assert!(
        out.contains("that the stream lacked came from the archive"),
        "{out}"
    );
}

/// Without an archive to look into, nobody knows what a recorder had that is gone: no pass.
#[test]
fn what_cannot_be_caught_up_is_no_pass() {
    let place = Place::new();
    let first = Listening::start(&place.folder.path().join("other"), &LIVE);
    let wire = Wire::start(first.bound().live.unwrap());
    let url = format!("http://{}", wire.address());
    let follow = place.follow(&["--live", &url, "--catch-up", "1s"]);
    place.await_connections(1);
    feed_listening(&first, 0, 10);
    place.await_arrivals(10);
    wire.cut();
    first.stop().unwrap();
    let second = Listening::start(&place.folder.path().join("other"), &LIVE);
    wire.mend(second.bound().live.unwrap());
    feed_listening(&second, 10, 20);
    place.await_arrivals(20);
    let (code, out, err) = end(follow);
    assert_eq!(code, Some(1), "{out}{err}");
    second.stop().unwrap();
    let document = place.check_each_once(20);
    assert_eq!(document.follow.unwrap().gaps_unknown, 1);
    let conclusion = document.conclusion.unwrap();
    assert_eq!(
        conclusion.verdict,
        RunVerdict::NotEnoughEvidence,
        "{conclusion:?}"
    );
}

/// Segments appear one by one, the second after the third: its exchanges go out late, once, and are counted.
#[test]
fn segments_are_followed_as_they_appear() {
    let place = Place::new();
    let other = place.folder.path().join("other");
    let mut parts = Vec::new();
    let follow = place.follow(&["--for", "10m"]);
    wait_until("the run", || place.document().is_some());
    for part in 0..3 {
        std::fs::create_dir_all(&other).unwrap();
        let recorder = Listening::start(&other, &LIVE);
        feed_listening(&recorder, part * 10, part * 10 + 10);
        recorder.stop().unwrap();
        let folder = place.folder.path().join(format!("part-{part}"));
        std::fs::rename(&other, &folder).unwrap();
        parts.push(folder);
    }
    let publish = |part: &PathBuf| {
        for file in files_below(part) {
            let to = place.archive().join(file.strip_prefix(part).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::rename(file, to).unwrap();
        }
    };
    publish(&parts[0]);
    place.await_arrivals(10);
    publish(&parts[2]);
    place.await_arrivals(20);
    publish(&parts[1]);
    place.await_arrivals(30);
    let (code, out, err) = end(follow);
    assert_eq!(code, Some(0), "{out}{err}");
    let document = place.check_each_once(30);
    let follow = document.follow.unwrap();
    assert_eq!((follow.late, follow.too_late), (10, 0), "{follow:?}");
    assert_eq!(follow.live, None);
    assert!(document.coverage.is_some(), "the ledger is read in the end");
}

#[test]
fn it_ends_by_itself() {
    let place = Place::new();
    let recorder = Listening::start(&place.archive(), &LIVE);
    let url = format!("http://{}", recorder.bound().live.unwrap());
    let follow = place.follow(&["--live", &url, "--for", "3s", "--json"]);
    place.await_connections(1);
    feed_listening(&recorder, 0, 5);
    let output = follow.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{out}");
    recorder.stop().unwrap();
    place.check_each_once(5);
    let first: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(first["run"], "it", "a line of JSON at each interval");
}

/// A run that cannot say what it is about to send ends, also while nothing more is recorded.
#[test]
fn a_follow_that_fails_does_not_wait_for_the_next_exchange() {
    let place = Place::new();
    let recorder = Listening::start(&place.archive(), &LIVE);
    let url = format!("http://{}", recorder.bound().live.unwrap());
    let mut follow = place.follow(&["--live", &url]);
    place.await_connections(1);
    let leases = place.archive().join("runs/it/state/leases");
    if leases.exists() {
        std::fs::remove_dir_all(&leases).unwrap();
    }
    std::fs::write(&leases, "no folder").unwrap();
    feed_listening(&recorder, 0, 1);
    wait_until("the end", || follow.try_wait().unwrap().is_some());
    let output = follow.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("leases"), "{err}");
    assert!(place.arrived().is_empty());
    recorder.stop().unwrap();
}

fn doubt(row: &Exchange) -> Option<InDoubt> {
    row.replay.as_ref().unwrap().in_doubt
}

/// Killed in the middle, again and again: each ends once, and what is not in doubt was sent once.
#[test]
fn a_follow_that_is_killed_goes_on() {
    let place = Place::new();
    let recorder = Recorder::start(&place);
    let url = format!("http://{}", recorder.live);
    let flags = ["--live", &url, "--send-again", "all"];
    let flags = [&flags[..], &["--run", "it", "--resume-if-begun"]].concat();
    let mut fed = 0;
    for life in 0..4 {
        let mut follow = place.command(&flags).spawn().unwrap();
        if life == 0 {
            place.await_connections(1);
        }
        for _ in 0..3 {
            recorder.feed(fed, fed + 10);
            fed += 10;
            std::thread::park_timeout(Duration::from_millis(170 * (life + 1)));
        }
        follow.kill().unwrap();
        follow.wait().unwrap();
        recorder.feed(fed, fed + 10);
        fed += 10;
    }
    let follow = place.command(&flags).spawn().unwrap();
    place.await_arrivals(fed);
    wait_until("all are stored", || {
        place.document().unwrap().totals.planned >= fed as u64
    });
    let (code, out, err) = end(follow);
    let document = place.document().unwrap();
    assert_eq!(
        (code, document.state),
        (Some(0), RunState::Finished),
        "{out}{err}"
    );
    let totals = &document.totals;
    let count = fed as u64;
    assert_eq!(
        (totals.read, totals.planned, totals.sent),
        (count, count, count)
    );
    let (rows, _) = read_run(&place.archive(), "it");
    assert_eq!(rows.len(), fed, "each ends once");
    let arrived = place.arrived();
    for row in &rows {
        let times = arrived[&row.request.as_ref().unwrap().path];
        match doubt(row) {
            None => assert_eq!(times, 1, "{:?}", row.replay),
            Some(InDoubt::SentAgain) => assert!(times >= 1),
            Some(InDoubt::NotSentAgain) => panic!("all are sent again"),
        }
    }
    let doubtful = rows.iter().filter(|row| doubt(row).is_some()).count() as u64;
    assert_eq!(totals.in_doubt, doubtful);
    assert_eq!(document.resumed.len(), 4);
}

#[test]
fn beyond_loopback_there_are_a_token_and_tls() {
    let place = Place::new();
    let certificates = Certificates::make();
    let token = place.folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef-live\n").unwrap();
    let wrong = place.folder.path().join("wrong");
    std::fs::write(&wrong, "0123456789abcdef-dead\n").unwrap();
    let (certificate, key) = (
        certificates.text("server.pem"),
        certificates.text("server.key"),
    );
    let secured = ["--live-token-file", token.to_str().unwrap()];
    let tls = ["--live-tls-cert", &certificate, "--live-tls-key", &key];
    let recorder = Listening::start(&place.archive(), &[&LIVE[..], &secured, &tls].concat());
    let url = format!("https://{}", recorder.bound().live.unwrap());
    let ca = certificates.text("ca.pem");
    let with_ca = ["--live", &url, "--live-ca-file", &ca];
    for token in [None, Some(wrong.to_str().unwrap())] {
        let mut flags = with_ca.to_vec();
        flags.extend(
            token
                .into_iter()
                .flat_map(|token| ["--live-token-file", token]),
        );
        let ran = run(&mut place.command(&flags)).expect_code(2);
        assert!(
            ran.stderr.contains("give the recorder's token"),
            "{}",
            ran.stderr
        );
    }
    let follow = place.follow(&[&with_ca[..], &secured].concat());
    place.await_connections(1);
    feed_listening(&recorder, 0, 10);
    place.await_arrivals(10);
    let (code, out, err) = end(follow);
    assert_eq!(code, Some(0), "{out}{err}");
    recorder.stop().unwrap();
    place.check_each_once(10);
}

#[test]
fn a_follow_and_a_run_are_not_taken_for_each_other() {
    let place = Place::new();
    let ran = run(replayer().args(["follow", "--target", &place.target.url()])).expect_code(2);
    assert!(ran.stderr.contains("nothing to follow"), "{}", ran.stderr);
    let mut follow = place.follow(&[]);
    wait_until("the run", || place.document().is_some());
    follow.kill().unwrap();
    follow.wait().unwrap();
    let mut command = replayer();
    command
        .args(["run", "--resume", "it", "--archive"])
        .arg(place.archive());
    let ran = run(&mut command).expect_code(2);
    assert!(
        ran.stderr.contains("was begun by `replayer follow`"),
        "{}",
        ran.stderr
    );
    let mut command = replayer();
    command.args(["follow", "--resume", "it", "--delay", "2s", "--archive"]);
    command.arg(place.archive());
    let ran = run(&mut command).expect_code(2);
    assert!(
        ran.stderr.contains("--delay 2s contradicts run it"),
        "{}",
        ran.stderr
    );
}
