//! Replays against targets that remember every byte, answer late, or do not answer at all.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use schema::Outcome;
use schema::run::RunDocument;
use tempfile::TempDir;
use tests::{
    Answer, Arrival, PacketScript, Ran, S3Server, Target, read_run, recorder, replayer, run,
};

/// An archive with what a script tells.
struct Recorded {
    folder: TempDir,
}

impl Recorded {
    fn new(script: &PacketScript) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("script.pcap");
        std::fs::write(&capture, script.pcap()).unwrap();
        let archive = folder.path().join("archive");
        let mut read = recorder();
        read.arg("read")
            .arg(&capture)
            .arg("--archive")
            .arg(&archive);
        let _recorded = run(&mut read);
        Self { folder }
    }

    fn archive(&self) -> String {
        self.folder
            .path()
            .join("archive")
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// `replayer run` of everything, as the run `it`.
    fn command(&self, target: &str, flags: &[&str]) -> Command {
        let mut command = replayer();
        command.args([
            "run",
            "--archive",
            &self.archive(),
            "--last",
            "1d",
            "--target",
            target,
            "--run",
            "it",
            "--json",
        ]);
        command.args(flags);
        command
    }

    fn replay(&self, target: &str, flags: &[&str]) -> Ran {
        run(&mut self.command(target, flags))
    }

    /// Outcome and reason of every exchange of the run, in the order of the recording.
    fn outcomes(&self) -> Vec<(Outcome, Option<String>)> {
        let (mut exchanges, _) = read_run(Path::new(&self.archive()), "it");
        exchanges.sort_by_key(|exchange| exchange.replay.as_ref().unwrap().recorded_start);
        let replay = |exchange: schema::Exchange| *exchange.replay.unwrap();
        exchanges
            .into_iter()
            .map(replay)
            .map(|replay| (replay.outcome, replay.outcome_reason))
            .collect()
    }
}

fn document(ran: &Ran) -> RunDocument {
    RunDocument::from_json(ran.stdout.as_bytes())
        .unwrap_or_else(|error| panic!("{error}: {}{}", ran.stdout, ran.stderr))
}

