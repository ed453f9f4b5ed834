//! Streams and segments in simulated time: what comes out, in which order, and what is counted.

use proptest::prelude::*;
use schema::live::Position;
use schema::{TimeWindow, Timestamp};

use super::*;
use crate::testing::{START, at, exchange};

const DELAY: u64 = 10_000;
/// How long before it is due an exchange is given out.
const EARLY: u64 = DELAY - 2_000;

fn limits() -> Limits {
    Limits::default()
}

fn follow(limits: &Limits) -> Follow {
    let following = Following {
        window: TimeWindow {
            start: START,
            end: Timestamp::MAX,
        },
        delay: Duration::from_millis(DELAY),
        catch_up: Duration::from_secs(60),
        is_live: true,
    };
    Follow::new(following, limits)
}

/// An exchange that starts at `start` and takes `took` milliseconds.
fn recorded(start: u64, took: u64) -> Box<Exchange> {
    let mut exchange = exchange(start, 0, start);
    let response = exchange.response.as_mut().unwrap();
    (response.start, response.end) = (at(start + took), at(start + took));
    Box::new(exchange)
}

fn position(row: u64) -> Position {
    Position {
        spool: 1,
        generation: 0,
        row,
    }
}

/// What is given out at `now`: starts in milliseconds, those that are late with a minus.
fn given(follow: &mut Follow, now: u64) -> Vec<i64> {
    let horizon = follow.horizon(at(now));
    let mut given = Vec::new();
    while let Some(next) = follow.poll(horizon) {
        let start = next.exchange.start().since(START).as_millis();
        let start = i64::try_from(start).unwrap();
        given.push(if next.is_late { -start } else { start });
    }
    given
}

#[test]
fn what_ends_later_goes_out_in_the_order_of_starts() {
    let mut follow = follow(&limits());
    follow.handle_connected(at(0));
    // In the order in which they were done.
    for (row, (start, took)) in (0..).zip([(200, 10), (100, 300), (300, 150), (50, 900)]) {
        let done = start + took;
        follow.handle_streamed(recorded(start, took), position(row), 0, at(done));
    }
    assert_eq!(given(&mut follow, EARLY + 40), [0i64; 0]);
    assert_eq!(given(&mut follow, EARLY + 250), [50, 100, 200]);
    assert_eq!(given(&mut follow, EARLY + 300), [300]);
    assert_eq!(follow.counts(), Counts::default());
}

#[test]
fn what_comes_after_its_turn_is_late() {
    let mut follow = follow(&limits());
    follow.handle_connected(at(0));
    follow.handle_streamed(recorded(5_000, 10), position(0), 0, at(5_010));
    assert_eq!(given(&mut follow, EARLY + 5_000), [5_000]);
    follow.handle_streamed(recorded(1_000, 12_000), position(1), 0, at(13_500));
    assert_eq!(given(&mut follow, EARLY + 5_600), [-1_000]);
    let counts = follow.counts();
    assert_eq!((counts.late, counts.too_late, counts.repeated), (1, 0, 0));
    assert!(counts.late_max_us >= 4_000_000, "{counts:?}");
}

/// A stream that is behind gives its rows in order, as if it were that long ago.
#[test]
fn a_stream_that_catches_up_keeps_its_order() {
    let mut follow = follow(&limits());
    let now = 3_600_000;
    follow.handle_connected(at(now));
    for row in 0..200 {
        let (start, took) = (row * 100, if row % 10 == 0 { 5_000 } else { 20 });
        follow.handle_streamed(recorded(start, took), position(row), 0, at(now));
    }
    let mut given = given(&mut follow, now);
    assert!(!given.is_empty() && given.is_sorted(), "{given:?}");
    assert!(given.len() < 200, "the newest wait for others");
    // Half a second without anything: nothing waits any more.
    given.extend(self::given(&mut follow, now + 500));
    assert_eq!(given.len(), 200);
    assert!(given.is_sorted());
    assert_eq!(follow.counts().late, 0);
}

