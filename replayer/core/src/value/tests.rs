use schema::DivergenceKind;

use super::*;
use crate::compare::{Difference, Part};

/// 2026-11-26T12:00:00Z.
const NOW_US: i64 = 1_795_694_400_000_000;

#[test]
fn times_as_services_write_them() {
    for text in [
        "2026-11-26T12:00:00Z",
        "2026-11-26T13:00:00+01:00",
        "2026-11-26 12:00:00",
        "2026-11-26 12:00:00.000000+00",
        "2026-11-26T12:00",
        "Thu, 26 Nov 2026 12:00:00 GMT",
        "Thursday, 26-Nov-26 12:00:00 GMT",
        "Thu Nov 26 12:00:00 2026",
        "Thu Nov 26 12:00:00 UTC 2026",
        "Thu, 26 Nov 2026 13:00:00 +0100",
        "Thu, 26-Nov-2026 12:00:00 GMT",
        "Thu Nov 26 2026 07:00:00 GMT-0500",
        "26 Nov 2026, 12:00",
        "1795694400",
        "1795694400000",
        "1795694400.000",
    ] {
        assert_eq!(parse_time(text, NOW_US), Some(NOW_US), "{text}");
    }
    for text in [
        "2026-11-26",
        "1234567890",
        "12:00",
        "2026-13-26T12:00:00Z",
        "1795694400x",
        "Thu, 26 Nov 2026",
        "Thu, 26 Nov 2026 12:00:00 Nov",
        "26 Thu Nov 2026 12:00:00",
        "Thu, 26 Nov 2026 12:00:00 EST",
        "Thu, 26 Nov 2026 12:00:00 GMT GMT GMT GMT GMT",
        "",
    ] {
        assert_eq!(parse_time(text, NOW_US), None, "{text}");
    }
}

#[test]
fn shapes() {
    let table = [
        ("null", Shape::Null),
        ("true", Shape::Bool),
        ("12", Shape::Integer(12.0)),
        ("-1.50", Shape::Number(-1.5)),
        ("\"12\"", Shape::Text),
        ("\"6f1c0d9e-3f0a-4b6e-9d3a-0123456789ab\"", Shape::Uuid),
        ("\"9f86d081884c7d65\"", Shape::Token),
        ("\"hello there\"", Shape::Text),
        ("43e8226355080453", Shape::Token),
        ("[1]", Shape::Composite),
    ];
    for (text, shape) in table {
        assert_eq!(Shape::of(text, NOW_US), shape, "{text}");
    }
}

#[test]
fn numbers_and_ids_in_a_text_are_masked() {
    assert_eq!(
        masked("order 12 of a1b2-c3 failed: timeout"),
        "order # of #-# failed: timeout"
    );
}

#[test]
fn alike_changes_have_one_name() {
    let table = [
        (
            "\"\"",
            "null",
            DivergenceKind::Type,
            "empty text became null",
        ),
        ("1", "\"1\"", DivergenceKind::Type, "number became text"),
        (
            "1.50",
            "1.5",
            DivergenceKind::Value,
            "same number, written otherwise",
        ),
        (
            "10.05",
            "10.06",
            DivergenceKind::Value,
            "another last digit",
        ),
        (
            "10.049",
            "10.05",
            DivergenceKind::Value,
            "rounded otherwise",
        ),
        ("3", "7", DivergenceKind::Value, "another number"),
        ("true", "false", DivergenceKind::Value, "true became false"),
        (
            "\"Ab\"",
            "\"AB\"",
            DivergenceKind::Value,
            "text in another case",
        ),
        (
            "\"ab  \"",
            "\"ab\"",
            DivergenceKind::Value,
            "text with other spaces",
        ),
        (
            "\"Müller\"",
            "\"MÃ¼ller\"",
            DivergenceKind::Value,
            "text in another encoding",
        ),
        (
            "\"Müller\"",
            "\"M?ller\"",
            DivergenceKind::Value,
            "text in another encoding",
        ),
        (
            "\"2026-11-26T12:00:00Z\"",
            "\"2026-11-26T13:00:00Z\"",
            DivergenceKind::Value,
            "time shifted by +1 h",
        ),
        ("1", "", DivergenceKind::Missing, "number is gone"),
    ];
    for (expected, actual, kind, name) in table {
        assert_eq!(changed(expected, actual, kind), name, "{expected} {actual}");
    }
}

#[test]
fn numbers_are_told_apart_by_their_digits_where_a_float_cannot() {
    let same = "same number, written otherwise";
    for (expected, actual, name) in [
        ("9007199254740995", "9007199254740996", "another number"),
        ("9007199254740995", "9007199254740995.0", same),
        ("1e3", "1000.0", same),
    ] {
        let found = changed(expected, actual, DivergenceKind::Value);
        assert_eq!(found, name, "{expected} {actual}");
    }
}

fn changed(expected: &str, actual: &str, kind: DivergenceKind) -> String {
    let difference = Difference {
        part: Part::Body,
        location: "$.a".to_owned(),
        kind,
        expected: Some(expected.to_owned()),
        actual: Some(actual.to_owned()),
    };
    cause(&difference, NOW_US)
}
