use bytes::Bytes;
use chrono::TimeDelta;
use schema::{Body, TimeWindow};

use super::*;
use crate::rewrite::parse_rewrite_file;
use crate::testing::exchange;

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn recorded(target: &str, headers: &[(&str, &str)], body: &str) -> Exchange {
    let mut exchange = exchange(1, 0, 0);
    let request = exchange.request.as_mut().unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    (request.path, request.query) = (path.to_owned(), query);
    request.headers = headers.iter().copied().collect();
    request.body = Body {
        bytes: Bytes::copy_from_slice(body.as_bytes()),
        wire_bytes: body.len() as u64,
    };
    exchange
}

/// A day later than the recorded one.
fn shift() -> Shift {
    Shift {
        window: TimeWindow {
            start: "2026-11-22T00:00:00Z".parse().unwrap(),
            end: "2026-11-23T00:00:00Z".parse().unwrap(),
        },
        by: TimeDelta::days(1),
        recorded: "2026-11-22T13:00:00Z".parse().unwrap(),
    }
}

fn text_of_request(request: &Request) -> String {
    let query = request
        .query
        .as_ref()
        .map_or_else(String::new, |query| format!("?{query}"));
    let mut text = format!("{}{query}", request.path);
    for (name, value) in request.headers.iter() {
        text += &format!(" {name}: {value}");
    }
    let body = String::from_utf8_lossy(&request.body.bytes);
    if body.is_empty() {
        text
    } else {
        format!("{text} {body}")
    }
}

fn rewritten(rewriting: &mut Rewriting, recorded: &Exchange) -> String {
    let mut request = recorded.request.clone().unwrap();
    let resigned = rewriting.apply(&mut request, recorded, "", &shift());
    put_resigned(&mut request, &resigned);
    text_of_request(&request)
}

/// One rule at one request, and how often it is counted.
#[track_caller]
fn check(rule: &str, request: (&str, &[(&str, &str)], &str), expected: &str) {
    let recorded = recorded(request.0, request.1, request.2);
    let before = text_of_request(recorded.request.as_ref().unwrap());
    let mut rewriting = Rewriting::new(vec![rule.parse().unwrap()], None);
    assert_eq!(rewritten(&mut rewriting, &recorded), expected, "{rule}");
    let report = rewriting.report().unwrap();
    assert_eq!(report.rules[0].rule, rule);
    assert_eq!(
        report.rules[0].requests,
        u64::from(before != expected),
        "{rule}"
    );
}

#[test]
fn header_fields() {
    let fields = [("X-A", "1"), ("x-a", "2"), ("X-B", "3")];
    check(
        "set header:X-A=9",
        ("/", &fields, ""),
        "/ X-A: 9 x-a: 9 X-B: 3",
    );
    check(
        "set header:X-C=a=b",
        ("/", &fields[2..], ""),
        "/ X-B: 3 X-C: a=b",
    );
    check(
        "add header:X-B=4",
        ("/", &fields[2..], ""),
        "/ X-B: 3 X-B: 4",
    );
    check("remove header:x-*", ("/", &fields, ""), "/");
    check("remove header:x-z", ("/", &fields[2..], ""), "/ X-B: 3");
}

#[test]
fn cookies() {
    let fields = [("Cookie", "a=1; b=2;c"), ("X", "y")];
    check(
        "set cookie:b=9",
        ("/", &fields, ""),
        "/ Cookie: a=1; b=9; c X: y",
    );
    check(
        "remove cookie:a",
        ("/", &fields, ""),
        "/ Cookie: b=2; c X: y",
    );
    check(
        "add cookie:d=4",
        ("/", &fields[..1], ""),
        "/ Cookie: a=1; b=2;c; d=4",
    );
    check("set cookie:d=4", ("/", &[], ""), "/ Cookie: d=4");
    check("remove cookie:*", ("/", &fields, ""), "/ X: y");
}

