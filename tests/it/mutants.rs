//! The bench that tells whether a comparison finds what it must and is silent otherwise: a service with 40 endpoints over a
//! real PostgreSQL and 60 planted changes, each its own build. One run of the old build, one more for noise, then one of
//! each new build; each begins with the same state.

mod planted;
mod service;

use std::fmt::Write as _;

use schema::comparison::{ComparisonDocument, FindingGroup};
use schema::run::RunVerdict;
use tempfile::TempDir;
use tests::{Arrival, PacketScript, Postgres, Target, recorder, replayer, run, workspace};

use planted::{Change, PLANTED, Planted};
use service::{RESOURCES, SCHEMA, Service, statements_with};

/// An archive with the recording, a run of the old build, and another one for noise.
struct Bench {
    folder: TempDir,
    postgres: Postgres,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self {
            folder,
            postgres: Postgres::start(SCHEMA),
        };
        let capture = bench.folder.path().join("capture.pcap");
        let production = bench.service(None, 1);
        std::fs::write(&capture, script(&production).pcap()).unwrap();
        let archive = bench.archive();
        let _recorded = run(recorder()
            .arg("read")
            .arg(&capture)
            .args(["--archive", &archive]));
        bench.replay("old", None, 2);
        bench.replay("again", None, 3);
        bench
    }

    /// A build over tables of its own.
    fn service(&self, planted: Option<&'static Planted>, run: u64) -> Service {
        Service::new(planted, self.postgres.session(), run)
    }

    fn archive(&self) -> String {
        self.folder
            .path()
            .join("archive")
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn replay(&self, name: &str, planted: Option<&'static Planted>, number: u64) {
        let service = self.service(planted, number);
        let target = Target::start(move |arrival| service.answer(arrival));
        let (archive, url) = (self.archive(), target.url());
        // Of a build with a change, its own resource is replayed: the comparison then selects the same requests.
        let paths = planted.map_or_else(Vec::new, |planted| {
            let path = format!("/{}", planted.resource);
            vec![
                "--path".to_owned(),
                path.clone(),
                "--path".to_owned(),
                format!("{path}/**"),
            ]
        });
        let _ran = run(replayer()
            .arg("run")
            .args(paths)
            .args(["--archive", &archive, "--last", "1d", "--speed", "max"])
            .args([
                "--target",
                &url,
                "--run",
                name,
                "--no-compare",
                "--allow-writes",
            ]))
        .expect_code(1);
    }

    fn compare(&self, name: &str, flags: &[&str]) -> tests::Ran {
        let archive = self.archive();
        run(replayer()
            .args([
                "compare",
                "--archive",
                &archive,
                "--baseline",
                "old",
                "--noise",
                "again",
            ])
            .args(["--candidate", name])
            .args(flags))
    }

    fn document(&self, name: &str) -> ComparisonDocument {
        ComparisonDocument::from_json(self.compare(name, &["--json"]).stdout.as_bytes()).unwrap()
    }
}

/// Every request of the window, as it was recorded from the old build.
fn script(service: &Service) -> PacketScript {
    let mut script = PacketScript::new();
    for (method, target, body) in requests() {
        let wire = format!(
            "{method} {target} HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let arrival = Arrival {
            connection: 0,
            at: std::time::Duration::ZERO,
            method,
            target,
            headers: vec![],
            trailers: vec![],
            body: body.into_bytes(),
        };
        let answer = service.answer(&arrival);
        let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
        for (name, value) in &answer.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\n\r\n", answer.body.len());
        let mut bytes = head.into_bytes();
        bytes.extend(answer.body);
        script = script.client(wire).server(bytes);
    }
    script
}

fn requests() -> Vec<(String, String, String)> {
    let mut requests = Vec::new();
    let mut get = |target: String| requests.push(("GET".to_owned(), target, String::new()));
    for resource in RESOURCES {
        (1..=21).for_each(|id| get(format!("/{resource}/{id}")));
        (1..=4).for_each(|page| get(format!("/{resource}?page={page}")));
    }
    for round in 1..=12 {
        for resource in RESOURCES {
            let body = format!("{{\"qty\":{round},\"reference\":\"R-{round}\"}}");
            requests.push(("POST".to_owned(), format!("/{resource}"), body));
            requests.push((
                "GET".to_owned(),
                format!("/{resource}/stats"),
                String::new(),
            ));
        }
    }
    requests
}

fn blamed(document: &ComparisonDocument) -> Vec<&FindingGroup> {
    document
        .groups
        .iter()
        .filter(|group| group.blame == "refactor")
        .collect()
}

#[test]
fn every_planted_change_is_found_and_nothing_else() {
    let bench = Bench::new();
    bench.replay("unchanged", None, 4);
    let unchanged = bench.document("unchanged");
    assert_eq!(
        unchanged.verdict,
        RunVerdict::Pass,
        "{:#?}",
        blamed(&unchanged)
    );
    assert!(blamed(&unchanged).is_empty());
    let mut table = String::from("planted change | requests, groups | first group\n");
    let mut missed = Vec::new();
    for (index, planted) in PLANTED.iter().enumerate() {
        let name = format!("build-{index}");
        bench.replay(&name, Some(planted), 5 + index as u64);
        let document = bench.document(&name);
        let groups = blamed(&document);
        let at = format!(" /{}", planted.resource);
        let is_found = document.verdict == RunVerdict::Fail && !groups.is_empty();
        if !is_found || groups.iter().any(|group| !group.endpoint.contains(&at)) {
            missed.push(format!("{}: {groups:#?}", planted.name));
        }
        let first = groups.first().map_or_else(String::new, |group| {
            format!(
                "{} {} {}: {}",
                group.endpoint, group.part, group.location, group.cause
            )
        });
        let _ = writeln!(
            table,
            "{} | {}, {} | {first}",
            planted.name,
            document.totals.refactor,
            groups.len()
        );
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    expect_test::expect_file![workspace().join("tests/golden/mutants.txt")].assert_eq(&table);
}

#[test]
fn a_planted_change_is_in_one_statement() {
    for planted in &PLANTED {
        if let Change::Statement(changes) = planted.change {
            assert_eq!(statements_with(changes), 1, "{planted:?}");
        }
    }
}

#[test]
fn a_reproducer_reproduces() {
    let bench = Bench::new();
    let planted = PLANTED
        .iter()
        .find(|planted| planted.name.starts_with("tax"))
        .unwrap();
    bench.replay("new", Some(planted), 9);
    let document = bench.document("new");
    let script = bench.folder.path().join("reproduce.sh");
    std::fs::write(&script, &blamed(&document)[0].script).unwrap();
    let ask = |planted, code| {
        let service = bench.service(planted, 10);
        let target = Target::start(move |arrival| service.answer(arrival));
        let ran = run(std::process::Command::new("sh")
            .arg(&script)
            .env("TARGET", target.url()));
        ran.expect_code(code).stdout
    };
    let (old, new) = (ask(None, 0), ask(Some(planted), 1));
    assert!(old.contains("\"tax\":0.85"), "{old}");
    assert!(new.contains("\"tax\":0.86"), "{new}");
}
