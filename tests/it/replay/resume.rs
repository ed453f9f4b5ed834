//! Runs that are killed, and go on: the accounting adds up, and nothing is sent twice that must not be.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;

use schema::run::RunState;
use schema::{Exchange, InDoubt};

use super::*;

/// Requests of the window.
const REQUESTS: usize = 240;

/// How often runs are killed; `REPRISE_KILLS` asks for more.
fn kills() -> usize {
    std::env::var("REPRISE_KILLS").map_or(6, |text| text.parse().unwrap())
}

/// Numbers that look like chance and are the same every time.
fn chance(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11
}

/// Requests of four methods, some 5 ms apart.
fn window() -> PacketScript {
    let methods = ["GET", "POST", "PUT", "DELETE"];
    let requests: Vec<String> = (0..REQUESTS)
        .map(|number| {
            let method = methods[number % 4];
            format!(
                "{method} /{method}/{number} HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n"
            )
        })
        .collect();
    one_by_one(&requests, Duration::from_millis(3))
}

/// Answers after up to 40 ms, each in its own time.
fn unhurried(arrival: &Arrival) -> Answer {
    let number = arrival.path().rsplit('/').next().unwrap();
    let wait = chance(number.parse().unwrap()) % 40;
    ok(arrival).delayed(Duration::from_millis(wait))
}

/// The window's runs, begun and gone on with.
struct Runs {
    recorded: Recorded,
    target: Target,
}

impl Runs {
    fn new(answer: fn(&Arrival) -> Answer) -> Self {
        Self {
            recorded: Recorded::new(&window()),
            target: Target::start(answer),
        }
    }

    fn begin(&self, run: &str, flags: &[&str]) -> Command {
        let mut command = replayer();
        command.args(["run", "--archive", &self.recorded.archive()]);
        command.args(["--last", "1d", "--target", &self.target.url()]);
        command.args(["--run", run, "--json", "--allow-writes"]);
        command.args(["--checkpoint", "60ms"]);
        command.args(flags);
        command
    }

    fn go_on(&self, run: &str, flags: &[&str]) -> Command {
        let mut command = replayer();
        command.args(["run", "--archive", &self.recorded.archive()]);
        command.args(["--resume", run, "--json", "--checkpoint", "60ms"]);
        command.args(flags);
        command
    }

    fn document(&self, run: &str) -> Option<RunDocument> {
        let path = Path::new(&self.recorded.archive()).join(format!("runs/{run}/run.json"));
        let json = std::fs::read(path).ok()?;
        Some(RunDocument::from_json(&json).unwrap())
    }

    fn rows(&self, run: &str) -> Vec<Exchange> {
        read_run(Path::new(&self.recorded.archive()), run).0
    }

    /// How often each exchange of a run arrived, with its method.
    fn arrived(&self, run: &str) -> BTreeMap<String, (String, usize)> {
        let mut arrived = BTreeMap::new();
        for arrival in self.target.arrivals() {
            if arrival.header("X-Reprise-Run") == Some(run) {
                let exchange = arrival.header("X-Reprise-Exchange").unwrap().to_owned();
                let (_, count) = arrived
                    .entry(exchange)
                    .or_insert_with(|| (arrival.method.clone(), 0));
                *count += 1;
            }
        }
        arrived
    }

    /// Runs to the end, killed `times` on the way; how often it was killed.
    fn kill_and_go_on(&self, run: &str, times: usize, flags: &[&str], seed: u64) -> usize {
        let mut killed = 0;
        for life in 0..times {
            let mut command = match self.document(run) {
                None => self.begin(run, &[]),
                Some(document) if document.state == RunState::Finished => break,
                Some(_) => self.go_on(run, flags),
            };
            let mut child = silent(&mut command);
            let wait = 40 + chance(seed * 100 + life as u64) % 700;
            std::thread::park_timeout(Duration::from_millis(wait));
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                killed += 1;
            }
            child.wait().unwrap();
        }
        killed
    }
}

fn silent(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().unwrap()
}

fn is_in_doubt(row: &Exchange, doubt: InDoubt) -> bool {
    row.replay.as_ref().unwrap().in_doubt == Some(doubt)
}

