//! What arrives at the target is what was recorded.

use super::*;

fn fields(arrival: &Arrival) -> Vec<String> {
    let lower =
        |(name, value): &(String, String)| format!("{}: {value}", name.to_ascii_lowercase());
    arrival.headers.iter().map(lower).collect()
}

/// Nothing is added, left out or reordered: no `accept`, no `user-agent`, no `connection`.
#[test]
fn exactly_the_recorded_head_and_body_arrive() {
    let requests = [
        "GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n".to_owned(),
        "GET /b HTTP/1.1\r\nUser-Agent: shop/1\r\nX-Odd:  spaced \r\nHost: shop.test\r\nCookie: a=1\r\nCookie: b=2\r\nAccept-Encoding: gzip, br\r\nConnection: keep-alive\r\n\r\n".to_owned(),
        "POST /c HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-Last: 1\r\n\r\nhello".to_owned(),
        "PUT /d HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\nX-Last: 1\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n".to_owned(),
        "POST /e HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "PROPFIND /f HTTP/1.1\r\nHost: shop.test\r\nReferer: http://shop.test/\r\n\r\n".to_owned(),
    ];
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(ok);
    let ran = recorded.replay(&target.url(), &["--no-forwarded"]);
    assert_eq!(
        document(&ran).totals.matched,
        6,
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let mut arrivals = target.arrivals();
    arrivals.sort_by_key(|arrival| arrival.target.clone());
    let expected: [(&str, &str, &[&str], &str); 6] = [
        ("GET", "/a", &["host: shop.test"], ""),
        (
            "GET",
            "/b",
            &[
                "user-agent: shop/1",
                "x-odd: spaced",
                "host: shop.test",
                "cookie: a=1",
                "cookie: b=2",
                "accept-encoding: gzip, br",
                "connection: keep-alive",
            ],
            "",
        ),
        (
            "POST",
            "/c",
            &[
                "host: shop.test",
                "content-type: text/plain",
                "content-length: 5",
                "x-last: 1",
            ],
            "hello",
        ),
        (
            "PUT",
            "/d",
            &["host: shop.test", "transfer-encoding: chunked", "x-last: 1"],
            "hello",
        ),
        ("POST", "/e", &["host: shop.test", "content-length: 0"], ""),
        (
            "PROPFIND",
            "/f",
            &["host: shop.test", "referer: http://shop.test/"],
            "",
        ),
    ];
    for (arrival, (method, path, head, body)) in arrivals.iter().zip(expected) {
        assert_eq!(
            (arrival.method.as_str(), arrival.target.as_str()),
            (method, path)
        );
        assert_eq!(fields(arrival), head, "{path}");
        assert_eq!(String::from_utf8_lossy(&arrival.body), body, "{path}");
    }
}

/// reqwest's URL parser would make `/b` of `/a/../b`. What hyper's types cannot say is skipped, and said so.
#[test]
fn paths_arrive_byte_for_byte_behind_the_prefix() {
    let paths = [
        "/",
        "//a//",
        "/a/../b/./c",
        "/%2f%7e|x",
        "/{id}?q={a}&r=%zz&",
        "/a?",
        "/a?b?c=/../d",
        "/caf\u{e9}?\u{fc}",
    ];
    let requests: Vec<String> = paths
        .iter()
        .chain(&["/<b>", "/?q=\"a\""])
        .map(|path| get(path))
        .collect();
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(ok);
    let ran = recorded.replay(&format!("{}/v2/", target.url()), &[]);
    let mut arrived: Vec<String> = target
        .arrivals()
        .into_iter()
        .map(|arrival| arrival.target)
        .collect();
    let mut expected: Vec<String> = paths.iter().map(|path| format!("/v2{path}")).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
    let totals = document(&ran).totals;
    assert_eq!((totals.planned, totals.sent, totals.skipped), (10, 8, 2));
    let not_sendable = (Outcome::Skipped, Some("not_sendable".to_owned()));
    assert_eq!(
        recorded.outcomes()[8..],
        [not_sendable.clone(), not_sendable]
    );
}

#[test]
fn host_and_forwarded_fields() {
    let recorded = Recorded::new(&one_by_one(&[get("/")], Duration::ZERO));
    let target = Target::start(ok);
    let _ran = recorded.replay(&target.url(), &["--host-header", "target"]);
    let arrival = &target.arrivals()[0];
    assert_eq!(
        arrival.header("host"),
        Some(target.address().to_string().as_str())
    );
    assert_eq!(arrival.header("x-forwarded-for"), Some("10.0.0.1"));
    assert_eq!(arrival.header("x-forwarded-port"), Some("80"));
    assert_eq!(arrival.header("x-forwarded-proto"), Some("http"));
    assert_eq!(arrival.header("x-forwarded-host"), Some("shop.test"));
}

/// A redirect is an answer, not an errand; a compressed body is stored as it came.
#[test]
fn redirects_are_not_followed() {
    let recorded = Recorded::new(&one_by_one(&[get("/old")], Duration::ZERO));
    let target = Target::start(|_| Answer::new(302, &[("Location", "/new")], ""));
    let ran = recorded.replay(&target.url(), &[]).expect_code(1);
    assert_eq!(target.arrivals().len(), 1);
    assert_eq!(document(&ran).totals.differed, 1);
}
