use bytes::Bytes;
use schema::{Completeness, Exchange, ExchangeVerdict};

use super::*;
use crate::compare::sample::{compared, exchange, found, replayed};

/// How much of a body is stored.
const STORED: usize = 8;

/// An answer whose body is cut, with the digest of all of it.
fn cut(content_type: &str, body: &str) -> Exchange {
    let mut exchange = exchange(
        "/a",
        200,
        &[("Content-Type", content_type)],
        body.as_bytes(),
    );
    let response = exchange.response.as_mut().unwrap();
    response.body_digest = Some(BodyDigest::of(body.as_bytes()));
    response.body.bytes = Bytes::copy_from_slice(&body.as_bytes()[..STORED]);
    exchange.completeness = Completeness::ResponseTruncated;
    exchange
}

fn whole(content_type: &str, body: &str) -> Exchange {
    exchange(
        "/a",
        200,
        &[("Content-Type", content_type)],
        body.as_bytes(),
    )
}

/// The verdict and differences, and what is said when digests are taken away.
fn judged(expected: &Exchange, actual: &Exchange) -> (ExchangeVerdict, Vec<String>) {
    let comparison = compared(expected, &replayed(actual.clone(), 0));
    (comparison.verdict, found(&comparison))
}

#[test]
fn bodies_beyond_the_limit_are_compared_by_digest() {
    const JSON: &str = "application/json";
    let (one, other) = (r#"{"items":[1,2,3]}"#, r#"{"items":[1,2,4]}"#);
    for (expected, actual) in [
        (cut(JSON, one), cut(JSON, one)),
        (cut(JSON, one), whole(JSON, one)),
        (whole(JSON, one), cut(JSON, one)),
    ] {
        assert_eq!(judged(&expected, &actual), (ExchangeVerdict::Match, vec![]));
    }
    for (expected, actual) in [
        (cut(JSON, one), cut(JSON, other)),
        (cut(JSON, one), whole(JSON, other)),
        (whole(JSON, one), cut(JSON, other)),
    ] {
        let (verdict, found) = judged(&expected, &actual);
        assert_eq!(verdict, ExchangeVerdict::Differ);
        let digests = [one, other].map(|body| BodyDigest::of(body.as_bytes()));
        let line = format!(
            "body  Value 17 bytes, digest {}|17 bytes, digest {}",
            digests[0], digests[1]
        );
        assert_eq!(found, [line]);
    }
}

#[test]
fn without_a_digest_nothing_is_equal() {
    let mut expected = cut("text/plain", "abcdefghij");
    let actual = cut("text/plain", "abcdefghij");
    expected.response.as_mut().unwrap().body_digest = None;
    assert_eq!(judged(&expected, &actual).0, ExchangeVerdict::Incomparable);
    let other = cut("text/plain", "abcdefgXij");
    assert_eq!(judged(&expected, &other).0, ExchangeVerdict::Differ);
}

#[test]
fn text_that_differs_in_what_is_stored_shows_where() {
    let (verdict, found) = judged(
        &cut("text/plain", "abcdefghij"),
        &cut("text/plain", "abXdefghij"),
    );
    assert_eq!(verdict, ExchangeVerdict::Differ);
    assert_eq!(found, ["body @2 Value abcdefgh|abXdefgh"]);
}

#[test]
fn bytes_of_an_encoder_say_nothing_where_they_differ() {
    let coded = |body: &str| {
        let mut exchange = cut("text/plain", body);
        exchange.response.as_mut().unwrap().body_encoding = Some("gzip".to_owned());
        exchange
    };
    let (one, other) = (coded("abcdefghij"), coded("abcdefghik"));
    assert_eq!(judged(&one, &one).0, ExchangeVerdict::Match);
    assert_eq!(judged(&one, &other).0, ExchangeVerdict::Incomparable);
    assert_eq!(
        judged(&one, &cut("text/plain", "abcdefghij")).0,
        ExchangeVerdict::Incomparable
    );
}
