use expect_test::expect;
use schema::Outcome;

use super::*;
use crate::run_store::sample::{document, recorded, replayed};

fn shown(expected: &str, actual: &str) -> Shown {
    let recorded = recorded(7, expected);
    let actual = replayed(&recorded, 7, actual);
    let comparison = compare(&recorded, &actual, &Rules::default());
    Shown {
        document: document("r"),
        recorded,
        actual,
        comparison,
    }
}

#[test]
fn an_exchange_that_differs() {
    let shown = shown(
        r#"{"id":7,"lines":[],"tax":19.95}"#,
        r#"{"lines":[],"id":7,"tax":19.94}"#,
    );
    expect![[r#"
        DIFFER  POST shop.example /orders/{id}
        exchange 0000000000000007-0, recorded 2026-11-22 13:59:50; sent 2026-11-22 13:59:57, 150 µs after it was due

        The request as it was sent
          curl -si --path-as-is -X POST 'http://127.0.0.1:8080/orders/7?a=b&c' \
            -H 'Host: shop.example' \
            --data-binary 'it'\''s'

        1 difference
          body $.tax: 19.95 -> 19.94

        recorded                                         | replayed
          ⋯
        {                                                | {
          "id": 7,                                       |   "id": 7,
          "lines": [],                                   |   "lines": [],
          "tax": 19.95                                   ~   "tax": 19.94
        }                                                | }
    "#]]
    .assert_eq(&text::text(&shown, false, Style::PLAIN));
    let whole = text::text(&shown, true, Style::PLAIN);
    assert!(whole.contains("content-type: application/json"), "{whole}");
}

#[test]
fn an_exchange_that_was_refused() {
    let mut shown = shown("{}", "{}");
    shown.actual.response = None;
    let replay = shown.actual.replay.as_mut().unwrap();
    replay.outcome = Outcome::Failed;
    replay.outcome_reason = Some("connection refused".to_owned());
    shown.comparison = compare(&shown.recorded, &shown.actual, &Rules::default());
    let text = text::text(&shown, false, Style::PLAIN);
    assert!(
        text.starts_with("NOT JUDGED: failed: connection refused  POST"),
        "{text}"
    );
    assert!(!text.contains("replayed\n"), "{text}");
}

#[test]
fn as_json() {
    let json = serde_json::to_value(json::document(&shown(r#"{"a":1}"#, r#"{"a":"1"}"#))).unwrap();
    assert_eq!(json["verdict"], "differ");
    assert_eq!(json["expected"]["body"], r#"{"a":1}"#);
    assert_eq!(json["actual"]["start"], "200");
    assert_eq!(json["request"]["start"], "POST /orders/7?a=b&c");
    assert_eq!(json["divergences"][0]["kind"], "type");
    assert_eq!(json["divergences"][0]["location"], "$.a");
}
