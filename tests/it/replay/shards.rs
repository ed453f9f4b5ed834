//! One window, several machines.

use std::collections::BTreeMap;
use std::process::Child;

use schema::run::RunState;
use schema::{Exchange, Timestamp};

use super::*;

/// Requests of the window, each on a connection of its own, 10 ms apart.
const REQUESTS: usize = 80;

fn window() -> Recorded {
    let requests: Vec<String> = (0..REQUESTS)
        .map(|number| get(&format!("/{}/{number}", ["a", "b"][number % 2])))
        .collect();
    Recorded::new(&one_by_one(&requests, Duration::from_millis(8)))
}

fn command(recorded: &Recorded, target: &Target, run_name: &str, flags: &[&str]) -> Command {
    let mut command = replayer();
    command.args(["run", "--archive", &recorded.archive(), "--last", "1d"]);
    command.args(["--target", &target.url(), "--run-id", run_name, "--json"]);
    command.args([
        "--checkpoint",
        "100ms",
        "--rewrite",
        "set header:X-Env=test",
    ]);
    command.args(flags);
    command
}

fn spawn(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).spawn().unwrap()
}

fn stored(recorded: &Recorded, run_name: &str) -> RunDocument {
    let path = Path::new(&recorded.archive()).join(format!("runs/{run_name}/run.json"));
    RunDocument::from_json(&std::fs::read(path).unwrap()).unwrap()
}

fn rows(recorded: &Recorded, run_name: &str) -> Vec<Exchange> {
    read_run(Path::new(&recorded.archive()), run_name).0
}

/// How often each exchange of a run arrived.
fn arrived(target: &Target, run_name: &str) -> BTreeMap<String, usize> {
    let mut arrived = BTreeMap::new();
    for arrival in target.arrivals() {
        if arrival.header("X-Reprise-Run") == Some(run_name) {
            let exchange = arrival.header("X-Reprise-Exchange").unwrap();
            *arrived.entry(exchange.to_owned()).or_default() += 1;
        }
    }
    arrived
}

/// What has to be the same however many machines replayed the window.
fn sums(document: &RunDocument) -> impl PartialEq + std::fmt::Debug {
    let mut endpoints = document.report.endpoints.clone();
    for endpoint in &mut endpoints {
        endpoint.latency.replayed = schema::run::Percentiles::default();
    }
    let lag = document.report.schedule.lag.count;
    let due: u64 = document
        .report
        .timeline
        .buckets
        .iter()
        .map(|bucket| bucket.due)
        .sum();
    (document.totals.clone(), endpoints, lag, due)
}

/// Flags and variables of one machine.
type Machine = (
    &'static [&'static str],
    &'static [(&'static str, &'static str)],
);

