use proptest::prelude::*;

use super::*;

/// A record of `len` bytes, all of them `fill`.
fn record(kind: u8, len: u16, fill: u8) -> Vec<u8> {
    let [high, low] = len.to_be_bytes();
    let mut record = vec![kind, 3, 3, high, low];
    record.resize(HEADER_BYTES + usize::from(len), fill);
    record
}

fn found(bytes: &[u8]) -> Option<usize> {
    Records::default().advance(bytes)
}

#[test]
fn two_records_in_a_row_are_found_wherever_they_begin() {
    let bytes = [
        b"middle".to_vec(),
        record(23, 40, b'x'),
        record(23, 9, b'x'),
    ]
    .concat();
    assert_eq!(found(&bytes), Some(6 + 45 + HEADER_BYTES));
    assert_eq!(found(&bytes[..6 + 45 + HEADER_BYTES - 1]), None);
}

#[test]
fn one_record_is_none() {
    assert_eq!(found(&record(22, 300, b'x')), None);
    let other = [record(22, 3, b'x'), b"HTTP/1.1 200 OK".to_vec()].concat();
    assert_eq!(found(&other), None);
}

#[test]
fn what_looks_like_a_header_before_one_hides_nothing() {
    for before in [
        &[23][..],
        &[23, 3],
        &[23, 23],
        &[22, 3, 9],
        &[23, 3, 3, 0, 0],
    ] {
        let bytes = [before.to_vec(), record(23, 4, 0), record(23, 4, 0)].concat();
        assert_eq!(
            found(&bytes),
            Some(before.len() + 9 + HEADER_BYTES),
            "{before:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cutting_the_bytes_changes_nothing(
        parts in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(prop_oneof![Just(3_u8), 20..=23_u8, any::<u8>()], 0..12),
                (20..=23_u8, 1..9_u16, any::<u8>()).prop_map(|(kind, len, fill)| record(kind, len, fill)),
            ],
            0..6,
        ),
        cuts in prop::collection::vec(1..9_usize, 1..8),
    ) {
        let bytes = parts.concat();
        let mut records = Records::default();
        let (mut at, mut end) = (0, None);
        let mut cuts = cuts.into_iter().cycle();
        while at < bytes.len() && end.is_none() {
            let len = cuts.next().unwrap_or(1).min(bytes.len() - at);
            end = records.advance(&bytes[at..at + len]).map(|taken| at + taken);
            at += len;
        }
        prop_assert_eq!(end, found(&bytes));
    }
}
