//! Answers that are too long to be stored: compared by digest, and never equal without one.

use super::*;

/// Bytes of a body; the recorder keeps 1 KiB.
const BODY_BYTES: usize = 200_000;

/// Text whose 100 last bytes are all `last`.
fn body(last: char) -> String {
    let line = "0123456789abcdef\n";
    let mut body = line.repeat(BODY_BYTES / line.len());
    body.extend(std::iter::repeat_n(last, 100));
    body
}

/// A recording of one long answer, in chunks; `lost` leaves a frame in the middle of it out.
fn recorded(lost: bool) -> Compared {
    let mut wire = String::from(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for chunk in body('z').as_bytes().chunks(30_000) {
        let text = std::str::from_utf8(chunk).unwrap();
        wire.push_str(&format!("{:x}\r\n{text}\r\n", chunk.len()));
    }
    wire.push_str("0\r\n\r\n");
    let (begin, rest) = wire.as_bytes().split_at(50_000);
    let (middle, end) = rest.split_at(1_000);
    let mut script = PacketScript::new()
        .client("GET /orders/export HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        .server_in(1_400, begin)
        .server(middle);
    if lost {
        script = script.lose(1);
    }
    let script = script.server_in(1_400, end);
    Compared::recorded(&script, &["--max-body", "1KiB"])
}

fn text(last: char) -> Answer {
    Answer::new(200, &[("Content-Type", "text/plain")], body(last))
}

#[test]
fn a_long_answer_is_compared_by_its_digest() {
    let compared = recorded(false);
    compared.replay("same", |_| text('z'), &[]);
    compared.replay("other", |_| text('y'), &[]);
    let same = compared.document(&["--candidate", "same"]);
    assert_eq!(same.verdict, RunVerdict::Pass, "{:?}", same.reasons);
    assert_eq!((same.totals.judged, same.totals.same), (1, 1));
    let other = compared.document(&["--candidate", "other"]);
    assert_eq!(other.verdict, RunVerdict::Fail);
    assert_eq!(other.groups.len(), 1);
    let example = &other.groups[0].examples[0];
    let said = example.expected.as_deref().unwrap();
    let length = body('z').len();
    assert!(
        said.starts_with(&format!("{length} bytes, digest ")),
        "{said}"
    );
    assert_ne!(example.expected, example.actual);
}

#[test]
fn a_long_answer_with_a_gap_is_not_judged() {
    let compared = recorded(true);
    compared.replay("same", |_| text('z'), &[]);
    let document = compared.document(&["--candidate", "same"]);
    assert_eq!(document.verdict, RunVerdict::NotEnoughEvidence);
    assert_eq!(
        document.totals.incomparable_by[0].reason,
        "recorded response_gap"
    );
}
