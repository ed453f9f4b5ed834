//! RFC 9112 section 6.3 as a table: what ends the first answer, seen from whether the second is found.

use std::fmt::Write;

use expect_test::expect;

use super::playbook::Script;
use crate::http::{Close, End};

/// Each row: the request's method, the answer's status line and length fields, its body as sent.
const ROWS: &[(&str, &str, &str)] = &[
    ("GET", "200\r\nContent-Length: 3", "abc"),
    ("HEAD", "200\r\nContent-Length: 3", ""),
    ("HEAD", "200\r\nTransfer-Encoding: chunked", ""),
    ("GET", "204\r\nContent-Length: 3", ""),
    ("GET", "304\r\nTransfer-Encoding: chunked", ""),
    ("GET", "205\r\nContent-Length: 0", ""),
    ("CONNECT", "200\r\nContent-Length: 3", ""),
    ("CONNECT", "407\r\nContent-Length: 3", "abc"),
    (
        "GET",
        "200\r\nTransfer-Encoding: chunked\r\nContent-Length: 99",
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "200\r\nTransfer-Encoding: gzip, chunked",
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "200\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: Chunked",
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    ("GET", "200\r\nTransfer-Encoding: chunked, gzip", "abc"),
    ("GET", "200\r\nTransfer-Encoding: chunked, chunked", "abc"),
    (
        "GET",
        "200\r\nTransfer-Encoding: identity\r\nContent-Length: 3",
        "abc",
    ),
    ("GET", "200\r\nTransfer-Encoding: chunked", "not chunked"),
    (
        "GET",
        "200\r\nTransfer-Encoding: chunked",
        "ffffffffffffffffff\r\n",
    ),
    (
        "GET",
        "200\r\nContent-Length: 3, 3\r\nContent-Length: 3",
        "abc",
    ),
    ("GET", "200\r\nContent-Length: 3, 4", "abc"),
    ("GET", "200\r\nContent-Length: +3", "abc"),
    ("GET", "200\r\nContent-Length: 99999999999999999999", "abc"),
    ("GET", "200\r\nContent-Length: -1", "abc"),
    ("GET", "200\r\nContent-Length: 18446744073709551615", "abc"),
    ("GET", "200", "abc"),
];

#[test]
fn answers() {
    let mut out = String::new();
    for (method, head, body) in ROWS {
        let second = "HTTP/1.1 299 second\r\nContent-Length: 0\r\n\r\n";
        let played = Script::new()
            .a(format!(
                "{method} /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"
            ))
            .b(format!("HTTP/1.1 {head}\r\n\r\n{body}{second}"))
            .close(End::B, Close::Fin)
            .play();
        played.assert_accounted();
        let first = &played.exchanges[0];
        let response = first.response.as_ref().unwrap();
        let found = played.exchanges.iter().any(|exchange| {
            exchange
                .response
                .as_ref()
                .is_some_and(|response| response.status == 299)
        });
        writeln!(
            out,
            "{method} {head:?} {body:?}: {} {}, {} B, second {}",
            first.completeness,
            first.framing,
            response.body.wire_bytes,
            if found { "found" } else { "not found" },
        )
        .unwrap();
    }
    expect![[r#"
        GET "200\r\nContent-Length: 3" "abc": complete exact, 3 B, second found
        HEAD "200\r\nContent-Length: 3" "": complete exact, 0 B, second found
        HEAD "200\r\nTransfer-Encoding: chunked" "": complete exact, 0 B, second found
        GET "204\r\nContent-Length: 3" "": complete exact, 0 B, second found
        GET "304\r\nTransfer-Encoding: chunked" "": complete exact, 0 B, second found
        GET "205\r\nContent-Length: 0" "": complete exact, 0 B, second found
        CONNECT "200\r\nContent-Length: 3" "": upgraded exact, 0 B, second found
        CONNECT "407\r\nContent-Length: 3" "abc": complete exact, 3 B, second found
        GET "200\r\nTransfer-Encoding: chunked\r\nContent-Length: 99" "3\r\nabc\r\n0\r\n\r\n": complete exact, 3 B, second found
        GET "200\r\nTransfer-Encoding: gzip, chunked" "3\r\nabc\r\n0\r\n\r\n": complete exact, 3 B, second found
        GET "200\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: Chunked" "3\r\nabc\r\n0\r\n\r\n": complete exact, 3 B, second found
        GET "200\r\nTransfer-Encoding: chunked, gzip" "abc": complete exact, 45 B, second not found
        GET "200\r\nTransfer-Encoding: chunked, chunked" "abc": complete exact, 45 B, second not found
        GET "200\r\nTransfer-Encoding: identity\r\nContent-Length: 3" "abc": complete exact, 3 B, second found
        GET "200\r\nTransfer-Encoding: chunked" "not chunked": complete assumed, 53 B, second not found
        GET "200\r\nTransfer-Encoding: chunked" "ffffffffffffffffff\r\n": complete assumed, 46 B, second not found
        GET "200\r\nContent-Length: 3, 3\r\nContent-Length: 3" "abc": complete exact, 3 B, second found
        GET "200\r\nContent-Length: 3, 4" "abc": complete assumed, 3 B, second found
        GET "200\r\nContent-Length: +3" "abc": complete assumed, 45 B, second not found
        GET "200\r\nContent-Length: 99999999999999999999" "abc": complete assumed, 45 B, second not found
        GET "200\r\nContent-Length: -1" "abc": complete assumed, 45 B, second not found
        GET "200\r\nContent-Length: 18446744073709551615" "abc": aborted exact, 45 B, second not found
        GET "200" "abc": complete exact, 45 B, second not found
    "#]].assert_eq(&out);
}

#[test]
fn requests() {
    let rows = [
        ("Content-Length: 3", "abc"),
        ("Content-Length: 3, 3", "abc"),
        (
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "1\r\na\r\n0\r\n\r\n",
        ),
        ("Transfer-Encoding: gzip", ""),
        ("Content-Length: x", "abc"),
        ("X: y", ""),
        ("Transfer-Encoding: chunked", "zz"),
    ];
    let mut out = String::new();
    for (fields, body) in rows {
        let played = Script::new()
            .a(format!(
                "POST /1 HTTP/1.1\r\n{fields}\r\n\r\n{body}GET /2 HTTP/1.1\r\n\r\n"
            ))
            .play();
        played.assert_accounted();
        let first = &played.exchanges[0];
        let found = played.exchanges.iter().any(|exchange| {
            exchange
                .request
                .as_ref()
                .is_some_and(|request| request.path == "/2")
        });
        writeln!(
            out,
            "{fields:?} {body:?}: {} {}, {} B, second {}",
            first.completeness,
            first.framing,
            first.request.as_ref().unwrap().body.wire_bytes,
            if found { "found" } else { "not found" },
        )
        .unwrap();
    }
    expect![[r#"
        "Content-Length: 3" "abc": no_response exact, 3 B, second found
        "Content-Length: 3, 3" "abc": no_response exact, 3 B, second found
        "Content-Length: 3\r\nTransfer-Encoding: chunked" "1\r\na\r\n0\r\n\r\n": no_response exact, 1 B, second found
        "Transfer-Encoding: gzip" "": no_response assumed, 0 B, second found
        "Content-Length: x" "abc": no_response assumed, 0 B, second found
        "X: y" "": no_response exact, 0 B, second found
        "Transfer-Encoding: chunked" "zz": no_response assumed, 0 B, second found
    "#]].assert_eq(&out);
}