/// One connection a request, with an answer of 200 each, `step` apart.
fn one_by_one(requests: &[String], step: Duration) -> PacketScript {
    let mut script = PacketScript::new();
    for (number, request) in requests.iter().enumerate() {
        if number > 0 {
            script = script
                .between(&format!("10.0.0.1:{}", 40_000 + number), "10.0.0.2:80")
                .after(step);
        }
        script = script
            .client(request)
            .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    script
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n")
}

fn ok(_: &Arrival) -> Answer {
    Answer::new(200, &[], "ok")
}

fn fields(arrival: &Arrival) -> Vec<String> {
    let lower =
        |(name, value): &(String, String)| format!("{}: {value}", name.to_ascii_lowercase());
    arrival.headers.iter().map(lower).collect()
}

/// Nothing is added, left out or reordered: no `accept`, no `user-agent`, no `connection`.
#[test]
fn exactly_the_recorded_head_and_body_arrive() {
    let requests = [
        "GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n".to_owned(),
        "GET /b HTTP/1.1\r\nUser-Agent: shop/1\r\nX-Odd:  spaced \r\nHost: shop.test\r\nCookie: a=1\r\nCookie: b=2\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\n\r\n".to_owned(),
        "POST /c HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-Last: 1\r\n\r\nhello".to_owned(),
        "PUT /d HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\nX-Last: 1\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n".to_owned(),
        "POST /e HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "PROPFIND /f HTTP/1.1\r\nHost: shop.test\r\nReferer: http://shop.test/\r\n\r\n".to_owned(),
    ];
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(ok);
    let ran = recorded.replay(&target.url(), &["--no-forwarded"]);
    assert_eq!(
        document(&ran).totals.matched,
        6,
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let mut arrivals = target.arrivals();
    arrivals.sort_by_key(|arrival| arrival.target.clone());
    let expected: [(&str, &str, &[&str], &str); 6] = [
        ("GET", "/a", &["host: shop.test"], ""),
        (
            "GET",
            "/b",
            &[
                "user-agent: shop/1",
                "x-odd: spaced",
                "host: shop.test",
                "cookie: a=1",
                "cookie: b=2",
                "accept-encoding: gzip, br",
                "connection: keep-alive",
            ],
            "",
        ),
        (
            "POST",
            "/c",
            &[
                "host: shop.test",
                "content-type: text/plain",
                "content-length: 5",
                "x-last: 1",
            ],
            "hello",
        ),
        (
            "PUT",
            "/d",
            &["host: shop.test", "transfer-encoding: chunked", "x-last: 1"],
            "hello",
        ),
        ("POST", "/e", &["host: shop.test", "content-length: 0"], ""),
        (
            "PROPFIND",
            "/f",
            &["host: shop.test", "referer: http://shop.test/"],
            "",
        ),
    ];
    for (arrival, (method, path, head, body)) in arrivals.iter().zip(expected) {
        assert_eq!(
            (arrival.method.as_str(), arrival.target.as_str()),
            (method, path)
        );
        assert_eq!(fields(arrival), head, "{path}");
        assert_eq!(String::from_utf8_lossy(&arrival.body), body, "{path}");
    }
}

/// reqwest's URL parser would make `/b` of `/a/../b`. What hyper's types cannot say is skipped, and said so.
#[test]
fn paths_arrive_byte_for_byte_behind_the_prefix() {
    let paths = [
        "/",
        "//a//",
        "/a/../b/./c",
        "/%2f%7e|x",
        "/{id}?q={a}&r=%zz&",
        "/a?",
        "/a?b?c=/../d",
        "/caf\u{e9}?\u{fc}",
    ];
    let requests: Vec<String> = paths
        .iter()
        .chain(&["/<b>", "/?q=\"a\""])
        .map(|path| get(path))
        .collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(ok);
    let ran = recorded.replay(&format!("{}/v2/", target.url()), &[]);
    let mut arrived: Vec<String> = target
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.target)
        .collect();
    let mut expected: Vec<String> = paths.iter().map(|path| format!("/v2{path}")).collect();
    (arrived.sort(), expected.sort());
    assert_eq!(arrived, expected);
    let totals = document(&ran).totals;
    assert_eq!((totals.planned, totals.sent, totals.skipped), (10, 8, 2));
    let not_sendable = (Outcome::Skipped, Some("not_sendable".to_owned()));
    assert_eq!(
        recorded.outcomes()[8..],
        [not_sendable.clone(), not_sendable]
    );
}

#[test]
fn host_and_forwarded_fields() {
    let recorded = Recorded::new(&one_by_one(&[get("/")], Duration::ZERO));
    let target = Target::start(ok);
    let _ran = recorded.replay(&target.url(), &["--host-header", "target"]);
    let arrival = &target.arrivals()[0];
    assert_eq!(
        arrival.header("host"),
        Some(target.address().to_string().as_str())
    );
    assert_eq!(arrival.header("x-forwarded-for"), Some("10.0.0.1"));
    assert_eq!(arrival.header("x-forwarded-port"), Some("80"));
    assert_eq!(arrival.header("x-forwarded-proto"), Some("http"));
    assert_eq!(arrival.header("x-forwarded-host"), Some("shop.test"));
}

/// A redirect is an answer, not an errand; a compressed body is stored as it came.
#[test]
fn redirects_are_not_followed() {
    let recorded = Recorded::new(&one_by_one(&[get("/old")], Duration::ZERO));
    let target = Target::start(|_| Answer::new(302, &[("Location", "/new")], ""));
    let ran = recorded.replay(&target.url(), &[]).expect_code(1);
    assert_eq!(target.arrivals().len(), 1);
    assert_eq!(document(&ran).totals.differed, 1);
}

/// Each way in which a target can fail is an outcome with a reason, and the run goes on.
#[test]
fn failures_are_outcomes() {
    let paths = ["/hang", "/close", "/garbage", "/half", "/good"];
    let requests: Vec<String> = paths
        .iter()
        .map(|path| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"))
        .collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(|arrival| match arrival.path() {
        "/hang" => Answer::new(200, &[], "ok").delayed(Duration::from_secs(20)),
        "/close" => Answer::raw(""),
        "/garbage" => Answer::raw("220 mail.test ESMTP\r\n\r\n"),
        "/half" => Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        _ => Answer::new(200, &[], "ok"),
    });
    let ran = recorded
        .replay(&target.url(), &["--timeout", "500ms"])
        .expect_code(1);
    let failed = |reason: &str| (Outcome::Failed, Some(reason.to_owned()));
    assert_eq!(
        recorded.outcomes(),
        [
            failed("timeout"),
            failed("connection_closed"),
            failed("malformed_response"),
            failed("connection_closed"),
            (Outcome::Sent, None)
        ]
    );
    let totals = document(&ran).totals;
    assert_eq!(
        (totals.planned, totals.sent, totals.failed, totals.skipped),
        (5, 1, 4, 0)
    );
    let mut reasons: Vec<(&str, u64)> = totals
        .failed_by
        .iter()
        .map(|by| (by.reason.as_str(), by.count))
        .collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            ("connection_closed", 2),
            ("malformed_response", 1),
            ("timeout", 1)
        ]
    );
    assert_eq!(
        target.arrivals().len(),
        5,
        "what is not safe is never sent twice"
    );
}

