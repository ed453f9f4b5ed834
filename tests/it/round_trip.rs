//! Generated traffic, recorded, replayed against a service that answers as the recorded one did, and against one that
//! does not.

use std::fs::File;
use std::path::Path;

use benches::{Mix, Traffic, write_pcap};
use tests::{Answer, Arrival, Ran, Target, read_run, recorder, replayer, run};

fn traffic() -> Traffic {
    Traffic {
        exchanges: 120,
        mix: Mix::Mixed,
        ..Traffic::default()
    }
}

fn record(folder: &Path) -> String {
    let capture = folder.join("gateway.pcap");
    write_pcap(traffic().frames(), File::create(&capture).unwrap()).unwrap();
    let archive = folder.join("archive");
    let _ = run(recorder()
        .arg("read")
        .arg(&capture)
        .arg("--archive")
        .arg(&archive))
    .expect_code(0);
    archive.to_str().unwrap().to_owned()
}

/// Answers as the recorded service did.
fn faithful(traffic: &Traffic, arrival: &Arrival) -> Answer {
    let Some(sent) = traffic.find(arrival.path()) else {
        return Answer::new(404, &[], "never recorded");
    };
    let headers = [("Server", "nginx"), ("Content-Type", "application/json")];
    Answer::new(sent.status, &headers, sent.response_body)
}

fn replay(archive: &str, target: &Target, name: &str) -> Ran {
    let mut command = replayer();
    command.args([
        "run",
        "--archive",
        archive,
        "--target",
        &target.url(),
        "--run",
        name,
        "--allow-writes",
    ]);
    command.args([
        "--from",
        "2026-11-22T13:00:00Z",
        "--to",
        "2026-11-22T14:00:00Z",
        "--speed",
        "max",
    ]);
    run(&mut command)
}

#[test]
fn a_faithful_service_matches() {
    let folder = tempfile::tempdir().unwrap();
    let archive = record(folder.path());
    let traffic = traffic();
    let target = Target::start(move |arrival| faithful(&traffic, arrival));
    let ran = replay(&archive, &target, "faithful").expect_code(0);

    let (exchanges, divergences) = read_run(Path::new(&archive), "faithful");
    assert_eq!(divergences, [], "{}", ran.stdout);
    assert_eq!(exchanges.len(), 120);
    for exchange in &exchanges {
        let replay = exchange.replay.as_ref().unwrap();
        assert_eq!(replay.verdict, schema::ExchangeVerdict::Match, "{replay:?}");
    }
    check_arrivals(&target.arrivals());
}

/// What arrived is what was recorded: every request once, each byte of the head that is not added on purpose.
fn check_arrivals(arrivals: &[Arrival]) {
    let traffic = traffic();
    assert_eq!(arrivals.len(), 120);
    let mut numbers: Vec<u64> = Vec::new();
    for arrival in arrivals {
        let sent = traffic.find(arrival.path()).unwrap();
        let mut lines = sent.request_head.lines();
        let request_line = lines.next().unwrap();
        assert_eq!(
            format!("{} {} HTTP/1.1", arrival.method, arrival.target),
            request_line
        );
        assert_eq!(arrival.body, sent.request_body.as_bytes());
        let got = |name: &str| arrival.header(name).unwrap_or_default().to_owned();
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            assert_eq!(got(name), value, "{name}");
        }
        let added: Vec<_> = arrival
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        for name in ["accept-encoding", "transfer-encoding", "connection"] {
            assert!(
                !added.iter().any(|other| other == name),
                "{name} was invented: {added:?}"
            );
        }
        numbers.push(sent.number);
    }
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..120), "each request once");
}

#[test]
fn one_changed_answer_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let archive = record(folder.path());
    let traffic = traffic();
    let changed = traffic.exchange(42).path;
    let path = changed.clone();
    let target = Target::start(move |arrival| {
        let mut answer = faithful(&traffic, arrival);
        if arrival.path() == path {
            let text = String::from_utf8(answer.body).unwrap();
            answer.body = text
                .replacen("\"quantity\":3", "\"quantity\":4", 1)
                .into_bytes();
        }
        answer
    });
    let _ = replay(&archive, &target, "changed").expect_code(1);
    let (_, divergences) = read_run(Path::new(&archive), "changed");
    assert_eq!(divergences.len(), 1, "{divergences:?}");
    assert_eq!(divergences[0].path, changed);
    assert_eq!(divergences[0].location, "$.lines[0].quantity");
    assert_eq!(divergences[0].expected.as_deref(), Some("3"));
    assert_eq!(divergences[0].actual.as_deref(), Some("4"));

    let mut report = replayer();
    report.args(["report", &format!("{archive}/runs/changed")]);
    let ran = run(&mut report);
    assert!(
        ran.stdout.contains("quantity"),
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
}

/// A target that does not answer is no agreement.
#[test]
fn a_dead_target_is_not_a_green_run() {
    let folder = tempfile::tempdir().unwrap();
    let archive = record(folder.path());
    let target = Target::start(|_| Answer::raw(""));
    let ran = replay(&archive, &target, "dead");
    assert!(
        matches!(ran.code, 1 | 2),
        "exit code {}: {}",
        ran.code,
        ran.stdout
    );
    let (exchanges, _) = read_run(Path::new(&archive), "dead");
    assert_eq!(exchanges.len(), 120, "every exchange is accounted for");
    for exchange in &exchanges {
        let replay = exchange.replay.as_ref().unwrap();
        assert_eq!(replay.outcome, schema::Outcome::Failed);
        assert_ne!(replay.verdict, schema::ExchangeVerdict::Match);
    }
}
