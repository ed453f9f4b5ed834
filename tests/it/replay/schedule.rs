//! When requests arrive, and in which order.

use super::*;

/// Pipelined and quick requests of one connection wait for each other; another connection does not wait for them.
#[test]
fn requests_of_a_connection_wait_for_the_answer_before() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let script = PacketScript::new()
        .client(get("/slow") + &get("/second"))
        .server(answer)
        .server(answer)
        .between("10.0.0.9:41000", "10.0.0.2:80")
        .client(get("/other"))
        .server(answer);
    let recorded = Recorded::new(&script);
    let target = Target::start(|arrival| match arrival.path() {
        "/slow" => ok(arrival).delayed(Duration::from_millis(300)),
        _ => ok(arrival),
    });
    let _ran = recorded.replay(&target.url(), &[]).expect_code(0);
    let order: Vec<String> = target
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.target)
        .collect();
    // The first two travel over connections of their own, a few milliseconds apart: either may be accepted first.
    assert_eq!(order.len(), 3, "{order:?}");
    assert_eq!(order[2], "/second", "{order:?}");
    let (exchanges, _) = read_run(Path::new(&recorded.archive()), "it");
    let wait = |path: &str| {
        let exchange = exchanges
            .iter()
            .find(|e| e.request.as_ref().unwrap().path == path)
            .unwrap();
        let replay = exchange.replay.as_ref().unwrap();
        assert!(replay.order_wait_us <= replay.lag_us, "{replay:?}");
        Duration::from_micros(u64::try_from(replay.order_wait_us).unwrap())
    };
    assert!(
        wait("/second") >= Duration::from_millis(290),
        "{:?}",
        wait("/second")
    );
    assert_eq!(wait("/other"), Duration::ZERO);

    let target = Target::start(|arrival| match arrival.path() {
        "/slow" => ok(arrival).delayed(Duration::from_millis(300)),
        _ => ok(arrival),
    });
    let recorded = Recorded::new(&script);
    let _ran = recorded
        .replay(&target.url(), &["--order", "none"])
        .expect_code(0);
    let connections: std::collections::HashSet<u64> = target
        .arrivals()
        .iter()
        .map(|arrival| arrival.connection)
        .collect();
    assert!(connections.len() > 1, "without order nothing waits");
}

/// Times since the first arrival, by the number in the path.
fn arrival_times(target: &Target) -> Vec<Duration> {
    let mut arrivals = target.arrivals();
    let first = arrivals.iter().map(|arrival| arrival.at).min().unwrap();
    arrivals.sort_by_key(|arrival| arrival.path()[1..].parse::<u32>().unwrap());
    arrivals.iter().map(|arrival| arrival.at - first).collect()
}

/// When each exchange of the run was due, since the first; none may have been sent before.
fn due_times(recorded: &Recorded) -> Vec<Duration> {
    let (mut exchanges, _) = read_run(Path::new(&recorded.archive()), "it");
    exchanges.sort_by_key(|exchange| exchange.replay.as_ref().unwrap().recorded_start);
    let due: Vec<schema::Timestamp> = exchanges
        .iter()
        .map(|exchange| {
            let due = exchange.replay.as_ref().unwrap().due;
            assert!(exchange.start() >= due, "sent before it was due");
            due
        })
        .collect();
    due.iter().map(|time| time.since(due[0])).collect()
}

/// Recorded 100 ms apart, replayed ten times as fast: each is sent at its own time, however long the answers take.
#[test]
fn requests_arrive_when_they_are_due() {
    let requests: Vec<String> = (0..40).map(|number| get(&format!("/{number}"))).collect();
    // A step of a script takes 1 ms itself, and there are two of them a request.
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(98)));
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_millis(150)));
    let _ran = recorded
        .replay(&target.url(), &["--speed", "10"])
        .expect_code(0);
    let expected: Vec<Duration> = (0..40)
        .map(|number| Duration::from_millis(number * 10))
        .collect();
    assert_eq!(due_times(&recorded), expected);
    for (number, (at, due)) in arrival_times(&target).iter().zip(expected).enumerate() {
        // How late is the machine's business, up to a point: a schedule that waited for answers would end 6 s late.
        assert!(
            *at <= due + Duration::from_millis(1_500),
            "request {number} at {at:?}, due at {due:?}"
        );
    }
}

#[test]
fn an_even_rate_spaces_a_burst() {
    let requests: Vec<String> = (0..30).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::ZERO));
    let target = Target::start(ok);
    let _ran = recorded
        .replay(&target.url(), &["--rate", "100/s"])
        .expect_code(0);
    let expected: Vec<Duration> = (0..30)
        .map(|number| Duration::from_millis(number * 10))
        .collect();
    assert_eq!(due_times(&recorded), expected);
    assert!(arrival_times(&target)[29] <= Duration::from_millis(1_500));
}

/// A rate that is never exceeded delays a burst and drops nothing of it.
#[test]
fn a_greatest_rate_delays_and_never_drops() {
    let requests: Vec<String> = (0..30).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::ZERO));
    let target = Target::start(ok);
    let ran = recorded
        .replay(&target.url(), &["--max-rate", "100/s"])
        .expect_code(0);
    assert_eq!(document(&ran).totals.sent, 30);
    assert!(
        due_times(&recorded)[29] < Duration::from_millis(100),
        "due times stay as recorded"
    );
    // 29 intervals of 10 ms from when the first was let go; that one may have arrived late.
    let times = arrival_times(&target);
    assert!(times[29] >= Duration::from_millis(200), "{times:?}");
    assert!(times[29] <= Duration::from_millis(1_800), "{times:?}");
}

/// Three recorded connections take turns, slowly enough for one to serve them all: each keeps one of its own.
#[test]
fn a_recorded_connection_keeps_one_to_the_target() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mut script = PacketScript::new();
    for turn in 0..4 {
        for client in 1..4 {
            script = script
                .between(&format!("10.0.0.{client}:40000"), "10.0.0.9:80")
                .client(get(&format!("/{client}/{turn}")))
                .server(answer)
                .after(Duration::from_millis(20));
        }
    }
    let recorded = Recorded::new(&script);
    let used = |target: &Target, client: &str| -> std::collections::BTreeSet<u64> {
        let arrivals = target.arrivals();
        let own = arrivals.iter().filter(|a| a.target.starts_with(client));
        own.map(|arrival| arrival.connection).collect()
    };
    let target = Target::start(ok);
    let _ran = recorded.replay(&target.url(), &[]).expect_code(0);
    let mut all = std::collections::BTreeSet::new();
    for client in ["/1/", "/2/", "/3/"] {
        let own = used(&target, client);
        assert_eq!(own.len(), 1, "{client}: {own:?}");
        all.extend(own);
    }
    assert_eq!(all.len(), 3, "none is shared");

    // With one connection at a time nothing of one recorded connection may go over another's.
    let recorded = Recorded::new(&script);
    let target = Target::start(ok);
    let _ran = recorded
        .replay(&target.url(), &["--in-flight", "1"])
        .expect_code(0);
    let (first, second) = (used(&target, "/1/"), used(&target, "/2/"));
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
}
