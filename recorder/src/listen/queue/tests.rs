use std::sync::mpsc;
use std::thread;

use schema::{LedgerRow, Timestamp};

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// A batch of `rows` ledger rows, told apart by its time.
fn batch(number: u64, rows: usize) -> Batch {
    Batch {
        now: Timestamp::from_nanos(number),
        exchanges: Vec::new(),
        ledger: vec![LedgerRow::default(); rows],
    }
}

fn taken(receiver: &Receiver) -> u64 {
    match receiver.take(LONG) {
        Taken::Batch(batch) => batch.now.as_nanos(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn batches_come_in_order_and_end_with_the_last_sender() {
    let (queue, receiver) = Queue::new(1 << 20);
    let (first, second) = (queue.sender(), queue.sender());
    first.push(batch(1, 1)).unwrap();
    second.push(batch(2, 1)).unwrap();
    drop(first);
    assert_eq!([taken(&receiver), taken(&receiver)], [1, 2]);
    assert!(matches!(receiver.take(Duration::ZERO), Taken::Nothing));
    drop(second);
    assert!(matches!(receiver.take(LONG), Taken::Ended));
}

#[test]
fn a_full_queue_makes_shards_wait_and_holds_no_more() {
    let (queue, receiver) = Queue::new(batch(0, 10).memory());
    let sender = queue.sender();
    sender.push(batch(1, 10)).unwrap();
    assert!(queue.fill() >= 1.0);
    let (pushed, done) = mpsc::channel();
    let shard = thread::spawn(move || {
        sender.push(batch(2, 10)).unwrap();
        pushed.send(()).unwrap();
    });
    assert!(done.recv_timeout(Duration::from_millis(50)).is_err());
    assert_eq!(queue.bytes(), batch(0, 10).memory());
    assert_eq!(taken(&receiver), 1);
    done.recv_timeout(LONG).unwrap();
    assert_eq!(taken(&receiver), 2);
    assert_eq!(queue.bytes(), 0);
    shard.join().unwrap();
}

#[test]
fn shards_do_not_wait_for_a_writer_that_is_gone() {
    let (queue, receiver) = Queue::new(0);
    let sender = queue.sender();
    let shard = thread::spawn(move || sender.push(batch(1, 1)));
    drop(receiver);
    assert_eq!(shard.join().unwrap(), Err(WriterGone));
}
