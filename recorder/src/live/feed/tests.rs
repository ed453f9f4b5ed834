use std::time::Duration;

use super::*;
use crate::live::cursor::{Cursor, Step};

const SOON: Duration = Duration::from_millis(20);
const BOUNDS: (usize, usize) = (100, 1 << 20);

fn exchange() -> Exchange {
    crate::testing::exchange(Timestamp::from_micros(1_795_352_400_000_000), 100)
}

/// A feed without a spool that has room for `rows` exchanges.
fn feed(rows: usize) -> Feed {
    Feed::new(7, None, rows * exchange().memory())
}

fn push(feed: &Feed, rows: usize) {
    (0..rows).for_each(|_| feed.push(None, &exchange()));
}

/// The numbers of what comes next.
fn numbers(cursor: &mut Cursor) -> Vec<u64> {
    match cursor.step(BOUNDS, Instant::now() + SOON).unwrap() {
        Step::Items(items) => items.iter().map(|item| item.number).collect(),
        Step::Ended => vec![u64::MAX],
    }
}

fn position(feed: &Feed, row: u64) -> Position {
    feed.position(Place { generation: 0, row })
}

#[test]
fn a_subscriber_gets_what_comes_and_then_the_end() {
    let feed = Arc::new(feed(100));
    push(&feed, 2);
    let mut now = Cursor::new(Arc::clone(&feed), feed.begin(Start::Now).unwrap());
    let mut oldest = Cursor::new(Arc::clone(&feed), feed.begin(Start::Oldest).unwrap());
    assert_eq!(numbers(&mut now), Vec::<u64>::new());
    push(&feed, 2);
    assert_eq!(numbers(&mut now), [2, 3]);
    assert_eq!(numbers(&mut oldest), [0, 1, 2, 3]);
    feed.close();
    assert_eq!(numbers(&mut now), [u64::MAX]);
}

/// Recording goes on whatever a subscriber does; what it missed is the hole between the numbers.
#[test]
fn a_slow_subscriber_misses_what_there_is_no_room_for() {
    let feed = Arc::new(feed(10));
    let mut slow = Cursor::new(Arc::clone(&feed), 0);
    push(&feed, 5);
    assert_eq!(numbers(&mut slow), [0, 1, 2, 3, 4]);
    push(&feed, 25);
    assert_eq!(numbers(&mut slow), (20..30).collect::<Vec<_>>());
    assert!(feed.facts().bytes <= 10 * exchange().memory() as u64);
}

#[test]
fn a_batch_has_bounds() {
    let feed = Arc::new(feed(100));
    push(&feed, 10);
    let mut cursor = Cursor::new(Arc::clone(&feed), 0);
    let one = exchange().memory();
    for (bounds, rows) in [((3, 1 << 20), 3), ((100, 2 * one), 2), ((100, 1), 1)] {
        let step = cursor.step(bounds, Instant::now()).unwrap();
        assert!(matches!(step, Step::Items(items) if items.len() == rows));
    }
}

#[test]
fn who_goes_on_after_a_position_gets_what_follows_it_or_is_refused() {
    let feed = feed(10);
    push(&feed, 30);
    let after = |row| feed.begin(Start::After(position(&feed, row)));
    assert_eq!(after(25), Ok(26));
    assert_eq!(after(29), Ok(30), "nothing was recorded since");
    assert_eq!(after(19), Ok(20));
    assert_eq!(after(18), Err(StartError::Gone), "19 is gone");
    assert_eq!(after(30), Err(StartError::Gone), "it has not come");
    let other = Position {
        spool: 8,
        ..position(&feed, 25)
    };
    let other = feed.begin(Start::After(other));
    assert_eq!(other, Err(StartError::OtherSpool));
}

