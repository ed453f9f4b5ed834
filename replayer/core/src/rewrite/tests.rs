use schema::{Body, Completeness, Exchange, Protocol, Request};

use super::{HostPolicy, Rewrite, Skip, rewrite};
use crate::testing::{exchange, with_request};

/// Fields, by name and value.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn rules() -> Rewrite {
    Rewrite {
        path_prefix: String::new(),
        host: HostPolicy::Recorded,
        forwarded: false,
        run: None,
    }
}

fn body(bytes: &'static str) -> Body {
    Body {
        bytes: bytes.into(),
        wire_bytes: bytes.len() as u64,
    }
}

/// The head of what is sent for a request with `headers` and a body, as text.
fn sent(headers: &[(&str, &str)], content: &'static str, rules: &Rewrite) -> Vec<String> {
    let exchange = with_request(exchange(1, 0, 0), |request| {
        request.headers = headers.iter().copied().collect();
        request.body = body(content);
    });
    lines(&rewrite(&exchange, rules).unwrap())
}

fn lines(request: &Request) -> Vec<String> {
    request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

#[test]
fn fields_keep_their_order_case_and_duplicates() {
    let headers = [
        ("host", "shop.test"),
        ("X-A", "1"),
        ("Cookie", "a=1"),
        ("x-a", "2"),
        ("ACCEPT", "*/*"),
    ];
    assert_eq!(
        sent(&headers, "", &rules()),
        [
            "host: shop.test",
            "X-A: 1",
            "Cookie: a=1",
            "x-a: 2",
            "ACCEPT: */*"
        ]
    );
}

#[test]
fn framing_is_computed_anew() {
    let h = ("Host", "shop.test");
    let table: [(&str, Fields<'_>, &'static str, &[&str]); 8] = [
        (
            "as it was",
            &[h, ("Content-Length", "5")],
            "hello",
            &["Host: shop.test", "Content-Length: 5"],
        ),
        (
            "an empty body that was declared",
            &[h, ("Content-Length", "0")],
            "",
            &["Host: shop.test", "Content-Length: 0"],
        ),
        ("none declared", &[h], "", &["Host: shop.test"]),
        (
            "declared twice",
            &[h, ("content-length", "5"), ("Content-Length", "5")],
            "hello",
            &["Host: shop.test", "content-length: 5"],
        ),
        (
            "chunked stays chunked",
            &[("Transfer-Encoding", "chunked"), h],
            "hello",
            &["Transfer-Encoding: chunked", "Host: shop.test"],
        ),
        (
            "chunked wins over a length",
            &[
                h,
                ("Content-Length", "9"),
                ("Transfer-Encoding", "gzip, chunked"),
            ],
            "hello",
            &["Host: shop.test", "Transfer-Encoding: gzip, chunked"],
        ),
        (
            "chunked without a body",
            &[h, ("Transfer-Encoding", "chunked")],
            "",
            &["Host: shop.test", "Transfer-Encoding: chunked"],
        ),
        (
            "not declared, as in HTTP/2",
            &[h],
            "hello",
            &["Host: shop.test", "Content-Length: 5"],
        ),
    ];
    for (name, headers, content, expected) in table {
        assert_eq!(sent(headers, content, &rules()), expected, "{name}");
    }
}

#[test]
fn http_1_0_has_no_chunks() {
    let mut exchange = with_request(exchange(1, 0, 0), |request| {
        request.headers = [("Transfer-Encoding", "chunked")].into_iter().collect();
        request.body = body("hello");
        request.host = None;
    });
    exchange.protocol = Protocol::Http10;
    assert_eq!(
        lines(&rewrite(&exchange, &rules()).unwrap()),
        ["Content-Length: 5"]
    );
}

#[test]
fn an_offer_to_upgrade_is_left_out() {
    let h = ("Host", "shop.test");
    let table: [(Fields<'_>, &[&str]); 4] = [
        (
            &[h, ("Connection", "keep-alive")],
            &["Host: shop.test", "Connection: keep-alive"],
        ),
        (
            &[h, ("Connection", "close")],
            &["Host: shop.test", "Connection: close"],
        ),
        (
            &[
                h,
                ("Connection", "Upgrade, HTTP2-Settings"),
                ("Upgrade", "h2c"),
                ("HTTP2-Settings", "AAMAAABkAAQ"),
            ],
            &["Host: shop.test"],
        ),
        (
            &[
                h,
                ("Connection", "keep-alive, Upgrade"),
                ("Upgrade", "websocket"),
            ],
            &["Host: shop.test", "Connection: keep-alive"],
        ),
    ];
    for (headers, expected) in table {
        assert_eq!(sent(headers, "", &rules()), expected, "{headers:?}");
    }
}

#[test]
fn host_is_replaced_where_it_stands() {
    let fixed = Rewrite {
        host: HostPolicy::Fixed("test.internal:81".to_owned()),
        ..rules()
    };
    let headers = [("A", "1"), ("Host", "shop.test"), ("B", "2")];
    assert_eq!(
        sent(&headers, "", &fixed),
        ["A: 1", "Host: test.internal:81", "B: 2"]
    );
    assert_eq!(
        sent(&[("A", "1")], "", &fixed),
        ["A: 1", "Host: test.internal:81"]
    );
    // HTTP/2 says the host in :authority, which is no field.
    assert_eq!(
        sent(&[("a", "1")], "", &rules()),
        ["a: 1", "Host: shop.test"]
    );
}

#[test]
fn forwarded_fields_as_the_aws_sample_adds_them() {
    let forwarded = Rewrite {
        forwarded: true,
        ..rules()
    };
    let h = ("Host", "shop.test");
    let mut all = sent(&[h], "", &forwarded);
    all.sort();
    assert_eq!(
        all,
        [
            "Host: shop.test",
            "X-Forwarded-For: 10.0.1.7",
            "X-Forwarded-Host: shop.test",
            "X-Forwarded-Port: 8080",
            "X-Forwarded-Proto: http"
        ]
    );
    let behind_a_proxy = [
        h,
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", ""),
    ];
    let sent = sent(&behind_a_proxy, "", &forwarded);
    assert_eq!(
        sent[1..4],
        [
            "x-forwarded-for: 203.0.113.9",
            "x-forwarded-port: 443",
            "x-forwarded-proto: https"
        ]
    );
    assert_eq!(
        sent[5..],
        ["X-Forwarded-Host: shop.test", "X-Forwarded-For: 10.0.1.7"]
    );
}

/// GoReplay's target path replaces the recorded one: `GET /orders/42?x=1` arrives as `GET /base`.
#[test]
fn a_path_prefix_never_swallows_the_recorded_path() {
    let table = [
        ("", "/orders/42", "/orders/42"),
        ("/base", "/orders/42", "/base/orders/42"),
        ("/base", "/", "/base/"),
        ("/base", "//a/../b/%2f|", "/base//a/../b/%2f|"),
        ("/base", "*", "*"),
    ];
    for (prefix, path, expected) in table {
        let exchange = with_request(exchange(1, 0, 0), |request| {
            request.path = path.to_owned();
            request.query = Some("x=1".to_owned());
        });
        let rules = Rewrite {
            path_prefix: prefix.to_owned(),
            ..rules()
        };
        let request = rewrite(&exchange, &rules).unwrap();
        assert_eq!(
            (request.path.as_str(), request.query.as_deref()),
            (expected, Some("x=1"))
        );
    }
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let whole = exchange(1, 0, 0);
    let with = |change: &dyn Fn(&mut Exchange)| {
        let mut exchange = whole.clone();
        change(&mut exchange);
        rewrite(&exchange, &rules()).err()
    };
    assert_eq!(with(&|_| {}), None);
    assert_eq!(with(&|e| e.completeness = Completeness::ResponseGap), None);
    assert_eq!(with(&|e| e.response = None), None);
    assert_eq!(with(&|e| e.request = None), Some(Skip::NoRequest));
    assert_eq!(
        with(&|e| e.completeness = Completeness::RequestGap),
        Some(Skip::RequestGap)
    );
    assert_eq!(
        with(&|e| e.completeness = Completeness::Upgraded),
        Some(Skip::Upgraded)
    );
    // No answer hides in `completeness` what is wrong with the request.
    assert_eq!(
        with(&|e| {
            e.completeness = Completeness::NoResponse;
            e.request_missing_bytes = 3;
        }),
        Some(Skip::RequestGap)
    );
    let request = |change: &dyn Fn(&mut Request)| with(&|e| change(e.request.as_mut().unwrap()));
    assert_eq!(
        request(&|r| r.method = "CONNECT".to_owned()),
        Some(Skip::Connect)
    );
    assert_eq!(
        request(&|r| r.body.wire_bytes = 9),
        Some(Skip::RequestTruncated)
    );
    assert_eq!(
        request(&|r| r.headers = [("Content-Length", "9")].into_iter().collect()),
        Some(Skip::RequestAborted)
    );
}

/// What replays which exchange is said last, and once, whatever was recorded.
#[test]
fn the_run_and_the_exchange_are_named() {
    let recorded = with_request(exchange(0xc0ffee, 3, 0), |request| {
        request.headers.push("X-Reprise-Run", "older");
        request.headers.push("X-Last", "1");
    });
    let rules = Rewrite {
        run: Some("nightly".to_owned()),
        ..rules()
    };
    let request = rewrite(&recorded, &rules).unwrap();
    let fields: Vec<_> = request.headers.iter().collect();
    let expected = [
        ("Host", "shop.test"),
        ("X-Last", "1"),
        ("X-Reprise-Run", "nightly"),
        ("X-Reprise-Exchange", "0000000000c0ffee-3"),
    ];
    assert_eq!(fields, expected);
}
