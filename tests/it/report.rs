//! What a run says: verdicts and exit codes, the report as text, JSON and page, the list of runs, one exchange.

use std::path::PathBuf;

use schema::run::{RunDocument, RunState, RunVerdict};
use tempfile::TempDir;
use tests::{Answer, Arrival, PacketScript, Ran, Target, recorder, replayer, run};

/// What an answer of the recording holds that must never become markup.
const HOSTILE: &str = "<script>alert(1)</script>";

/// An archive of four requests on one connection: an order twice, a page, and a request without an answer.
struct Recorded {
    folder: TempDir,
}

impl Recorded {
    fn new(with_unanswered: bool) -> Self {
        let order =
            |total: &str| json(&format!(r#"{{"id":7,"total":{total},"note":"{HOSTILE}"}}"#));
        let mut script = PacketScript::new()
            .client(get("/orders/7"))
            .server(order("10.50"))
            .client(get("/orders/8"))
            .server(order("11.00"))
            .client(get("/page?x=1"))
            .server("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nDate: a\r\nContent-Length: 8\r\n\r\n<p>a</p>");
        if with_unanswered {
            script = script.client(get("/slow"));
        }
        let folder = tempfile::tempdir().unwrap();
        let capture = folder.path().join("script.pcap");
        std::fs::write(&capture, script.pcap()).unwrap();
        let archive = folder.path().join("archive");
        let _recorded = run(recorder()
            .arg("read")
            .arg(&capture)
            .arg("--archive")
            .arg(&archive));
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

    fn run_folder(&self, name: &str) -> String {
        format!("{}/runs/{name}", self.archive())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn replay(&self, name: &str, target: &Target, flags: &[&str]) -> Ran {
        let (archive, url) = (self.archive(), target.url());
        run(replayer()
            .args([
                "run",
                "--archive",
                &archive,
                "--last",
                "1d",
                "--speed",
                "max",
                "--allow-writes",
            ])
            .args(["--target", &url, "--run", name, "--label", "build 7"])
            .args(flags))
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\n\r\n")
}

fn json(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Answers as recorded, in other words: other order, other whitespace, other Date.
fn faithful(arrival: &Arrival) -> Answer {
    let order = |total: &str| {
        let body = format!(r#"{{ "total": {total}, "id": 7, "note": "{HOSTILE}" }}"#);
        Answer::new(
            200,
            &[("Content-Type", "application/json"), ("Server", "new")],
            body,
        )
    };
    match arrival.path() {
        "/orders/7" => order("10.50"),
        "/orders/8" => order("11.00"),
        _ => Answer::new(
            200,
            &[("Content-Type", "text/html"), ("Date", "b")],
            "<p>a</p>",
        ),
    }
}

/// Another total in one order of two.
fn regressed(arrival: &Arrival) -> Answer {
    let mut answer = faithful(arrival);
    if arrival.path() == "/orders/8" {
        let body = String::from_utf8(answer.body).unwrap();
        answer.body = body
            .replace("11.00", "11.01")
            .replace("alert(1)", "alert(2)")
            .into_bytes();
    }
    answer
}

#[test]
fn a_faithful_build_passes() {
    let recorded = Recorded::new(false);
    let ran = recorded
        .replay("good", &Target::start(faithful), &[])
        .expect_code(0);
    assert!(ran.stdout.contains("pass"), "{}", ran.stdout);
    let report =
        run(replayer().args(["report", &recorded.run_folder("good"), "--json"])).expect_code(0);
    let document = RunDocument::from_json(report.stdout.as_bytes()).unwrap();
    assert_eq!(document.state, RunState::Finished);
    assert_eq!((document.totals.planned, document.totals.matched), (3, 3));
    assert_eq!(document.target.label.as_deref(), Some("build 7"));
    let conclusion = document.conclusion.unwrap();
    assert_eq!(conclusion.verdict, RunVerdict::Pass);
    assert!((conclusion.judged_share - 1.0).abs() < f64::EPSILON);
    let names: Vec<&str> = document
        .report
        .not_compared
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    assert!(
        names.contains(&"date") && names.contains(&"server"),
        "{names:?}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one run, seen by every command")]
fn one_changed_value_fails_and_is_named_everywhere() {
    let recorded = Recorded::new(false);
    let _ran = recorded
        .replay("bad", &Target::start(regressed), &[])
        .expect_code(1);
    let page = recorded.file("report.html");
    let report = run(replayer()
        .args(["report", "bad", "--archive", &recorded.archive(), "--html"])
        .arg(&page))
    .expect_code(1);
    for text in [
        "FAIL",
        "1 of 3 judged answers differs",
        "$.total",
        "$.note",
        "11.00 -> 11.01",
        "GET shop.test /orders/{id}",
    ] {
        assert!(
            report.stdout.contains(text),
            "{text} is not in:\n{}",
            report.stdout
        );
    }
    assert!(
        report
            .stdout
            .lines()
            .all(|line| line.chars().count() <= 100 || line.starts_with("HTML report"))
    );

    let page = std::fs::read_to_string(page).unwrap();
    for text in [
        "<h1 id=\"verdict\">fail</h1>",
        "GET shop.test /orders/{id}",
        "$.total",
        "11.0<del>0</del>",
        "11.0<ins>1</ins>",
        "build 7",
    ] {
        assert!(page.contains(text), "{text} is not on the page");
    }
    assert!(
        !page.contains("<script>alert"),
        "an answer's script is on the page"
    );
    assert!(page.contains("&lt;script&gt;"));

    let json =
        run(replayer().args(["report", &recorded.run_folder("bad"), "--json"])).expect_code(1);
    let document = RunDocument::from_json(json.stdout.as_bytes()).unwrap();
    let endpoint = &document.report.endpoints[0];
    assert_eq!(
        (endpoint.endpoint.as_str(), endpoint.differed),
        ("GET shop.test /orders/{id}", 1)
    );
    let id = &endpoint.groups[0].examples[0].exchange;
    let (exchanges, divergences) = tests::read_run(recorded.archive().as_ref(), "bad");
    assert_eq!((exchanges.len(), divergences.len()), (3, 2));
    assert!(
        divergences
            .iter()
            .all(|row| row.exchange.to_string() == *id)
    );

    let show = run(replayer().args(["show", &recorded.run_folder("bad"), id])).expect_code(1);
    for text in [
        "DIFFER",
        "curl -si",
        "/orders/8",
        "2 differences",
        "11.00",
        "11.01",
    ] {
        assert!(
            show.stdout.contains(text),
            "{text} is not in:\n{}",
            show.stdout
        );
    }
    let show = run(replayer().args([
        "show",
        "bad",
        id,
        "--json",
        "--archive",
        &recorded.archive(),
    ]))
    .expect_code(1);
    let show: serde_json::Value = serde_json::from_str(&show.stdout).unwrap();
    assert_eq!(show["verdict"], "differ");
    assert_eq!(show["divergences"].as_array().unwrap().len(), 2);
}

#[test]
fn a_request_that_was_recorded_without_an_answer_is_said_and_no_pass() {
    let recorded = Recorded::new(true);
    let _ran = recorded
        .replay("partial", &Target::start(faithful), &[])
        .expect_code(1);
    let report = run(replayer().args(["report", &recorded.run_folder("partial")])).expect_code(1);
    for text in [
        "NOT ENOUGH EVIDENCE",
        "3 of 4 requests (75.00 %)",
        "no_response",
    ] {
        assert!(
            report.stdout.contains(text),
            "{text} is not in:\n{}",
            report.stdout
        );
    }
    let flags = ["--min-coverage", "70%"];
    let _ran = recorded
        .replay("accepted", &Target::start(faithful), &flags)
        .expect_code(0);
    let report = run(replayer().args(["report", &recorded.run_folder("accepted")])).expect_code(0);
    for text in [
        "PASS",
        "3 of 4 requests (75.00 %) were judged",
        "no_response",
    ] {
        assert!(
            report.stdout.contains(text),
            "{text} is not in:\n{}",
            report.stdout
        );
    }
}

#[test]
fn runs_are_listed_newest_first() {
    let recorded = Recorded::new(false);
    let archive = recorded.archive();
    let none = run(replayer().args(["runs", "--archive", &archive])).expect_code(0);
    assert_eq!(none.stdout, "no runs in this archive\n");
    let _ran = recorded
        .replay("first", &Target::start(faithful), &[])
        .expect_code(0);
    let _ran = recorded
        .replay("second", &Target::start(regressed), &[])
        .expect_code(1);
    let list = run(replayer().args(["runs", "--archive", &archive])).expect_code(0);
    let verdicts: Vec<&str> = list
        .stdout
        .lines()
        .filter(|line| !line.starts_with(' '))
        .collect();
    assert_eq!(
        verdicts,
        ["fail                 second", "pass                 first"]
    );
    let json = run(replayer().args(["runs", "--archive", &archive, "--json"])).expect_code(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json[0]["run"], &json[1]["verdict"]),
        (&"second".into(), &"pass".into())
    );
}

#[test]
fn what_is_not_there_says_so() {
    let recorded = Recorded::new(false);
    let _ran = recorded
        .replay("it", &Target::start(faithful), &[])
        .expect_code(0);
    let archive = recorded.archive();
    for (arguments, message) in [
        (
            vec!["report", "none", "--archive", &archive],
            "run none of archive",
        ),
        (vec!["report", "it"], "--archive URL"),
        (vec!["report", "a/b"], "<archive>/runs/<name>"),
        (
            vec!["show", "it", "0000000000000000-0", "--archive", &archive],
            "has no exchange 0000000000000000-0",
        ),
        (
            vec!["show", "it", "x", "--archive", &archive],
            "exchange id such as",
        ),
    ] {
        let ran = run(replayer().args(&arguments).env_remove("REPLAYER_ARCHIVE")).expect_code(2);
        assert!(
            ran.stderr.contains(message),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
}
