use std::time::Duration;

use super::*;

#[test]
fn items_come_out_in_order_and_the_end_comes_last() {
    let queue = Queue::new(10);
    queue.push('a', 4).unwrap();
    queue.push('b', 4).unwrap();
    queue.close();
    assert_eq!(queue.push('c', 1), Err(Closed));
    assert_eq!(queue.pop(None), Popped::Item('a'));
    assert_eq!(queue.pop(None), Popped::Item('b'));
    assert_eq!(queue.pop(None), Popped::Closed);
}

#[test]
fn an_empty_queue_takes_an_item_of_any_size_and_a_full_one_lets_wait() {
    let queue = Queue::new(10);
    queue.push(0, 1_000).unwrap();
    let pusher = queue.clone();
    let thread = std::thread::spawn(move || pusher.push(1, 1));
    assert_eq!(queue.pop(None), Popped::Item(0));
    assert_eq!(thread.join().unwrap(), Ok(()));
    assert_eq!(queue.pop(None), Popped::Item(1));
}

#[test]
fn a_wait_ends_with_its_deadline_and_with_the_queue() {
    let queue: Queue<()> = Queue::new(10);
    let passed = Instant::now();
    assert_eq!(queue.pop(Some(passed)), Popped::TimedOut);
    let soon = passed + Duration::from_millis(5);
    assert_eq!(queue.pop(Some(soon)), Popped::TimedOut);

    queue.push((), 10).unwrap();
    let pusher = queue.clone();
    let thread = std::thread::spawn(move || pusher.push((), 10));
    queue.close();
    assert_eq!(thread.join().unwrap(), Err(Closed));
}
