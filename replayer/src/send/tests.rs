use replayer_core::Limits;
use replayer_core::h1::Head;
use schema::{BodyDigest, Charset, Headers};

use super::answer::Answer;
use crate::clock::Clock;

#[test]
fn a_body_beyond_the_limit_is_counted_and_cut() {
    let table: [(&[usize], usize, &[u8], u64); 6] = [
        (&[], 10, b"", 0),
        (&[3], 10, b"aaa", 3),
        (&[3, 2], 10, b"aaabb", 5),
        (&[3, 2, 4], 6, b"aaabbc", 9),
        (&[9], 4, b"aaaa", 9),
        (&[3, 2], 0, b"", 5),
    ];
    for (pieces, body_bytes_max, stored, wire_bytes) in table {
        let now = Clock::start().now();
        let head = Head {
            status: 200,
            headers: Headers::default(),
            charset: Charset::Utf8,
            length: None,
        };
        let limits = Limits {
            body_bytes_max,
            ..Limits::default()
        };
        let mut answer = Answer::new(now, head, &limits);
        for (length, byte) in pieces.iter().zip(b'a'..) {
            answer.add(&vec![byte; *length], now);
        }
        assert_eq!(
            answer.body(),
            (stored, wire_bytes),
            "{pieces:?} {body_bytes_max}"
        );
        let whole: Vec<u8> = pieces
            .iter()
            .zip(b'a'..)
            .flat_map(|(length, byte)| vec![byte; *length])
            .collect();
        let is_cut = whole.len() > body_bytes_max;
        let digest = is_cut.then(|| BodyDigest::of(&whole));
        assert_eq!(answer.body_digest(), digest, "{pieces:?} {body_bytes_max}");
    }
}
