use schema::{Body, Timestamp};

use super::*;

type List = &'static [(&'static str, &'static str)];

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
    Request {
        start: Timestamp::MIN,
        end: Timestamp::MIN,
        method: method.to_owned(),
        host: None,
        path: path.to_owned(),
        query: None,
        target: None,
        headers: headers.iter().copied().collect(),
        body: Body {
            bytes: Bytes::copy_from_slice(body),
            wire_bytes: body.len() as u64,
        },
        trailers: None,
    }
}

/// All that is written, `step` bytes at a time; a wait for consent is written as `<wait>`.
fn wire(request: &Request, charset: Charset, protocol: Protocol, step: usize) -> Option<Vec<u8>> {
    let mut writer = RequestWriter::default();
    // What was left by another request must not matter.
    let _asked = writer.begin(
        &self::request("GET", "/left", &[], b"over"),
        charset,
        protocol,
    );
    let _asked = writer.begin(request, charset, protocol).ok()?;
    let mut wire = Vec::new();
    assert!(writer.is_untouched());
    loop {
        while let Some(bytes) = writer.poll_bytes() {
            let len = bytes.len().min(step);
            wire.extend_from_slice(&bytes[..len]);
            writer.handle_written(len);
        }
        if !writer.waits_for_continue() {
            break;
        }
        assert!(!writer.is_done());
        wire.extend_from_slice(b"<wait>");
        writer.handle_continue();
    }
    assert!(writer.is_done() && !writer.is_untouched());
    Some(wire)
}

#[track_caller]
fn check(request: &Request, protocol: Protocol, expected: &str) {
    for step in [usize::MAX, 7, 1] {
        let wire = wire(request, Charset::Utf8, protocol, step).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&wire),
            expected,
            "{step} bytes at a time"
        );
    }
}

#[test]
fn the_head_is_the_recorded_bytes() {
    let fields = [
        ("hOST", "a"),
        ("X-b", "1"),
        ("cookie", "c=1"),
        ("x-B", " 2"),
        ("Cookie", "d=\"é\""),
    ];
    let mut recorded = request("GET", "//a/../<b>#\"{}|", &fields, b"");
    recorded.query = Some("?\"<>#%zz&".to_owned());
    check(
        &recorded,
        Protocol::Http11,
        "GET //a/../<b>#\"{}|??\"<>#%zz& HTTP/1.1\r\nhOST: a\r\nX-b: 1\r\ncookie: c=1\r\nx-B:  2\r\nCookie: d=\"é\"\r\n\r\n",
    );
    check(
        &request("get", "*", &[], b""),
        Protocol::Http10,
        "get * HTTP/1.0\r\n\r\n",
    );
    let mut absolute = request("GET", "/", &[], b"");
    absolute.target = Some("http://shop.test/".to_owned());
    check(
        &absolute,
        Protocol::Http11,
        "GET http://shop.test/ HTTP/1.1\r\n\r\n",
    );
    let latin_1 = wire(
        &request("GET", "/caf\u{e9}", &[("X", "\u{fc}")], b""),
        Charset::Latin1,
        Protocol::Http11,
        7,
    );
    assert_eq!(
        latin_1.unwrap(),
        b"GET /caf\xe9 HTTP/1.1\r\nX: \xfc\r\n\r\n"
    );
}

