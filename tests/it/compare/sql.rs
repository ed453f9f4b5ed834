//! The SQL of the replayer's page, run by DuckDB and Spark: both count what `compare` counts.

use std::time::Duration;

use schema::comparison::ComparisonDocument;
use serde_json::{Value, json};
use tests::{Answer, Arrival, PacketScript, python, run_within, workspace};

use super::{Compared, old, orders};

/// Bytes of a body that are kept; the long ones have more, and a digest.
const KEPT: &str = "1KiB";

/// Answers as before, some of them at length.
fn lengthy(arrival: &Arrival) -> Answer {
    match arrival.path() {
        path if path.starts_with("/exports/") => export("the end"),
        _ => old(arrival),
    }
}

/// Answers one request otherwise, one not at all, and one as before; of the long ones one as before, one with another end, one
/// with another beginning, and one in short.
fn broken(arrival: &Arrival) -> Answer {
    match arrival.path() {
        "/orders/1" => Answer::new(404, &[], "none"),
        "/orders/2" => Answer::raw("no HTTP"),
        "/exports/2" => export("another end"),
        "/exports/3" => {
            let mut answer = export("the end");
            answer.body[0] = b'x';
            answer
        }
        "/exports/4" => Answer::new(200, &[("Content-Type", "text/plain")], "none"),
        _ => lengthy(arrival),
    }
}

/// Text that is longer than what is kept, and ends so.
fn export(end: &str) -> Answer {
    let text = "0123456789abcdef\n".repeat(1_000) + end;
    Answer::new(200, &[("Content-Type", "text/plain")], text)
}

/// The requests for orders, and four for what is answered at length; the last answer has lost some of its bytes.
fn asked() -> PacketScript {
    let body = String::from_utf8(export("the end").body).unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.split_at(1_000);
    let (middle, rest) = rest.split_at(1_000);
    (1..=4).fold(orders(), |script, number| {
        let script = script
            .client(format!(
                "GET /exports/{number} HTTP/1.1\r\nHost: shop.test\r\n\r\n"
            ))
            .server(format!("{head}{first}"))
            .server(middle);
        let script = if number == 4 { script.lose(1) } else { script };
        script.server_in(1_400, rest)
    })
}

/// A Java program that begins cold, on a machine that has other things to do.
const SPARK_TIME_LIMIT: Duration = Duration::from_secs(280);

/// What both engines say, which is the same: for each baseline and its comparison, the rows of each query.
fn counted(
    compared: &Compared,
    candidate: &str,
    cases: &[(&str, &ComparisonDocument)],
) -> Vec<Value> {
    let mut command = python();
    command
        .arg(workspace().join("tests/python/compare_sql.py"))
        .arg(workspace().join("replayer/README.md"))
        .args([&compared.archive(), candidate]);
    for (baseline, document) in cases {
        command.arg(format!("{baseline}={}", document.comparison));
    }
    let ran = run_within(SPARK_TIME_LIMIT, &mut command).expect_code(0);
    let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(printed["duckdb"], printed["spark"]);
    printed["duckdb"].as_array().unwrap().clone()
}

#[test]
fn duckdb_and_spark_count_what_compare_counts() {
    let compared = Compared::recorded(&asked(), &["--max-body", KEPT]);
    let kept = ["--max-body", KEPT];
    compared.replay("old", lengthy, &kept);
    compared.replay("new", broken, &kept);
    // A baseline of two requests of the seven.
    let two = ["--path", "/orders/1", "--path", "/orders/3"];
    compared.replay("few", lengthy, &[&kept[..], &two].concat());
    let document = |baseline| compared.document(&["--baseline", baseline, "--candidate", "new"]);
    let (whole, few) = (document("old"), document("few"));
    let cases = [("old", &whole), ("few", &few)];
    let counted = counted(&compared, "new", &cases);
    for ((baseline, document), counted) in cases.iter().zip(counted) {
        let totals = &document.totals;
        let expected = json!([[totals.selected, totals.captured, totals.sent, totals.judged]]);
        assert_eq!(counted[0], expected, "{baseline}");
        let reasons = totals
            .incomparable_by
            .iter()
            .map(|by| json!([by.reason, by.count]));
        assert_eq!(counted[1], reasons.collect::<Value>(), "{baseline}");
        assert_eq!(
            counted[2],
            json!([[totals.refactor, totals.findings]]),
            "{baseline}"
        );
        let refactor = document
            .groups
            .iter()
            .filter(|group| group.blame == "refactor");
        let mut groups: Vec<Value> = refactor
            .map(|g| json!([g.group, g.endpoint, g.part, g.cause, g.requests, g.findings]))
            .collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group[4].as_u64()), group[0].to_string()));
        assert_eq!(counted[3], Value::from(groups), "{baseline}");
        let is_whole = *baseline == "old";
        assert_eq!(totals.incomparable, if is_whole { 0 } else { 5 });
        // An order, one that has no answer, and all long ones that are not as before.
        assert_eq!(totals.refactor, if is_whole { 5 } else { 1 });
        let changed = json!(["GET", "shop.test", 200, 404, 1, 1]);
        let rows = counted[4].as_array().unwrap();
        assert!(rows.contains(&changed), "{baseline}: {rows:?}");
        // Of long bodies the digest says that they are not the same bytes.
        let long = json!(["GET", "shop.test", 200, 200, 3, 3]);
        assert_eq!(rows.contains(&long), is_whole, "{baseline}: {rows:?}");
    }
}
