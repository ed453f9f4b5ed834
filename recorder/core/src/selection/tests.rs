use std::sync::Arc;

use expect_test::expect;
use schema::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Protocol, Request,
    Response, SampleBy, Timestamp,
};

use super::*;

/// `POST Shop.test:8080 /api/orders/7`, answered with 404.
pub(crate) fn order() -> Exchange {
    let at = Timestamp::from_micros(0);
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(1),
            source: None,
            vni: None,
            client: ([10, 0, 0, 1], 40_000).into(),
            server: ([10, 0, 0, 2], 80).into(),
        }),
        index: 0,
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(Request {
            start: at,
            end: at,
            method: "POST".to_owned(),
            host: Some("Shop.test:8080".to_owned()),
            path: "/api/orders/7".to_owned(),
            query: None,
            target: None,
            headers: [("Cookie", "session=abc")].into_iter().collect(),
            body: Body::default(),
            trailers: None,
        }),
        response: Some(Response {
            start: at,
            end: at,
            status: 404,
            headers: [].into_iter().collect(),
            body: Body::default(),
            body_encoding: None,
            body_digest: None,
            trailers: None,
        }),
        interim_statuses: Vec::new(),
        request_missing_bytes: 0,
        response_missing_bytes: 0,
        completeness: Completeness::Complete,
        framing: Certainty::Exact,
        pairing: Certainty::Exact,
        charset: Charset::Utf8,
        tcp: None,
        replay: None,
    }
}

#[test]
fn conditions() {
    let table = [
        ("path=/api/orders/7", true),
        ("path=/api/*", false),
        ("path=/api/**", true),
        ("path=/health,/api/{orders,items}/*", true),
        ("path!=/health,/ready", true),
        ("path!=/health,/api/**", false),
        ("host=shop.test", false),
        ("host=shop.*", true),
        ("host=a.test,*.TEST:8080", true),
        ("method=post", true),
        ("method=GET,POST", true),
        ("method!=GET,HEAD", true),
        ("status=404", true),
        ("status=2xx,400-403", false),
        ("status!=2xx", true),
        ("host=shop.* method=POST status=4xx path=/api/**", true),
        ("  host=shop.*\tmethod=GET ", false),
    ];
    for (text, passes) in table {
        let filter: Filter = text.parse().unwrap();
        assert_eq!(filter.passes(&order()), passes, "{text}");
    }
}

#[test]
fn what_an_exchange_lacks_fits_no_value() {
    let mut unanswered = order();
    unanswered.response = None;
    let mut unasked = order();
    unasked.request = None;
    let table = [
        (&unanswered, "status=4xx", false),
        (&unanswered, "status!=4xx", true),
        (&unasked, "path=/**", false),
        (&unasked, "host!=shop.*", true),
        (&unasked, "method=POST", false),
    ];
    for (exchange, text, passes) in table {
        let filter: Filter = text.parse().unwrap();
        assert_eq!(filter.passes(exchange), passes, "{text}");
    }
}

#[test]
fn an_error_points_at_the_place() {
    let texts = [
        "",
        "   ",
        "/health",
        "method=GET paht=/health",
        "host=ä.test status=2xx,6oo",
        "path=api/**",
        "path=/a,/[",
        "method=",
        "status=200,",
        "!=x",
    ];
    let errors: Vec<_> = texts
        .iter()
        .map(|text| text.parse::<Filter>().unwrap_err().to_string())
        .collect();
    expect![[r#"
        the filter is empty; write a condition such as path=/health
          
          ^
        the filter is empty; write a condition such as path=/health
             
          ^^^
        `/health` is no condition; write FIELD=VALUE such as path=/health
          /health
          ^^^^^^^
        `paht` is no field; write host, path, method or status
          method=GET paht=/health
                     ^^^^
        `6oo` is not a status such as 404, 5xx or 200-299
          host=ä.test status=2xx,6oo
                                 ^^^
        `api/**` is not a path, which begins with /, such as /api/**
          path=api/**
               ^^^^^^
        `/[` is not a glob such as /api/**: unclosed character class; missing ']'
          path=/a,/[
                  ^^
        a value for `method` is missing
          method=
                 ^
        a value for `status` is missing
          status=200,
                     ^
        `` is no field; write host, path, method or status
          !=x
          ^
    "#]]
    .assert_eq(&(errors.join("\n") + "\n"));
}

#[test]
fn drop_wins_over_keep() {
    let filters = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let table: [(&[&str], &[&str], bool); 6] = [
        (&[], &[], true),
        (&["path=/api/**"], &[], true),
        (&["path=/x", "status=404"], &[], true),
        (&["path=/x"], &[], false),
        (&[], &["status=404"], false),
        (&["path=/api/**"], &["path=/x", "method=POST"], false),
    ];
    for (keep, drop, recorded) in table {
        let selection = Selection {
            keep: filters(keep),
            drop: filters(drop),
            sample: None,
        };
        let left_out = (!recorded).then_some(LeftOut::Filtered);
        assert_eq!(selection.filter(&order()), left_out, "{selection}");
    }
}

#[test]
fn the_metadata_says_what_was_chosen() {
    let selection = Selection {
        keep: vec!["host=api.*   method=GET".parse().unwrap()],
        drop: vec!["path=/health,/ready".parse().unwrap()],
        sample: Some(Sample {
            share: 0.1,
            by: SampleBy::Cookie("session".to_owned()),
        }),
    };
    expect!["keep host=api.* method=GET; drop path=/health,/ready; 0.1 by cookie:session"]
        .assert_eq(&selection.to_string());
    assert!(!selection.takes_all() && Selection::default().takes_all());
}