#[test]
fn each_goes_out_once_wherever_it_comes_from() {
    let mut follow = follow(&limits());
    follow.handle_connected(at(0));
    follow.handle_streamed(recorded(100, 10), position(0), 0, at(110));
    follow.handle_streamed(recorded(100, 10), position(1), 0, at(110));
    follow.handle_archived(recorded(100, 10), Origin::Recorded);
    follow.handle_archived(recorded(150, 10), Origin::Recorded);
    assert_eq!(given(&mut follow, EARLY + 200), [100, 150]);
    follow.handle_archived(recorded(150, 10), Origin::Compacted);
    follow.remember(at(170), recorded(170, 1).id());
    follow.handle_archived(recorded(170, 1), Origin::Recorded);
    assert_eq!(given(&mut follow, EARLY + 300), [0i64; 0]);
    assert_eq!(follow.counts().repeated, 4);
    // Before the window, and so none of ours.
    let mut early = recorded(0, 1);
    early.request.as_mut().unwrap().start = START.saturating_sub(Duration::from_millis(1));
    follow.handle_archived(early, Origin::Recorded);
    assert_eq!(given(&mut follow, EARLY + 400), [0i64; 0]);
}

/// What a stream says that it lacks is found in the archive, or is missed when its time is over.
#[test]
fn what_a_stream_lacks_is_found_or_missed() {
    let mut follow = follow(&limits());
    follow.handle_connected(at(0));
    follow.handle_streamed(recorded(1_000, 10), position(0), 0, at(1_010));
    follow.handle_streamed(recorded(2_000, 10), position(4), 3, at(2_010));
    assert_eq!(follow.gaps().missed(), 3);
    let window = follow.gaps().window().unwrap();
    assert!(window.contains(at(1_500)) && !window.contains(at(60_000)));
    for start in [1_000, 1_200, 1_400] {
        follow.handle_archived(recorded(start, 10), Origin::CatchUp);
    }
    assert_eq!((follow.gaps().found(), follow.gaps().missed()), (2, 1));
    follow.close_gaps(None, at(61_000));
    assert!(follow.gaps().is_open());
    follow.close_gaps(None, at(62_011));
    assert!(!follow.gaps().is_open());
    let gaps = follow.gaps();
    assert_eq!((gaps.found(), gaps.missed(), gaps.unknown), (2, 1, 0));
    // Nothing is looked for any more: what the archive has, the stream gives.
    follow.handle_archived(recorded(1_600, 10), Origin::CatchUp);
    assert_eq!(given(&mut follow, 70_000), [1_000, 1_200, 1_400, 2_000]);
}

/// Of a stream that was begun anew nobody knows what it lacked; an archive that goes further than the gap does.
#[test]
fn a_break_is_closed_by_the_archive_or_unknown() {
    for (passed, unknown) in [(Some(at(9_000)), 0), (Some(at(4_000)), 1), (None, 1)] {
        let mut follow = follow(&limits());
        follow.handle_connected(at(0));
        follow.handle_streamed(recorded(1_000, 10), position(0), 0, at(1_010));
        follow.handle_disconnected();
        follow.handle_begun_anew(at(0), at(5_000));
        follow.handle_archived(recorded(3_000, 10), Origin::CatchUp);
        follow.handle_streamed(recorded(1_000, 10), position(0), 0, at(5_100));
        follow.close_gaps(passed, at(64_999));
        assert_eq!(follow.gaps().is_open(), unknown == 1);
        follow.close_gaps(passed, at(65_000));
        let gaps = follow.gaps();
        assert_eq!((gaps.found(), gaps.missed(), gaps.unknown), (1, 0, unknown));
        assert_eq!(follow.counts().repeated, 1);
    }
}

