use super::*;
use crate::testing::{exchange, recorder, seal};
use crate::{LedgerRow, empty_segment, encode_ledger};

fn problems(table: &Table, key: &SegmentKey, file: &Bytes) -> Vec<String> {
    inspect(table, key, file, &Keyring::default(), |_| {})
        .unwrap()
        .problems
}

#[test]
fn a_segment_is_what_its_name_says() {
    let segment = seal((0..10).map(|number| exchange(number, number)));
    let mut ids = Vec::new();
    let inspected = inspect(
        &Table::Exchanges,
        &segment.key,
        &segment.bytes,
        &Keyring::default(),
        |id| {
            ids.push(id);
        },
    );
    let inspected = inspected.unwrap();
    assert_eq!((inspected.rows, ids.len()), (10, 10));
    assert_eq!(inspected.integrity, Integrity::Intact);
    assert_eq!(inspected.problems, [""; 0]);

    let emptied = empty_segment(&segment.bytes, &Keyring::default()).unwrap();
    assert_eq!(problems(&Table::Exchanges, &segment.key, &emptied), [""; 0]);
}

#[test]
fn another_name_is_told() {
    let segment = seal((0..10).map(|number| exchange(number, number)));
    let (key, bytes) = (&segment.key, &segment.bytes);
    let renamed = |start, end, recorder: &str, sequence| {
        let key = SegmentKey::new(start, end, recorder.parse().unwrap(), sequence);
        problems(&Table::Exchanges, &key, bytes)
    };
    let (start, end) = (key.start(), key.end());
    let later = end.saturating_add(std::time::Duration::from_micros(1));
    let table = [
        (
            renamed(start, end, "other", 3),
            "its `reprise.recorder` says recorder-1",
        ),
        (
            renamed(start, end, "recorder-1", 4),
            "its `reprise.sequence` says 3",
        ),
        (
            renamed(start, later, "recorder-1", 3),
            "its rows start from",
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn a_ledger_is_inspected_too() {
    let rows: Vec<LedgerRow> = (0..3)
        .map(|minute| LedgerRow {
            minute: Timestamp::from_micros(minute * 60_000_000),
            ..LedgerRow::default()
        })
        .collect();
    let segment = encode_ledger(&rows, &recorder(), 7, 1, &Keyring::default()).unwrap();
    assert_eq!(
        problems(&Table::Capture, &segment.key, &segment.bytes),
        [""; 0]
    );
    let exchanges = inspect(
        &Table::Exchanges,
        &segment.key,
        &segment.bytes,
        &Keyring::default(),
        |_| {},
    );
    assert!(matches!(exchanges, Err(Error::Format(_))), "{exchanges:?}");
    let other = SegmentKey::new(
        segment.key.start(),
        segment.key.end(),
        "b".parse().unwrap(),
        7,
    );
    let found = problems(&Table::Capture, &other, &segment.bytes);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1], "3 rows are of another recorder");
}