#[test]
fn queries_and_forms() {
    check(
        "set query:a=x y",
        ("/?a=1&b=%20&a", &[], ""),
        "/?a=x%20y&b=%20&a=x%20y",
    );
    check("set query:c[]=1", ("/?c%5B%5D=0", &[], ""), "/?c%5B%5D=1");
    check("set query:n=1", ("/", &[], ""), "/?n=1");
    check("add query:a=2", ("/?a=1", &[], ""), "/?a=1&a=2");
    check("remove query:a", ("/?a=1&b=2", &[], ""), "/?b=2");
    check("remove query:a", ("/?a=1", &[], ""), "/");
    let form = [FORM, ("Content-Length", "7")];
    check(
        "set form:a=xyz",
        ("/", &form, "a=1&b=2"),
        "/ Content-Type: application/x-www-form-urlencoded Content-Length: 9 a=xyz&b=2",
    );
    check(
        "set form:a=xyz",
        ("/", &[JSON], "a=1&b=2"),
        "/ Content-Type: application/json; charset=utf-8 a=1&b=2",
    );
}

#[test]
fn json_fields() {
    let json = [JSON, ("Content-Length", "1")];
    let body = r#"{"a": 1.0, "l": [{"id": 1, "x": true}, {"id": 2}], "s": "\u00e9"}"#;
    let check = |rule: &str, expected: &str| {
        let recorded = recorded("/", &json, body);
        let mut rewriting = Rewriting::new(vec![rule.parse().unwrap()], None);
        let expected = format!(
            "/ {}: {} Content-Length: {} {expected}",
            JSON.0,
            JSON.1,
            expected.len()
        );
        assert_eq!(rewritten(&mut rewriting, &recorded), expected, "{rule}");
    };
    check(
        "set json:/a=2.50",
        r#"{"a":2.50,"l":[{"id":1,"x":true},{"id":2}],"s":"é"}"#,
    );
    check(
        "set json:/a=two",
        r#"{"a":"two","l":[{"id":1,"x":true},{"id":2}],"s":"é"}"#,
    );
    check(
        "set json:/l/*/id=0",
        r#"{"a":1.0,"l":[{"id":0,"x":true},{"id":0}],"s":"é"}"#,
    );
    check(
        "set json:/**/id=0",
        r#"{"a":1.0,"l":[{"id":0,"x":true},{"id":0}],"s":"é"}"#,
    );
    check(
        "set json:/l/1/new=0",
        r#"{"a":1.0,"l":[{"id":1,"x":true},{"id":2,"new":0}],"s":"é"}"#,
    );
    check("remove json:/l/0", r#"{"a":1.0,"l":[{"id":2}],"s":"é"}"#);
    check(
        "remove json:/**/x",
        r#"{"a":1.0,"l":[{"id":1},{"id":2}],"s":"é"}"#,
    );
    check(
        "add json:/b=null",
        r#"{"a":1.0,"l":[{"id":1,"x":true},{"id":2}],"s":"é","b":null}"#,
    );
}

#[test]
fn a_body_that_cannot_be_read_is_counted_and_left() {
    let recorded = recorded("/", &[JSON], "{");
    let mut rewriting = Rewriting::new(vec!["set json:/a=1".parse().unwrap()], None);
    assert!(rewritten(&mut rewriting, &recorded).ends_with(" {"));
    let rule = &rewriting.report().unwrap().rules[0];
    assert_eq!(rule.requests, 0);
    assert_eq!(rule.left_as_recorded[0].reason, "body_unreadable");
}

#[test]
fn hosts_and_prefixes() {
    let host = [("Host", "shop.test")];
    check("host other.test", ("/", &host, ""), "/ Host: other.test");
    check("host *.test=other:81", ("/", &host, ""), "/ Host: other:81");
    check("host x.*=other", ("/", &host, ""), "/ Host: shop.test");
    check("prefix /v1=/v2", ("/v1/a", &[], ""), "/v2/a");
    check("prefix /v1/=/v2/", ("/v1", &[], ""), "/v2");
    check("prefix /v1=/v2", ("/v10/a", &[], ""), "/v10/a");
    check("prefix /v1=/", ("/v1/a", &[], ""), "/a");
    check("prefix /v1=/", ("/v1", &[], ""), "/");
    check("prefix /=/api", ("/v1", &[], ""), "/api/v1");
    // The target's own path stays before it.
    let recorded = recorded("/v1/a", &[], "");
    let mut request = recorded.request.clone().unwrap();
    request.path = "/base/v1/a".to_owned();
    let mut rewriting = Rewriting::new(vec!["prefix /v1=/v2".parse().unwrap()], None);
    let _resigned = rewriting.apply(&mut request, &recorded, "/base", &shift());
    assert_eq!(request.path, "/base/v2/a");
}

#[test]
fn times_move_in_every_place() {
    let shifted = |field: &str, request: (&str, &[(&str, &str)], &str)| {
        let rule = RewriteRule {
            name: field.to_owned(),
            when: When::default(),
            action: Action::ShiftTime(field.parse().unwrap(), Which::InWindow),
        };
        let mut rewriting = Rewriting::new(vec![rule], None);
        let text = rewritten(&mut rewriting, &recorded(request.0, request.1, request.2));
        (text, rewriting.report().unwrap().rules.remove(0))
    };
    let (text, rule) = shifted(
        "query:from",
        ("/?from=2026-11-22T13%3A00%3A00Z&to=2026-11-22", &[], ""),
    );
    assert_eq!(
        (&*text, rule.requests),
        ("/?from=2026-11-23T13%3A00%3A00Z&to=2026-11-22", 1)
    );
    let field = [("If-Modified-Since", "Sun, 22 Nov 2026 13:00:00 GMT")];
    let (text, _) = shifted("header:If-Modified-Since", ("/", &field, ""));
    assert_eq!(text, "/ If-Modified-Since: Mon, 23 Nov 2026 13:00:00 GMT");
    let (text, _) = shifted(
        "json:/**/at",
        (
            "/",
            &[JSON],
            r#"{"at":1795352400,"x":{"at":"1795352400000"}}"#,
        ),
    );
    assert!(
        text.ends_with(r#"{"at":1795438800,"x":{"at":"1795438800000"}}"#),
        "{text}"
    );
    let (_, rule) = shifted("query:t", ("/?t=2020-01-01&t=never", &[], ""));
    let left: Vec<(&str, u64)> = rule
        .left_as_recorded
        .iter()
        .map(|by| (&*by.reason, by.count))
        .collect();
    assert_eq!(
        (rule.requests, left),
        (0, vec![("outside_window", 1), ("no_time", 1)])
    );
}

#[test]
fn authorization_is_replaced_and_never_added() {
    let rule = || RewriteRule {
        name: "--authorization-env TOKEN".to_owned(),
        when: When::default(),
        action: Action::Authorization(Secret("Bearer test".to_owned())),
    };
    let mut rewriting = Rewriting::new(vec![rule()], None);
    let with = recorded("/", &[("authorization", "Basic eDp5")], "");
    assert_eq!(
        rewritten(&mut rewriting, &with),
        "/ authorization: Bearer test"
    );
    assert_eq!(rewritten(&mut rewriting, &recorded("/", &[], "")), "/");
    assert_eq!(rewriting.report().unwrap().rules[0].requests, 1);
    assert!(!format!("{rewriting:?}").contains("Bearer test"));
}

#[test]
fn tokens_are_signed_anew_wherever_they_stand() {
    let token = "eyJhbGciOiJSUzUxMiJ9.eyJleHAiOjE2MH0.c2ln";
    let key = || JwtKey::new(b"a secret for tests").unwrap();
    let new = key().resign(token, 86_400).unwrap();
    let mut rewriting = Rewriting::new(Vec::new(), Some(key()));
    let fields = [
        ("Authorization", &*format!("Bearer {token}")),
        ("Cookie", &*format!("a=1; jwt={token}")),
    ];
    let recorded_one = recorded(&format!("/?t={token}"), &fields, &format!("t={token}"));
    let expected = format!("/?t={new} Authorization: Bearer {new} Cookie: a=1; jwt={new} t={new}");
    assert_eq!(rewritten(&mut rewriting, &recorded_one), expected);
    assert_eq!(
        rewritten(&mut rewriting, &recorded("/", &[("X", "eyJa.b.c")], "")),
        "/ X: eyJa.b.c"
    );
    let rule = &rewriting.report().unwrap().rules[0];
    assert_eq!((&*rule.rule, rule.requests), ("--jwt-key (HS256)", 1));
}

/// Tokens that are kept signed are bounded; beyond, they are signed again.
#[test]
fn signed_tokens_are_bounded() {
    use base64::Engine as _;
    let coded = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let key = JwtKey::new(b"a secret for tests").unwrap();
    let mut rewriting = Rewriting::new(Vec::new(), Some(key));
    for number in 0..=RESIGNED_MAX {
        let payload = coded(format!(r#"{{"sub":"{number}"}}"#));
        let token = format!("eyJhbGciOiJSUzUxMiJ9.{payload}.c2ln");
        let sent = rewritten(&mut rewriting, &recorded("/", &[("X", &token)], ""));
        assert!(!sent.contains(&token), "{sent}");
        assert!(rewriting.resigned.len() <= RESIGNED_MAX);
    }
    assert_eq!(rewriting.resigned.len(), 1);
}

#[test]
fn what_is_no_rule_says_why() {
    for (text, expected) in [
        ("put header:a=1", "`put` is nothing that can be done"),
        ("set header:a", "`set` wants FIELD=VALUE"),
        ("set a=1", "write header:NAME"),
        ("set body:a=1", "a place is header"),
        ("set header:Host=x", "the host has a rule of its own"),
        ("add query:a*=1", "is a glob"),
        ("set json:a=1", "a pointer begins with /"),
        ("host a b", "`a b` is no host"),
        ("prefix v1=/v2", "`v1` is no beginning"),
        ("prefix /v1", "wants PREFIX=PREFIX"),
    ] {
        let error = text.parse::<RewriteRule>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_file_is_read_in_its_order() {
    let file = r#"[[set]]
at = "json:/n"
value = 5
method = ["POST"]
path = "/orders/**"

[[prefix]]
from = "/v1"
to = "/v2"

[[remove]]
at = "query:debug"
host = "shop.*"

[[set]]
at = "header:X-Env"
value = "test"

[[shift-time]]
at = "query:from"
which = "all"

[[host]]
to = "shop.internal"
"#;
    let rules = parse_rewrite_file(file, "rules.toml").unwrap();
    let names: Vec<&str> = rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(
        names,
        [
            "rules.toml:1 set json:/n",
            "rules.toml:7 prefix /v1",
            "rules.toml:11 remove query:debug",
            "rules.toml:15 set header:X-Env",
            "rules.toml:19 shift-time query:from",
            "rules.toml:23 host shop.internal",
        ]
    );
    let mut rewriting = Rewriting::new(rules, None);
    let mut exchange = recorded(
        "/orders/1?debug=1&from=2020-01-01",
        &[JSON, ("Host", "shop.test")],
        r#"{"n":1}"#,
    );
    let text = rewritten(&mut rewriting, &exchange);
    assert!(
        text.starts_with("/orders/1?from=2020-01-02 ") && text.ends_with(r#"X-Env: test {"n":1}"#),
        "{text}"
    );
    exchange.request.as_mut().unwrap().method = "post".to_owned();
    assert!(rewritten(&mut rewriting, &exchange).ends_with(r#"{"n":5}"#));
    let requests: Vec<u64> = rewriting
        .report()
        .unwrap()
        .rules
        .iter()
        .map(|rule| rule.requests)
        .collect();
    assert_eq!(requests, [1, 0, 2, 2, 2, 2]);
}

#[test]
fn a_file_that_is_wrong_says_where() {
    for (file, expected) in [
        (
            "[[set]]\nat = \"header:a\"",
            "f.toml:1: missing field `value`",
        ),
        (
            "[[set]]\nat = \"header\"\nvalue = 1",
            "f.toml:2: `header`: write header:NAME",
        ),
        ("\n[[sett]]\n", "f.toml:2: unknown field `sett`"),
        ("[[remove]]\nat = \"query:a\"\npath = \"/{\"", "f.toml:3: "),
        (
            "[[add]]\nat = \"query:*\"\nvalue = \"1\"",
            "f.toml:2: `query:*` is a glob",
        ),
        (
            "[[prefix]]\nfrom = \"v1\"\nto = \"/\"",
            "f.toml:1: `v1` is no beginning",
        ),
        ("x = ", "f.toml:1: "),
    ] {
        let error = parse_rewrite_file(file, "f.toml").unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
