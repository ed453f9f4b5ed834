//! Lost bytes: what is told of them, how the next message is found, and whom an answer belongs to.

use expect_test::expect;

use super::playbook::Script;
use crate::http::{Close, End};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn a_lost_request() {
    Script::new()
        .a(get("/1"))
        .b(OK)
        .gap(End::A, 40)
        .b("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlost")
        .a(get("/3"))
        .b(OK)
        .a(get("/4"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 no_request, framing assumed, pairing assumed, missing 40 + 0 B
              < 200 [4..4 ms] 1 fields, 4 B b"lost"
            #2 HTTP/1.1 complete
              > GET /3 @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            #3 HTTP/1.1 complete
              > GET /4 @ h [7..7 ms] 1 fields
              < 200 [8..8 ms] 1 fields, 2 B b"ok"
            1 x http_resynchronised
            1 x response_unasked
        "##]]);
}

#[test]
fn a_lost_answer() {
    Script::new()
        .a(get("/1"))
        .gap(End::B, 40)
        .a(get("/2"))
        .b(OK)
        .a(get("/3"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 no_response, pairing assumed, missing 0 + 40 B
              > GET /1 @ h [1..1 ms] 1 fields
            #1 HTTP/1.1 complete
              > GET /2 @ h [3..3 ms] 1 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 complete
              > GET /3 @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            1 x http_resynchronised
        "##]]);
}

/// The mirror shows the third request before the answer to the second, which acknowledges nothing of the third.
#[test]
fn an_answer_to_a_lost_request_is_not_taken_for_the_next_ones() {
    let (first, third) = (get("/1"), get("/3"));
    let lost_end = first.len() + 40;
    Script::new()
        .a(&first)
        .b(OK)
        .gap(End::A, 40)
        .a(&third)
        .b_acking(
            lost_end,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        )
        .b_acking(lost_end + third.len(), OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete, framing assumed, pairing assumed
              > GET /3 @ h [4..4 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 no_request, pairing assumed, missing 40 + 0 B
              < 404 [5..5 ms] 1 fields
            1 x http_resynchronised
            1 x response_unasked
        "##]]);
}

#[test]
fn a_hole_up_to_the_last_byte_of_a_body() {
    Script::new()
        .a("POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123")
        .gap(End::A, 6)
        .b("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123")
        .gap(End::B, 6)
        .close(End::B, Close::Fin)
        .check(expect![[r##"
            #0 HTTP/1.1 request_gap, missing 6 + 6 B
              > POST /1 @ - [1..1 ms] 1 fields, 10 B b"0123"
              < 200 [3..3 ms] 1 fields, 10 B b"0123"
        "##]]);
}

/// The server acknowledged just the two bytes that are lost, and the rest looks like a request of its own.
#[test]
fn a_method_whose_beginning_is_lost() {
    Script::new()
        .gap(End::A, 2)
        .b_acking(2, "")
        .a("ST /1 HTTP/1.1\r\nHost: h\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete, framing assumed
              > ST /1 @ h [3..3 ms] 1 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            1 x http_resynchronised
        "##]]);
}

/// The server acknowledged just the lost head: what follows looks like a request at a border, and is quoted in a body.
#[test]
fn a_body_that_was_asked_for_after_its_head_was_lost() {
    Script::new()
        .a(get("/1"))
        .b(OK)
        .gap(End::A, 60)
        .b("HTTP/1.1 100 Continue\r\n\r\n")
        .a(get("/quoted"))
        .b(OK)
        .a(get("/3"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete, framing assumed
              > GET /quoted @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 complete
              > GET /3 @ h [7..7 ms] 1 fields
              < 200 [8..8 ms] 1 fields, 2 B b"ok"
            1 x http_resynchronised
        "##]]);
}

#[test]
fn a_torn_request_head() {
    Script::new()
        .a("GET /1 HTTP/1.1\r\nHo")
        .gap(End::A, 10)
        .a("fine: 1\r\n\r\n")
        .b(OK)
        .a(get("/2"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 no_request, framing assumed, pairing assumed, missing 10 + 0 B
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete
              > GET /2 @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            not http: 30 B
            1 x http_resynchronised
            1 x response_unasked
        "##]]);
}

#[test]
fn a_torn_answer_head_with_a_body() {
    Script::new()
        .a(get("/1"))
        .b("HTTP/1.1 200 OK\r\nConten")
        .gap(End::B, 10)
        .b("0\r\n\r\nbody of one\n")
        .a(get("/2"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 no_response, pairing assumed, missing 0 + 10 B
              > GET /1 @ h [1..1 ms] 1 fields
            #1 HTTP/1.1 complete
              > GET /2 @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            not http: 40 B
            1 x http_head_lost
            1 x http_resynchronised
        "##]]);
}

#[test]
fn a_hole_that_spans_the_end_of_one_answer_and_the_head_of_the_next() {
    Script::new()
        .a(get("/1"))
        .b("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789")
        .a(get("/2"))
        .gap(End::B, 30)
        .b("rest of two")
        .a(get("/3"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 response_gap, missing 0 + 10 B
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 20 B b"0123456789"
            #1 HTTP/1.1 no_response, pairing assumed, missing 0 + 20 B
              > GET /2 @ h [3..3 ms] 1 fields
            #2 HTTP/1.1 complete
              > GET /3 @ h [6..6 ms] 1 fields
              < 200 [7..7 ms] 1 fields, 2 B b"ok"
            not http: 11 B
            1 x http_resynchronised
        "##]]);
}

#[test]
fn a_hole_inside_a_chunk() {
    Script::new()
        .a(get("/1"))
        .b("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n012")
        .gap(End::B, 4)
        .b("789\r\n3\r\nabc\r\n0\r\n\r\n")
        .a(get("/2"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 response_gap, missing 0 + 4 B
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..4 ms] 1 fields, 13 B b"012789abc"
            #1 HTTP/1.1 complete
              > GET /2 @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
        "##]]);
}

#[test]
fn a_hole_past_a_chunk() {
    Script::new()
        .a(get("/1"))
        .b("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n012")
        .gap(End::B, 12)
        .b("bc\r\n0\r\n\r\n")
        .a(get("/2"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 response_gap, framing assumed, missing 0 + 12 B
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 10 B b"012"
            #1 HTTP/1.1 complete
              > GET /2 @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            not http: 9 B
            1 x http_resynchronised
        "##]]);
}

#[test]
fn a_hole_in_a_body_that_the_close_ends() {
    Script::new()
        .a(get("/1"))
        .b("HTTP/1.1 200 OK\r\n\r\nabc")
        .gap(End::B, 5)
        .b("xyz")
        .close(End::B, Close::Fin)
        .check(expect![[r##"
            #0 HTTP/1.1 response_gap, missing 0 + 5 B
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [2..4 ms] 0 fields, 11 B b"abcxyz"
        "##]]);
}

#[test]
fn pipelined_answers_after_a_loss_are_assumed() {
    Script::new()
        .a([get("/1"), get("/2"), get("/3")].concat())
        .gap(End::B, 40)
        .b(OK)
        .b("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        .check(expect![[r##"
            #0 HTTP/1.1 complete, framing assumed, pairing assumed
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [3..3 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete, framing assumed, pairing assumed
              > GET /2 @ h [1..1 ms] 1 fields
              < 404 [4..4 ms] 1 fields
            #2 HTTP/1.1 no_response, pairing assumed, missing 0 + 40 B
              > GET /3 @ h [1..1 ms] 1 fields
            1 x http_resynchronised
        "##]]);
}

#[test]
fn pipelined_requests_with_one_lost() {
    Script::new()
        .a(get("/1"))
        .gap(End::A, 26)
        .a(get("/3"))
        .b([OK, OK, OK].concat())
        .a(get("/4"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /1 @ h [1..1 ms] 1 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete, framing assumed, pairing assumed
              > GET /3 @ h [3..3 ms] 1 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 no_request, framing assumed, pairing assumed, missing 26 + 0 B
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            #3 HTTP/1.1 complete, framing assumed, pairing assumed
              > GET /4 @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            1 x http_resynchronised
            1 x response_unasked
        "##]]);
}

#[test]
fn only_the_client_is_seen() {
    Script::new()
        .a(get("/1"))
        .a(get("/2"))
        .close(End::A, Close::Fin)
        .check(expect![[r#"
            #0 HTTP/1.1 no_response
              > GET /1 @ h [1..1 ms] 1 fields
            #1 HTTP/1.1 no_response
              > GET /2 @ h [2..2 ms] 1 fields
        "#]]);
}

#[test]
fn only_the_server_is_seen() {
    Script::joined()
        .b(OK)
        .b("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
        .b("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")
        .b(OK)
        .close(End::B, Close::Fin)
        .check(expect![[r##"
            #0 HTTP/1.1 no_request, framing assumed, pairing assumed
              < 200 [1..1 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 no_request, framing assumed, pairing assumed
              < 200 [2..2 ms] 1 fields
            #2 HTTP/1.1 no_request, framing assumed, pairing assumed
              < [100]
              < 304 [3..3 ms] 1 fields
            #3 HTTP/1.1 no_request, framing assumed, pairing assumed
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
            4 x response_unasked
        "##]]);
}

#[test]
fn joined_between_a_request_and_its_answer() {
    Script::joined()
        .b(OK)
        .a(get("/2"))
        .b(OK)
        .check(expect![[r##"
        #0 HTTP/1.1 no_request, framing assumed, pairing assumed
          < 200 [1..1 ms] 1 fields, 2 B b"ok"
        #1 HTTP/1.1 complete
          > GET /2 @ h [2..2 ms] 1 fields
          < 200 [3..3 ms] 1 fields, 2 B b"ok"
        1 x response_unasked
    "##]]);
}

#[test]
fn joined_in_a_page_that_quotes_a_request() {
    Script::joined()
        .b(format!("<pre>\n{}</pre>", get("/quoted")))
        .a(get("/real"))
        .b(OK)
        .a(get("/more"))
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 no_response, framing assumed, client is B
              > GET /quoted @ h [1..1 ms] 1 fields
            #1 HTTP/1.1 complete
              > GET /real @ h [2..2 ms] 1 fields
              < 200 [3..3 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 complete
              > GET /more @ h [4..4 ms] 1 fields
              < 200 [5..5 ms] 1 fields, 2 B b"ok"
            not http: 12 B
            1 x http_head_malformed
            2 x http_resynchronised
            1 x http_ends_swapped
        "##]]);
}

#[test]
fn nothing_is_found_inside_a_known_body() {
    let quoted = get("/quoted");
    Script::new()
        .a(format!(
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
            quoted.len() + 5
        ))
        .gap(End::A, 5)
        .a(quoted)
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 request_gap, missing 5 + 0 B
              > POST / @ - [1..3 ms] 1 fields, 38 B b"GET /quoted HTTP/1.1\r\nHost: h\r\n\r\n"
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
        "##]]);
}