/// What is not remembered any more is not sent, and told; what was done before a stream broke has come before.
#[test]
fn memory_is_bounded_and_what_lies_before_it_is_not_sent() {
    let limits = Limits {
        remembered_max: 10,
        ..limits()
    };
    let mut follow = follow(&limits);
    follow.handle_connected(at(0));
    for row in 0..100 {
        follow.handle_streamed(recorded(row * 10, 5), position(row), 0, at(row * 10 + 5));
    }
    assert_eq!(given(&mut follow, EARLY + 1_500).len(), 100);
    follow.handle_archived(recorded(111, 1), Origin::Recorded);
    follow.handle_archived(recorded(120, 5), Origin::Compacted);
    let next = follow.poll(at(2_000)).unwrap();
    assert!(next.is_too_late && next.is_late);
    assert_eq!(follow.poll(at(2_000)), None);
    follow.handle_begun_anew(at(0), at(3_000));
    follow.handle_streamed(recorded(130, 5), position(13), 0, at(3_000));
    follow.handle_archived(recorded(140, 5), Origin::CatchUp);
    assert_eq!(follow.poll(at(4_000)), None);
    let counts = follow.counts();
    assert_eq!((counts.too_late, counts.repeated), (1, 3));
}

/// At the bound nothing is read of the stream, and what waits goes out by the clock.
#[test]
fn what_waits_is_bounded() {
    let limits = Limits {
        follow_waiting_bytes_max: 3 * recorded(0, 1).memory(),
        ..limits()
    };
    let mut follow = follow(&limits);
    follow.handle_connected(at(0));
    for row in 0..3 {
        assert!(!follow.is_full());
        follow.handle_streamed(recorded(row, 5), position(row), 0, at(row + 5));
    }
    assert!(follow.is_full());
    follow.handle_heard(at(EARLY + 1_000));
    assert_eq!(given(&mut follow, EARLY + 1_000), [0, 1, 2]);
    assert!(!follow.is_full());
}

/// Whoever goes on behind the position that is told gets everything that was not given out.
#[test]
fn a_position_is_settled_when_all_before_it_was_given_out() {
    let mut follow = follow(&limits());
    follow.handle_connected(at(0));
    let took = |row: u64| if row % 7 == 3 { 6_000 } else { 10 };
    let mut rows: Vec<u64> = (0..300).collect();
    rows.sort_by_key(|row| row * 100 + took(*row));
    let mut out = 0;
    for (index, row) in (0..).zip(&rows) {
        let done = row * 100 + took(*row);
        follow.handle_streamed(
            recorded(row * 100, took(*row)),
            position(index),
            0,
            at(done),
        );
        out += given(&mut follow, done).len();
        if let Some(settled) = follow.settled_position() {
            let before = &rows[..=usize::try_from(settled.row).unwrap()];
            let waits = follow.next_start().unwrap();
            assert!(before.iter().all(|row| at(row * 100) < waits), "{settled}");
        }
    }
    assert!(out > 100, "{out} were given out");
    assert!(
        follow
            .settled_position()
            .is_some_and(|settled| settled.row > 100)
    );
}

proptest! {
    /// Whatever comes in whichever order and however often: each goes out once, and those that are not late in order.
    #[test]
    fn each_once_and_in_order(
        rows in prop::collection::vec((0u64..20_000, 0u64..15_000, any::<bool>(), any::<bool>()), 1..80),
    ) {
        let mut follow = follow(&limits());
        follow.handle_connected(at(0));
        let mut rows = rows;
        rows.sort_by_key(|(start, took, ..)| start + took);
        let mut expected: Vec<u64> = rows.iter().map(|(start, ..)| *start).collect();
        expected.sort_unstable();
        expected.dedup();
        let mut out = Vec::new();
        for (row, (start, took, twice, from_archive)) in (0..).zip(rows) {
            let now = start + took;
            out.extend(given(&mut follow, now));
            match from_archive {
                true => follow.handle_archived(recorded(start, took), Origin::Recorded),
                false => follow.handle_streamed(recorded(start, took), position(row), 0, at(now)),
            }
            if twice {
                follow.handle_archived(recorded(start, took), Origin::Compacted);
            }
        }
        out.extend(given(&mut follow, 100_000));
        let in_order: Vec<i64> = out.iter().copied().filter(|start| *start > 0).collect();
        prop_assert!(in_order.is_sorted());
        let mut all: Vec<u64> = out.iter().map(|start| start.unsigned_abs()).collect();
        all.sort_unstable();
        prop_assert_eq!(all, expected);
    }
}
