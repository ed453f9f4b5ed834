//! What may be sent, and where to.

use super::*;

/// A `replayer run` that is refused: code 2, nothing is sent or written, and the error says all of `expected`.
#[track_caller]
fn check_refused(recorded: &Recorded, target: &str, flags: &[&str], expected: &[&str]) {
    let ran = recorded.replay(target, flags).expect_code(2);
    for text in expected {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
    assert!(!Path::new(&recorded.archive()).join("runs").exists());
}

/// Recorded at 10.0.0.2:80 as shop.test.
fn shop() -> Recorded {
    Recorded::new(&one_by_one(&[get("/")], Duration::ZERO))
}

#[test]
fn a_target_that_proves_nothing_is_refused() {
    let recorded = shop();
    let expected = ["not proven to be a test environment", "suffix:.DOMAIN"];
    for target in ["http://192.0.2.1:8080", "http://shop.internal.invalid"] {
        check_refused(&recorded, target, &[], &expected);
    }
    let flags = ["--target-proof", "suffix:.test.invalid"];
    let expected = ["has no name that --target-proof allows"];
    check_refused(&recorded, "http://192.0.2.1:8080", &flags, &expected);
}

#[test]
fn a_server_of_the_recording_is_refused() {
    let recorded = shop();
    let flags = ["--target-proof", "header:X-Env=test"];
    let expected = ["the server 10.0.0.2:80", "--allow-recorded-target"];
    check_refused(&recorded, "http://10.0.0.2:8080", &flags, &expected);
    let flags = ["--target-proof", "suffix:.test"];
    let expected = ["the host `shop.test`", "--allow-recorded-target"];
    check_refused(&recorded, "http://shop.test:8080", &flags, &expected);
    // In words it is let through, to fail at the next thing.
    let flags = [&flags[..], &["--allow-recorded-target"]].concat();
    let expected = ["cannot connect to the target"];
    check_refused(&recorded, "http://shop.test:8080", &flags, &expected);
}

/// Where a proof is asked for it has to hold, on loopback too.
#[test]
fn proofs_are_asked_of_the_target() {
    let recorded = shop();
    let target = Target::start(|arrival| match arrival.target.as_str() {
        "/v2/env" => Answer::new(200, &[], "a test environment\n"),
        "/v2/" => Answer::new(404, &[("X-Env", "test")], ""),
        _ => Answer::new(200, &[], "ok"),
    });
    let url = format!("{}/v2", target.url());
    let wrong = ["--target-proof", "header:X-Env=production"];
    check_refused(&recorded, &url, &wrong, &["does not prove header:X-Env"]);
    let wrong = ["--target-proof", "path:/env=another"];
    check_refused(
        &recorded,
        &url,
        &wrong,
        &["does not prove path:/env", "/v2/env"],
    );
    let right = [
        "--target-proof",
        "header:X-Env=test",
        "--target-proof",
        "path:/env=a test environment",
    ];
    let ran = recorded.replay(&url, &right);
    let document = document(&ran);
    assert_eq!(document.totals.sent, 1);
    assert_eq!(document.target.proofs, ["header:X-Env", "path:/env"]);
}

/// Runs with exactly these flags, without the harness's `--allow-writes`.
fn replay_plainly(recorded: &Recorded, target: &Target, flags: &[&str]) -> RunDocument {
    let mut command = replayer();
    command
        .args(["run", "--archive", &recorded.archive(), "--last", "1d"])
        .args(["--json", "--target", &target.url()])
        .args(flags);
    document(&run(&mut command))
}

fn orders() -> Recorded {
    let requests: Vec<String> = [
        "GET /orders",
        "POST /orders",
        "DELETE /orders/1",
        "POST /quotes",
    ]
    .iter()
    .map(|line| format!("{line} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n"))
    .collect();
    Recorded::new(&one_by_one(&requests, Duration::from_millis(1)))
}

fn arrived(target: &Target) -> Vec<String> {
    let line = |arrival: Arrival| format!("{} {}", arrival.method, arrival.target);
    let mut lines: Vec<String> = target.arrivals().into_iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn writes_are_not_sent_unless_that_is_said() {
    let recorded = orders();
    let target = Target::start(ok);
    let document = replay_plainly(&recorded, &target, &[]);
    assert_eq!(arrived(&target), ["GET /orders"]);
    let totals = &document.totals;
    assert_eq!((totals.planned, totals.sent, totals.skipped), (4, 1, 3));
    assert_eq!(totals.skipped_by[0].reason, "write_not_allowed");
    assert_eq!(document.target.writes, "skipped");
    let verdict = document.conclusion.unwrap().verdict;
    assert_eq!(verdict, schema::run::RunVerdict::NotEnoughEvidence);

    let target = Target::start(ok);
    let document = replay_plainly(&recorded, &target, &["--allow-writes"]);
    assert_eq!((document.totals.matched, target.arrivals().len()), (4, 4));
    assert_eq!(document.target.writes, "allowed");
}

#[test]
fn a_policy_says_it_for_each_endpoint() {
    let recorded = orders();
    let target = Target::start(ok);
    let file = recorded.folder.path().join("policy.toml");
    let policy = "[[rule]]\npath = \"/quotes\"\ndo = \"allow\"\n\n[[rule]]\nmethod = [\"GET\"]\ndo = \"skip\"\n";
    std::fs::write(&file, policy).unwrap();
    let flags = ["--policy", file.to_str().unwrap()];
    let document = replay_plainly(&recorded, &target, &flags);
    assert_eq!(arrived(&target), ["POST /quotes"]);
    let reasons: Vec<(&str, u64)> = document
        .totals
        .skipped_by
        .iter()
        .map(|by| (by.reason.as_str(), by.count))
        .collect();
    assert_eq!(reasons, [("write_not_allowed", 2), ("policy", 1)]);

    std::fs::write(&file, "[[rule]]\npath = \"/quotes\"\ndo = \"perhaps\"\n").unwrap();
    let target = Target::start(ok);
    let recorded = shop();
    let expected = ["policy.toml: line 3: ", "perhaps"];
    check_refused(&recorded, &target.url(), &flags, &expected);
}

#[test]
fn commands_around_a_run() {
    let recorded = shop();
    let target = Target::start(ok);
    let log = recorded.folder.path().join("log");
    let log = log.to_str().unwrap();
    let before = format!("echo before $REPRISE_RUN >> {log}; echo noise");
    let after = format!("echo after $REPRISE_TARGET >> {log}");
    let ran = recorded
        .replay(&target.url(), &["--before", &before, "--after", &after])
        .expect_code(0);
    assert_eq!(document(&ran).totals.matched, 1, "standard output is clean");
    let expected = format!("before it\nafter {}\n", target.url());
    assert_eq!(std::fs::read_to_string(log).unwrap(), expected);

    let recorded = shop();
    let target = Target::start(ok);
    let expected = ["nothing was sent", "--before `exit 3`", "exit status: 3"];
    check_refused(&recorded, &target.url(), &["--before", "exit 3"], &expected);
    assert_eq!(target.arrivals(), []);

    let ran = recorded
        .replay(&target.url(), &["--after", "false"])
        .expect_code(2);
    assert!(ran.stderr.contains("run it is stored"), "{}", ran.stderr);
    assert_eq!(recorded.outcomes(), [(Outcome::Sent, None)]);
}

#[test]
fn requests_name_the_run_and_the_exchange() {
    let recorded = shop();
    let target = Target::start(ok);
    let _ran = recorded.replay(&target.url(), &[]).expect_code(0);
    let arrival = &target.arrivals()[0];
    let id = tests::read_archive(Path::new(&recorded.archive()))[0].id();
    assert_eq!(arrival.header("x-reprise-run"), Some("it"));
    assert_eq!(arrival.header("x-reprise-exchange"), Some(&*id.to_string()));
}
