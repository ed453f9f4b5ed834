use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds {
    head_bytes_max: 200,
    chunk_line_bytes_max: 20,
};
const GET: Asked = Asked {
    head: false,
    persistent: true,
};
const HEAD: Asked = Asked {
    head: true,
    persistent: true,
};

/// What was read: a line a thing, bodies joined, and how many bytes were left alone.
fn read(asked: Asked, pieces: &[&[u8]]) -> (String, usize) {
    let mut reader = AnswerReader::new(asked, BOUNDS);
    let (mut told, mut body) = (Vec::new(), Vec::new());
    let mut held: Vec<u8> = Vec::new();
    for piece in pieces {
        held.extend_from_slice(piece);
        loop {
            let (taken, event) = match reader.handle_input(&held) {
                Ok(found) => found,
                Err(error) => return (tell(told, &body, &format!("{error:?}")), 0),
            };
            let mut end = None;
            match event {
                Event::NeedsInput => end = Some(None),
                Event::Interim(status) => told.push(status.to_string()),
                Event::Head(head) => {
                    let fields: Vec<String> = head
                        .headers
                        .iter()
                        .map(|(n, v)| format!("{n}={v}"))
                        .collect();
                    told.push(format!("{} {}", head.status, fields.join(" ")));
                }
                Event::Data(data) => {
                    assert!(!data.is_empty());
                    body.extend_from_slice(data);
                }
                Event::Trailers(fields, _) => told.push(format!("{fields:?}")),
                Event::End { reusable } => end = Some(Some(reusable)),
            }
            held.drain(..taken);
            match end {
                Some(Some(reusable)) => {
                    let how = if reusable { "end" } else { "close" };
                    return (tell(told, &body, how), held.len());
                }
                Some(None) => break,
                None => {}
            }
        }
    }
    let how = match reader.finish() {
        Ok(_) => "eof".to_owned(),
        Err(error) => format!("{error:?}"),
    };
    (tell(told, &body, &how), 0)
}

fn tell(mut told: Vec<String>, body: &[u8], how: &str) -> String {
    if !body.is_empty() {
        told.push(format!("{:?}", String::from_utf8_lossy(body)));
    }
    told.push(how.to_owned());
    told.join(" | ")
}

/// Every case of RFC 9112 section 6.3, and what real servers send.
const ANSWERS: &[(Asked, &str, &str)] = &[
    (
        GET,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "200 Content-Length=2 | \"ok\" | end",
    ),
    (
        GET,
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "200 Content-Length=0 | end",
    ),
    (
        GET,
        "HTTP/1.1 200 OK\ncontent-LENGTH:2\n\nok",
        "200 content-LENGTH=2 | \"ok\" | end",
    ),
    (
        GET,
        "\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
        "200 Content-Length=2 | \"ok\" | end",
    ),
    (
        GET,
        "HTTP/1.1 200 \r\nX-A:  b \r\n c\r\nX\r\nContent-Length: 1, 1\r\n\r\n!",
        "200 X-A=b c X= Content-Length=1, 1 | \"!\" | end",
    ),
    (
        HEAD,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "200 Content-Length=5 | end",
    ),
    (
        HEAD,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "200 Transfer-Encoding=chunked | end",
    ),
    (
        GET,
        "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
        "204 Content-Length=5 | end",
    ),
    (
        GET,
        "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
        "304 Content-Length=5 | end",
    ),
    (
        GET,
        "HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n",
        "101 Upgrade=x | close",
    ),
    (
        GET,
        "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
        "100 | 103 | 200 Content-Length=1 | \"!\" | end",
    ),
    (
        GET,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00A;x=y\r\n0123456789\r\n0\r\n\r\n",
        "200 Transfer-Encoding=chunked | \"abc0123456789\" | end",
    ),
    (
        GET,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1 \n!\n0\nX-T: 1\nX-U:\n\n",
        "200 Transfer-Encoding=gzip, Chunked | [(\"X-T\", \"1\"), (\"X-U\", \"\")] | \"!\" | end",
    ),
    (
        GET,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n1\r\n!\r\n0\r\n\r\n",
        "200 Transfer-Encoding=chunked Content-Length=9 | \"!\" | close",
    ),
    (
        GET,
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\n!",
        "200 Connection=x, Close Content-Length=1 | \"!\" | close",
    ),
    (
        GET,
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n!",
        "200 Content-Length=1 | \"!\" | close",
    ),
    (
        GET,
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n!",
        "200 Connection=keep-alive Content-Length=1 | \"!\" | end",
    ),
    (
        Asked {
            persistent: false,
            ..GET
        },
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
        "200 Content-Length=1 | \"!\" | close",
    ),
];

