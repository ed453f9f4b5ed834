use bytes::Bytes;
use schema::{Charset, Headers, Protocol, Request};

use super::message::{protocol_sent, to_hyper};

fn request(path: &str, query: Option<&str>, headers: &[(&str, &str)]) -> Request {
    Request {
        start: schema::Timestamp::MIN,
        end: schema::Timestamp::MIN,
        method: "GET".to_owned(),
        host: None,
        path: path.to_owned(),
        query: query.map(str::to_owned),
        target: None,
        headers: headers.iter().copied().collect::<Headers>(),
        body: schema::Body::default(),
        trailers: None,
    }
}

/// What cannot be put on the wire as it was is refused, and never sent otherwise: hyper's type would cut a fragment off.
#[test]
fn targets_are_the_recorded_bytes_or_are_refused() {
    let table = [
        ("/", None, Some("/")),
        ("/", Some(""), Some("/?")),
        (
            "//a/./../%2F",
            Some("?/..&%zz"),
            Some("//a/./../%2F??/..&%zz"),
        ),
        ("*", None, Some("*")),
        ("/a#b", None, None),
        ("/a", Some("b#c"), None),
        ("/a b", None, None),
        ("", None, None),
        ("a", None, None),
    ];
    for (path, query, expected) in table {
        let message = to_hyper(&request(path, query, &[]), Charset::Utf8, Protocol::Http11);
        let target = message.ok().map(|message| message.uri().to_string());
        assert_eq!(target.as_deref(), expected, "{path} {query:?}");
    }
}

#[test]
fn latin_1_goes_out_as_the_bytes_it_was() {
    let headers = [("X-Name", "caf\u{e9}")];
    let message = to_hyper(
        &request("/", None, &headers),
        Charset::Latin1,
        Protocol::Http11,
    )
    .unwrap();
    assert_eq!(message.headers()["x-name"].as_bytes(), b"caf\xe9");
    assert!(
        to_hyper(
            &request("/", None, &[("a b", "c")]),
            Charset::Utf8,
            Protocol::Http11
        )
        .is_err()
    );
}

#[test]
fn http_2_is_sent_as_http_1_1() {
    assert_eq!(protocol_sent(Protocol::Http2), Protocol::Http11);
    assert_eq!(protocol_sent(Protocol::Http10), Protocol::Http10);
    let message = to_hyper(&request("/", None, &[]), Charset::Utf8, Protocol::Http10).unwrap();
    assert_eq!(message.version(), hyper::Version::HTTP_10);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_counted_and_cut() {
    use super::answer::Answer;
    use crate::clock::Clock;
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    let table: [(&[usize], usize, &[u8], u64); 6] = [
        (&[], 10, b"", 0),
        (&[3], 10, b"aaa", 3),
        (&[3, 2], 10, b"aaabb", 5),
        (&[3, 2, 4], 6, b"aaabbc", 9),
        (&[9], 4, b"aaaa", 9),
        (&[3, 2], 0, b"", 5),
    ];
    for (pieces, bytes_max, stored, wire_bytes) in table {
        let frames: Vec<_> = pieces
            .iter()
            .zip(b'a'..)
            .map(|(length, byte)| {
                Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![byte; *length])))
            })
            .collect();
        let clock = Clock::start();
        let mut answer = Answer::new(clock.now(), 200, hyper::HeaderMap::new());
        answer
            .read(StreamBody::new(stream::iter(frames)), bytes_max, &clock)
            .await
            .unwrap();
        let body = answer.into_body();
        assert_eq!(
            (&body.bytes[..], body.wire_bytes),
            (stored, wire_bytes),
            "{pieces:?} {bytes_max}"
        );
    }
}
