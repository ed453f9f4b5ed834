//! Connections of which bytes are lost, or the beginning was not seen.

use expect_test::expect;

use super::peer::{
    DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PING, PREFACE, Peer, SETTINGS, SETTINGS_ACK,
    frame,
};
use crate::http::End;
use crate::http::tests::playbook::Script;

fn script() -> Script {
    Script::new()
        .a([PREFACE, SETTINGS, SETTINGS_ACK].concat())
        .b([SETTINGS, SETTINGS_ACK].concat())
}

/// Takes `len` bytes out of `bytes` from `start` on, as the mirror does.
fn lose(script: Script, end: End, bytes: &[u8], start: usize, len: usize) -> Script {
    let (before, after) = (&bytes[..start], &bytes[start + len..]);
    let script = match end {
        End::A => script.a(before),
        End::B => script.b(before),
    };
    let script = script.gap(end, len as u64);
    match end {
        End::A => script.a(after),
        End::B => script.b(after),
    }
}

/// Lost bytes of a body whose frame's header was seen are a hole of known length; the frames after it are exact.
#[test]
fn inside_a_body() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let padded = [
        b.headers(0, 3, &[(":status", "200")]),
        frame(DATA, PADDED | END_STREAM, 3, b"\x04twelve bytes\0\0\0\0"),
    ]
    .concat();
    let (ok, ok_head) = (b.ok(1, "0123456789"), 9 + 11);
    let script = script().a([a.get(1, "/1"), a.get(3, "/3"), a.get(5, "/5")].concat());
    let script = lose(script, End::B, &ok, ok_head + 9 + 2, 5);
    let end = padded.len();
    let script = lose(script, End::B, &padded, end - 6, 6);
    script.b(b.ok(5, "five")).check(expect![[r##"
        #0 HTTP/2 response_gap, stream 1, missing 0 + 5 B
          > GET /1 @ a.example [3..3 ms] 1 fields
          < 200 [4..6 ms] 1 fields, 10 B b"01789"
        #1 HTTP/2 response_gap, stream 3, missing 0 + 2 B
          > GET /3 @ a.example [3..3 ms] 1 fields
          < 200 [7..7 ms] 0 fields, 12 B b"twelve byt"
        #2 HTTP/2 complete, stream 5
          > GET /5 @ a.example [3..3 ms] 1 fields
          < 200 [10..10 ms] 1 fields, 4 B b"five"
    "##]]);
}

/// The length of the padding is lost with the first bytes of a body.
#[test]
fn the_length_of_the_padding() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let head = b.headers(0, 1, &[(":status", "200")]);
    let data = frame(DATA, PADDED | END_STREAM, 1, b"\x02body\0\0");
    let script = script().a(a.get(1, "/1")).b(head);
    lose(script, End::B, &data, 9, 2).check(expect![[r#"
        #0 HTTP/2 response_gap, stream 1, missing 0 + 1 B
          > GET /1 @ a.example [3..3 ms] 1 fields
          < 200 [4..7 ms] 0 fields
    "#]]);
}

/// A header block is lost: the field that it told to remember is unknown, and what is told afterwards is known.
#[test]
fn a_header_block() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let first = a.headers(
        END_STREAM,
        1,
        &[(":method", "GET"), (":path", "/1"), ("token", "abc")],
    );
    let script = lose(script(), End::A, &first, 12, 4).b(b.ok(1, "one"));
    script
        .a(a.headers(
            END_STREAM,
            3,
            &[
                (":method", "GET"),
                (":path", "/3"),
                ("token", "abc"),
                ("new", "1"),
            ],
        ))
        .b(b.ok(3, "three"))
        .a(a.headers(
            END_STREAM,
            5,
            &[(":method", "GET"), (":path", "/5"), ("new", "1")],
        ))
        .b(b.ok(5, "five"))
        .check(expect![[r##"
            #0 HTTP/2 no_request, stream 1, missing 4 + 0 B
              < 200 [6..6 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 request_gap, stream 3, missing 1 + 0 B
              > GET /3 @ - [7..7 ms] 1 fields
              < 200 [8..8 ms] 1 fields, 5 B b"three"
            #2 HTTP/2 complete, stream 5
              > GET /5 @ - [9..9 ms] 1 fields
              < 200 [10..10 ms] 1 fields, 4 B b"five"
            1 x http2_field_unknown
            1 x response_unasked
        "##]]);
}

/// Whole frames are lost, and where the next one begins is not known: it is found, and what was under way says so.
#[test]
fn frames_of_the_server() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let script = script()
        .a([
            a.get(1, "/1"),
            a.get(3, "/3"),
            a.get(5, "/5"),
            a.get(7, "/7"),
        ]
        .concat())
        .b([
            b.headers(0, 1, &[(":status", "200"), ("content-length", "8")]),
            frame(DATA, 0, 1, b"half"),
        ]
        .concat())
        .b([
            b.headers(0, 3, &[(":status", "200")]),
            frame(DATA, 0, 3, b"half"),
        ]
        .concat());
    let lost = [
        frame(DATA, END_STREAM, 1, b"half"),
        frame(DATA, 0, 3, b"lost"),
        b.ok(5, "five"),
    ]
    .concat();
    script
        .gap(End::B, lost.len() as u64)
        .b(frame(DATA, END_STREAM, 3, b"half"))
        .b(b.ok(7, "seven"))
        .check(expect![[r##"
            #0 HTTP/2 response_gap, stream 1, framing assumed, missing 0 + 4 B
              > GET /1 @ a.example [3..3 ms] 1 fields
              < 200 [4..4 ms] 1 fields, 8 B b"half"
            #1 HTTP/2 response_gap, stream 3, framing assumed, missing 0 + 1 B
              > GET /3 @ a.example [3..3 ms] 1 fields
              < 200 [5..7 ms] 0 fields, 8 B b"halfhalf"
            #2 HTTP/2 no_response, stream 5, framing assumed, pairing assumed, missing 0 + 59 B
              > GET /5 @ a.example [3..3 ms] 1 fields
            #3 HTTP/2 response_gap, stream 7, framing assumed, missing 0 + 1 B
              > GET /7 @ a.example [3..3 ms] 1 fields
              < 200 [8..8 ms] 0 fields, 5 B b"seven"
            1 x http_resynchronised
            1 x http2_field_unknown
        "##]]);
}

#[test]
fn frames_of_the_client() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let script = script().a(a.post(1, "/1", "one")).b(b.ok(1, "one"));
    let lost = [a.post(3, "/3", "three"), a.get(5, "/5")].concat();
    script
        .gap(End::A, lost.len() as u64)
        .b([b.ok(3, "three"), b.ok(5, "five")].concat())
        .a(a.post(7, "/7", "seven"))
        .b(b.ok(7, "seven"))
        .a(a.get(9, "/9"))
        .b(b.ok(9, "nine"))
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1
              > POST /1 @ a.example [3..3 ms] 1 fields, 3 B b"one"
              < 200 [4..4 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 no_request, stream 3, missing 48 + 0 B
              < 200 [6..6 ms] 1 fields, 5 B b"three"
            #2 HTTP/2 no_request, stream 5
              < 200 [6..6 ms] 1 fields, 4 B b"five"
            #3 HTTP/2 request_gap, stream 7, missing 2 + 0 B
              > POST /7 @ - [7..7 ms] 0 fields, 5 B b"seven"
              < 200 [8..8 ms] 1 fields, 5 B b"seven"
            #4 HTTP/2 request_gap, stream 9, missing 2 + 0 B
              > GET /9 @ - [9..9 ms] 0 fields
              < 200 [10..10 ms] 1 fields, 4 B b"nine"
            1 x http_resynchronised
            4 x http2_field_unknown
            2 x response_unasked
        "##]]);
}

/// Joined midway: the first requests refer to fields that were told before.
#[test]
fn joined() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let (_, _) = (a.get(1, "/old"), b.ok(1, ""));
    let mut answer = |stream, len| {
        let head = b.headers(0, stream, &[(":status", "200")]);
        [head, frame(DATA, END_STREAM, stream, &vec![b'x'; len])].concat()
    };
    Script::joined()
        .a(a.get(3, "/old"))
        .b(answer(3, 5))
        .a(a.post(5, "/new", "body"))
        .b(answer(5, 16_000))
        .a(a.headers(END_STREAM, 7, &[(":method", "GET"), (":path", "/new")]))
        .b(answer(7, 1_000))
        .a(a.headers(END_STREAM, 9, &[(":method", "GET"), (":path", "/new")]))
        .b(answer(9, 9))
        .check(expect![[r##"
            #0 HTTP/2 request_gap, stream 3, framing assumed, missing 3 + 0 B
              > GET  @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 0 fields, 5 B b"xxxxx"
            #1 HTTP/2 request_gap, stream 5, framing assumed, missing 2 + 0 B
              > POST /new @ - [3..3 ms] 0 fields, 4 B b"body"
              < 200 [4..4 ms] 0 fields, 16000 B b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            #2 HTTP/2 response_truncated, stream 7, framing assumed
              > GET /new @ - [5..5 ms] 0 fields
              < 200 [6..6 ms] 0 fields, 1000 B b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            #3 HTTP/2 complete, stream 9
              > GET /new @ - [7..7 ms] 0 fields
              < 200 [8..8 ms] 0 fields, 9 B b"xxxxxxxxx"
            2 x http_resynchronised
            5 x http2_field_unknown
        "##]]);
}

/// The first byte that is seen lies inside a body's frame, and the server is the end that is seen first.
#[test]
fn joined_inside_a_frame() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let long = frame(DATA, END_STREAM, 1, &[0; 600]);
    Script::joined()
        .b([&long[200..], PING, &b.ok(3, "three")].concat())
        .a(a.get(5, "/5"))
        .b(b.ok(5, "five"))
        .check(expect![[r##"
            #0 HTTP/2 no_request, stream 3, framing assumed
              < 200 [1..1 ms] 1 fields, 5 B b"three"
            #1 HTTP/2 complete, stream 5, framing assumed
              > GET /5 @ a.example [2..2 ms] 1 fields
              < 200 [3..3 ms] 1 fields, 4 B b"five"
            not http: 409 B
            2 x http_resynchronised
            1 x response_unasked
        "##]]);
}

/// The first segments of either end are lost.
#[test]
fn the_beginning_is_lost() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    Script::new()
        .gap(End::A, 33)
        .a(a.get(1, "/1"))
        .gap(End::B, 18)
        .b(b.ok(1, "one"))
        .a(a.get(3, "/3"))
        .b(b.ok(3, "three"))
        .check(expect![[r##"
            #0 HTTP/2 complete, stream 1, framing assumed
              > GET /1 @ a.example [2..2 ms] 1 fields
              < 200 [4..4 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 complete, stream 3, framing assumed
              > GET /3 @ a.example [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 5 B b"three"
            2 x http_resynchronised
        "##]]);
}

/// A body that holds frames, and a loss that makes them look like the real ones: nothing of it is passed off as certain.
#[test]
fn frames_inside_a_body() {
    let (mut a, mut b) = (Peer::default(), Peer::default());
    let mut liar = Peer::default();
    let quoted = [
        liar.get(5, "/quoted"),
        liar.get(7, "/quoted-too"),
        PING.to_vec(),
        vec![b'x'; 20],
    ]
    .concat();
    let head = a.headers(0, 1, &[(":method", "POST"), (":path", "/1")]);
    let upload = [head.clone(), frame(DATA, END_STREAM, 1, &quoted)].concat();
    lose(script(), End::A, &upload, head.len() + 3, 6)
        .b(b.ok(1, "one"))
        .a(a.get(5, "/real"))
        .b(b.ok(5, "five"))
        .a(a.get(9, "/9"))
        .b(b.ok(9, "nine"))
        .check(expect![[r##"
            #0 HTTP/2 request_gap, stream 1, framing assumed, missing 1 + 0 B
              > POST /1 @ - [3..3 ms] 0 fields
              < 200 [6..6 ms] 1 fields, 3 B b"one"
            #1 HTTP/2 complete, stream 5, framing assumed
              > GET /quoted @ a.example [5..7 ms] 1 fields
              < 200 [8..8 ms] 1 fields, 4 B b"five"
            #2 HTTP/2 no_response, stream 7, framing assumed
              > GET /quoted-too @ a.example [5..5 ms] 1 fields
            #3 HTTP/2 complete, stream 9
              > GET /9 @ a.example [9..9 ms] 1 fields
              < 200 [10..10 ms] 1 fields, 4 B b"nine"
            not http: 23 B
            2 x http_resynchronised
            1 x http2_frame_malformed
        "##]]);
}

/// Of a request whose method and path are unknown there is a row all the same.
#[test]
fn an_unknown_method_and_path() {
    let mut b = Peer::default();
    let unknown = [0xbe, 0xbf, 0xc0, 0xc1];
    Script::joined()
        .a([
            PING,
            PING,
            &frame(HEADERS, END_HEADERS | END_STREAM, 9, &unknown),
        ]
        .concat())
        .b(b.headers(END_STREAM, 9, &[(":status", "404")]))
        .b([
            frame(HEADERS, END_HEADERS | END_STREAM, 11, &[0xc5]),
            PING.to_vec(),
        ]
        .concat())
        .check(expect![[r#"
            #0 HTTP/2 request_gap, stream 9, framing assumed, missing 4 + 0 B
              >   @ - [1..1 ms] 0 fields
              < 404 [2..2 ms] 0 fields
            2 x http_resynchronised
            5 x http2_field_unknown
        "#]]);
}
