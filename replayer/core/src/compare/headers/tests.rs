use schema::ExchangeVerdict;

use crate::compare::policy;
use crate::compare::sample::{compared, exchange, found, replayed};

/// Compares two answers that differ in their headers only.
fn fields(expected: &[(&str, &str)], actual: &[(&str, &str)]) -> Vec<String> {
    let comparison = compared(
        &exchange("/", 200, expected, b"x"),
        &replayed(exchange("/", 200, actual, b"x"), 0),
    );
    assert_eq!(comparison.found, comparison.divergences.len() as u64);
    let is_match = comparison.verdict == ExchangeVerdict::Match;
    assert_eq!(is_match, comparison.divergences.is_empty());
    found(&comparison)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row a case")]
fn header_fields_are_compared_by_the_table() {
    for (expected, actual, differences) in [
        // In any case, order and spelling that says the same.
        (
            vec![("Content-Type", "text/html; charset=UTF-8")],
            vec![("content-type", "text/html;charset=\"utf-8\"")],
            vec![],
        ),
        (
            vec![("Cache-Control", "no-cache, private")],
            vec![("Cache-Control", "private,no-cache")],
            vec![],
        ),
        (
            vec![("Vary", "Origin"), ("Vary", "Accept")],
            vec![("Vary", "accept, origin")],
            vec![],
        ),
        (vec![("Vary", "Accept-Encoding")], vec![], vec![]),
        // What differs.
        (
            vec![("Content-Type", "text/html")],
            vec![("Content-Type", "text/plain")],
            vec!["header content-type Value text/html|text/plain"],
        ),
        (
            vec![("Cache-Control", "max-age=60")],
            vec![("Cache-Control", "max-age=0")],
            vec!["header cache-control Value max-age=60|max-age=0"],
        ),
        (
            vec![("X-Total-Count", "7")],
            vec![("X-Total-Count", "8")],
            vec!["header x-total-count Value 7|8"],
        ),
        (
            vec![("X-Total-Count", "7")],
            vec![],
            vec!["header x-total-count Missing 7|-"],
        ),
        (
            vec![],
            vec![("Access-Control-Allow-Origin", "*")],
            vec!["header access-control-allow-origin Extra -|*"],
        ),
        (
            vec![("Link", "<a>"), ("Link", "<b>")],
            vec![("Link", "<a>")],
            vec!["header link Value <a>, <b>|<a>"],
        ),
        (vec![("ETag", "\"1\"")], vec![("ETag", "\"2\"")], vec![]),
        (
            vec![("ETag", "\"1\"")],
            vec![],
            vec!["header etag Missing \"1\"|-"],
        ),
        // What the server's own name is made of.
        (
            vec![("Location", "https://shop.example/a?b")],
            vec![("Location", "/a?b")],
            vec![],
        ),
        (
            vec![("Location", "http://SHOP.example:8080/a")],
            vec![("Location", "https://shop.example/a")],
            vec![],
        ),
        (
            vec![("Location", "https://shop.example")],
            vec![("Location", "/")],
            vec![],
        ),
        (
            vec![("Location", "/a")],
            vec![("Location", "/b")],
            vec!["header location Value /a|/b"],
        ),
        (
            vec![("Location", "https://pay.example/a")],
            vec![("Location", "/a")],
            vec!["header location Value https://pay.example/a|/a"],
        ),
        (
            vec![("Location", "https://shop.example.evil/a")],
            vec![("Location", "/a")],
            vec!["header location Value https://shop.example.evil/a|/a"],
        ),
        // Names and attributes of cookies, not values.
        (
            vec![("Set-Cookie", "sid=1; Path=/; Expires=Wed")],
            vec![("Set-Cookie", "sid=2; path=/; Max-Age=9")],
            vec![],
        ),
        (
            vec![("Set-Cookie", "sid=1; HttpOnly")],
            vec![("Set-Cookie", "sid=1")],
            vec!["header set-cookie[sid] Value sid=…; httponly|sid=…"],
        ),
        (
            vec![("Set-Cookie", "a=1"), ("Set-Cookie", "b=1")],
            vec![("Set-Cookie", "b=2"), ("Set-Cookie", "c=1")],
            vec![
                "header set-cookie[a] Missing a=…|-",
                "header set-cookie[c] Extra -|c=…",
            ],
        ),
        // Challenges without what is new each time.
        (
            vec![("WWW-Authenticate", "Digest realm=\"r\", nonce=\"1\"")],
            vec![("WWW-Authenticate", "digest realm=\"r\", nonce=\"2\"")],
            vec![],
        ),
        (
            vec![("WWW-Authenticate", "Basic realm=\"r\"")],
            vec![("WWW-Authenticate", "Basic realm=\"s\"")],
            vec!["header www-authenticate Value Basic realm=\"r\"|Basic realm=\"s\""],
        ),
        // What is not compared at all.
        (
            vec![
                ("Date", "a"),
                ("Server", "a"),
                ("Content-Length", "1"),
                ("X-B3-TraceId", "1"),
            ],
            vec![("Date", "b"), ("Transfer-Encoding", "chunked")],
            vec![],
        ),
    ] {
        assert_eq!(
            fields(&expected, &actual),
            differences,
            "{expected:?} against {actual:?}"
        );
    }
}

#[test]
fn what_is_not_compared_is_named_with_whether_it_differed() {
    let comparison = compared(
        &exchange(
            "/",
            200,
            &[("Date", "a"), ("Server", "x"), ("ETag", "1")],
            b"",
        ),
        &replayed(
            exchange(
                "/",
                200,
                &[("Date", "b"), ("Server", "x"), ("Via", "p"), ("ETag", "2")],
                b"",
            ),
            0,
        ),
    );
    assert_eq!(comparison.verdict, ExchangeVerdict::Match);
    let mut named: Vec<(&str, bool)> = comparison
        .not_compared
        .rows()
        .map(|(row, differed)| (policy::TABLE[row].name, differed))
        .collect();
    named.sort_unstable();
    assert_eq!(
        named,
        [
            ("date", true),
            ("etag", true),
            ("server", false),
            ("via", true)
        ]
    );
}

#[test]
fn the_table_is_lower_case_and_says_why() {
    for policy in policy::TABLE {
        assert_eq!(policy.name, policy.name.to_ascii_lowercase());
        assert_eq!(
            policy.aspect.is_empty(),
            policy.reason.is_empty(),
            "{}",
            policy.name
        );
        let same = policy::TABLE
            .iter()
            .filter(|other| other.name == policy.name);
        assert_eq!(same.count(), 1, "{} is there twice", policy.name);
    }
}
