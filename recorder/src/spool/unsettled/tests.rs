use super::*;

fn row(minute: i64, source: &str, exchanges: u64) -> LedgerRow {
    LedgerRow {
        minute: Timestamp::from_micros(minute * 60_000_000),
        source: Some(source.to_owned()),
        exchanges,
        ..LedgerRow::default()
    }
}

/// What is left after `stored` exchanges and `counted` rows.
fn left(stored: &[LedgerRow], counted: &[LedgerRow]) -> Vec<LedgerRow> {
    let mut unsettled = Unsettled::default();
    for row in stored {
        unsettled.handle_open(row);
    }
    for row in counted {
        unsettled.handle_row(row);
    }
    unsettled.rows()
}

#[test]
fn what_no_row_counts_is_left() {
    let stored = [row(1, "a", 5), row(2, "a", 3), row(2, "b", 1)];
    assert_eq!(left(&stored, &[]), stored);
    assert_eq!(left(&stored, &[row(1, "a", 5)]), stored[1..]);
    assert_eq!(left(&stored, &stored), []);
}

/// The ledger counts an exchange that comes after its minute's row in a later minute.
#[test]
fn a_late_exchange_is_counted_once() {
    let stored = [row(1, "a", 6), row(3, "a", 2)];
    let counted = [row(1, "a", 5), row(2, "a", 1)];
    assert_eq!(left(&stored, &counted), [row(3, "a", 2)]);
}

/// Requests that were let go before they came here are in their row, and were never stored.
#[test]
fn what_was_let_go_before_settles_nothing() {
    let stored = [row(1, "nginx-mirror", 5)];
    let let_go = LedgerRow {
        exchanges_incomplete: 3,
        exchanges_shed: 3,
        ..row(1, "nginx-mirror", 3)
    };
    assert_eq!(left(&stored, &[let_go]), stored);
}

#[test]
fn cells_are_bounded() {
    let mut unsettled = Unsettled::default();
    for minute in 0..2 * CELLS_MAX as i64 {
        unsettled.handle_open(&row(minute, "a", 1));
    }
    assert_eq!(unsettled.rows().len(), CELLS_MAX);
}
