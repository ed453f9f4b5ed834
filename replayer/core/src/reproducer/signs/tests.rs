use bytes::Bytes;

use super::*;
use crate::testing::{exchange, group};

fn answered(status: u16, body: &str) -> Exchange {
    let mut exchange = exchange(1, 0, 0);
    let answer = exchange.response.as_mut().unwrap();
    answer.status = status;
    answer.headers.push(
        "Content-Type",
        if body.starts_with('{') {
            "application/json"
        } else {
            "text/plain"
        },
    );
    answer.body.bytes = Bytes::from(body.to_owned());
    answer.body.wire_bytes = body.len() as u64;
    exchange
}

/// Form, counts and line of each sign between two answers.
fn told(part: &str, location: &str, kind: &str, old: &str, new: &str) -> String {
    let mut group = group("0", "GET shop.test /");
    (group.part, group.location, group.kind) =
        (part.to_owned(), location.to_owned(), kind.to_owned());
    let last = Link {
        recorded: answered(200, &old.replace("nonce q", "nonce w")),
        baseline: Some(answered(200, old)),
        candidate: Some(answered(if part == "status" { 404 } else { 200 }, new)),
    };
    let signs = Signs::of(&group, &last);
    let mut told = String::new();
    for (view, signs) in &signs.views {
        for sign in signs {
            let _ = writeln!(
                told,
                "{view:?} {} {} {}",
                sign.baseline, sign.candidate, sign.line
            );
        }
    }
    told
}

#[test]
fn a_value_is_told_by_its_line_then_by_its_digits_then_by_its_kind() {
    let old = r#"{"at":"2026-11-22T13:00:00Z","total":10.50,"items":[{"n":1},{"n":2}]}"#;
    let cases = [
        (
            "$.total",
            r#"{"at":"x","total":10.5,"items":[]}"#,
            "Exact 1 0 $.total = 10.50\nExact 0 1 $.total = 10.5\nDigits 1 0 $.total = 00.00\nDigits 0 1 $.total = 00.0\n",
        ),
        (
            "$.total",
            r#"{"total":"10.50"}"#,
            "Exact 1 0 $.total = 10.50\nExact 0 1 $.total = \"10.50\"\nDigits 1 0 $.total = 00.00\nDigits 0 1 $.total = \"00.00\"\nKinds 1 0 $.total = 0\nKinds 0 1 $.total = \"...\"\n",
        ),
        (
            "$.at",
            &old.replace("00Z", "00+01:00"),
            "Exact 1 0 $.at = \"2026-11-22T13:00:00Z\"\nExact 0 1 $.at = \"2026-11-22T13:00:00+01:00\"\nDigits 1 0 $.at = \"0000-00-00T00:00:00Z\"\nDigits 0 1 $.at = \"0000-00-00T00:00:00+00:00\"\n",
        ),
        (
            "$.items[*].n",
            &old.replace(":2}", ":1}"),
            "Exact 1 2 $.items[*].n = 1\nExact 1 0 $.items[*].n = 2\n",
        ),
        // The same elements in another order.
        (
            "$.items",
            &old.replace("1},{\"n\":2", "2},{\"n\":1"),
            "Places 1 0 $.items[0].n = 1\nPlaces 1 0 $.items[1].n = 2\nPlaces 0 1 $.items[0].n = 2\nPlaces 0 1 $.items[1].n = 1\n",
        ),
    ];
    for (location, new, expected) in cases {
        let mut lines: Vec<String> = told("body", location, "value", old, new)
            .lines()
            .map(str::to_owned)
            .collect();
        let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected, "{location} {new}");
    }
}

#[test]
fn what_is_missing_is_told_by_kind() {
    let old = r#"{"items":[{"id":"a1"},{"id":"b2"}],"note":"x"}"#;
    let new = r#"{"items":[{"id":"a1"}],"note":"x"}"#;
    assert_eq!(
        told("body", "$.items[*]", "missing", old, new),
        // What both have, beside it: an answer without that is another one altogether.
        "Kinds 2 1 $.items[*].id = \"...\"\nKinds 1 1 $.note = \"...\"\n"
    );
}

#[test]
fn status_and_text_and_bytes() {
    assert_eq!(
        told("status", "", "value", "a", "a"),
        "Exact 1 0 status 200\nExact 0 1 status 404\n"
    );
    let lines = told(
        "body",
        "line *",
        "value",
        "nonce q\ntotal 5 EUR\n",
        "nonce z\ntotal 6 EUR\n",
    );
    assert!(
        lines.starts_with("Exact 1 0 total 5 EUR\nExact 0 1 total 6 EUR\n"),
        "{lines}"
    );
    // Other line ends: the same lines, and other bytes.
    let ends = told("body", "white space", "value", "a;b\r\n", "a;b\n");
    assert_eq!(ends.lines().count(), 2, "{ends}");
}

/// The script's `sed` is not run here; the forms that it makes are made once more and compared in the integration tests.
#[test]
fn forms_of_lines() {
    assert_eq!(
        without_indices("$[0].a[12]['x[1'] = \"[3]\""),
        "$[*].a[*]['x[1'] = \"[*]\""
    );
    assert_eq!(kind_of("$.a = \"b = 5\""), "$.a = \"...\"");
    assert_eq!(kind_of("$.a = -5.0"), "$.a = 0");
    assert_eq!(kind_of("$.a = true"), "$.a = true");
    assert_eq!(runs_as_x("td class=a1;é2"), "x x=x;éx");
}