#[test]
fn four_machines_do_what_one_does() {
    let recorded = window();
    let target = Target::start(ok);
    let _whole = run(&mut command(&recorded, &target, "whole", &[])).expect_code(0);

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let start_at = Timestamp::MIN.saturating_add(now.unwrap() + Duration::from_secs(3));
    let start_at = start_at.to_micros_precision();
    let start_text = start_at.to_string();
    let machines: [Machine; 4] = [
        (&["--shard", "0/4"], &[]),
        (&["--shards", "4"], &[("JOB_COMPLETION_INDEX", "1")]),
        (&["--shards", "4"], &[("AWS_BATCH_JOB_ARRAY_INDEX", "2")]),
        (&[], &[("REPLAYER_SHARD", "3/4")]),
    ];
    let children: Vec<Child> = machines
        .iter()
        .map(|(flags, variables)| {
            let flags = [*flags, &["--start-at", &start_text]].concat();
            let mut command = command(&recorded, &target, "parts", &flags);
            spawn(command.envs(variables.iter().copied()))
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
    }

    let (whole, parts) = (stored(&recorded, "whole"), stored(&recorded, "parts"));
    assert_eq!(parts.state, RunState::Finished);
    assert_eq!(sums(&parts), sums(&whole));
    assert_eq!(parts.parts.len(), 4);
    let rewriting = whole.rewriting.as_ref().unwrap();
    assert_eq!(rewriting.rules[0].requests, REQUESTS as u64);
    assert_eq!(parts.rewriting, whole.rewriting);
    assert!(whole.correlation.is_some());
    assert_eq!(parts.correlation, whole.correlation);
    let planned: Vec<u64> = parts.parts.iter().map(|part| part.planned).collect();
    assert_eq!(planned.iter().sum::<u64>(), REQUESTS as u64);
    assert!(planned.iter().all(|planned| *planned > 0), "{planned:?}");
    assert_eq!(
        parts.conclusion.as_ref().unwrap().verdict,
        schema::run::RunVerdict::Pass
    );
    assert_eq!(arrived(&target, "parts"), arrived(&target, "whole"));
    assert!(arrived(&target, "parts").values().all(|count| *count == 1));

    // Each machine kept to the one schedule.
    let rows = rows(&recorded, "parts");
    assert_eq!(rows.len(), REQUESTS);
    let first = rows
        .iter()
        .map(|row| row.replay.as_ref().unwrap().recorded_start)
        .min();
    for row in &rows {
        let replay = row.replay.as_ref().unwrap();
        let offset = replay.recorded_start.since(first.unwrap());
        assert_eq!(replay.due, start_at.saturating_add(offset));
    }
    let folder = format!("{}/runs/parts", recorded.archive());
    let report = run(replayer().args(["report", &folder, "--json"])).expect_code(0);
    assert_eq!(document(&report), parts);
}

/// All requests are of one client, so one machine has all of them and the other none.
#[test]
fn a_session_is_one_machines() {
    let recorded = window();
    let target = Target::start(ok);
    let order = [
        "--order",
        "session",
        "--session-key",
        "client-ip",
        "--speed",
        "4",
    ];
    let mut planned = Vec::new();
    for shard in ["0/2", "1/2"] {
        // Before the other has begun, the run is not at its end.
        let flags = [&order[..], &["--shard", shard]].concat();
        let ran = run(&mut command(&recorded, &target, "it", &flags));
        planned.push(document(&ran).totals.planned);
        let folder = format!("{}/runs/it", recorded.archive());
        let report = run(replayer().args(["report", &folder, "--json"]));
        let state = if planned.len() == 1 {
            RunState::Running
        } else {
            RunState::Finished
        };
        assert_eq!(document(&report).state, state);
        assert_eq!(
            document(&report).totals.planned,
            planned.iter().sum::<u64>()
        );
    }
    planned.sort_unstable();
    assert_eq!(planned, [0, REQUESTS as u64]);
}

/// A job starts a machine's command again: the part goes on, and once it has finished nothing is sent any more.
#[test]
fn a_part_that_was_killed_goes_on() {
    let recorded = window();
    let target = Target::start(|arrival| ok(arrival).delayed(Duration::from_millis(20)));
    let part = |shard: &str| {
        command(
            &recorded,
            &target,
            "it",
            &["--shard", shard, "--resume-if-begun"],
        )
    };
    let mut child = spawn(&mut part("0/2"));
    while target.arrivals().len() < 10 {
        std::thread::park_timeout(Duration::from_millis(2));
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for shard in ["0/2", "1/2"] {
        let ran = run(&mut part(shard)).expect_code(0);
        assert_eq!(document(&ran).state, RunState::Finished);
    }
    let whole = stored(&recorded, "it");
    assert_eq!(whole.state, RunState::Finished);
    assert_eq!(whole.totals.sent, REQUESTS as u64);
    assert_eq!(whole.totals.in_doubt, whole.totals.in_doubt_sent_again);
    assert_eq!(whole.resumed.len(), 1);
    assert_eq!(rows(&recorded, "it").len(), REQUESTS);
    let count = target.arrivals().len();
    let again = run(&mut part("0/2")).expect_code(0);
    assert_eq!(document(&again).state, RunState::Finished);
    assert_eq!(target.arrivals().len(), count);
}

#[test]
fn parts_that_do_not_fit() {
    let recorded = window();
    let target = Target::start(ok);
    let fast = ["--shard", "0/2", "--rate", "1000/s"];
    let _part = run(&mut command(&recorded, &target, "it", &fast)).expect_code(0);
    let cases: [(&[&str], &str); 6] = [
        (&["--shard", "2/2"], "no shard"),
        (
            &["--shards", "4"],
            "JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX",
        ),
        (
            &["--shard", "1/2"],
            "another part began run it with other flags",
        ),
        (
            &["--shard", "1/3", "--rate", "1000/s"],
            "was begun in 2 parts",
        ),
        (
            &["--shard", "1/2", "--before", "true"],
            "by each of 2 machines",
        ),
        (&fast, "run it exists in this archive"),
    ];
    for (flags, expected) in cases {
        let ran = run(&mut command(&recorded, &target, "it", flags)).expect_code(2);
        assert!(ran.stderr.contains(expected), "{flags:?}: {}", ran.stderr);
    }
}
