//! Every bound of HTTP/2, reached.

use expect_test::expect;

use super::peer::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, Peer, RST_STREAM, SETTINGS,
    frame,
};
use crate::http::tests::playbook::Script;

fn script() -> Script {
    Script::new().a([PREFACE, SETTINGS].concat()).b(SETTINGS)
}

#[test]
fn streams() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let mut script = script()
        .a([a.get(1, "/1"), a.get(3, "/3"), a.get(5, "/5")].concat())
        .b([b.ok(1, "too late"), b.ok(5, "five")].concat());
    script.limits.http2_streams_max = 2;
    script.check(expect![[r##"
        #0 HTTP/2 no_response, stream 1
          > GET /1 @ a.example [3..3 ms] 1 fields
        #1 HTTP/2 no_response, stream 3
          > GET /3 @ a.example [3..3 ms] 1 fields
        #2 HTTP/2 complete, stream 5
          > GET /5 @ a.example [3..3 ms] 1 fields
          < 200 [4..4 ms] 1 fields, 4 B b"five"
        1 x http2_streams_full
    "##]]);
}

/// Rapid resets: no more of them is remembered than the bound, and each has its row.
#[test]
fn resets() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let mut script = script();
    for stream in [1, 3, 5] {
        script = script.a([a.get(stream, "/"), reset(stream)].concat());
    }
    script = script.b([b.ok(1, "forgotten"), b.ok(3, "late"), b.ok(5, "late")].concat());
    script.limits.http2_resets_max = 2;
    script.check(expect![[r##"
        #0 HTTP/2 no_response, stream 1
          > GET / @ a.example [3..3 ms] 1 fields
        #1 HTTP/2 no_response, stream 3
          > GET / @ a.example [4..4 ms] 1 fields
        #2 HTTP/2 no_response, stream 5
          > GET / @ a.example [5..5 ms] 1 fields
        #3 HTTP/2 no_request, stream 1
          < 200 [6..6 ms] 1 fields, 9 B b"forgotten"
        3 x http2_stream_reset
        1 x http2_resets_full
        1 x response_unasked
    "##]]);
}

#[test]
fn bodies() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let mut script = script()
        .a([a.post(1, "/1", "0123456789"), a.post(3, "/3", "0123456789")].concat())
        .b([b.ok(1, "0123456789"), b.ok(3, "0123456789")].concat());
    script.limits.http_pending_bytes_max = 15;
    script.check(expect![[r##"
        #0 HTTP/2 response_truncated, stream 1
          > POST /1 @ a.example [3..3 ms] 1 fields, 10 B b"0123456789"
          < 200 [4..4 ms] 1 fields, 10 B b""
        #1 HTTP/2 request_truncated, stream 3
          > POST /3 @ a.example [3..3 ms] 1 fields, 10 B b"01234"
          < 200 [4..4 ms] 1 fields, 10 B b"0123456789"
        2 x http2_bodies_full
    "##]]);
}

/// A flood of CONTINUATION: by frames and by bytes.
#[test]
fn header_blocks() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let first = a.block(&[(":method", "GET"), (":path", "/1")]);
    let mut script = script().a(frame(HEADERS, END_STREAM, 1, &first));
    for _ in 0..5 {
        script = script.a(frame(CONTINUATION, 0, 1, b""));
    }
    script = script
        .a(frame(CONTINUATION, END_HEADERS, 1, b""))
        .a(frame(HEADERS, END_HEADERS | END_STREAM, 3, &[0x82; 400]))
        .a([
            frame(HEADERS, 0, 5, &[0x82; 200]),
            frame(CONTINUATION, END_HEADERS, 5, &[0x82; 200]),
        ]
        .concat())
        .a([frame(HEADERS, 0, 7, &[0x82]), a.get(9, "/9")].concat())
        .b(b.ok(9, "nine"));
    script.limits.http2_continuations_max = 4;
    script.limits.http_head_bytes_max = 300;
    script.check(expect![[r##"
        #0 HTTP/2 complete, stream 9
          > GET /9 @ a.example [12..12 ms] 1 fields
          < 200 [13..13 ms] 1 fields, 4 B b"nine"
        4 x http2_block_given_up
    "##]]);
}

/// A few bytes that stand for many fields, and a table that is larger than is kept.
#[test]
fn header_lists_and_tables() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let long = "x".repeat(60);
    let mut block = [
        &[0x3f, 0xe1, 0x3f][..],
        &a.block(&[(":method", "GET"), (":path", "/1"), ("x", &long)]),
    ]
    .concat();
    block.extend([0xbe; 20]);
    let again = a.block(&[(":method", "GET"), (":path", "/1"), ("x", &long)]);
    let mut script = script()
        .a(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block))
        .b(b.ok(1, "one"))
        .a(frame(HEADERS, END_HEADERS | END_STREAM, 3, &again))
        .b(b.ok(3, "three"));
    script.limits.http2_table_bytes_max = 120;
    script.limits.http_head_bytes_max = 300;
    script.check(expect![[r##"
        #0 HTTP/2 request_gap, stream 1, missing 17 + 0 B
          > GET /1 @ - [3..3 ms] 4 fields
          < 200 [4..4 ms] 1 fields, 3 B b"one"
        #1 HTTP/2 request_gap, stream 3, missing 1 + 0 B
          > GET  @ - [5..5 ms] 1 fields
          < 200 [6..6 ms] 1 fields, 5 B b"three"
        1 x http_headers_cut
        1 x http2_field_unknown
        1 x http2_table_full
    "##]]);
}

/// A frame that is longer than its receiver takes: it is none, and the next one is looked for.
#[test]
fn frames() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let head = a.headers(0, 1, &[(":method", "POST"), (":path", "/1")]);
    script()
        .a([head, frame(DATA, END_STREAM, 1, &[b'x'; 16_385])].concat())
        .a(a.get(3, "/3"))
        .b([b.ok(1, "one"), b.ok(3, "three")].concat())
        .check(expect![[r##"
            #0 HTTP/2 request_gap, stream 1, framing assumed, missing 1 + 0 B
              > POST /1 @ - [3..3 ms] 0 fields
              < 200 [5..5 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 complete, stream 3
              > GET /3 @ a.example [4..4 ms] 1 fields
              < 200 [5..5 ms] 1 fields, 5 B b"three"
            not http: 16394 B
            1 x http_resynchronised
            1 x http2_frame_malformed
        "##]]);
    // With its receiver's consent it is one.
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let head = a.headers(0, 1, &[(":method", "POST"), (":path", "/1")]);
    script()
        .b(frame(4, 0, 0, &[0, 5, 0, 1, 0, 0]))
        .a([head, frame(DATA, END_STREAM, 1, &[b'x'; 16_385])].concat())
        .b(b.ok(1, "one"))
        .check(expect![[r##"
            #0 HTTP/2 request_truncated, stream 1
              > POST /1 @ - [4..4 ms] 0 fields, 16385 B b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
              < 200 [5..5 ms] 1 fields, 3 B b"one"
        "##]]);
}

/// What is held while frames are looked for is bounded: frames that are longer are not found by it.
#[test]
fn search() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let long = frame(DATA, END_STREAM, 1, &[b'x'; 300]);
    let mut script = Script::joined()
        .a([long.clone(), long].concat())
        .a(a.post(3, "/3", "three"))
        .b(b.ok(3, "three"));
    script.limits.http2_search_bytes_max = 200;
    script.check(expect![[r##"
        #0 HTTP/2 complete, stream 3, framing assumed
          > POST /3 @ a.example [2..2 ms] 1 fields, 5 B b"three"
          < 200 [3..3 ms] 1 fields, 5 B b"three"
        not http: 618 B
        2 x http_resynchronised
    "##]]);
}
