use std::fmt::Write as _;

use proptest::prelude::*;
use schema::{Charset, Timestamp};

use super::{Found, Requests, Whole};
use crate::{Anomaly, Counters, Limits, Options};

const BODY_BYTES_MAX: usize = 16;

fn render(whole: &Whole) -> String {
    let request = &whole.request;
    let mut text = format!("{} {}", request.method, request.path);
    for (name, value) in request.headers.iter() {
        let _ = write!(text, " | {name}: {value}");
    }
    let body = String::from_utf8_lossy(&request.body.bytes);
    let _ = write!(text, " | {body:?} of {}", request.body.wire_bytes);
    if let Some(trailers) = &request.trailers {
        let _ = write!(text, " | trailers {trailers:?}");
    }
    if whole.missing > 0 {
        let _ = write!(text, " | {} missing", whole.missing);
    }
    text
}

/// What comes of bytes that are cut into pieces, and of the end after them.
fn run(bytes: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<String>, Counters) {
    let limits = Limits {
        http_head_bytes_max: 256,
        ..Limits::default()
    };
    let options = Options {
        body_bytes_max: BODY_BYTES_MAX,
        ..Options::default()
    };
    let (mut requests, mut counters, mut found) =
        (Requests::new(), Counters::default(), Vec::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (mut now, after) = rest.split_at(piece().clamp(1, rest.len()));
        rest = after;
        while !now.is_empty() {
            let at = Timestamp::from_micros(1);
            match requests.handle_bytes(at, &mut now, &limits, &options, &mut counters) {
                Found::More => assert!(now.is_empty()),
                Found::Continue => found.push("continue".to_owned()),
                Found::Request(whole) => found.push(render(&whole)),
                Found::Broken(why) => found.push(format!("{why:?}")),
            }
        }
        let held = requests.held();
        assert!(held <= 256 + 1 + BODY_BYTES_MAX, "{held}");
    }
    if let Some(whole) = requests.finish(&mut counters) {
        found.push(render(&whole));
    }
    assert_eq!(counters.bytes_payload, bytes.len() as u64);
    let ledger = &counters.ledger;
    let known = counters.bytes_http + ledger.bytes_not_http + ledger.bytes_tls;
    assert_eq!(known, counters.bytes_delivered, "{found:?}");
    (found, counters)
}

/// Whole, byte by byte, and with a request behind.
#[track_caller]
fn check(bytes: &[u8], expected: &[&str]) -> Counters {
    let (whole, counters) = run(bytes, || usize::MAX);
    assert_eq!(whole, expected);
    // What is broken stays so: of single bytes, each is told.
    let until_broken = |found: Vec<String>| {
        let words = ["NotHttp", "HeadTooLong"];
        let broken = found.iter().position(|text| words.contains(&text.as_str()));
        found[..broken.map_or(found.len(), |at| at + 1)].to_vec()
    };
    assert_eq!(until_broken(run(bytes, || 1).0), until_broken(whole));
    counters
}

