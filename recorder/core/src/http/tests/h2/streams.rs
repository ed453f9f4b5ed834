//! Connections of which every byte is seen.

use expect_test::expect;

use super::peer::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GO_AWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY,
    PUSH_PROMISE, Peer, RST_STREAM, SETTINGS, SETTINGS_ACK, frame,
};
use crate::http::tests::playbook::Script;
use crate::http::{Close, End};

fn script() -> Script {
    Script::new()
        .a([PREFACE, SETTINGS].concat())
        .b([SETTINGS, SETTINGS_ACK].concat())
        .a(SETTINGS_ACK)
}

#[test]
fn one_after_the_other() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    script()
        .a(a.get(1, "/1?q=1"))
        .b(b.ok(1, "one"))
        .a(a.post(3, "/3", "body"))
        .b(b.ok(3, ""))
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > GET /1 ? q=1 @ a.example [4..4 ms] 1 fields
              < 200 [5..5 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 complete, stream 3
              > POST /3 @ a.example [6..6 ms] 1 fields, 4 B b"body"
              < 200 [7..7 ms] 1 fields
        "##]]);
}

/// Streams at the same time, answered in another order, their bodies in turns.
#[test]
fn at_the_same_time() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let head = |peer: &mut Peer, stream| peer.headers(0, stream, &[(":status", "200")]);
    script()
        .a([a.get(1, "/1"), a.get(3, "/3"), a.get(5, "/5")].concat())
        .b([head(&mut b, 5), head(&mut b, 1), frame(DATA, 0, 1, b"fir")].concat())
        .b(PING)
        .b([
            frame(DATA, END_STREAM, 5, b"third"),
            frame(DATA, END_STREAM, 1, b"st"),
        ]
        .concat())
        .b(b.ok(3, "second"))
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > GET /1 @ a.example [4..4 ms] 1 fields
              < 200 [5..7 ms] 0 fields, 5 B b"first"
            #1 HTTP/2 complete, stream 3
              > GET /3 @ a.example [4..4 ms] 1 fields
              < 200 [8..8 ms] 1 fields, 6 B b"second"
            #2 HTTP/2 complete, stream 5
              > GET /5 @ a.example [4..4 ms] 1 fields
              < 200 [5..7 ms] 0 fields, 5 B b"third"
        "##]]);
}

/// Padding, priorities, a block in three frames, bodies in frames without bytes, frames of unknown types.
#[test]
fn every_shape_of_frame() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let request = a.block(&[
        (":method", "PUT"),
        (":scheme", "http"),
        (":path", "/p"),
        ("x", "y"),
    ]);
    let padded = [&[3, 0x80, 0, 0, 0, 16], &request[..], &[0, 0, 0]].concat();
    let response = b.block(&[(":status", "201"), ("x", "1"), ("y", "2")]);
    script()
        .a(frame(HEADERS, END_HEADERS | PADDED | PRIORITY, 1, &padded))
        .a([
            frame(DATA, PADDED, 1, b"\x02ab\0\0"),
            frame(DATA, PADDED, 1, b"\0"),
        ]
        .concat())
        .a([
            frame(0xfa, 0xff, 77, b"whatever"),
            frame(2, 0, 9, b"\0\0\0\0\x01"),
        ]
        .concat())
        .a([
            frame(8, 0, 0, b"\0\0\x10\0"),
            frame(DATA, END_STREAM, 1, b""),
        ]
        .concat())
        .b(frame(HEADERS, 0, 1, &response[..2]))
        .b(frame(CONTINUATION, 0, 1, b""))
        .b(frame(CONTINUATION, END_HEADERS, 1, &response[2..]))
        .b([
            frame(DATA, PADDED | END_STREAM, 1, b"\x05body\0\0\0\0\0"),
            b.ok(3, ""),
        ]
        .concat())
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > PUT /p @ - [4..7 ms] 1 fields, 2 B b"ab"
              < 201 [8..11 ms] 2 fields, 4 B b"body"
            #1 HTTP/2 no_request, stream 3
              < 200 [11..11 ms] 1 fields
            1 x response_unasked
        "##]]);
}

