use super::*;
use crate::testing::{at, exchange, read, read_all, seal};
use crate::{Charset, Completeness};

/// Raw, so that a batch is full of rows before it is full of bytes.
fn many(rows: u64) -> Vec<Exchange> {
    (0..rows)
        .map(|number| exchange(number, number * 10))
        .collect()
}

#[test]
fn what_was_pushed_comes_back_in_order_of_time() {
    let exchanges = many(20_000);
    let mut shuffled = exchanges.clone();
    for pair in shuffled.chunks_mut(5) {
        pair.reverse();
    }
    let segment = seal(shuffled);
    assert_eq!(segment.rows, 20_000);
    assert!(read_all(&segment.bytes) == exchanges);
}
