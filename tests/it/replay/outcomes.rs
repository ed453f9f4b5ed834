//! Each planned exchange ends once, with a reason.

use std::process::Child;

use super::*;

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

/// Forty requests at once need more open files than a shell's soft limit of 32; a hard one is told.
#[test]
fn as_many_files_are_opened_as_requests_are_in_flight() {
    let requests: Vec<String> = (0..40).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::ZERO));
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_millis(500)));
    let limited = |limit: &str, run_name: &str| {
        let plain = recorded.command(&target.url(), &["--speed", "max"]);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit {limit} 32; exec \"$@\""), "sh"]);
        command.arg(plain.get_program());
        let name = |argument: &std::ffi::OsStr| match argument.to_str() {
            Some("it") => run_name.to_owned(),
            _ => argument.to_str().unwrap().to_owned(),
        };
        command.args(plain.get_args().map(name));
        run(&mut command)
    };
    let ran = limited("-Sn", "soft").expect_code(0);
    assert_eq!(document(&ran).totals.matched, 40);
    let ran = limited("-n", "hard");
    assert!(ran.stderr.contains("ulimit -n 1152"), "{}", ran.stderr);
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

/// A run that goes on for 20 s, when two requests of it have arrived.
fn running(recorded: &Recorded, target: &Target) -> Child {
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
    child
}

fn interrupt(child: &Child) {
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
}

fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The first Ctrl-C ends the run cleanly: what was sent is stored, and the run says that it is partial.
#[test]
fn an_interrupted_run_says_that_it_is_partial() {
    let requests: Vec<String> = (0..20).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_secs(1)));
    let target = Target::start(ok);
    let child = running(&recorded, &target);
    interrupt(&child);
    let ran = ended(child).expect_code(1);
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

/// The second Ctrl-C ends the program at once, although a request is in flight; the run says `running` still.
#[test]
fn a_second_interrupt_gives_up_the_run() {
    let requests: Vec<String> = (0..20).map(|number| get(&format!("/{number}"))).collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_secs(1)));
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_secs(60)));
    let mut child = running(&recorded, &target);
    interrupt(&child);
    // One that comes before the first was handled is part of the first; the grace of five seconds has to be cut short.
    let started = tokio::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(4), "it goes on");
        std::thread::park_timeout(Duration::from_millis(100));
        interrupt(&child);
    }
    let ran = ended(child).expect_code(130);
    assert_eq!(ran.stdout, "");
    let json = std::fs::read(Path::new(&recorded.archive()).join("runs/it/run.json")).unwrap();
    let document = RunDocument::from_json(&json).unwrap();
    assert_eq!(document.state, schema::run::RunState::Running);
}
