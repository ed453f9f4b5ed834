//! What other recorders lose, cut or mix up: PEERS D1 and D2, row by row.

use expect_test::expect;

use super::playbook::Script;
use crate::http::{Close, End};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// D1 1.
#[test]
fn the_answer_begins_while_the_upload_goes_on() {
    Script::new()
        .a("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nfour")
        .b("HTTP/1.1 413 Too Large\r\nContent-Le")
        .a("more")
        .b("ngth: 2\r\n\r\nno")
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > POST /up @ h [1..3 ms] 2 fields, 8 B b"fourmore"
              < 413 [2..4 ms] 1 fields, 2 B b"no"
        "##]]);
}

/// D1 2.
#[test]
fn pipelined_requests_in_one_segment() {
    Script::new()
        .a("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.1\r\n\r\n")
        .b([OK, OK, OK].concat())
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete
              > POST /2 @ h [1..1 ms] 2 fields, 1 B b"x"
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 complete
              > GET /3 @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
        "##]]);
}

/// D1 3.
#[test]
fn no_body_after_head_and_304_whatever_their_length_says() {
    Script::new()
        .a("HEAD /h HTTP/1.1\r\n\r\nGET /304 HTTP/1.1\r\n\r\nGET /204 HTTP/1.1\r\n\r\nGET /last HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        .b("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n")
        .b("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > HEAD /h @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields
            #1 HTTP/1.1 complete
              > GET /304 @ - [1..1 ms] 0 fields
              < 304 [3..3 ms] 1 fields
            #2 HTTP/1.1 complete
              > GET /204 @ - [1..1 ms] 0 fields
              < 204 [4..4 ms] 1 fields
            #3 HTTP/1.1 complete
              > GET /last @ - [1..1 ms] 0 fields
              < 200 [5..5 ms] 1 fields, 2 B b"ok"
        "##]]);
}

/// D1 4.
#[test]
fn a_body_that_the_close_ends() {
    Script::new()
        .a("GET / HTTP/1.0\r\n\r\n")
        .b("HTTP/1.0 200 OK\r\n\r\n")
        .b("all there is")
        .close(End::B, Close::Fin)
        .check(expect![[r##"
            #0 HTTP/1.0 complete
              > GET / @ - [1..1 ms] 0 fields
              < 200 [2..3 ms] 0 fields, 12 B b"all there is"
        "##]]);
}

#[test]
fn a_body_that_a_reset_cuts() {
    Script::new()
        .a("GET / HTTP/1.0\r\n\r\n")
        .b("HTTP/1.0 200 OK\r\n\r\nsome")
        .close(End::B, Close::Reset)
        .close(End::A, Close::Reset)
        .check(expect![[r##"
            #0 HTTP/1.0 aborted
              > GET / @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 0 fields, 4 B b"some"
        "##]]);
}

/// D1 5 and 6: [`Script::play`] cuts at every byte.
#[test]
fn chunked_with_a_terminator_in_the_data() {
    Script::new()
        .a("GET / HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7;why=not\r\nab0\r\n\r\n\r\n00a\r\n0123456789\r\n0\r\n\r\n")
        .a("GET /2 HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET / @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 17 B b"ab0\r\n\r\n0123456789"
            #1 HTTP/1.1 complete
              > GET /2 @ - [3..3 ms] 0 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
        "##]]);
}

/// D1 7.
#[test]
fn header_like_text_in_a_body() {
    Script::new()
        .a("POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nTransfer-Encoding: chunked\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        .b([OK, OK].concat())
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > POST / @ - [1..1 ms] 1 fields, 30 B b"Transfer-Encoding: chunked\r\n\r\n"
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete
              > GET /2 @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
        "##]]);
}

/// D1 8.
#[test]
fn a_body_of_zero_bytes() {
    Script::new()
        .a("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > POST / @ - [1..1 ms] 1 fields, 5 B b"\0\0\0\0\0"
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
        "##]]);
}

/// D1 12.
#[test]
fn a_start_line_longer_than_a_segment() {
    let path = format!("/{}", "x".repeat(8_192));
    let played = Script::new()
        .a(format!("GET {path}?q HTTP/1.1\r\n\r\n"))
        .b(OK)
        .play();
    let request = played.exchanges[0].request.as_ref().unwrap();
    assert_eq!(
        (request.path.as_str(), request.query.as_deref()),
        (path.as_str(), Some("q"))
    );
}

/// D1 13.
#[test]
fn any_method_and_any_status() {
    Script::new()
        .a("PROPFIND /dav HTTP/1.1\r\n\r\nx-my.method! /odd HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 599 Own\r\nContent-Length: 0\r\n\r\nHTTP/1.1 777\r\nContent-Length: 0\r\n\r\n")
        .check(expect![[r#"
            #0 HTTP/1.1 complete
              > PROPFIND /dav @ - [1..1 ms] 0 fields
              < 599 [2..2 ms] 1 fields
            #1 HTTP/1.1 complete
              > x-my.method! /odd @ - [1..1 ms] 0 fields
              < 777 [2..2 ms] 1 fields
        "#]]);
}

/// D1 17.
#[test]
fn a_body_beyond_the_limit_is_cut_and_says_so() {
    let body = "0123456789".repeat(10);
    Script::new()
        .a(format!(
            "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{body}"
        ))
        .b(OK)
        .a("GET / HTTP/1.1\r\n\r\n")
        .b(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Encoding: gzip\r\n\r\n{body}"
        ))
        .check(expect![[r##"
            #0 HTTP/1.1 request_truncated
              > POST / @ - [1..1 ms] 1 fields, 100 B b"0123456789012345678901234567890123456789012345678901234567890123"
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 response_truncated
              > GET / @ - [3..3 ms] 0 fields
              < 200 (gzip) [4..4 ms] 2 fields, 100 B b"0123456789012345678901234567890123456789012345678901234567890123"
        "##]]);
}

/// D2: bytes lost inside a body are not filled up with the next request's.
#[test]
fn a_hole_in_a_body_leaves_its_neighbour_alone() {
    Script::new()
        .a("POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nAAAAAAAAAA")
        .gap(End::A, 10)
        .a("CCCCCCCCCC")
        .b(OK)
        .a("GET /next HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 request_gap, missing 10 + 0 B
              > POST / @ - [1..3 ms] 1 fields, 30 B b"AAAAAAAAAACCCCCCCCCC"
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete
              > GET /next @ - [5..5 ms] 0 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
        "##]]);
}

/// D2: a broken chunk does not stop anything.
#[test]
fn broken_chunked_coding_ends_its_message_only() {
    Script::new()
        .a("GET /1 HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n")
        .a("GET /2 HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 aborted, framing assumed
              > GET /1 @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 3 B b"abc"
            #1 HTTP/1.1 complete
              > GET /2 @ - [3..3 ms] 0 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            not http: 10 B
            1 x http_chunk_malformed
            1 x http_resynchronised
        "##]]);
}

/// D2: a connection joined in the middle gives what it shows at once.
#[test]
fn joined_in_the_middle_of_a_body() {
    Script::joined()
        .b("the rest of some body, then")
        .b(OK)
        .a("GET /next HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 no_request, framing assumed, pairing assumed
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete
              > GET /next @ - [3..3 ms] 0 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            not http: 27 B
            1 x http_resynchronised
            1 x response_unasked
        "##]]);
}
