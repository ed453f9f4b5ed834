use std::sync::mpsc;
use std::thread;

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn soon() -> Option<Instant> {
    Some(Instant::now() + LONG)
}

#[test]
fn items_come_out_in_order_and_the_end_comes_with_the_last_sender() {
    let (queue, mut receiver) = Queue::new(1 << 20);
    let (first, second) = (queue.sender(), queue.sender());
    first.push('a', 4).unwrap();
    second.push('b', 4).unwrap();
    drop(first);
    assert_eq!(receiver.pop(soon()), Popped::Item('a'));
    assert_eq!(receiver.pop(soon()), Popped::Item('b'));
    assert_eq!(receiver.pop(Some(Instant::now())), Popped::TimedOut);
    second.push('c', 4).unwrap();
    drop(second);
    assert_eq!(receiver.pop(None), Popped::Item('c'));
    assert_eq!(receiver.pop(None), Popped::Closed);
}

#[test]
fn an_empty_queue_takes_an_item_of_any_size_and_a_full_one_lets_wait() {
    let (queue, mut receiver) = Queue::new(10);
    let sender = queue.sender();
    sender.push(0, 1_000).unwrap();
    assert!(queue.fill() >= 1.0);
    let (pushed, done) = mpsc::channel();
    let shard = thread::spawn(move || {
        sender.push(1, 1).unwrap();
        pushed.send(()).unwrap();
    });
    assert!(done.recv_timeout(Duration::from_millis(50)).is_err());
    assert_eq!(queue.bytes(), 1_000);
    assert_eq!(receiver.pop(None), Popped::Item(0));
    // Its bytes are free when it is done with.
    assert_eq!(receiver.pop(None), Popped::Item(1));
    done.recv_timeout(LONG).unwrap();
    assert_eq!(receiver.pop(None), Popped::Closed);
    assert_eq!(queue.bytes(), 0);
    shard.join().unwrap();
}

#[test]
fn a_wait_ends_with_its_deadline() {
    let (queue, mut receiver) = Queue::<()>::new(10);
    let _sender = queue.sender();
    let passed = Instant::now();
    assert_eq!(receiver.pop(Some(passed)), Popped::TimedOut);
    let deadline = passed + Duration::from_millis(5);
    assert_eq!(receiver.pop(Some(deadline)), Popped::TimedOut);
    assert!(Instant::now() >= deadline);
}

#[test]
fn what_is_less_than_a_lot_waits_a_little_and_comes() {
    let (queue, mut receiver) = Queue::new(1 << 20);
    let sender = queue.sender();
    let taker = thread::spawn(move || (receiver.pop(soon()), receiver));
    sender.push('a', 1).unwrap();
    let (popped, mut receiver) = taker.join().unwrap();
    assert_eq!(popped, Popped::Item('a'));
    sender.push('b', 1).unwrap();
    assert_eq!(receiver.pop(soon()), Popped::Item('b'));
}

#[test]
fn many_items_of_several_senders_all_come_through_a_small_queue() {
    let (queue, mut receiver) = Queue::new(64);
    let threads = (0..3).map(|shard| {
        let sender = queue.sender();
        thread::spawn(move || {
            (0..5_000).try_for_each(|number| sender.push((shard, number), 1 + number % 40))
        })
    });
    let threads: Vec<_> = threads.collect();
    let mut next = [0; 3];
    let mut most = 0;
    while let Popped::Item((shard, number)) = receiver.pop(None) {
        assert_eq!(number, next[shard]);
        next[shard] += 1;
        most = most.max(queue.bytes());
    }
    assert_eq!(next, [5_000; 3]);
    assert!(most < 64 + 40, "{most}");
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}

#[test]
fn nobody_waits_for_a_receiver_that_is_gone() {
    let (queue, receiver) = Queue::new(1);
    let sender = queue.sender();
    sender.push((), 1).unwrap();
    let shard = thread::spawn(move || sender.push((), 1));
    drop(receiver);
    assert_eq!(shard.join().unwrap(), Err(Closed));
}
