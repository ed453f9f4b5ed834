use bytes::Bytes;
use schema::Headers;

use super::sample::{compared, exchange, found, replayed, unanswered};
use super::*;

const JSON: &[(&str, &str)] = &[("Content-Type", "application/json")];
const TEXT: &[(&str, &str)] = &[("Content-Type", "text/plain")];

#[test]
fn an_exchange_matches_itself() {
    for (status, headers, body) in [
        (200, JSON, &br#"{"a":1}"#[..]),
        (200, TEXT, b"text"),
        (204, &[][..], b""),
        (304, &[("ETag", "\"1\"")][..], b""),
        (500, &[("Set-Cookie", "a=1; Path=/")][..], b"\xff\x00"),
    ] {
        let sample = exchange("/", status, headers, body);
        let comparison = compared(&sample, &replayed(sample.clone(), 0));
        assert_eq!(comparison.verdict, ExchangeVerdict::Match);
        assert_eq!((comparison.found, comparison.reason), (0, None));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn bodies_are_compared_by_structure_or_by_bytes() {
    let html: &[(&str, &str)] = &[("Content-Type", "text/html")];
    let octets: &[(&str, &str)] = &[("Content-Type", "application/octet-stream")];
    for (headers, expected, actual, differences) in [
        (
            JSON,
            &br#"{"a":1,"b":[]}"#[..],
            &br#"{"b":[], "a":1}"#[..],
            vec![],
        ),
        (
            JSON,
            br#"{"a":1}"#,
            br#"{"a":2}"#,
            vec!["body $.a Value 1|2"],
        ),
        // By shape, whatever the type says.
        (
            TEXT,
            br#"{"a":1}"#,
            br#"{"a":2}"#,
            vec!["body $.a Value 1|2"],
        ),
        // A number is JSON only where the type says so.
        (JSON, b"1", b"2", vec!["body $ Value 1|2"]),
        (TEXT, b"1", b"2", vec!["body line 1 Value 1|2"]),
        // Something else in place of JSON, and JSON that is none or has no one value.
        (
            JSON,
            br#"{"a":1}"#,
            b"<html>",
            vec![r#"body  Type {"a":1}|<html>"#],
        ),
        (
            JSON,
            br#"{"a":1"#,
            br#"{"a":2"#,
            vec![r#"body @5 Value {"a":1|{"a":2"#],
        ),
        (
            JSON,
            br#"{"a":1,"a":1}"#,
            br#"{"a":1,"a":2}"#,
            vec![r#"body @11 Value {"a":1,"a":1}|{"a":1,"a":2}"#],
        ),
        (JSON, br#"{"a":1}"#, b"", vec![r#"body  Missing {"a":1}|-"#]),
        (JSON, b"", br#"{"a":1}"#, vec![r#"body  Extra -|{"a":1}"#]),
        (html, b"abc", b"abc", vec![]),
        (html, b"abc", b"abd", vec!["body / Value abc|abd"]),
        (
            octets,
            b"\x01bc",
            b"\x01bd",
            vec!["body @2 Value \u{1}bc|\u{1}bd"],
        ),
        (
            octets,
            b"\x01bc",
            b"\x01b",
            vec!["body @2 Missing \u{1}bc|\u{1}b"],
        ),
        (
            octets,
            b"\x01b",
            b"\x01bc",
            vec!["body @2 Extra \u{1}b|\u{1}bc"],
        ),
        (
            html,
            b"\xff\x00",
            b"\xff\x01",
            vec!["body @1 Value ff 00|ff 01"],
        ),
    ] {
        let comparison = compared(
            &exchange("/", 200, headers, expected),
            &replayed(exchange("/", 200, headers, actual), 0),
        );
        assert_eq!(
            found(&comparison),
            differences,
            "{}",
            String::from_utf8_lossy(expected)
        );
    }
}

#[test]
fn another_status_is_named_and_its_body_is_one_difference() {
    let comparison = compared(
        &exchange("/orders/7", 200, JSON, br#"{"a":1,"b":2,"c":3}"#),
        &replayed(
            exchange("/orders/7", 500, JSON, br#"{"error":"ORA-01403"}"#),
            0,
        ),
    );
    assert_eq!(
        found(&comparison),
        [
            "status  Value 200|500",
            r#"body  Value {"a":1,"b":2,"c":3}|{"error":"ORA-01403"}"#,
        ]
    );
    let row = &comparison.divergences[0];
    assert_eq!(row.endpoint, "GET shop.example /orders/{id}");
    assert_eq!(
        (row.method.as_str(), row.path.as_str()),
        ("GET", "/orders/7")
    );
    assert_eq!(row.recorded_start.as_micros(), sample::RECORDED_US);
}

#[test]
fn deep_json_is_compared_by_bytes() {
    let nest = |n: usize, inner: &str| format!("{}{inner}{}", "[".repeat(n), "]".repeat(n));
    let both = |n: usize| {
        compared(
            &exchange("/", 200, JSON, nest(n, "1").as_bytes()),
            &replayed(exchange("/", 200, JSON, nest(n, "2").as_bytes()), 0),
        )
    };
    assert!(both(100).divergences[0].location.starts_with("$[0]"));
    assert_eq!(both(10_000).divergences[0].location, "@10000");
}

#[test]
fn an_answer_to_head_has_no_body_to_miss() {
    let sample = |length: &str| {
        let headers = [("Content-Length", length), ("Content-Encoding", "gzip")];
        let mut exchange = exchange("/", 200, &headers, b"");
        exchange.request.as_mut().unwrap().method = "HEAD".to_owned();
        exchange
    };
    let mut actual = replayed(sample("90"), 0);
    actual.response.as_mut().unwrap().body_encoding = Some("gzip".to_owned());
    assert_eq!(
        compared(&sample("80"), &actual).verdict,
        ExchangeVerdict::Match
    );
}

#[test]
fn what_was_not_seen_whole_is_never_a_match() {
    use Completeness as C;
    let whole = replayed(exchange("/", 200, TEXT, b"abcdef"), 0);
    for completeness in C::ALL {
        let mut recorded = exchange("/", 200, TEXT, b"abcdef");
        recorded.completeness = *completeness;
        let comparison = compared(&recorded, &whole);
        let (verdict, reason) = match completeness {
            C::Complete => (ExchangeVerdict::Match, None),
            other => (
                ExchangeVerdict::Incomparable,
                Some(format!("recorded {other}")),
            ),
        };
        assert_eq!((comparison.verdict, comparison.reason), (verdict, reason));
        let mut actual = whole.clone();
        actual.completeness = *completeness;
        let comparison = compared(&exchange("/", 200, TEXT, b"abcdef"), &actual);
        assert_eq!(
            comparison.verdict == ExchangeVerdict::Match,
            *completeness == C::Complete
        );
    }
    let recorded = exchange("/", 200, TEXT, b"abcdef");
    for (outcome, reason) in [
        (Outcome::Failed, "failed: timeout"),
        (Outcome::Skipped, "skipped: timeout"),
    ] {
        let comparison = compared(&recorded, &unanswered(&recorded, outcome, "timeout"));
        assert_eq!(comparison.verdict, ExchangeVerdict::Incomparable);
        assert_eq!(comparison.reason.as_deref(), Some(reason));
    }
    let mut unpaired = recorded;
    unpaired.response = None;
    assert_eq!(
        compared(&unpaired, &whole).verdict,
        ExchangeVerdict::Incomparable
    );
}

#[test]
fn of_a_part_a_difference_counts_and_no_difference_does_not() {
    let cut = |status, body: &[u8], headers| {
        let mut recorded = exchange("/", status, headers, body);
        recorded.completeness = Completeness::ResponseTruncated;
        recorded
    };
    let whole = |body: &[u8], headers| replayed(exchange("/", 200, headers, body), 0);
    for (recorded, actual, differences) in [
        (cut(200, b"abc", TEXT), whole(b"abcdef", TEXT), vec![]),
        (
            cut(200, b"abx", TEXT),
            whole(b"abcdef", TEXT),
            vec!["body @2 Value abx|abcdef"],
        ),
        (
            cut(200, b"abc", TEXT),
            whole(b"ab", TEXT),
            vec!["body @2 Missing abc|ab"],
        ),
        (
            cut(500, b"abc", TEXT),
            whole(b"abcdef", TEXT),
            vec!["status  Value 500|200"],
        ),
        // The beginnings of equal JSON may differ.
        (
            cut(200, br#"{"a":1,"#, JSON),
            whole(br#"{"b":2,"a":1}"#, JSON),
            vec![],
        ),
    ] {
        let comparison = compared(&recorded, &actual);
        assert_eq!(found(&comparison), differences);
        assert_eq!(
            comparison.reason.as_deref(),
            Some("recorded response_truncated")
        );
        let is_judged = comparison.verdict == ExchangeVerdict::Differ;
        assert_eq!(is_judged, !differences.is_empty());
        assert_ne!(comparison.verdict, ExchangeVerdict::Match);
    }
    let mut gap = exchange("/", 200, TEXT, b"a");
    gap.completeness = Completeness::ResponseGap;
    let comparison = compared(&gap, &whole(b"abc", TEXT));
    assert_eq!(
        (comparison.verdict, comparison.found),
        (ExchangeVerdict::Incomparable, 0)
    );
}

#[test]
fn content_encoding_is_undone_on_both_sides() {
    // Deflate in stored blocks inside gzip, as `printf abc | gzip -1` would carry it.
    let gzip_abc = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4a\x06\x00\xc2\x41\x24\x35\x03\x00\x00\x00";
    let encoded = |body: &[u8], coding: &str| {
        let mut actual = replayed(exchange("/", 200, TEXT, body), 0);
        actual.response.as_mut().unwrap().body_encoding = Some(coding.to_owned());
        actual
    };
    let plain = exchange("/", 200, TEXT, b"abc");
    assert_eq!(
        compared(&plain, &encoded(gzip_abc, "gzip")).verdict,
        ExchangeVerdict::Match
    );
    let other = exchange("/", 200, TEXT, b"abd");
    assert_eq!(
        found(&compared(&other, &encoded(gzip_abc, "gzip"))),
        ["body line 1 Value abd|abc"]
    );
    // An answer that is not what it says is broken, however its bytes look.
    let broken = compared(&plain, &encoded(b"abc", "gzip"));
    assert_eq!(
        found(&broken),
        ["body  Type 3 bytes|3 bytes that do not decode as gzip"]
    );
    // A coding that nobody here knows proves nothing.
    let unknown = compared(&plain, &encoded(b"abc", "lzma"));
    assert_eq!(unknown.verdict, ExchangeVerdict::Incomparable);
    assert_eq!(
        unknown.reason.as_deref(),
        Some("answer body: unknown content coding")
    );

    let mut response = encoded(gzip_abc, "gzip").response.unwrap();
    undo_content_encoding(&mut response, 1 << 20);
    assert_eq!(
        (response.body.bytes, response.body_encoding),
        (Bytes::from("abc"), None)
    );
    let mut response = encoded(b"abc", "gzip").response.unwrap();
    undo_content_encoding(&mut response, 1 << 20);
    assert_eq!(response.body_encoding.as_deref(), Some("gzip"));
}

#[test]
fn trailers_are_compared() {
    let with = |value: &str| {
        let mut exchange = exchange("/", 200, TEXT, b"");
        let trailers: Headers = [("grpc-status", value)].into_iter().collect();
        exchange.response.as_mut().unwrap().trailers = Some(trailers);
        exchange
    };
    let comparison = compared(&with("0"), &replayed(with("13"), 0));
    assert_eq!(found(&comparison), ["trailer grpc-status Value 0|13"]);
    let without = replayed(exchange("/", 200, TEXT, b""), 0);
    assert_eq!(
        found(&compared(&with("0"), &without)),
        ["trailer grpc-status Missing 0|-"]
    );
}
