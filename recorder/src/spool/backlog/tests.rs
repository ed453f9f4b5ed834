use super::super::layout::Sequences;
use super::*;

fn segment(sequence: u64, table: Table) -> Waiting {
    let at = Timestamp::from_micros(1_795_352_400_000_000);
    Waiting {
        sealed: Sealed {
            generation: 0,
            next: Sequences::default(),
        },
        name: sequence.to_string(),
        table,
        key: SegmentKey::new(at, at, "r".parse().unwrap(), sequence),
        bytes: 10,
        rows: 3,
        emptied: false,
        stays: false,
    }
}

#[tokio::test]
async fn segments_come_in_order_and_count_until_they_are_gone() {
    let backlog = Backlog::default();
    backlog.add([segment(0, Table::Exchanges), segment(1, Table::Capture)]);
    let first = backlog.next().await.unwrap();
    assert_eq!((first.key.sequence(), backlog.bytes()), (0, 20));
    let facts = backlog.facts();
    assert_eq!((facts.segments, facts.rows, facts.published), (2, 6, 0));
    assert_eq!(facts.oldest, Some(first.key.start()));
    backlog.published();
    let facts = backlog.facts();
    assert_eq!((backlog.bytes(), facts.segments), (10, 1));
    assert_eq!((facts.published, facts.published_bytes), (1, 10));
    assert_eq!(facts.oldest, None, "the ledger waits for nobody");
    backlog.complete();
    assert_eq!(backlog.next().await.unwrap().key.sequence(), 1);
    backlog.set_aside();
    assert_eq!((backlog.bytes(), backlog.facts().set_aside), (0, 1));
    assert_eq!(backlog.next().await, None);
}

#[tokio::test]
async fn only_exchanges_that_wait_can_be_thrown_away() {
    let backlog = Backlog::default();
    backlog.add([0, 2].map(|number| segment(number, Table::Exchanges)));
    backlog.add([segment(1, Table::Capture)]);
    let in_flight = backlog.next().await.unwrap();
    let mut oldest = backlog.take_droppable().unwrap();
    assert_eq!(oldest.key.sequence(), 2);
    assert_eq!(backlog.take_droppable(), None, "the ledger is kept");
    oldest.emptied = true;
    oldest.bytes = 1;
    oldest.rows = 0;
    backlog.put_back(oldest);
    assert_eq!(
        backlog.take_droppable(),
        None,
        "there is nothing left to throw away"
    );
    assert_eq!(backlog.bytes(), in_flight.bytes + 1 + 10);
    assert_eq!(backlog.facts().rows, in_flight.rows + 3);
}
