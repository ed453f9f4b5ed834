//! What is taken for a message start, wherever the bytes are cut.

use std::fmt::Write;

use expect_test::expect;
use schema::Timestamp;

use super::{Outcome, Search};
use crate::Limits;
use crate::http::buffer::{Buffer, Input};
use crate::http::head::Expected;
use crate::http::message::Place;

/// Where the first start is found when the bytes come in pieces of `piece`.
fn find(text: &str, expected: Expected, piece: usize) -> Option<usize> {
    let limits = Limits {
        http_search_line_bytes_max: 40,
        ..Limits::default()
    };
    let place = |offset: usize| Place {
        at: Timestamp::MIN,
        offset: offset as u64,
        acked: 0,
    };
    let mut search = Search::new(Buffer::new(place(0)));
    let mut passed = 0;
    for (number, bytes) in text.as_bytes().chunks(piece).enumerate() {
        let mut input = Input {
            bytes,
            place: place(number * piece),
        };
        let start = match search.advance(&mut input, expected, &mut passed, &limits) {
            Outcome::Nothing => continue,
            Outcome::Found => input.place.offset,
            Outcome::FoundEarlier(buffer) => buffer.place(0).offset,
        };
        assert_eq!(start, passed, "{text:?} in pieces of {piece}");
        return usize::try_from(start).ok();
    }
    assert!(search.held() < 200, "{text:?} in pieces of {piece}");
    None
}

#[test]
fn starts() {
    let long = format!("{}GET / HTTP/1.1\r\n", "x".repeat(1_000));
    let too_long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(40));
    let mut table = String::new();
    for text in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\n",
        "body}GET /x?y HTTP/1.0\r\n",
        "BODYGET / HTTP/1.1\r\n",
        "line\r\nMYMETHOD / HTTP/1.1\r\n",
        "MYMETHOD / HTTP/1.1\r\n",
        "xMYMETHOD / HTTP/1.1\r\n",
        "get / HTTP/1.1\r\n",
        "GET a b HTTP/1.1\r\n",
        "GET / HTTP/1.1 \r\n",
        "\"GET / HTTP/1.1\" 200 17\r\n",
        "GET / HTTP/2.0\r\n",
        "restHTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200\r\n",
        "HTTP/1.1 2000\r\n",
        "HTTP/1.1 20",
        "HTTP/1.HTTP/1.1 404 Not Found\r\n",
        &long,
        &too_long,
    ] {
        for expected in [Expected::Request, Expected::Response, Expected::Either] {
            let whole = find(text, expected, usize::MAX);
            for piece in 1..text.len().min(40) {
                assert_eq!(
                    whole,
                    find(text, expected, piece),
                    "{text:?} in pieces of {piece}"
                );
            }
            if let Some(start) = whole {
                let shown: String = text[start..].chars().take(20).collect();
                writeln!(table, "{expected:?} at {start}: {shown:?}").unwrap();
            }
        }
    }
    expect![[r#"
        Request at 0: "GET / HTTP/1.1\r\n"
        Either at 0: "GET / HTTP/1.1\r\n"
        Request at 0: "GET / HTTP/1.1\n"
        Either at 0: "GET / HTTP/1.1\n"
        Request at 5: "GET /x?y HTTP/1.0\r\n"
        Either at 5: "GET /x?y HTTP/1.0\r\n"
        Request at 4: "GET / HTTP/1.1\r\n"
        Either at 4: "GET / HTTP/1.1\r\n"
        Request at 6: "MYMETHOD / HTTP/1.1\r"
        Either at 6: "MYMETHOD / HTTP/1.1\r"
        Request at 0: "MYMETHOD / HTTP/1.1\r"
        Either at 0: "MYMETHOD / HTTP/1.1\r"
        Response at 4: "HTTP/1.1 200 OK\r\n"
        Either at 4: "HTTP/1.1 200 OK\r\n"
        Response at 0: "HTTP/1.1 200\r\n"
        Either at 0: "HTTP/1.1 200\r\n"
        Response at 7: "HTTP/1.1 404 Not Fou"
        Either at 7: "HTTP/1.1 404 Not Fou"
        Request at 1000: "GET / HTTP/1.1\r\n"
        Either at 1000: "GET / HTTP/1.1\r\n"
    "#]]
    .assert_eq(&table);
}
