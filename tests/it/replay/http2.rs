//! HTTP/2 and gRPC: what arrives at real servers.

use tests::{Certificates, Grpc, Http2Server, TlsFront};

use super::*;

/// A request without `accept`, which reqwest would invent, and one with it, which it may carry; each to whichever host.
fn requests(host: &str) -> [String; 2] {
    let bare = format!(
        "POST /a?b=%zz HTTP/1.1\r\nHost: {host}\r\nX-oDD: 1\r\nConnection: x-hop, keep-alive\r\nX-Hop: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n"
    );
    let accepting = format!(
        "PUT /c HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nContent-Length: 2\r\nTE: gzip\r\nCookie: a=1\r\nCookie: b=2\r\n\r\nok"
    );
    [bare, accepting]
}

fn replayed(requests: &[String], url: &str, flags: &[&str]) -> Vec<schema::Exchange> {
    let recorded = Recorded::new(&one_by_one(requests, Duration::from_millis(20)));
    let mut all = vec!["--no-forwarded", "--no-reprise-headers"];
    all.extend(flags);
    let _ran = recorded.replay(url, &all);
    let (mut exchanges, _) = read_run(Path::new(&recorded.archive()), "it");
    exchanges.sort_by_key(|exchange| exchange.replay.as_ref().unwrap().recorded_start);
    exchanges
}

fn arrived(scheme: &str, host: &str) -> Vec<String> {
    let fields = [
        ":method: POST",
        "SCHEME",
        "HOST",
        ":path: /a?b=%zz",
        "x-odd: 1",
        "te: trailers",
        "x-sum: 9",
        ":method: PUT",
        "SCHEME",
        "HOST",
        ":path: /c",
        "accept: */*",
        "content-length: 2",
        "cookie: a=1",
        "cookie: b=2",
    ];
    let fields = fields.iter().map(|field| match *field {
        "SCHEME" => format!(":scheme: {scheme}"),
        "HOST" => format!(":authority: {host}"),
        field => field.to_owned(),
    });
    fields.collect()
}

/// Nothing is invented, whichever client carries it: hyper all requests for another host, reqwest the accepting one for its own.
#[test]
fn requests_go_out_as_http_2_with_prior_knowledge() {
    let server = Http2Server::start(None);
    let own = server.url().trim_start_matches("http://").to_owned();
    for host in ["shop.test", own.as_str()] {
        let before = server.fields().len();
        let exchanges = replayed(&requests(host), server.url(), &["--http-version", "2"]);
        for (exchange, body) in exchanges.iter().zip(["hello", "ok"]) {
            assert_eq!(exchange.replay.as_ref().unwrap().outcome, Outcome::Sent);
            assert_eq!(exchange.protocol, schema::Protocol::Http2);
            let response = exchange.response.as_ref().unwrap();
            assert_eq!(&response.body.bytes[..], body.as_bytes());
        }
        assert_eq!(
            sorted(&server.fields()[before..]),
            sorted(&arrived("http", host)),
            "{host}"
        );
    }
}

/// nghttpd tells fields in the order of arrival; HTTP/2 gives the order of different names no meaning.
fn sorted(fields: &[String]) -> Vec<String> {
    let mut sorted = fields.to_vec();
    sorted.sort();
    sorted
}

#[test]
fn http_2_is_agreed_on_by_tls() {
    let certificates = Certificates::make();
    let server = Http2Server::start(Some(&certificates));
    let ca = certificates.text("ca.pem");
    let flags = ["--ca-file", ca.as_str(), "--http-version", "2"];
    let exchanges = replayed(&requests("shop.test"), server.url(), &flags);
    assert!(
        exchanges
            .iter()
            .all(|exchange| exchange.protocol == schema::Protocol::Http2)
    );
    assert_eq!(
        sorted(&server.fields()),
        sorted(&arrived("https", "shop.test"))
    );
}

/// What was recorded as HTTP/1.1 stays so before a target that speaks both, and `--http-version 2` says otherwise.
#[test]
fn a_target_that_speaks_both_gets_what_was_recorded() {
    let (certificates, target) = (Certificates::make(), Target::start(ok));
    let front = TlsFront::http_2(&certificates, target.address());
    let ca = certificates.text("ca.pem");
    for (version, protocol) in [
        ("auto", schema::Protocol::Http11),
        ("1.1", schema::Protocol::Http11),
        ("2", schema::Protocol::Http2),
    ] {
        let flags = ["--ca-file", ca.as_str(), "--http-version", version];
        let exchanges = replayed(&[get("/")], &front.url(), &flags);
        assert_eq!(exchanges[0].protocol, protocol, "{version}");
        assert_eq!(exchanges[0].response.as_ref().unwrap().status, 200);
    }
    let plain = TlsFront::bytes(&certificates, target.address(), false);
    let recorded = Recorded::new(&one_by_one(&[get("/")], Duration::ZERO));
    let flags = ["--ca-file", ca.as_str(), "--http-version", "2"];
    let ran = recorded.replay(&plain.url(), &flags).expect_code(2);
    assert!(ran.stderr.contains("HTTP/2"), "{}", ran.stderr);
}

/// A unary call: message bytes with their prefix, and the status in the answer's trailers.
#[test]
fn grpc_calls_are_answered_with_their_trailers() {
    let server = Grpc::start();
    let call = |method: &str| {
        format!(
            "POST /reprise.Echo/{method} HTTP/1.1\r\nHost: shop.test\r\nTE: trailers\r\nContent-Type: application/grpc\r\nX-Call: 1\r\nContent-Length: 8\r\n\r\n\0\0\0\0\u{3}abc"
        )
    };
    let calls = [call("Twice"), call("Never")];
    let exchanges = replayed(&calls, &server.url(), &["--http-version", "2"]);
    let answers: Vec<&schema::Response> = exchanges
        .iter()
        .map(|exchange| exchange.response.as_ref().unwrap())
        .collect();
    assert_eq!(&answers[0].body.bytes[..], b"\0\0\0\0\x06abcabc");
    let trailers = answers[0].trailers.as_ref().unwrap();
    assert_eq!(
        (trailers.get("grpc-status"), trailers.get("x-sum")),
        (Some("0"), Some("3"))
    );
    // The server sees no field that the recorded client did not send.
    let seen = answers[0].headers.get("x-seen");
    assert_eq!(seen, Some("content-length,x-call"));
    // A call that fails at once has its status in the only head there is.
    assert_eq!(answers[1].headers.get("grpc-status"), Some("12"));
}
