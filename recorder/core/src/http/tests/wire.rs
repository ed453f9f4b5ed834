//! What is on the wire besides the plain case: targets, odd heads, interim answers, upgrades, tunnels, other protocols.

use expect_test::expect;

use super::playbook::Script;
use crate::http::{Close, End};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn every_form_of_target() {
    let requests = [
        "GET /a/b?c=d&e HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /? HTTP/1.1\r\n\r\n",
        "GET http://other:8080/x?y HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://other HTTP/1.1\r\n\r\n",
        "GET https://other?q HTTP/1.1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhOsT: h\r\n\r\n",
        "GET no-slash HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET /u?to=http://x/ HTTP/1.1\r\n\r\n",
    ];
    Script::new()
        .a(requests.concat())
        .b(OK.repeat(requests.len()))
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /a/b ? c=d&e @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete
              > GET / ?  @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 complete
              > GET /x ? y = http://other:8080/x?y @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #3 HTTP/1.1 complete
              > GET / = http://other @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #4 HTTP/1.1 complete
              > GET / ? q = https://other?q @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #5 HTTP/1.1 complete
              > OPTIONS * = * @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #6 HTTP/1.1 complete
              > GET no-slash @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #7 HTTP/1.1 complete
              > GET /a b @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #8 HTTP/1.1 complete
              > GET /u ? to=http://x/ @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            1 x http_head_odd
        "##]]);
}