/// gRPC: messages with their prefixes, the status in the trailers; once without any message.
#[test]
fn grpc() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let request = |peer: &mut Peer, stream| {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/pkg.Service/Call"),
            (":authority", "a.example"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ];
        peer.headers(0, stream, &fields)
    };
    script()
        .a([
            request(&mut a, 1),
            frame(DATA, END_STREAM, 1, b"\0\0\0\0\x02hi"),
        ]
        .concat())
        .b(b.headers(
            0,
            1,
            &[(":status", "200"), ("content-type", "application/grpc")],
        ))
        .b(frame(DATA, 0, 1, b"\0\0\0\0\x05hello"))
        .b(b.headers(END_STREAM, 1, &[("grpc-status", "0"), ("grpc-message", "")]))
        .a([
            request(&mut a, 3),
            frame(DATA, END_STREAM, 3, b"\0\0\0\0\0"),
        ]
        .concat())
        .b(b.headers(END_STREAM, 3, &[(":status", "200"), ("grpc-status", "5")]))
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > POST /pkg.Service/Call @ a.example [4..4 ms] 2 fields, 7 B b"\0\0\0\0\x02hi"
              < 200 [5..7 ms] 1 fields, 10 B b"\0\0\0\0\x05hello"
                trailers [("grpc-status", "0"), ("grpc-message", "")]
            #1 HTTP/2 complete, stream 3
              > POST /pkg.Service/Call @ a.example [8..8 ms] 2 fields, 5 B b"\0\0\0\0\0"
              < 200 [9..9 ms] 1 fields
        "##]]);
}

#[test]
fn interim_responses_and_trailers() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    script()
        .a(a.headers(
            0,
            1,
            &[
                (":method", "POST"),
                (":path", "/"),
                ("expect", "100-continue"),
            ],
        ))
        .b(b.headers(0, 1, &[(":status", "100")]))
        .a([
            frame(DATA, 0, 1, b"body"),
            a.headers(END_STREAM, 1, &[("sum", "4")]),
        ]
        .concat())
        .b(b.headers(0, 1, &[(":status", "103"), ("link", "</a>")]))
        .b(b.ok(1, "ok"))
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > POST / @ - [4..6 ms] 1 fields, 4 B b"body"
                trailers [("sum", "4")]
              < [100, 103]
              < 200 [8..8 ms] 1 fields, 2 B b"ok"
        "##]]);
}

/// RFC 7540 section 3.2: the request of HTTP/1 is that of stream 1.
#[test]
fn after_an_upgrade() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let switching =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    Script::new()
        .a("GET /1 HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n")
        .b([&switching[..], SETTINGS, &b.ok(1, "one")].concat())
        .a([PREFACE, SETTINGS, &a.get(3, "/3")].concat())
        .b(b.ok(3, "three"))
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > GET /1 @ h [1..1 ms] 3 fields
              < [101]
              < 200 [2..2 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 complete, stream 3
              > GET /3 @ a.example [3..3 ms] 1 fields
              < 200 [4..4 ms] 1 fields, 5 B b"three"
        "##]]);
}

