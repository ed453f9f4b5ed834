use super::*;
use crate::testing::{at, recorder};

#[test]
fn rows_come_back_with_their_recorder_in_order() {
    let mut row = LedgerRow {
        minute: at(60_000_000),
        source: Some("10.0.3.7".to_owned()),
        vni: Some(Vni::new(0x00ff_ffff)),
        ..LedgerRow::default()
    };
    // Every counter another number, so that none can be taken for another.
    for (number, counter) in (1_u64..).zip(row.counters_mut()) {
        *counter = number;
    }
    let silent = LedgerRow {
        minute: at(0),
        ..LedgerRow::default()
    };
    let segment = encode_ledger(
        &[row.clone(), silent.clone()],
        &recorder(),
        4,
        3,
        &Keyring::default(),
    )
    .unwrap();
    assert_eq!(
        segment.key.to_string(),
        "date=2026-11-22/hour=13/1795352400000000-1795352460000000-recorder-1-00000004.parquet"
    );
    assert_eq!(segment.rows, 2);
    let decoded = decode_ledger(segment.bytes, &Keyring::default()).unwrap();
    assert_eq!(decoded, [(recorder(), silent), (recorder(), row)]);
}

#[test]
fn counters_have_the_names_of_their_fields() {
    let mut row = LedgerRow::default();
    for (number, counter) in (1_u64..).zip(row.counters_mut()) {
        *counter = number;
    }
    let debug = format!("{row:?}");
    for (number, name) in (1..).zip(COUNTERS) {
        assert!(debug.contains(&format!("{name}: {number}")), "{name}");
    }
}

#[test]
fn another_file_is_refused() {
    let file = crate::encode_divergences(&[], 1, &Keyring::default()).unwrap();
    let error = decode_ledger(file, &Keyring::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a Reprise segment: the file belongs to table `divergences`, not `capture`"
    );
    assert!(matches!(
        decode_ledger(Bytes::from_static(b"PAR1"), &Keyring::default()),
        Err(Error::Damaged(_))
    ));
}
