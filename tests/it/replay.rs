//! Replays against targets that remember every byte, answer late, or do not answer at all.

mod calibrate;
mod correlate;
mod follow;
mod guard;
mod heads;
mod http2;
mod outcomes;
mod pacing;
mod resume;
mod rewrite;
mod schedule;
mod shards;
mod tls;
mod wire;

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
            "--allow-writes",
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
