//! Streams and segments in simulated time: what comes out, in which order, and what is counted.

use proptest::prelude::*;
use schema::live::Position;
use schema::{TimeWindow, Timestamp};

use super::*;
use crate::testing::{START, at, exchange};

const DELAY: u64 = 10_000;
/// How long before it is due an exchange is given out.
const EARLY: u64 = DELAY - 2_000;

const DELAY_WAIT: Duration = Duration::from_millis(EARLY);

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

/// A follow of a stream that ends by itself.
fn follow_until(end: u64) -> Follow {
    let mut follow = follow(&limits());
    follow.following.window.end = at(end);
    follow
}

/// When the window that ends at `end` is given out.
const END: u64 = 60_000;
const END_DUE: u64 = END + EARLY;

/// A stream that gives exchanges, or says that it has none, ends in time, and nothing is open.
#[test]
fn a_stream_that_is_there_ends_with_its_window() {
    for is_idle in [true, false] {
        let mut follow = follow_until(END);
        follow.handle_connected(at(0));
        follow.handle_streamed(recorded(1_000, 10), position(0), 0, at(1_010));
        assert_eq!(
            follow.reached(at(END)),
            at(1_010).saturating_sub(DELAY_WAIT)
        );
        // Bytes are not all that it has.
        follow.handle_heard(at(END_DUE + 900));
        assert!(!follow.is_over(at(END_DUE + 1_500), false));
        match is_idle {
            true => follow.handle_idle(at(END_DUE + 1_000)),
            false => follow.handle_streamed(
                recorded(END_DUE + 990, 5),
                position(1),
                0,
                at(END_DUE + 1_000),
            ),
        }
        assert!(follow.is_over(at(END_DUE + 1_500), false));
        assert_eq!(follow.reached(at(END_DUE + 1_500)), at(END));
        assert_eq!((follow.gaps().count, follow.gaps().unknown), (0, 0));
    }
}

/// A stream that is cut or stalls before the end is waited for; then what it had is looked for, and counted if it is not there.
#[test]
fn an_outage_at_the_end_is_looked_for_and_counted() {
    for (is_cut, passed, unknown) in [(true, false, 1), (false, false, 1), (true, true, 0)] {
        let mut follow = follow_until(END);
        follow.handle_connected(at(0));
        follow.handle_idle(at(END - 5_500));
        if is_cut {
            follow.handle_disconnected();
        }
        assert_eq!(follow.horizon(at(END_DUE)), at(END));
        let reached = at(END - 6_000).saturating_sub(DELAY_WAIT);
        assert_eq!(
            follow.reached(at(END_DUE)),
            reached,
            "an outage does not pass"
        );
        assert!(!follow.is_over(at(END_DUE), false));
        assert!(!follow.is_over(at(END_DUE + 29_000), false));
        assert!(
            !follow.is_over(at(END_DUE + 31_000), true),
            "something has come"
        );
        assert!(!follow.gaps().is_open());
        let now = END_DUE + 31_000;
        assert!(!follow.is_over(at(now), false));
        let gap = follow.gaps().open_ones()[0];
        assert_eq!((gap.from, gap.owed), (at(END - 6_000), None));
        assert_eq!(gap.to, at(END_DUE));
        follow.handle_archived(recorded(END - 2_000, 10), Origin::CatchUp);
        follow.close_gaps(passed.then(|| at(now)), at(now));
        assert_eq!(follow.is_over(at(now), false), passed);
        follow.close_gaps(None, at(now + 60_000));
        assert!(follow.is_over(at(now + 60_000), false));
        assert_eq!(follow.reached(at(now + 60_000)), at(END));
        let gaps = follow.gaps();
        assert_eq!((gaps.count, gaps.found(), gaps.unknown), (1, 1, unknown));
    }
}

/// One that comes back in time gives what it has, and nothing is open.
#[test]
fn a_stream_that_comes_back_after_the_end_is_heard() {
    let mut follow = follow_until(END);
    follow.handle_connected(at(0));
    follow.handle_idle(at(END - 5_500));
    follow.handle_disconnected();
    assert!(!follow.is_over(at(END_DUE + 20_000), false));
    follow.handle_connected(at(END_DUE + 20_000));
    follow.handle_streamed(
        recorded(END - 100, 10),
        position(0),
        0,
        at(END_DUE + 20_100),
    );
    assert!(!follow.is_over(at(END_DUE + 40_000), false), "it goes on");
    follow.handle_idle(at(END_DUE + 40_000));
    assert!(follow.is_over(at(END_DUE + 40_000), false));
    assert_eq!(follow.gaps().count, 0);
}

