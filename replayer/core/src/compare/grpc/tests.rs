use std::io::Write as _;

use proptest::prelude::*;

use crate::compare::sample::{compared, exchange, found, replayed};
use crate::compare::{Comparison, Rules, compare};

const GRPC: &[(&str, &str)] = &[("Content-Type", "application/grpc")];
const GZIPPED: &[(&str, &str)] = &[
    ("Content-Type", "application/grpc+proto"),
    ("grpc-encoding", "gzip"),
];

fn message(flag: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), bytes].concat()
}

fn body(messages: &[&str]) -> Vec<u8> {
    messages
        .iter()
        .flat_map(|text| message(0, text.as_bytes()))
        .collect()
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    coder.write_all(text.as_bytes()).unwrap();
    message(1, &coder.finish().unwrap())
}

fn comparison(headers: &[(&str, &str)], expected: &[u8], actual: &[u8]) -> Comparison {
    let answer = |body: &[u8]| exchange("/shop.Orders/Get", 200, headers, body);
    compared(&answer(expected), &replayed(answer(actual), 0))
}

#[test]
fn messages_are_compared_one_by_one() {
    for (expected, actual, wanted) in [
        (
            body(&["a", "b"]),
            body(&["a", "c"]),
            vec!["message 2 Value b|c"],
        ),
        (
            body(&["a", "b", "c"]),
            body(&["a", "c"]),
            vec!["message 2 Missing b|-"],
        ),
        (
            body(&["a", "c"]),
            body(&["a", "b", "c"]),
            vec!["message 2 Extra -|b"],
        ),
        (
            body(&["a", "b"]),
            body(&["b", "a"]),
            vec!["messages Order ab|ba"],
        ),
        (
            body(&["a"]),
            message(0, b"aa")[..6].to_vec(),
            vec!["message 1 Type message of 1 bytes|beginning of a message of 6 bytes"],
        ),
        // gRPC-Web: trailers in the body.
        (
            [body(&["a"]), message(0x80, b"grpc-status:0\r\n")].concat(),
            [body(&["a"]), message(0x80, b"grpc-status:5\r\n")].concat(),
            vec!["trailers Value grpc-status:0\r\n|grpc-status:5\r\n"],
        ),
    ] {
        let found_here = found(&comparison(GRPC, &expected, &actual));
        let wanted: Vec<String> = wanted
            .iter()
            .map(|wanted| format!("body {wanted}"))
            .collect();
        assert_eq!(found_here, wanted);
    }
}

#[test]
fn compression_of_messages_is_undone() {
    assert_eq!(
        found(&comparison(GZIPPED, &gzipped("same"), &message(0, b"same"))),
        [""; 0]
    );
    let different = comparison(GZIPPED, &gzipped("old"), &gzipped("new"));
    assert_eq!(found(&different), ["body message 1 Value old|new"]);
    // A coding that nobody knows: the bytes are what there is.
    let unknown: &[(&str, &str)] = &[("Content-Type", "application/grpc"), ("grpc-encoding", "x")];
    let found_here = found(&comparison(unknown, &message(1, b"a"), &message(1, b"b")));
    assert_eq!(found_here, ["body message 1 Value a|b"]);
}

#[test]
fn a_bomb_is_incomparable_and_not_equal() {
    let rules = Rules {
        body_bytes_max: 1_000,
        ..Rules::default()
    };
    let answer = |body: Vec<u8>| exchange("/", 200, GZIPPED, &body);
    let bomb = gzipped(&"0".repeat(10_000));
    let (expected, actual) = (
        answer(bomb.clone()),
        answer([bomb, message(0, b"")].concat()),
    );
    let comparison = compare(&expected, &replayed(actual, 0), &rules);
    assert_eq!(comparison.verdict, schema::ExchangeVerdict::Incomparable);
    assert_eq!(
        comparison.reason.as_deref(),
        Some("gRPC messages decode to more than the limit")
    );
}

#[test]
fn another_status_is_a_difference_of_the_trailer() {
    let answer = |status: &str| {
        let mut exchange = exchange("/", 200, GRPC, &body(&["a"]));
        let trailers = [("grpc-status", status)].into_iter().collect();
        exchange.response.as_mut().unwrap().trailers = Some(trailers);
        exchange
    };
    let comparison = compared(&answer("0"), &replayed(answer("5"), 0));
    assert_eq!(found(&comparison), ["trailer grpc-status Value 0|5"]);
}

proptest! {
    #[test]
    fn any_bytes_are_compared_and_only_equal_if_they_are(
        a in proptest::collection::vec(0u8..4, 0..40),
        b in proptest::collection::vec(0u8..4, 0..40),
    ) {
        // Without grpc-encoding a message that says that it is compressed is left as it is, and equals no other.
        prop_assert_eq!(found(&comparison(GRPC, &a, &b)).is_empty(), a == b);
        prop_assert_eq!(found(&comparison(GRPC, &a, &a)), Vec::<String>::new());
    }
}
