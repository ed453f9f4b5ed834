//! What arrives at the target is what was recorded.

use super::*;

fn fields(arrival: &Arrival) -> Vec<String> {
    let field = |(name, value): &(String, String)| format!("{name}: {value}");
    arrival.headers.iter().map(field).collect()
}

/// Method, path, head and body of each request below, as it arrives.
const EXPECTED: [(&str, &str, &[&str], &str); 7] = [
    ("GET", "/a", &["Host: shop.test"], ""),
    (
        "GET",
        "/b",
        &[
            "user-agent: shop/1",
            "Cookie: a=1",
            "X-oDD: spaced",
            "Host: shop.test",
            "cookie: b=2",
            "ACCEPT-Encoding: gzip, br",
            "Connection: keep-alive",
        ],
        "",
    ),
    (
        "POST",
        "/c",
        &[
            "Host: shop.test",
            "Content-Type: text/plain",
            "Content-Length: 5",
            "X-Last: 1",
        ],
        "hello",
    ),
    (
        "PUT",
        "/d",
        &["Host: shop.test", "Transfer-Encoding: chunked", "X-Last: 1"],
        "hello",
    ),
    ("POST", "/e", &["Host: shop.test", "Content-Length: 0"], ""),
    (
        "PROPFIND",
        "/f",
        &["Host: shop.test", "Referer: http://shop.test/"],
        "",
    ),
    (
        "PUT",
        "/g",
        &[
            "Host: shop.test",
            "Transfer-Encoding: chunked",
            "Trailer: X-Sum",
        ],
        "",
    ),
];

/// Nothing is added, left out, reordered or written otherwise: no `accept`, no `user-agent`, no `connection`.
#[test]
fn exactly_the_recorded_head_and_body_arrive() {
    let requests = [
        "GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n".to_owned(),
        "GET /b HTTP/1.1\r\nuser-agent: shop/1\r\nCookie: a=1\r\nX-oDD:  spaced \r\nHost: shop.test\r\ncookie: b=2\r\nACCEPT-Encoding: gzip, br\r\nConnection: keep-alive\r\n\r\n".to_owned(),
        "POST /c HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-Last: 1\r\n\r\nhello".to_owned(),
        "PUT /d HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\nX-Last: 1\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n".to_owned(),
        "POST /e HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "PUT /g HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n0\r\nX-Sum: 1\r\n\r\n".to_owned(),
        "PROPFIND /f HTTP/1.1\r\nHost: shop.test\r\nReferer: http://shop.test/\r\n\r\n".to_owned(),
    ];
    let recorded = Recorded::new(&one_by_one(&requests, Duration::from_millis(1)));
    let target = Target::start(ok);
    let ran = recorded.replay(&target.url(), &["--no-forwarded", "--no-reprise-headers"]);
    assert_eq!(
        document(&ran).totals.matched,
        7,
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let mut arrivals = target.arrivals();
    arrivals.sort_by_key(|arrival| arrival.target.clone());
    for (arrival, (method, path, head, body)) in arrivals.iter().zip(EXPECTED) {
        assert_eq!(
            (arrival.method.as_str(), arrival.target.as_str()),
            (method, path)
        );
        assert_eq!(fields(arrival), head, "{path}");
        assert_eq!(String::from_utf8_lossy(&arrival.body), body, "{path}");
    }
    let sum = ("X-Sum".to_owned(), "1".to_owned());
    assert_eq!(arrivals[6].trailers, [sum]);
}

/// Also what a client library would make something else of, or refuse: `/b` of `/a/../b`, `<`, a raw `"`.
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
        "/<b>#c?d#e",
        "/?q=\"a\"<>",
    ];
    let requests: Vec<String> = paths.iter().map(|path| get(path)).collect();
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
    assert_eq!((totals.planned, totals.sent, totals.skipped), (10, 10, 0));
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