/// One that was never there, or has been refused ever since, ends as unknown too.
#[test]
fn a_stream_that_never_was_is_no_whole_one() {
    let mut follow = follow_until(END);
    assert_eq!(follow.reached(at(END_DUE)), Timestamp::MIN);
    assert!(!follow.is_over(at(END_DUE + 30_000), false));
    assert_eq!(follow.gaps().open_ones()[0].from, START);
    follow.close_gaps(None, at(END_DUE + 90_000));
    assert!(follow.is_over(at(END_DUE + 90_000), false));
    assert_eq!(follow.gaps().unknown, 1);
}

/// Whoever stops it during an outage is told; whoever stops it while the stream is there, or has been ended, is not.
#[test]
fn a_stop_counts_what_an_outage_has_kept_back() {
    enum Then {
        Nothing,
        Cut,
        Finished,
    }
    for (then, may_come, stopped, unknown) in [
        (Then::Nothing, false, 25_000, 0),
        (Then::Nothing, false, 45_000, 1),
        (Then::Cut, false, 25_000, 0),
        (Then::Cut, false, 45_000, 1),
        (Then::Cut, true, 45_000, 0),
        (Then::Finished, false, 45_000, 0),
    ] {
        let mut follow = follow(&limits());
        follow.handle_connected(at(0));
        follow.handle_idle(at(20_500));
        match then {
            Then::Nothing => {}
            Then::Cut => follow.handle_disconnected(),
            Then::Finished => follow.handle_finished(at(20_500)),
        }
        follow.handle_stop(at(stopped), may_come);
        follow.close_gaps(None, Timestamp::MAX);
        assert_eq!(follow.gaps().unknown, unknown);
        let reached = match unknown {
            0 => at(20_000).saturating_sub(DELAY_WAIT),
            _ => follow.horizon(at(stopped)),
        };
        assert_eq!(follow.reached(at(stopped)), reached);
    }
}

/// What another process may have given out, and nobody remembers, is not sent again but told.
#[test]
fn what_lies_before_memory_is_not_sent_again_after_a_kill() {
    let mut follow = follow(&limits());
    follow.remember(at(1_500), recorded(1_500, 10).id());
    follow.forget_up_to(at(1_000));
    for start in [500, 1_000, 1_500, 2_000] {
        follow.handle_archived(recorded(start, 10), Origin::Recorded);
    }
    let next = std::iter::from_fn(|| follow.poll(at(5_000)));
    let given: Vec<_> = next
        .map(|next| (next.exchange.start(), next.is_too_late))
        .collect();
    assert_eq!(
        given,
        [(at(500), true), (at(1_000), true), (at(2_000), false)]
    );
    assert_eq!((follow.counts().too_late, follow.counts().repeated), (2, 1));
}

/// A gap of another process is full when all that it lacks is found, whether that is sent already or not.
#[test]
fn a_gap_that_goes_on_counts_each_once() {
    let mut follow = follow(&limits());
    // Of the four that are lacking two were found, and one of them was sent; another came of the stream.
    for start in [900, 1_200] {
        follow.remember(at(start), recorded(start, 10).id());
    }
    follow.handle_gap(Gap {
        from: at(1_000),
        to: at(2_000),
        owed: Some(4),
        found: 0,
        until: at(60_000),
    });
    for (start, found) in [(900, 0), (1_200, 1), (1_200, 1), (1_300, 2), (1_400, 3)] {
        follow.handle_archived(recorded(start, 10), Origin::CatchUp);
        follow.close_gaps(None, at(3_000));
        assert!(follow.gaps().is_open());
        assert_eq!(follow.gaps().found(), found, "with {start}");
    }
    follow.handle_archived(recorded(1_500, 10), Origin::CatchUp);
    follow.close_gaps(None, at(3_000));
    assert!(!follow.gaps().is_open());
    assert_eq!((follow.gaps().found(), follow.gaps().missed()), (4, 0));
    assert_eq!(given(&mut follow, 20_000), [1_300, 1_400, 1_500]);
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