/// What is no answer and no end of the connection: resets from either side, and streams that were never looked at.
#[test]
fn resets_and_go_away() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    script()
        .a([a.get(1, "/reset-by-client"), reset(1)].concat())
        // On its way when the reset came: no answer to anything.
        .b(b.ok(1, "late"))
        .a(a.get(3, "/reset-by-server"))
        .b([
            b.headers(0, 3, &[(":status", "200")]),
            frame(DATA, 0, 3, b"ha"),
            reset(3),
        ]
        .concat())
        .a([a.get(5, "/answered"), a.get(7, "/never-looked-at")].concat())
        .b([
            frame(GO_AWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0, b'b', b'y', b'e']),
            b.ok(5, "five"),
        ]
        .concat())
        .close(End::B, Close::Fin)
        .close(End::A, Close::Fin)
        .check(expect![[r##"
            #0 HTTP/2 no_response, stream 1
              > GET /reset-by-client @ a.example [4..4 ms] 1 fields
            #1 HTTP/2 aborted, stream 3
              > GET /reset-by-server @ a.example [6..6 ms] 1 fields
              < 200 [7..7 ms] 0 fields, 2 B b"ha"
            #2 HTTP/2 complete, stream 5
              > GET /answered @ a.example [8..8 ms] 1 fields
              < 200 [9..9 ms] 1 fields, 4 B b"five"
            #3 HTTP/2 no_response, stream 7
              > GET /never-looked-at @ a.example [8..8 ms] 1 fields
            2 x http2_stream_reset
        "##]]);
}

#[test]
fn push() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let promise = |peer: &mut Peer| {
        let fields = [
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/style.css"),
            (":authority", "h"),
        ];
        [&[0, 0, 0, 2][..], &peer.block(&fields)].concat()
    };
    script()
        .a(a.get(1, "/"))
        .b(frame(PUSH_PROMISE, END_HEADERS, 1, &promise(&mut b)))
        .b([b.ok(1, "page"), b.ok(2, "style")].concat())
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > GET / @ a.example [4..4 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 4 B b"page"
            #1 HTTP/2 complete, stream 2
              > GET /style.css @ h [5..5 ms] 0 fields
              < 200 [6..6 ms] 1 fields, 5 B b"style"
        "##]]);
}

/// CONNECT, and CONNECT with a protocol (RFC 8441): what follows the answer is none of the exchange.
#[test]
fn tunnels() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let extended = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/chat?room=1"),
        (":authority", "a.example"),
    ];
    script()
        .a(a.headers(
            0,
            1,
            &[(":method", "CONNECT"), (":authority", "b.example:443")],
        ))
        .b(b.headers(0, 1, &[(":status", "200")]))
        .a(frame(DATA, 0, 1, b"in the tunnel"))
        .b(frame(DATA, END_STREAM, 1, b"back"))
        .a(a.headers(0, 3, &extended))
        .b(b.headers(0, 3, &[(":status", "200")]))
        .a(frame(DATA, 0, 3, b"\x81\x82"))
        .a(a.headers(
            END_STREAM,
            5,
            &[(":method", "CONNECT"), (":authority", "c.example:443")],
        ))
        .b(b.headers(END_STREAM, 5, &[(":status", "404")]))
        .a(frame(RST_STREAM, 0, 3, &[0, 0, 0, 8]))
        .check(expect![[r#"
            #0 HTTP/2 upgraded, stream 1
              > CONNECT b.example:443 = b.example:443 @ b.example:443 [4..4 ms] 0 fields
              < 200 [5..5 ms] 0 fields
            #1 HTTP/2 upgraded, stream 3
              > CONNECT /chat ? room=1 @ a.example [8..8 ms] 0 fields
              < 200 [9..9 ms] 0 fields
            #2 HTTP/2 complete, stream 5
              > CONNECT c.example:443 = c.example:443 @ c.example:443 [11..11 ms] 0 fields
              < 404 [12..12 ms] 0 fields
            not http: 19 B
            1 x http2_stream_reset
        "#]]);
}

#[test]
fn heads_that_no_sender_may_write() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    script()
        .a(a.headers(END_STREAM, 1, &[(":method", "GET"), ("no", "path")]))
        .a(a.headers(
            END_STREAM,
            3,
            &[
                (":path", "*"),
                (":method", "OPTIONS"),
                (":odd", "1"),
                ("host", "h"),
            ],
        ))
        .b(b.headers(
            END_STREAM,
            3,
            &[("UPPER", "case"), (":status", "200"), ("f", "\u{fc}")],
        ))
        .a(frame(HEADERS, END_HEADERS | END_STREAM, 5, &[0x80]))
        .a(a.headers(
            END_STREAM,
            7,
            &[(":method", "GET"), (":path", "/7"), ("host", "h")],
        ))
        .b(b.headers(END_STREAM, 7, &[(":status", "204")]))
        .check(expect![[r#"
            #0 HTTP/2 complete, stream 3
              > OPTIONS * = * @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 2 fields
            #1 HTTP/2 request_gap, stream 7, missing 1 + 0 B
              > GET /7 @ - [8..8 ms] 0 fields
              < 204 [9..9 ms] 0 fields
            1 x http_head_malformed
            1 x http_head_odd
            1 x http2_block_malformed
            1 x http2_field_unknown
        "#]]);
}

#[test]
fn the_server_sends_first() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    Script::new()
        .b(SETTINGS)
        .a([PREFACE, SETTINGS, &a.get(1, "/1")].concat())
        .b([b.ok(1, "one"), b.ok(3, "")].concat())
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > GET /1 @ a.example [2..2 ms] 1 fields
              < 200 [3..3 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 no_request, stream 3
              < 200 [3..3 ms] 1 fields
            1 x response_unasked
        "##]]);
}

/// What began as HTTP/2 and is none after all.
#[test]
fn no_frames_after_all() {
    Script::new()
        .a("PRI * HTTP/2.0\r\n\r\nno preface")
        .b("whatever")
        .check(expect![[r#"
            not http: 18 B
            1 x http2_frame_malformed
        "#]]);
    Script::new()
        .a([PREFACE, b"GET / HTTP/1.1\r\n\r\n"].concat())
        .b("HTTP/1.1 400 Bad Request\r\n\r\n")
        .check(expect![[r#"
            not http: 18 B
        "#]]);
}
