use super::{Merge, Step};
use crate::{ConnectionId, Exchange, Timestamp};

fn at(millis: u64) -> Timestamp {
    crate::testing::at(millis * 1_000)
}

/// An exchange of a connection, so many milliseconds later.
fn exchange(connection: u64, index: u32, millis: u64) -> Exchange {
    let mut exchange = crate::testing::exchange(u64::from(index), millis * 1_000);
    std::sync::Arc::make_mut(&mut exchange.connection).id = ConnectionId(connection);
    exchange
}

/// Merges sources that give two exchanges a batch; says what was asked for, in order.
fn merge(sources: &[&[u64]]) -> (Vec<u64>, Vec<String>) {
    let starts: Vec<_> = sources
        .iter()
        .map(|times| at(times.first().copied().unwrap_or(0)))
        .collect();
    let mut rest: Vec<Vec<Vec<Exchange>>> = sources
        .iter()
        .zip(0_u64..)
        .map(|(times, source)| {
            let exchanges: Vec<_> = times
                .iter()
                .map(|time| exchange(source, 0, *time))
                .collect();
            exchanges
                .chunks(2)
                .rev()
                .map(<[Exchange]>::to_vec)
                .collect()
        })
        .collect();
    let (mut merge, mut times, mut asked) = (Merge::new(&starts), Vec::new(), Vec::new());
    loop {
        match merge.poll() {
            Step::Open(source) => asked.push(format!("open {source} after {}", times.len())),
            Step::NeedsBatch(source) => match rest[source].pop() {
                Some(batch) => merge.handle_batch(source, batch),
                None => {
                    asked.push(format!("end {source} after {}", times.len()));
                    merge.handle_end(source);
                }
            },
            Step::Exchange(exchange) => {
                times.push(u64::try_from(exchange.start().since(at(0)).as_millis()).unwrap());
            }
            Step::Finished => return (times, asked),
        }
    }
}

#[test]
fn sources_are_merged_by_time() {
    let (times, _) = merge(&[&[], &[0, 3, 9, 9, 30], &[1, 2, 4], &[8]]);
    assert_eq!(times, [0, 1, 2, 3, 4, 8, 9, 9, 30]);
}

#[test]
fn a_source_is_opened_when_its_time_comes() {
    let (times, asked) = merge(&[&[0, 1, 2], &[2, 3], &[100]]);
    assert_eq!(times, [0, 1, 2, 2, 3, 100]);
    assert_eq!(
        asked,
        [
            "open 0 after 0",
            "open 1 after 2",
            "end 0 after 3",
            "end 1 after 5",
            "open 2 after 5",
            "end 2 after 6"
        ]
    );
}

#[test]
fn an_empty_batch_is_asked_for_again_and_nothing_is_none() {
    let mut merge = Merge::new(&[at(0)]);
    assert_eq!(merge.poll(), Step::Open(0));
    assert_eq!(merge.poll(), Step::NeedsBatch(0));
    merge.handle_batch(0, Vec::new());
    assert_eq!(merge.poll(), Step::NeedsBatch(0));
    merge.handle_end(0);
    assert_eq!(merge.poll(), Step::Finished);
    assert_eq!(Merge::new(&[]).poll(), Step::Finished);
}