/// What has to hold of a run that came to its end, however often it was killed on the way. Nothing differs, as the target
/// answers as recorded.
fn check(runs: &Runs, run: &str, resent: fn(&str) -> bool) {
    let document = runs.document(run).unwrap();
    assert_eq!(document.state, RunState::Finished);
    let totals = &document.totals;
    let count = REQUESTS as u64;
    assert_eq!((totals.read, totals.planned), (count, count), "{totals:?}");
    assert_eq!(
        (totals.not_reached, totals.differed, totals.failed),
        (0, 0, 0)
    );

    let rows = runs.rows(run);
    let ids: BTreeSet<String> = rows.iter().map(|row| row.id().to_string()).collect();
    assert_eq!(
        (rows.len(), ids.len()),
        (REQUESTS, REQUESTS),
        "each ends once"
    );
    let arrived = runs.arrived(run);
    let (mut sent_again, mut not_sent_again) = (0, 0);
    for row in &rows {
        let replay = row.replay.as_ref().unwrap();
        let method = &row.request.as_ref().unwrap().method;
        let times = arrived
            .get(&row.id().to_string())
            .map_or(0, |(_, count)| *count);
        match replay.in_doubt {
            None => {
                assert_eq!(replay.outcome, Outcome::Sent);
                assert_eq!(times, 1, "{replay:?}");
            }
            Some(InDoubt::SentAgain) => {
                sent_again += 1;
                assert!(resent(method), "{method} was sent again");
                assert_eq!(replay.outcome, Outcome::Sent);
                assert!(times >= 1, "{replay:?}");
            }
            Some(InDoubt::NotSentAgain) => {
                not_sent_again += 1;
                assert!(!resent(method), "{method} was not sent again");
                assert_eq!(replay.outcome, Outcome::Skipped);
                assert_eq!(replay.outcome_reason.as_deref(), Some("in_doubt"));
                assert!(times <= 1, "{method} arrived {times} times");
            }
        }
    }
    assert_eq!(totals.sent, count - not_sent_again);
    assert_eq!(totals.matched, totals.sent);
    assert_eq!(totals.skipped, not_sent_again);
    assert_eq!(totals.in_doubt, sent_again + not_sent_again);
    assert_eq!(totals.in_doubt_sent_again, sent_again);
    check_report(&document, &rows);
}

/// What the report says adds up to what is stored.
fn check_report(document: &RunDocument, rows: &[Exchange]) {
    let (totals, report) = (&document.totals, &document.report);
    let count = REQUESTS as u64;
    let listed: BTreeSet<(&str, bool)> = report
        .in_doubt
        .iter()
        .map(|doubt| (doubt.exchange.as_str(), doubt.sent_again))
        .collect();
    assert_eq!(listed.len() as u64, totals.in_doubt);
    for row in rows
        .iter()
        .filter(|row| is_in_doubt(row, InDoubt::SentAgain))
    {
        assert!(listed.contains(&(row.id().to_string().as_str(), true)));
    }
    assert_eq!(report.schedule.lag.count, totals.sent);
    assert_eq!(report.latency.replayed.count, totals.sent);
    let endpoints = report.endpoints.iter();
    assert_eq!(
        endpoints.map(|endpoint| endpoint.planned).sum::<u64>(),
        count
    );
    let due: u64 = report
        .timeline
        .buckets
        .iter()
        .map(|bucket| bucket.due)
        .sum();
    assert_eq!(due, count);
}

fn idempotent(method: &str) -> bool {
    method != "POST"
}

/// Killed at moments that look like chance, wherever these fall: before the first lease, between a request and its answer,
/// between a segment and the checkpoint that knows it.
#[test]
fn killed_runs_go_on() {
    let runs = Runs::new(unhurried);
    let (mut killed, mut doubtful, mut round) = (0, 0, 0);
    while killed < kills() {
        let run = format!("killed-{round}");
        killed += runs.kill_and_go_on(&run, 1 + round % 4, &[], round as u64);
        let begun = runs.document(&run);
        let mut last = match begun {
            None => runs.begin(&run, &[]),
            Some(document) if document.state == RunState::Finished => {
                runs.go_on(&run, &[]) // refused, and nothing else
            }
            Some(_) => runs.go_on(&run, &[]),
        };
        let _ended = tests::run(&mut last);
        check(&runs, &run, idempotent);
        doubtful += runs.document(&run).unwrap().totals.in_doubt;
        round += 1;
    }
    assert!(doubtful > 0, "no kill left anything in doubt");
}

