//! Every bound of this layer, reached: what is kept, what is given up, and what is counted.

use expect_test::expect;

use super::playbook::Script;
use crate::Limits;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn many_fields() {
    let mut script = Script::new()
        .a(format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(300)))
        .b(OK)
        .a(format!(
            "GET / HTTP/1.1\r\n{}Content-Length: 3\r\n\r\nabc",
            "A: b\r\n".repeat(500)
        ))
        .b(OK);
    script.limits.http_headers_max = 400;
    script.check(expect![[r##"
        #0 HTTP/1.1 complete
          > GET / @ - [1..1 ms] 300 fields
          < 200 [2..2 ms] 1 fields, 2 B b"ok"
        #1 HTTP/1.1 complete
          > GET / @ - [3..3 ms] 400 fields, 3 B b"abc"
          < 200 [4..4 ms] 1 fields, 2 B b"ok"
        1 x http_headers_cut
    "##]]);
}

#[test]
fn a_head_that_is_too_long() {
    let mut script = Script::new()
        .a(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(300)))
        .a("GET /2 HTTP/1.1\r\n\r\n")
        .b(OK)
        .a(format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(300)))
        .a("GET /3 HTTP/1.1\r\n\r\n");
    script.limits = Limits {
        http_head_bytes_max: 200,
        http_search_line_bytes_max: 64,
        ..Limits::default()
    };
    script.check(expect![[r##"
        #0 HTTP/1.1 complete, framing assumed
          > GET /2 @ - [2..2 ms] 0 fields
          < 200 [3..3 ms] 1 fields, 2 B b"ok"
        #1 HTTP/1.1 no_response, framing assumed
          > GET /3 @ - [5..5 ms] 0 fields
        not http: 641 B
        2 x http_head_too_long
        2 x http_resynchronised
    "##]]);
}

/// That they are none shows in the first byte; how many came together with it makes no difference.
#[test]
fn bytes_that_are_no_head_are_not_skipped_as_a_long_one() {
    let mut script = Script::new()
        .a(format!("\x01{}GET / HTTP/1.1\r\n\r\n", "x".repeat(30)))
        .b(OK);
    script.limits.http_head_bytes_max = 40;
    script.check(expect![[r##"
        #0 HTTP/1.1 complete, framing assumed
          > GET / @ - [1..1 ms] 0 fields
          < 200 [2..2 ms] 1 fields, 2 B b"ok"
        not http: 31 B
        1 x http_resynchronised
    "##]]);
}

#[test]
fn more_requests_than_may_wait() {
    let mut script = Script::new()
        .a("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n")
        .b([OK, OK, OK].concat());
    script.limits.http_pipeline_depth_max = 2;
    script.check(expect![[r##"
        #0 HTTP/1.1 no_response
          > GET /1 @ - [1..1 ms] 0 fields
        #1 HTTP/1.1 complete, pairing assumed
          > GET /2 @ - [1..1 ms] 0 fields
          < 200 [2..2 ms] 1 fields, 2 B b"ok"
        #2 HTTP/1.1 complete, pairing assumed
          > GET /3 @ - [1..1 ms] 0 fields
          < 200 [2..2 ms] 1 fields, 2 B b"ok"
        #3 HTTP/1.1 no_request, framing assumed, pairing assumed
          < 200 [2..2 ms] 1 fields, 2 B b"ok"
        1 x response_unasked
        1 x pipeline_full
    "##]]);
}

#[test]
fn more_bodies_than_may_wait() {
    let mut script = Script::new()
        .a("PUT /1 HTTP/1.1\r\nContent-Length: 8\r\n\r\n12345678")
        .a("PUT /2 HTTP/1.1\r\nContent-Length: 8\r\n\r\n12345678")
        .b([OK, OK].concat());
    script.limits.http_pending_bytes_max = 10;
    script.check(expect![[r##"
        #0 HTTP/1.1 complete
          > PUT /1 @ - [1..1 ms] 1 fields, 8 B b"12345678"
          < 200 [3..3 ms] 1 fields, 2 B b"ok"
        #1 HTTP/1.1 complete
          > PUT /2 @ - [2..2 ms] 1 fields, 8 B b"12345678"
          < 200 [3..3 ms] 1 fields, 2 B b"ok"
    "##]]);
}
