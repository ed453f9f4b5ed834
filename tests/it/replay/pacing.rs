//! How the schedule is shaped, and what becomes of a replay that cannot keep it.

use schema::run::RunVerdict;

use super::*;

/// Numbered requests, so many milliseconds apart.
fn numbered(count: u64, step_ms: u64) -> Recorded {
    let requests: Vec<String> = (0..count)
        .map(|number| get(&format!("/{number}")))
        .collect();
    // A step of a script takes 1 ms itself, and there are two of them a request.
    Recorded::new(&one_by_one(&requests, Duration::from_millis(step_ms - 2)))
}

/// When each exchange of the run was due, milliseconds since the first; none was sent before.
fn due_ms(recorded: &Recorded) -> Vec<u128> {
    let (exchanges, _) = read_run(Path::new(&recorded.archive()), "it");
    let mut due: Vec<schema::Timestamp> = exchanges
        .iter()
        .map(|exchange| {
            let due = exchange.replay.as_ref().unwrap().due;
            assert!(exchange.start() >= due, "sent before it was due");
            due
        })
        .collect();
    due.sort();
    due.iter().map(|at| at.since(due[0]).as_millis()).collect()
}

fn verdict(document: &RunDocument) -> RunVerdict {
    document.conclusion.as_ref().unwrap().verdict
}

/// A second's worth of requests takes a second and a half: the ramp stretches its own length by half.
#[test]
fn a_ramp_begins_slowly() {
    let recorded = numbered(11, 100);
    let target = Target::start(ok);
    let ran = recorded
        .replay(&target.url(), &["--ramp", "1s"])
        .expect_code(0);
    assert_eq!(document(&ran).schedule.ramp_us, 1_000_000);
    // At full height from 500 ms of the recording on, which is 1,000 ms of the run.
    let due = [
        0, 447, 632, 774, 894, 1_000, 1_100, 1_200, 1_300, 1_400, 1_500,
    ];
    assert_eq!(due_ms(&recorded), due);
}

#[test]
fn a_loop_replays_the_window_again() {
    let recorded = numbered(5, 20);
    let target = Target::start(ok);
    let ran = recorded
        .replay(&target.url(), &["--loop", "3"])
        .expect_code(0);
    let document = document(&ran);
    assert_eq!((document.totals.read, document.totals.matched), (15, 15));
    let arrivals = target.arrivals();
    for number in 0..5 {
        let path = format!("/{number}");
        assert_eq!(arrivals.iter().filter(|a| a.target == path).count(), 3);
    }
    // The window is 80 ms long, and a pass begins where the one before ends.
    let due = [
        0, 20, 40, 60, 80, 80, 100, 120, 140, 160, 160, 180, 200, 220, 240,
    ];
    assert_eq!(due_ms(&recorded), due);
}

#[test]
fn a_loop_for_a_time_ends_with_it() {
    let recorded = numbered(5, 20);
    let target = Target::start(ok);
    let ran = recorded
        .replay(&target.url(), &["--rate", "100/s", "--loop", "120ms"])
        .expect_code(0);
    assert_eq!(document(&ran).totals.matched, 12);
    assert_eq!(target.arrivals().len(), 12);
}

/// A target that takes 400 ms and one request in flight: what is due in the meantime is skipped or late, as was said, and
/// counted either way.
#[test]
fn behind_is_late_or_skipped() {
    let slow = |arrival: &Arrival| ok(arrival).delayed(Duration::from_millis(400));
    let recorded = numbered(5, 100);
    let target = Target::start(slow);
    let flags = ["--in-flight", "1", "--when-behind", "skip"];
    let ran = recorded.replay(&target.url(), &flags).expect_code(1);
    let document = document(&ran);
    let totals = &document.totals;
    assert!(totals.skipped >= 3, "{totals:?}");
    assert_eq!(totals.sent + totals.skipped, 5);
    assert_eq!(totals.skipped_by[0].reason, "behind");
    assert_eq!(totals.skipped_by[0].count, totals.skipped);
    assert_eq!(target.arrivals().len() as u64, totals.sent);
    assert_eq!(verdict(&document), RunVerdict::NotEnoughEvidence);

    let recorded = numbered(5, 100);
    let target = Target::start(slow);
    let ran = recorded
        .replay(&target.url(), &["--in-flight", "1"])
        .expect_code(0);
    let schedule = self::document(&ran).report.schedule;
    assert_eq!(schedule.held_back, 4);
    // The fifth was due at 400 ms and went out at 1,600 ms; from when it was due its answer took 1,600 ms.
    assert!(schedule.lag.max_us >= 1_190_000, "{schedule:?}");
    assert!(schedule.latency_from_due.max_us >= 1_590_000);
    assert!(self::document(&ran).report.latency.replayed.p50_us < 1_000_000);
}

/// The same replay with a gate fails, although every answer is as recorded: it was not the recorded schedule.
#[test]
fn a_late_replay_fails_its_gate() {
    let recorded = numbered(3, 10);
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_millis(300)));
    let flags = ["--in-flight", "1", "--max-lag", "200ms"];
    let ran = recorded.replay(&target.url(), &flags).expect_code(1);
    let document = document(&ran);
    assert_eq!(document.totals.matched, 3);
    assert_eq!(verdict(&document), RunVerdict::Fail);
    let sentence = &document.conclusion.unwrap().sentence;
    let expected =
        "the replay was late: 2 of 3 requests went out more than 200.00 ms after their time";
    assert!(sentence.starts_with(expected), "{sentence}");
}

/// Waits that order forces are no fault of the schedule: the gate leaves them out.
#[test]
fn waits_for_order_are_not_late() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let script = PacketScript::new()
        .client(get("/first"))
        .server(answer)
        .client(get("/second"))
        .server(answer);
    let recorded = Recorded::new(&script);
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_millis(1_500)));
    let ran = recorded
        .replay(&target.url(), &["--max-lag", "1s"])
        .expect_code(0);
    let schedule = document(&ran).report.schedule;
    assert!(schedule.lag.max_us >= 1_400_000, "{schedule:?}");
    assert!(schedule.lag_own_max_us < 1_000_000, "{schedule:?}");
}

/// One session over two connections: what followed an answer follows it, what went out beside it does.
#[test]
fn a_session_keeps_its_order_over_connections() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let login = "HTTP/1.1 200 OK\r\nSet-Cookie: sid=s1\r\nContent-Length: 2\r\n\r\nok";
    let with_cookie =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\nCookie: sid=s1\r\n\r\n");
    let script = PacketScript::new()
        .client(get("/login"))
        .server(login)
        .between("10.0.0.8:41000", "10.0.0.2:80")
        .client(with_cookie("/basket"))
        .between("10.0.0.7:42000", "10.0.0.2:80")
        .client(with_cookie("/offers"))
        .server(answer)
        .between("10.0.0.8:41000", "10.0.0.2:80")
        .server(answer);
    let recorded = Recorded::new(&script);
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_millis(300)));
    let flags = ["--order", "session", "--session-key", "cookie:sid"];
    let ran = recorded.replay(&target.url(), &flags);
    let at = |path: &str| {
        let arrivals = target.arrivals();
        arrivals.iter().find(|a| a.target == path).unwrap().at
    };
    let login = at("/login");
    for path in ["/basket", "/offers"] {
        assert!(at(path) - login >= Duration::from_millis(290), "{path}");
        assert!(at(path) - login < Duration::from_millis(590), "{path}");
    }
    assert_eq!(document(&ran).report.schedule.order_waited, 2);
}