#[test]
fn requests_are_read_one_after_the_other() {
    let cases: &[(&str, &[&str])] = &[
        (
            "GET /a HTTP/1.1\r\nHost: x\r\nX-CaSe: Y\r\n\r\n",
            &[r#"GET /a | Host: x | X-CaSe: Y | "" of 0"#],
        ),
        ("\r\n\r\nGET /a HTTP/1.0\r\n\r\n", &[r#"GET /a | "" of 0"#]),
        (
            "POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /c HTTP/1.1\r\n\r\n",
            &[
                r#"POST /b | Content-Length: 3 | "abc" of 3"#,
                r#"GET /c | "" of 0"#,
            ],
        ),
        (
            "POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nSum: 9\r\n\r\nGET /e HTTP/1.1\r\n\r\n",
            &[
                r#"POST /d | Transfer-Encoding: chunked | "abcde" of 5 | trailers [("Sum", "9")]"#,
                r#"GET /e | "" of 0"#,
            ],
        ),
        (
            "POST /long HTTP/1.1\r\nContent-Length: 20\r\n\r\n01234567890123456789",
            &[r#"POST /long | Content-Length: 20 | "0123456789012345" of 20"#],
        ),
    ];
    for (bytes, expected) in cases {
        check(bytes.as_bytes(), expected);
    }
}

/// What the connection's end cut is told with what is missing, so that nobody takes it for whole.
#[test]
fn what_is_cut_is_told() {
    check(
        b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
        &[r#"POST /a | Content-Length: 9 | "abc" of 9 | 6 missing"#],
    );
    check(
        b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        &[r#"POST /b | Transfer-Encoding: chunked | "abc" of 5 | 2 missing"#],
    );
    check(
        b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        &[r#"POST /c | Transfer-Encoding: chunked | "abc" of 4 | 1 missing"#],
    );
    let counters = check(b"GET /d HTTP/1.1\r\nHo", &[]);
    assert_eq!(counters.anomaly(Anomaly::HttpHeadLost), 1);
}

#[test]
fn what_is_no_request_ends_the_connection() {
    let counters = check(b"HELLO\r\nGET / HTTP/1.1\r\n\r\n", &["NotHttp"]);
    assert_eq!(counters.anomaly(Anomaly::HttpHeadMalformed), 1);
    check(b"HTTP/1.1 200 OK\r\n\r\n", &["NotHttp"]);
    let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(300));
    let counters = check(long.as_bytes(), &["HeadTooLong"]);
    assert_eq!(counters.anomaly(Anomaly::HttpHeadTooLong), 1);
    let (found, counters) = run(b"\x16\x03\x01\x00\x20hello", || usize::MAX);
    assert_eq!(
        (&*found, counters.ledger.bytes_tls),
        (&["Tls".to_owned()][..], 10)
    );
    let (found, _) = run(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", || usize::MAX);
    assert_eq!(found, ["Http2"]);
    let chunk = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n";
    let (found, counters) = run(chunk, || usize::MAX);
    let cut = r#"POST /a | Transfer-Encoding: chunked | "a" of 2 | 1 missing"#;
    assert_eq!(found, ["NotHttp", cut]);
    assert_eq!(counters.anomaly(Anomaly::HttpChunkMalformed), 1);
}

/// Consent is asked for where the body has not come with the head.
#[test]
fn consent_is_given_where_the_sender_waits() {
    let head = b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let expected = r#"POST /a | Expect: 100-continue | Content-Length: 3 | "abc" of 3"#;
    let bytes = [&head[..], b"abc"].concat();
    assert_eq!(run(&bytes, || head.len()).0, ["continue", expected]);
    assert_eq!(run(&bytes, || usize::MAX).0, [expected]);
}

/// A row has one charset.
#[test]
fn trailers_and_head_agree_on_a_charset() {
    let bytes =
        b"POST /\xc3\xa4 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: \xe4\r\n\r\n";
    let mut requests = Requests::new();
    let found = requests.handle_bytes(
        Timestamp::from_micros(1),
        &mut &bytes[..],
        &Limits::default(),
        &Options::default(),
        &mut Counters::default(),
    );
    let Found::Request(whole) = found else {
        panic!("{found:?}");
    };
    assert_eq!(whole.charset, Charset::Latin1);
    assert_eq!(whole.request.path, "/\u{c3}\u{a4}");
    assert_eq!(whole.request.trailers.unwrap().get("a"), Some("\u{e4}"));
}

proptest! {
    /// However bytes are cut, the same requests come of them; and no bytes at all make it fail or hold more than it may.
    #[test]
    fn cuts_make_no_difference(
        parts in prop::collection::vec(prop_oneof![
            Just(&b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"[..]),
            Just(&b"POST /b HTTP/1.1\r\nContent-Length: 18\r\n\r\n012345678901234567"[..]),
            Just(&b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nT: u\r\n\r\n"[..]),
            Just(&b"\r\n"[..]),
        ], 0..6),
        pieces in prop::collection::vec(1_usize..40, 1..20),
        end in any::<prop::sample::Index>(),
    ) {
        let bytes = parts.concat();
        let bytes = &bytes[..end.index(bytes.len() + 1)];
        let mut pieces = pieces.iter().copied().cycle();
        let (cut, _) = run(bytes, || pieces.next().unwrap_or(1));
        prop_assert_eq!(cut, run(bytes, || usize::MAX).0);
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..600), piece in 1_usize..50) {
        run(&bytes, || piece);
    }
}