#[test]
fn a_target_that_goes_away_is_refused_connections() {
    let requests: Vec<String> = (0..3).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // The run looks whether anybody is there, and finds somebody who then leaves.
    let leaves = std::thread::spawn(move || drop(listener.accept()));
    let ran = recorded.replay(&url, &[]).expect_code(1);
    leaves.join().unwrap();
    let refused = (Outcome::Failed, Some("connect_refused".to_owned()));
    assert_eq!(recorded.outcomes(), vec![refused; 3], "{}", ran.stdout);
}

#[test]
fn nobody_at_the_target_fails_before_anything_is_written() {
    let recorded = Recorded::new(&one_by_one(&[get("/")], Duration::ZERO));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ran = recorded.replay(&url, &[]).expect_code(2);
    assert!(
        ran.stderr.contains("cannot connect to the target"),
        "{}",
        ran.stderr
    );
    assert!(!Path::new(&recorded.archive()).join("runs").exists());
}

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
    assert_eq!(order, ["/slow", "/other", "/second"]);
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

/// What was not seen whole is not sent, and each such exchange is in the run with its reason.
#[test]
fn what_cannot_be_replayed_is_skipped_with_a_reason() {
    let script = PacketScript::new()
        .connect()
        .client(get("/good"))
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .client("CONNECT db:443 HTTP/1.1\r\nHost: db\r\n\r\n")
        .server("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        .between("10.0.0.9:41000", "10.0.0.2:80")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let recorded = Recorded::new(&script);
    let target = Target::start(ok);
    let ran = recorded.replay(&target.url(), &[]).expect_code(1);
    let totals = document(&ran).totals;
    assert_eq!(
        (totals.planned, totals.sent, totals.skipped),
        (3, 1, 2),
        "{}",
        ran.stdout
    );
    let skipped = |reason: &str| (Outcome::Skipped, Some(reason.to_owned()));
    let mut outcomes = recorded.outcomes();
    outcomes.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(
        outcomes,
        [
            (Outcome::Sent, None),
            skipped("connect"),
            skipped("no_request")
        ]
    );
    assert_eq!(target.arrivals().len(), 1);
}

/// The first Ctrl-C ends the run cleanly: what was sent is stored, and the run says that it is partial.
#[test]
fn an_interrupted_run_says_that_it_is_partial() {
    let requests: Vec<String> = (0..20).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_secs(1)));
    let target = Target::start(ok);
    let mut child = recorded
        .command(&target.url(), &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while target.arrivals().len() < 2 {
        std::thread::park_timeout(Duration::from_millis(5));
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let document = document(&ran);
    assert_eq!(document.state, schema::run::RunState::Interrupted);
    let totals = document.totals;
    assert!(totals.sent >= 2 && totals.sent < 20, "{totals:?}");
    assert_eq!(
        totals.planned + totals.not_reached,
        20,
        "every exchange is accounted for"
    );
    assert_eq!(recorded.outcomes().len() as u64, totals.planned);
}

#[test]
fn one_exchange_is_found_by_its_id() {
    let requests: Vec<String> = (0..5).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let id = tests::read_archive(Path::new(&recorded.archive()))[3]
        .id()
        .to_string();
    let target = Target::start(ok);
    let mut command = replayer();
    command.args([
        "run",
        "--archive",
        &recorded.archive(),
        "--exchange",
        &id,
        "--target",
        &target.url(),
    ]);
    let _ran = run(&mut command).expect_code(0);
    let arrived: Vec<String> = target
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.target)
        .collect();
    assert_eq!(arrived, ["/3"]);
}