/// Told to send everything again, a run that was killed comes to the same sums as one that was not.
#[test]
fn a_run_that_sends_all_again_equals_one_that_was_never_killed() {
    let runs = Runs::new(unhurried);
    let _whole = run(&mut runs.begin("whole", &[])).expect_code(0);
    let mut killed = 0;
    for seed in 900.. {
        let run = format!("again-{seed}");
        killed += runs.kill_and_go_on(&run, 2, &["--send-again", "all"], seed);
        let mut last = match runs.document(&run) {
            None => runs.begin(&run, &[]),
            Some(_) => runs.go_on(&run, &["--send-again", "all"]),
        };
        let _ended = tests::run(&mut last);
        check(&runs, &run, |_| true);
        let sums = |run: &str| {
            let mut document = runs.document(run).unwrap();
            (
                document.totals.in_doubt,
                document.totals.in_doubt_sent_again,
            ) = (0, 0);
            let mut endpoints = document.report.endpoints;
            for endpoint in &mut endpoints {
                endpoint.latency = schema::run::Latency::default();
            }
            (document.totals, endpoints, document.report.not_compared)
        };
        assert_eq!(sums(&run), sums("whole"));
        if killed >= 2 {
            return;
        }
    }
}

/// After Ctrl-C everything that was sent has ended, so nothing is in doubt.
#[test]
fn an_interrupted_run_goes_on_without_doubt() {
    let runs = Runs::new(unhurried);
    let mut child = silent(&mut runs.begin("it", &[]));
    while runs.target.arrivals().len() < 40 {
        std::thread::park_timeout(Duration::from_millis(2));
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    child.wait().unwrap();
    let interrupted = runs.document("it").unwrap();
    assert_eq!(interrupted.state, RunState::Interrupted);
    let ran = run(&mut runs.go_on("it", &[])).expect_code(0);
    check(&runs, "it", |_| false);
    let document = document(&ran);
    assert_eq!(document.totals.in_doubt, 0);
    assert_eq!(document.started_at, interrupted.started_at);
    assert_eq!(document.resumed[0].after, RunState::Interrupted);
    let again = run(&mut runs.go_on("it", &[])).expect_code(2);
    assert!(again.stderr.contains("has finished"), "{}", again.stderr);
}

/// A run goes on with its own flags: what contradicts them is refused, and nothing is sent.
#[test]
fn flags_that_contradict_the_run_are_refused() {
    let runs = Runs::new(unhurried);
    let mut child = silent(&mut runs.begin("it", &["--max-rate", "40/s", "--after", "true"]));
    while runs.target.arrivals().is_empty() {
        std::thread::park_timeout(Duration::from_millis(2));
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let arrived = runs.target.arrivals().len();
    let cases: [(&[&str], &str); 4] = [
        (&[], "--after, which is not stored"),
        (
            &["--after", "true", "--speed", "2"],
            "--speed 2 contradicts run it",
        ),
        (
            &["--after", "true", "--target", "http://127.0.0.1:9"],
            "contradicts run it, which was begun with --target http://127.0.0.1",
        ),
        (&["--after", "true", "--path", "/x"], "begun without --path"),
    ];
    for (flags, expected) in cases {
        let ran = run(&mut runs.go_on("it", flags)).expect_code(2);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    assert!(runs.target.arrivals().len() <= arrived + 1);
    let nobody = run(&mut runs.go_on("nobody", &[])).expect_code(2);
    assert!(nobody.stderr.contains("run nobody"), "{}", nobody.stderr);
}

/// The same on S3.
#[test]
fn a_killed_run_goes_on_in_s3() {
    let server = S3Server::start();
    let archive = server.url("resume");
    let runs = Runs::new(unhurried);
    let capture = runs.recorded.folder.path().join("script.pcap");
    let mut read = recorder();
    read.arg("read").arg(&capture).args(["--archive", &archive]);
    let _recorded = run(read.envs(server.variables())).expect_code(0);
    let in_s3 = |flags: &[&str]| {
        let mut command = replayer();
        command.args(["run", "--archive", &archive, "--json"]);
        command.args(["--checkpoint", "100ms"]).args(flags);
        command.envs(server.variables());
        command
    };
    let target = runs.target.url();
    let begin = [
        "--last",
        "1d",
        "--target",
        &target,
        "--run",
        "it",
        "--allow-writes",
    ];
    let mut child = silent(&mut in_s3(&begin));
    while runs.target.arrivals().len() < 80 {
        std::thread::park_timeout(Duration::from_millis(2));
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = run(&mut in_s3(&["--resume", "it"]));
    let document = document(&ran);
    let totals = &document.totals;
    let count = REQUESTS as u64;
    assert_eq!((totals.read, totals.planned), (count, count));
    assert_eq!(totals.sent + totals.skipped, count, "{totals:?}");
    assert_eq!(totals.matched, totals.sent);
    assert_eq!(totals.skipped, totals.in_doubt - totals.in_doubt_sent_again);
    let twice = runs.arrived("it");
    let twice = twice
        .values()
        .filter(|(method, count)| method == "POST" && *count > 1);
    assert_eq!(twice.count(), 0);
}