#[test]
fn heads_that_only_a_lenient_reader_takes() {
    Script::new()
        .a("\r\n\nGET /bare HTTP/1.1\nHost: h\n\n")
        .b("HTTP/1.1 200\nContent-Length: 2\n\nok")
        .a("GET  /blanks   HTTP/1.1 \r\nHost : h\r\nX: a\r\n  b\r\n\tc\r\nno colon\r\n\r\n")
        .b("HTTP/1.1  200  OK\r\nContent-Length : 2\r\nX: \0\x01\r\n\r\nok")
        .a("GET /odd HTTP/1.7\r\n\r\n")
        .b("http/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok")
        .a("GET /old HTTP/0.9\r\n\r\n")
        .b("HTTP/2.5 200OK\r\nContent-Length: 2\r\n\r\nok")
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /bare @ h [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete, framing assumed
              > GET /blanks @ h [3..3 ms] 3 fields
              < 200 [4..4 ms] 2 fields, 2 B b"ok"
            #2 HTTP/1.1 complete, framing assumed
              > GET /odd @ - [5..5 ms] 0 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            #3 HTTP/1.0 complete
              > GET /old @ - [7..7 ms] 0 fields
              < 200 [8..8 ms] 1 fields, 2 B b"ok"
            not http: 3 B
            6 x http_head_odd
            2 x http_framing_faulty
        "##]]);
}

#[test]
fn a_row_has_one_charset() {
    Script::new()
        .a("GET /caf\u{e9} HTTP/1.1\r\nX: \u{fc}\r\n\r\n")
        .b(OK)
        .a("GET /caf\u{e9} HTTP/1.1\r\nHost: \u{fc}\r\n\r\n")
        .b(b"HTTP/1.1 200 OK\r\nX: \xff\r\nContent-Length: 0\r\n\r\n")
        .a(b"GET /\xe9?\xff HTTP/1.1\r\nX: \xe9\r\n\r\n")
        .b("HTTP/1.1 200 \u{fc}\r\nX: \u{fc}\r\nContent-Length: 0\r\n\r\n")
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /café @ - [1..1 ms] 1 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete, latin-1
              > GET /cafÃ© @ Ã¼ [3..3 ms] 1 fields
              < 200 [4..4 ms] 2 fields
            #2 HTTP/1.1 complete, latin-1
              > GET /é ? ÿ @ - [5..5 ms] 1 fields
              < 200 [6..6 ms] 2 fields
            1 x http_head_odd
        "##]]);
}

#[test]
fn interim_answers() {
    Script::new()
        .a("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .b("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        .a("body")
        .b("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > POST / @ - [1..3 ms] 2 fields, 4 B b"body"
              < [100, 100, 103]
              < 200 [5..5 ms] 1 fields, 2 B b"ok"
        "##]]);
}

#[test]
fn the_expected_body_never_comes() {
    Script::new()
        .a("POST /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .b("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
        .a("GET /2 HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete, framing assumed
              > POST /1 @ - [1..1 ms] 2 fields
              < 417 [2..2 ms] 1 fields
            #1 HTTP/1.1 complete
              > GET /2 @ - [3..3 ms] 0 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
        "##]]);
}

#[test]
fn the_expected_body_comes_after_all() {
    Script::new()
        .a("POST /1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        .b("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
        .a("some body")
        .a("GET /2 HTTP/1.1\r\n\r\n")
        .b(OK)
        .a("POST /3 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .b("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
        .a("bodyGET /4 HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > POST /1 @ - [1..3 ms] 2 fields, 9 B b"some body"
              < 417 [2..2 ms] 1 fields
            #1 HTTP/1.1 complete
              > GET /2 @ - [4..4 ms] 0 fields
              < 200 [5..5 ms] 1 fields, 2 B b"ok"
            #2 HTTP/1.1 complete
              > POST /3 @ - [6..8 ms] 2 fields, 4 B b"body"
              < 417 [7..7 ms] 1 fields
            #3 HTTP/1.1 complete
              > GET /4 @ - [8..8 ms] 0 fields
              < 200 [9..9 ms] 1 fields, 2 B b"ok"
        "##]]);
}

#[test]
fn trailers() {
    Script::new()
        .a("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nDigest: abc\r\nX:  y \r\n\r\n")
        .b("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\nGrpc-Status: 0\n\n")
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > POST / @ - [1..1 ms] 1 fields, 1 B b"x"
                trailers [("Digest", "abc"), ("X", "y")]
              < 200 [2..2 ms] 1 fields
                trailers [("Grpc-Status", "0")]
        "##]]);
}

#[test]
fn a_web_socket() {
    Script::new()
        .a("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        .b("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x01\x02")
        .a("GET /not-http HTTP/1.1\r\n\r\n")
        .close(End::A, Close::Fin)
        .check(expect![[r#"
            #0 HTTP/1.1 upgraded
              > GET /ws @ - [1..1 ms] 2 fields
              < 101 [2..2 ms] 2 fields
            not http: 28 B
        "#]]);
}

#[test]
fn tls_in_a_tunnel() {
    Script::new()
        .a("CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n")
        .b("HTTP/1.1 200 Connection established\r\n\r\n")
        .a(b"\x16\x03\x01\x00\x05hello\x17\x03")
        .b(b"\x16\x03\x03\x00\x05hello")
        .check(expect![[r#"
            #0 HTTP/1.1 upgraded
              > CONNECT host:443 = host:443 @ host:443 [1..1 ms] 1 fields
              < 200 [2..2 ms] 0 fields
            tls: 22 B
        "#]]);
}

#[test]
fn http_in_a_tunnel() {
    Script::new()
        .a("CONNECT host:80 HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 200 Connection established\r\nContent-Length: 10\r\n\r\n")
        .a("GET /inside HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 upgraded
              > CONNECT host:80 = host:80 @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields
            #1 HTTP/1.1 complete
              > GET /inside @ - [3..3 ms] 0 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
        "##]]);
}

#[test]
fn a_refused_tunnel() {
    Script::new()
        .a("CONNECT host:80 HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .a("GET / HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > CONNECT host:80 = host:80 @ - [1..1 ms] 0 fields
              < 403 [2..2 ms] 1 fields, 2 B b"no"
            #1 HTTP/1.1 complete
              > GET / @ - [3..3 ms] 0 fields
              < 200 [4..4 ms] 1 fields, 2 B b"ok"
        "##]]);
}

#[test]
fn http_behind_socks() {
    Script::new()
        .a(b"\x05\x01\x00")
        .b(b"\x05\x00")
        .a(b"\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x50")
        .b(b"\x05\x00\x00\x01\x0a\x00\x00\x01\x00\x50")
        .a("GET /socks HTTP/1.1\r\nHost: h\r\n\r\n")
        .b(OK)
        .a("GET /more HTTP/1.1\r\n\r\n")
        .b(OK)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /socks @ h [5..5 ms] 1 fields
              < 200 [6..6 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 complete
              > GET /more @ - [7..7 ms] 0 fields
              < 200 [8..8 ms] 1 fields, 2 B b"ok"
            not http: 25 B
            2 x http_resynchronised
        "##]]);
}

#[test]
fn http2() {
    Script::new()
        .a("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .b(b"\0\0\0\x04\0\0\0\0\0")
        .check(expect![""]);
}

#[test]
fn http2_after_an_upgrade() {
    Script::new()
        .a("GET / HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n")
        .b("HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .a("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .check(expect![[r#"
            #0 HTTP/2 no_response, stream 1
              > GET / @ - [1..1 ms] 2 fields
              < [101]
        "#]]);
}

#[test]
fn tls_from_the_start() {
    Script::new()
        .a(b"\x16\x03\x01\x00\x05hello")
        .b(b"\x16\x03\x03\x00\x05hello")
        .check(expect![[r#"
            tls: 20 B
        "#]]);
}

#[test]
fn tls_that_was_under_way() {
    let mut script = Script::new()
        .a(b"the end of a record\x17\x03\x03\x00\x05hello\x17\x03")
        .b(b"\x03\x00\x05hello\x17\x03\x03\x00\x05hello")
        .a(b"\x03\x00\x05hello");
    script.initiator = None;
    script.check(expect![[r#"
        tls: 57 B
    "#]]);
}

#[test]
fn one_record_by_chance_is_no_tls() {
    let mut script = Script::new()
        .a(b"the end\n\x17\x03\x03\x00\x05hello\nGET / HTTP/1.1\r\n\r\n")
        .b(OK);
    script.initiator = None;
    script.check(expect![[r##"
        #0 HTTP/1.1 complete, framing assumed
          > GET / @ - [1..1 ms] 0 fields
          < 200 [2..2 ms] 1 fields, 2 B b"ok"
        not http: 19 B
        1 x http_resynchronised
    "##]]);
}

#[test]
fn another_protocol() {
    let mut script = Script::new()
        .b("220 mail ESMTP\r\n")
        .a("EHLO me\r\n")
        .b("250 hello\r\n")
        .a("QUIT\r\n")
        .a("GET /too-late HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 200 OK\r\n\r\n");
    script.limits.http_probe_bytes_max = 10;
    script.check(expect![[r#"
        not http: 87 B
    "#]]);
}

#[test]
fn the_server_opened_the_connection() {
    let mut script = Script::new().a("GET / HTTP/1.1\r\n\r\n").b(OK);
    script.initiator = Some(End::B);
    script.check(expect![[r##"
        #0 HTTP/1.1 complete
          > GET / @ - [1..1 ms] 0 fields
          < 200 [2..2 ms] 1 fields, 2 B b"ok"
    "##]]);
}

#[test]
fn requests_without_answers() {
    Script::new()
        .a("GET /1 HTTP/1.1\r\n\r\n")
        .b(OK)
        .a("GET /2 HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")
        .close(End::B, Close::Fin)
        .close(End::A, Close::Fin)
        .check(expect![[r##"
            #0 HTTP/1.1 complete
              > GET /1 @ - [1..1 ms] 0 fields
              < 200 [2..2 ms] 1 fields, 2 B b"ok"
            #1 HTTP/1.1 no_response
              > GET /2 @ - [3..3 ms] 0 fields
            #2 HTTP/1.1 no_response
              > POST /3 @ - [3..3 ms] 1 fields, 4 B b"half"
        "##]]);
}

#[test]
fn a_content_encoding_is_undone() {
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        gzip.len()
    );
    let answer = [head.as_bytes(), gzip].concat();
    let broken = [&answer[..answer.len() - 4], b"\xff\xff\xff\xff"].concat();
    let script = Script::new()
        .a("GET /1 HTTP/1.1\r\n\r\n")
        .b(&answer)
        .a("GET /2 HTTP/1.1\r\n\r\n")
        .b(&broken)
        .a("HEAD /3 HTTP/1.1\r\n\r\n")
        .b(&head)
        .a("GET /4 HTTP/1.1\r\n\r\n")
        .b("HTTP/1.1 200 OK\r\nContent-Encoding: odd\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    script.check(expect![[r##"
        #0 HTTP/1.1 complete
          > GET /1 @ - [1..1 ms] 0 fields
          < 200 [2..2 ms] 2 fields, 25 B b"hello"
        #1 HTTP/1.1 complete
          > GET /2 @ - [3..3 ms] 0 fields
          < 200 (gzip) [4..4 ms] 2 fields, 25 B b"\x1f\x8b\x08\0\0\0\0\0\x02\xff\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\xff\xff\xff\xff"
        #2 HTTP/1.1 complete
          > HEAD /3 @ - [5..5 ms] 0 fields
          < 200 [6..6 ms] 2 fields
        #3 HTTP/1.1 complete
          > GET /4 @ - [7..7 ms] 0 fields
          < 200 (odd, gzip) [8..8 ms] 2 fields, 1 B b"x"
        2 x content_not_decoded
    "##]]);
    let raw = Script {
        raw_bodies: true,
        ..script
    };
    raw.check(expect![[r##"
        #0 HTTP/1.1 complete
          > GET /1 @ - [1..1 ms] 0 fields
          < 200 (gzip) [2..2 ms] 2 fields, 25 B b"\x1f\x8b\x08\0\0\0\0\0\x02\xff\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0"
        #1 HTTP/1.1 complete
          > GET /2 @ - [3..3 ms] 0 fields
          < 200 (gzip) [4..4 ms] 2 fields, 25 B b"\x1f\x8b\x08\0\0\0\0\0\x02\xff\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\xff\xff\xff\xff"
        #2 HTTP/1.1 complete
          > HEAD /3 @ - [5..5 ms] 0 fields
          < 200 [6..6 ms] 2 fields
        #3 HTTP/1.1 complete
          > GET /4 @ - [7..7 ms] 0 fields
          < 200 (odd, gzip) [8..8 ms] 2 fields, 1 B b"x"
    "##]]);
}