#[test]
fn a_plan_counts_what_a_run_would_send() {
    let script = one_by_one(
        &[get("/orders/1"), get("/orders/2?x"), get("/health")],
        Duration::from_secs(1),
    )
    .between("10.0.0.9:41000", "10.0.0.2:80")
    .server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let recorded = Recorded::new(&script);
    let mut command = replayer();
    command.args([
        "plan",
        "--archive",
        &recorded.archive(),
        "--last",
        "1d",
        "--exclude-path",
        "/health",
        "--json",
    ]);
    let ran = run(&mut command).expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let expected = [
        ("/read", 4),
        ("/filtered_out", 1),
        ("/planned", 3),
        ("/sendable", 2),
        ("/skipped_by/no_request", 1),
        ("/methods/GET", 2),
        ("/statuses/200", 3),
        ("/segments", 1),
        ("/coverage/minutes_missing", 0),
    ];
    for (pointer, count) in expected {
        assert_eq!(
            plan.pointer(pointer),
            Some(&count.into()),
            "{pointer}: {}",
            ran.stdout
        );
    }
    assert_eq!(
        plan.pointer("/endpoints/0/endpoint"),
        Some(&"GET shop.test /orders/{id}".into())
    );
}

/// A window that reaches beyond the recording has holes, and its plan says so.
#[test]
fn a_plan_warns_of_holes() {
    let recorded = Recorded::new(&one_by_one(&[get("/")], Duration::ZERO));
    let mut command = replayer();
    command.args(["plan", "--archive", &recorded.archive()]);
    command.args([
        "--from",
        "2026-11-22T12:58:00Z",
        "--to",
        "2026-11-22T13:05:00Z",
    ]);
    let ran = run(&mut command).expect_code(1);
    assert!(
        ran.stdout
            .contains("6 of 7 minutes were not recorded, in 2 holes"),
        "{}",
        ran.stdout
    );
}

/// The same through a real S3 server: the window is listed, segments are read by ranges, and the run is written there.
#[test]
fn an_archive_on_s3_is_replayed() {
    let server = S3Server::start();
    let archive = server.url("replay");
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("script.pcap");
    let requests: Vec<String> = (0..10).map(|number| get(&format!("/{number}"))).collect();
    std::fs::write(
        &capture,
        one_by_one(&requests, Duration::from_millis(1)).pcap(),
    )
    .unwrap();
    let mut read = recorder();
    read.arg("read")
        .arg(&capture)
        .args(["--archive", &archive])
        .envs(server.variables());
    let _recorded = run(&mut read).expect_code(0);
    let target = Target::start(ok);
    let mut command = replayer();
    command
        .args([
            "run",
            "--archive",
            &archive,
            "--last",
            "1d",
            "--target",
            &target.url(),
            "--json",
        ])
        .envs(server.variables());
    let ran = run(&mut command).expect_code(0);
    assert_eq!(document(&ran).totals.matched, 10);
    assert_eq!(target.arrivals().len(), 10);
}