#[test]
fn bodies_follow_as_the_fields_say() {
    let length = [("content-length", "5"), ("X", "1")];
    check(
        &request("POST", "/", &length, b"hello"),
        Protocol::Http11,
        "POST / HTTP/1.1\r\ncontent-length: 5\r\nX: 1\r\n\r\nhello",
    );
    let chunked = [("Transfer-Encoding", "chunked"), ("X", "1")];
    check(
        &request("POST", "/", &chunked, b"hello"),
        Protocol::Http11,
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    check(
        &request("POST", "/", &chunked, b""),
        Protocol::Http11,
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n0\r\n\r\n",
    );
    let mut trailed = request("POST", "/", &length, b"hello");
    trailed.trailers = Some([("X-Sum", "9")].into_iter().collect());
    check(
        &trailed,
        Protocol::Http11,
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nX: 1\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 9\r\n\r\n",
    );
    check(
        &trailed,
        Protocol::Http10,
        "POST / HTTP/1.0\r\ncontent-length: 5\r\nX: 1\r\n\r\nhello",
    );
}

#[test]
fn a_body_waits_for_consent_where_the_recorded_client_did() {
    let expecting = [("Expect", "100-Continue"), ("Content-Length", "5")];
    check(
        &request("PUT", "/", &expecting, b"hello"),
        Protocol::Http11,
        "PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n<wait>hello",
    );
    check(
        &request("PUT", "/", &expecting, b"hello"),
        Protocol::Http10,
        "PUT / HTTP/1.0\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\nhello",
    );
    check(
        &request("PUT", "/", &expecting[..1], b""),
        Protocol::Http11,
        "PUT / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n",
    );
    let chunked = [("Expect", "100-continue"), ("Transfer-Encoding", "chunked")];
    check(
        &request("PUT", "/", &chunked, b"hello"),
        Protocol::Http11,
        "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n<wait>5\r\nhello\r\n0\r\n\r\n",
    );
}

#[test]
fn large_bodies_are_not_copied() {
    let body = vec![b'x'; 150_000];
    let plain = request("PUT", "/", &[("Content-Length", "150000")], &body);
    let mut writer = RequestWriter::default();
    writer
        .begin(&plain, Charset::Utf8, Protocol::Http11)
        .unwrap();
    assert!(writer.poll_bytes().unwrap().ends_with(b"\r\n\r\n"));
    let head = writer.poll_bytes().unwrap().len();
    writer.handle_written(head);
    let slice = writer.poll_bytes().unwrap();
    assert_eq!(
        (slice.len(), slice.as_ptr()),
        (150_000, plain.body.bytes.as_ptr())
    );
    let chunked = request("PUT", "/", &[("Transfer-Encoding", "chunked")], &body);
    let wire = wire(&chunked, Charset::Utf8, Protocol::Http11, 1_000).unwrap();
    let text = String::from_utf8(wire).unwrap();
    let (_, coded) = text.split_once("\r\n\r\n").unwrap();
    let piece = "x".repeat(65_536);
    let rest = "x".repeat(150_000 - 2 * 65_536);
    assert_eq!(
        coded,
        format!("10000\r\n{piece}\r\n10000\r\n{piece}\r\n49f0\r\n{rest}\r\n0\r\n\r\n")
    );
}

/// RFC 9113 section 8.2.3: HTTP/2 cuts cookies into crumbs, HTTP/1.1 has one field.
#[test]
fn cookies_of_http_2_are_joined() {
    let fields = [
        ("host", "a"),
        ("cookie", "a=1"),
        ("accept", "*/*"),
        ("cookie", "b=2"),
    ];
    check(
        &request("GET", "/", &fields, b""),
        Protocol::Http2,
        "GET / HTTP/1.1\r\nhost: a\r\ncookie: a=1; b=2\r\naccept: */*\r\n\r\n",
    );
}

#[test]
fn what_would_be_read_as_something_else_is_refused() {
    let table: &[(&str, &str, List)] = &[
        ("", "/", &[]),
        ("GET /", "/", &[]),
        ("GET", "", &[]),
        ("GET", "/\r\nX: y", &[]),
        ("GET", "/", &[("X", "a\nY: b")]),
        ("GET", "/", &[("X\r", "a")]),
        ("GET", "/", &[("X:Y", "a")]),
        ("GET", "/", &[("", "a")]),
    ];
    for (method, path, fields) in table {
        let refused = request(method, path, fields, b"");
        assert_eq!(
            wire(&refused, Charset::Utf8, Protocol::Http11, 1),
            None,
            "{refused:?}"
        );
    }
}

#[test]
fn what_the_answer_depends_on() {
    let table: &[(&str, List, Protocol, bool, bool)] = &[
        ("GET", &[], Protocol::Http11, false, true),
        (
            "HEAD",
            &[("Connection", "x, Close")],
            Protocol::Http11,
            true,
            false,
        ),
        ("GET", &[], Protocol::Http10, false, false),
        (
            "GET",
            &[("connection", "Keep-Alive")],
            Protocol::Http10,
            false,
            true,
        ),
    ];
    for (method, fields, protocol, head, persistent) in table {
        let mut writer = RequestWriter::default();
        let asked = writer.begin(&request(method, "/", fields, b""), Charset::Utf8, *protocol);
        assert_eq!(
            asked,
            Ok(Asked {
                head: *head,
                persistent: *persistent
            })
        );
    }
}
