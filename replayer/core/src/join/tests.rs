use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::compare::sample;

/// Exchange `n` of a recording, and the same as sent `lag_us` late.
fn recorded(n: u32) -> Exchange {
    let mut exchange = sample::exchange("/a", 200, &[], b"{}");
    exchange.index = n;
    let request = exchange.request.as_mut().unwrap();
    request.start = request
        .start
        .saturating_add(Duration::from_millis(u64::from(n)));
    exchange
}

/// Feeds each side in its order; gives for each row its index and which sides have it.
fn join(sides: &[Vec<Exchange>], memory_bytes_max: usize) -> (Vec<(u32, Vec<bool>)>, Join) {
    let mut join = Join::new(sides.len(), memory_bytes_max);
    let mut left: Vec<_> = sides.iter().map(|side| side.clone().into_iter()).collect();
    let mut rows = Vec::new();
    loop {
        match join.poll() {
            Step::NeedsExchange(side) => match left[side].next() {
                Some(exchange) => join.handle_exchange(side, Box::new(exchange)),
                None => join.handle_end(side),
            },
            Step::Row(row) => {
                rows.push((
                    row.id.index,
                    row.sides.iter().map(Option::is_some).collect(),
                ));
            }
            Step::Finished => return (rows, join),
        }
    }
}

#[test]
fn rows_leave_when_every_side_has_them() {
    let run = |ns: &[u32]| {
        ns.iter()
            .map(|&n| sample::replayed(recorded(n), 0))
            .collect()
    };
    let sides = [
        (0..4).map(recorded).collect(),
        run(&[1, 0, 3]),
        run(&[0, 1, 2]),
    ];
    let (rows, join) = join(&sides, 1 << 20);
    let mut rows = rows;
    rows.sort();
    let expected = [
        (0, vec![true, true, true]),
        (1, vec![true, true, true]),
        (2, vec![true, false, true]),
        (3, vec![true, true, false]),
    ];
    assert_eq!(rows, expected);
    assert_eq!(join.memory_bytes(), 0);
}

#[test]
fn memory_is_bounded_and_what_comes_too_late_is_counted() {
    let all: Vec<Exchange> = (0..200).map(recorded).collect();
    // The first request was answered last.
    let late: Vec<Exchange> = (1..200)
        .chain([0])
        .map(|n| sample::replayed(recorded(n), 0))
        .collect();
    let one = all[0].memory();
    let mut peak = 0;
    let mut join = Join::new(2, one * 10);
    let mut left = [all, late].map(VecDeque::from);
    let mut alone = 0;
    loop {
        match join.poll() {
            Step::NeedsExchange(side) => match left[side].pop_front() {
                Some(exchange) => join.handle_exchange(side, Box::new(exchange)),
                None => join.handle_end(side),
            },
            Step::Row(row) => alone += u32::from(row.sides.iter().any(Option::is_none)),
            Step::Finished => break,
        }
        peak = peak.max(join.memory_bytes());
    }
    assert!(peak <= one * 10, "{peak}");
    // Nothing else waited, so even the late one found its like: a bound is only felt when the table fills.
    assert_eq!(
        (alone, join.counts().map(|c| c.unjoined).sum::<u64>()),
        (0, 0)
    );
    // A side that lacks many rows fills it: the oldest leave alone.
    let all: Vec<Exchange> = (0..200).map(recorded).collect();
    let few: Vec<Exchange> = [199, 0].map(|n| sample::replayed(recorded(n), 0)).into();
    let (rows, join) = self::join(&[all, few], one * 10);
    assert_eq!(rows.len(), 200);
    assert_eq!(
        join.counts().map(|c| c.unjoined).collect::<Vec<_>>(),
        [0, 1]
    );
}

#[test]
fn a_second_exchange_of_one_id_is_counted() {
    let (rows, join) = join(
        &[vec![recorded(0), recorded(0)], vec![recorded(1)]],
        1 << 20,
    );
    assert_eq!(rows.len(), 2);
    assert_eq!(
        join.counts().next().unwrap(),
        SideCounts {
            exchanges: 2,
            unjoined: 1
        }
    );
}

proptest! {
    /// Whatever a side lacks and however late it is: each id comes out once, with every side that has it.
    #[test]
    fn nothing_is_lost(sides in prop::collection::vec(prop::collection::vec((0_u32..40, 0_i64..9), 0..40), 1..4)) {
        let sides: Vec<Vec<Exchange>> = sides
            .into_iter()
            .map(|mut side| {
                side.sort();
                side.dedup_by_key(|(n, _)| *n);
                side.sort_by_key(|(n, late)| i64::from(*n) + late);
                side.into_iter().map(|(n, late)| sample::replayed(recorded(n), late * 1_000)).collect()
            })
            .collect();
        let (mut rows, _) = join(&sides, 1 << 30);
        rows.sort();
        let mut ids: Vec<u32> = sides.iter().flatten().map(|exchange| exchange.index).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(rows.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
        for (id, has) in rows {
            for (side, has) in sides.iter().zip(has) {
                prop_assert_eq!(side.iter().any(|exchange| exchange.index == id), has);
            }
        }
    }
}
