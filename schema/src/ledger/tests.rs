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

#[test]
fn segments_become_one_that_says_the_same() {
    let keys = Keyring::default();
    let row = |minute: i64, source: &str, frames| LedgerRow {
        minute: Timestamp::from_micros(minute * 60_000_000),
        source: Some(source.to_owned()),
        frames,
        ..LedgerRow::default()
    };
    let file = |recorder: &str, number, rows: &[LedgerRow]| {
        let recorder = recorder.parse().unwrap();
        let sealed = encode_ledger(rows, &recorder, number, 3, &keys).unwrap();
        (sealed.key, sealed.bytes)
    };
    let files = [
        file("a", 4, &[row(1, "x", 1), row(2, "x", 10)]),
        file("a", 5, &[row(2, "x", 100), row(2, "y", 1_000)]),
        file("b", 7, &[row(2, "x", 10_000)]),
    ];
    let merge = |files: &[_], name: &str| merge_ledger(files, &keys, &name.parse().unwrap(), 3);
    let merged = merge(&files, "compact-1").unwrap();
    let read = |file: &Bytes| -> Vec<_> {
        let rows = decode_ledger(file.clone(), &keys).unwrap();
        let told = |(recorder, row): (RecorderId, LedgerRow)| {
            (
                recorder.to_string(),
                row.minute.as_micros() / 60_000_000,
                row.source.unwrap(),
                row.frames,
            )
        };
        rows.into_iter().map(told).collect()
    };
    let told = |recorder: &str, minute, source: &str, frames| {
        (recorder.to_owned(), minute, source.to_owned(), frames)
    };
    let expected = [
        told("a", 1, "x", 1),
        told("a", 2, "x", 110),
        told("a", 2, "y", 1_000),
        told("b", 2, "x", 10_000),
    ];
    assert_eq!(read(&merged.bytes), expected);
    let looked = |sealed: &SealedSegment| {
        let table = crate::Table::Capture;
        let inspected = crate::inspect(&table, &sealed.key, &sealed.bytes, &keys, |_| {});
        let inspected = inspected.unwrap();
        assert_eq!(inspected.problems, [""; 0]);
        inspected
            .replaces
            .ranges()
            .map(|(name, a, b)| (name.to_owned(), a, b))
            .collect::<Vec<_>>()
    };
    let numbers = [("a".to_owned(), 4, 5), ("b".to_owned(), 7, 7)];
    assert_eq!(looked(&merged), numbers);

    // What came later, and once more.
    let late = file("b", 8, &[row(3, "x", 1)]);
    let again = merge(&[(merged.key, merged.bytes), late], "compact-2").unwrap();
    assert_eq!(read(&again.bytes)[..4], expected);
    let numbers = [
        ("a".to_owned(), 4, 5),
        ("b".to_owned(), 7, 8),
        ("compact-1".to_owned(), 0, 0),
    ];
    assert_eq!(looked(&again), numbers);
    let footer = crate::read_footer(&again.bytes, &keys).unwrap();
    let crate::FooterStep::Footer(footer) = footer else {
        panic!("a whole file has its footer")
    };
    assert!(footer.replaces.contains("b", 8));
}
