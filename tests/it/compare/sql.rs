//! The SQL of the replayer's page, run by DuckDB and Spark: both count what `compare` counts.

use std::time::Duration;

use schema::comparison::ComparisonDocument;
use serde_json::{Value, json};
use tests::{Answer, Arrival, python, run_within, workspace};

use super::{Compared, old};

/// Answers one request otherwise, one not at all, and one as before.
fn broken(arrival: &Arrival) -> Answer {
    match arrival.path() {
        "/orders/1" => Answer::new(404, &[], "none"),
        "/orders/2" => Answer::raw("no HTTP"),
        _ => old(arrival),
    }
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
    let compared = Compared::new(old, broken);
    // A baseline of two requests of the three.
    compared.replay("few", old, &["--path", "/orders/1", "--path", "/orders/3"]);
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
        assert_eq!(totals.incomparable, u64::from(*baseline == "few"));
        let changed = json!(["GET", "shop.test", 200, 404, 1, 1]);
        assert_eq!(counted[4][0], changed, "{baseline}: {}", counted[4]);
    }
}