/// Whole, byte by byte, and with bytes behind the end.
#[test]
fn answers_are_read_right() {
    for (asked, wire, expected) in ANSWERS {
        let wire = wire.as_bytes();
        assert_eq!(read(*asked, &[wire]), ((*expected).to_owned(), 0), "whole");
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(
            read(*asked, &bytes),
            ((*expected).to_owned(), 0),
            "byte by byte"
        );
        let longer = [wire, b"HTTP"].concat();
        assert_eq!(
            read(*asked, &[&longer]),
            ((*expected).to_owned(), 4),
            "with more behind it"
        );
    }
}

/// What only the end of the connection ends, and what it cuts.
#[test]
fn the_end_of_the_connection_ends_some_answers() {
    let table: &[(&str, &str)] = &[
        (
            "HTTP/1.1 200 OK\r\n\r\nall of it",
            "200  | \"all of it\" | eof",
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", "200  | eof"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
            "200 Transfer-Encoding=gzip | \"x\" | eof",
        ),
        ("", "Closed"),
        ("HTTP/1.1 200 OK\r\n", "Closed"),
        ("HTTP/1.1 100 Go on\r\n\r\n", "100 | Closed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            "200 Content-Length=9 | \"half\" | Closed",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "200 Transfer-Encoding=chunked | \"half\" | Closed",
        ),
    ];
    for (wire, expected) in table {
        assert_eq!(read(GET, &[wire.as_bytes()]).0, *expected, "{wire:?}");
        let bytes: Vec<&[u8]> = wire.as_bytes().chunks(1).collect();
        assert_eq!(read(GET, &bytes).0, *expected, "{wire:?}");
    }
}

#[test]
fn what_is_no_answer_is_told_at_once() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(300));
    let interims = "HTTP/1.1 100 Go on\r\n\r\n".repeat(20);
    let trailers = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {}",
        "x".repeat(300)
    );
    let line = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}",
        "x".repeat(30)
    );
    let table: &[(&str, &str)] = &[
        ("2", "Malformed"),
        ("220 mail.test ESMTP\r\n", "Malformed"),
        ("HTTP/2 200\r\n", "Malformed"),
        ("HTTP/1.1 2x0 OK\r\n\r\n", "Malformed"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "Malformed"),
        ("HTTP/1.1 099 OK\r\n\r\n", "Malformed"),
        ("HTTP/1.1200 OK\r\n\r\n", "Malformed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
            "Malformed",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "Malformed"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "Malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx",
            "Malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "Malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
            "Malformed",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab",
            "Malformed",
        ),
        (&long, "HeadTooLarge"),
        (&interims, "HeadTooLarge"),
        (&trailers, "Malformed"),
        (&line, "Malformed"),
    ];
    for (wire, expected) in table {
        let (told, _) = read(GET, &[wire.as_bytes()]);
        assert_eq!(
            told.split(" | ").last(),
            Some(*expected),
            "{wire:?}: {told}"
        );
        let bytes: Vec<&[u8]> = wire.as_bytes().chunks(1).collect();
        let (told, _) = read(GET, &bytes);
        assert_eq!(
            told.split(" | ").last(),
            Some(*expected),
            "{wire:?}: {told}"
        );
    }
}

#[test]
fn fields_that_are_not_utf_8_are_latin_1() {
    let mut reader = AnswerReader::new(GET, BOUNDS);
    let wire = b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nX-Plain: a\r\nContent-Length: 0\r\n\r\n";
    let (_, event) = reader.handle_input(wire).unwrap();
    let Event::Head(head) = event else {
        panic!("{event:?}");
    };
    assert_eq!(head.charset, schema::Charset::Latin1);
    assert_eq!(head.headers.get("x-name"), Some("caf\u{e9}"));
}

fn wire() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just("HTTP/1.1 200 OK\r\n"),
        Just("HTTP/1.1 100 Go on\r\n\r\n"),
        Just("Content-Length: 3\r\n"),
        Just("Transfer-Encoding: chunked\r\n"),
        Just("Connection: close\r\n"),
        Just(" folded\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("3\r\nabc\r\n"),
        Just("0\r\n"),
        Just("X: y\r\n"),
        Just("abc"),
        Just("\u{e9}"),
    ];
    proptest::collection::vec(word, 0..14)
        .prop_map(|words| format!("HTTP/1.1 200 OK\r\n{}", words.concat()).into_bytes())
}

proptest! {
    /// However the bytes are cut, they say the same.
    #[test]
    fn cuts_say_nothing(wire in wire(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        at.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in at.into_iter().chain([wire.len()]) {
            pieces.push(&wire[from..cut]);
            from = cut;
        }
        let whole = read(GET, &[&wire]).0;
        prop_assert_eq!(read(GET, &pieces).0, whole);
    }

    /// Any bytes are read or refused, and never taken twice.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_, left) = read(GET, &[&bytes]);
        prop_assert!(left <= bytes.len());
        let answer = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &bytes[..]].concat();
        let pieces: Vec<&[u8]> = answer.chunks(1).collect();
        prop_assert_eq!(read(GET, &[&answer]).0, read(GET, &pieces).0);
    }
}