/// With a spool, numbers begin with what it kept, and a file that is removed leaves a hole.
#[test]
fn files_of_the_spool_are_numbered_on() {
    let generation = |generation, rows| Generation { generation, rows };
    let feed = feed(10).unready();
    assert_eq!(feed.begin(Start::Now), Err(StartError::NotReady));
    let kept = [generation(3, Some(4)), generation(5, Some(2))];
    feed.set_generations(&[&kept[..], &[generation(6, None)]].concat());
    assert_eq!(feed.begin(Start::Oldest), Ok(0));
    assert_eq!(feed.begin(Start::Now), Ok(6));
    let after = |feed: &Feed, generation, row| {
        feed.begin(Start::After(feed.position(Place { generation, row })))
    };
    assert_eq!(after(&feed, 5, 0), Ok(5));
    assert_eq!(after(&feed, 5, 9), Ok(6), "a crash took what was sent");
    assert_eq!(after(&feed, 4, 0), Err(StartError::Gone));
    for row in 0..3 {
        feed.push(Some(Place { generation: 6, row }), &exchange());
    }
    feed.set_generations(&[kept[1], generation(6, Some(3)), generation(7, None)]);
    assert_eq!(feed.begin(Start::Oldest), Ok(4));
    assert_eq!(after(&feed, 6, 2), Ok(9));
    let look = |number| feed.look(number, BOUNDS, Instant::now());
    assert!(matches!(look(1), Look::Gone(4)));
    let span = Span {
        generation: 5,
        first: 4,
        end: Some(6),
    };
    assert!(matches!(look(5), Look::Spooled(found) if found == span));
    assert!(matches!(look(6), Look::Recent(items) if items.len() == 3));
}

/// A disk without room for what a crash left: its file is counted when others are numbered already.
#[test]
fn a_file_that_is_counted_late_takes_no_number_of_others() {
    let generation = |generation, rows| Generation { generation, rows };
    let feed = feed(1).unready();
    feed.set_generations(&[generation(7, None)]);
    feed.push(
        Some(Place {
            generation: 7,
            row: 0,
        }),
        &exchange(),
    );
    feed.set_generations(&[
        generation(5, Some(9)),
        generation(7, Some(1)),
        generation(8, None),
    ]);
    for row in 0..3 {
        feed.push(Some(Place { generation: 8, row }), &exchange());
    }
    let look = |number| feed.look(number, BOUNDS, Instant::now());
    assert!(matches!(look(0), Look::Spooled(span) if span.generation == 7));
    assert!(matches!(look(1), Look::Spooled(span) if span.generation == 8));
}

/// What is recorded while the spool still counts what it has kept comes behind that, as if it had been recorded later.
#[test]
fn what_comes_before_the_files_are_counted_is_numbered_behind_them() {
    let generation = |generation, rows| Generation { generation, rows };
    let feed = feed(2).unready();
    let places = [(6, 0), (6, 1), (7, 0)];
    for (generation, row) in places {
        feed.push(Some(Place { generation, row }), &exchange());
    }
    assert_eq!(feed.begin(Start::Oldest), Err(StartError::NotReady));
    feed.set_generations(&[
        generation(3, Some(4)),
        generation(5, Some(0)),
        generation(6, Some(2)),
        generation(7, None),
    ]);
    assert_eq!(feed.begin(Start::Oldest), Ok(0));
    assert_eq!(feed.begin(Start::Now), Ok(7));
    let after = |generation, row| {
        let position = feed.position(Place { generation, row });
        feed.begin(Start::After(position))
    };
    assert_eq!(after(3, 3), Ok(4), "the next one is the first of what came");
    assert_eq!(after(6, 1), Ok(6));
    let look = |number| feed.look(number, BOUNDS, Instant::now());
    assert!(matches!(look(4), Look::Spooled(span) if span.generation == 6));
    assert!(matches!(look(5), Look::Recent(items) if items[0].number == 5));
    feed.push(
        Some(Place {
            generation: 7,
            row: 1,
        }),
        &exchange(),
    );
    assert_eq!(feed.begin(Start::Now), Ok(8));
}
