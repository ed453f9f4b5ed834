//! Whole replays in simulated time, with their tables as golden text.

mod behind;
mod order;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use schema::Timestamp;

use super::{Place, Schedule, Scheduler, Step, WhenBehind};
use crate::pace::Pace;
use crate::testing::at;

/// When and on which connection each request was recorded, milliseconds.
type Recorded<'a> = &'a [(u64, u64)];

const RECORDED: Pace = Pace::Recorded { speed: 1.0 };

/// Which order a simulation keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    /// As on one HTTP/1.1 connection.
    Connection,
    /// After the answers that had been seen; each recorded answer took this many milliseconds.
    Session(u64),
    /// The same, and after those of the first session, which are of none.
    BesideTheFirst(u64),
    None,
}

fn schedule(pace: Pace, in_flight_max: usize) -> Schedule {
    Schedule {
        pace,
        ramp: Duration::ZERO,
        in_flight_max,
        when_behind: WhenBehind::Wait,
        waiting_max: 100,
        started_at: at(0),
        recorded_start: Timestamp::from_micros(1_000_000),
    }
}

/// What happened to one request, milliseconds since the start.
#[derive(Clone, Copy, Debug)]
struct Sent {
    item: usize,
    due: u64,
    sent: u64,
    order_wait: u64,
    in_flight: usize,
    held_back: bool,
}

/// `millis` of a recording, which begins a second after the epoch.
fn recorded_at(millis: u64) -> Timestamp {
    Timestamp::from_micros(1_000_000 + i64::try_from(millis * 1_000).unwrap())
}

/// Where a request of the simulation stands.
fn place(order: Order, (connection, time): (u64, u64)) -> Place {
    match order {
        Order::None => Place::Free,
        Order::Connection => Place::InTurn { group: connection },
        Order::Session(took) | Order::BesideTheFirst(took) => Place::AfterSeen {
            group: connection,
            other: (connection > 0 && matches!(order, Order::BesideTheFirst(_))).then_some(0),
            start: recorded_at(time),
            end: Some(recorded_at(time + took)),
        },
    }
}

/// Replays `recorded` against a target that takes `latency(item)` milliseconds. Time jumps from event to event. The laws that
/// hold whatever happens are checked on the way.
fn simulate(
    schedule: Schedule,
    order: Order,
    recorded: Recorded<'_>,
    latency: impl Fn(usize) -> u64,
) -> Vec<Sent> {
    let mut scheduler = Scheduler::new(schedule);
    let mut input = recorded.iter().enumerate();
    let mut answers: BinaryHeap<Reverse<(Timestamp, usize)>> = BinaryHeap::new();
    let mut sent = Vec::new();
    let mut skipped = 0;
    let mut tickets = std::collections::HashMap::new();
    let mut now = schedule.started_at;
    let millis = |time: Timestamp| u64::try_from(time.since(at(0)).as_millis()).unwrap();
    loop {
        let wake_at = match scheduler.poll(now) {
            Step::Skip { due, .. } => {
                assert!(due <= now, "nothing is skipped before it is due");
                assert_eq!(scheduler.in_flight(), schedule.in_flight_max);
                skipped += 1;
                continue;
            }
            Step::Dispatch {
                item,
                ticket,
                due,
                order_wait,
                held_back,
            } => {
                assert!(due <= now, "nothing before it is due");
                assert!(scheduler.in_flight() <= schedule.in_flight_max);
                assert!(order_wait <= now.since(due), "it is part of the lag");
                let answer_at = now.saturating_add(Duration::from_millis(latency(item)));
                answers.push(Reverse((answer_at, item)));
                tickets.insert(item, ticket);
                sent.push(Sent {
                    item,
                    due: millis(due),
                    sent: millis(now),
                    order_wait: u64::try_from(order_wait.as_millis()).unwrap(),
                    in_flight: scheduler.in_flight(),
                    held_back,
                });
                continue;
            }
            Step::NeedsInput => {
                match input.next() {
                    Some((item, &request)) => {
                        let place = place(order, request);
                        scheduler.handle_exchange(item, place, recorded_at(request.1));
                    }
                    None => scheduler.handle_end_of_input(),
                }
                continue;
            }
            Step::WaitUntil(time) => Some(time),
            Step::AtCapacity => None,
            Step::NotAllowed => unreachable!("everything is allowed"),
            Step::Finished => break,
        };
        let answer_at = answers.peek().map(|Reverse((time, _))| *time);
        now = match (wake_at, answer_at) {
            (Some(wake_at), Some(answer_at)) => wake_at.min(answer_at),
            (at, None) | (None, at) => at.expect("something will happen"),
        };
        while let Some(&Reverse((time, item))) = answers.peek()
            && time <= now
        {
            answers.pop();
            scheduler.handle_completion(tickets.remove(&item).unwrap(), now);
        }
    }
    let ended = sent.len() + skipped;
    assert_eq!(ended, recorded.len(), "every request exactly once");
    sent
}

fn check(sent: &[Sent], expected: Expect) {
    let mut table = String::from("item  due sent  lag order in_flight held\n");
    for Sent {
        item,
        due,
        sent,
        order_wait,
        in_flight,
        held_back,
    } in sent
    {
        let held = if *held_back { " yes" } else { "" };
        writeln!(
            table,
            "{item:>4} {due:>4} {sent:>4} {:>4} {order_wait:>5} {in_flight:>9}{held}",
            sent - due
        )
        .unwrap();
    }
    expected.assert_eq(&table);
}

#[test]
fn sends_as_recorded() {
    let sent = simulate(
        schedule(RECORDED, 10),
        Order::None,
        &[(1, 0), (1, 5), (2, 5), (1, 40)],
        |_| 10,
    );
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1    5    5    0     0         2
               2    5    5    0     0         3
               3   40   40    0     0         1
        "#]],
    );
}

#[test]
fn ten_times_as_fast() {
    let pace = Pace::Recorded { speed: 10.0 };
    let sent = simulate(
        schedule(pace, 10),
        Order::None,
        &[(1, 0), (1, 50), (1, 400)],
        |_| 10,
    );
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1    5    5    0     0         2
               2   40   40    0     0         1
        "#]],
    );
}

/// The target stalls for 100 ms; what is due in the meantime is sent on time.
#[test]
fn a_slow_target_does_not_move_the_schedule() {
    let recorded = [(1, 0), (2, 10), (3, 20), (4, 30), (5, 40)];
    let sent = simulate(schedule(RECORDED, 10), Order::None, &recorded, |_| 100);
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1   10   10    0     0         2
               2   20   20    0     0         3
               3   30   30    0     0         4
               4   40   40    0     0         5
        "#]],
    );
}

/// At the bound the schedule is late, and catches up: due times stay what they were.
#[test]
fn at_the_bound_requests_are_late_and_due_times_stay() {
    let recorded = [(1, 0), (2, 10), (3, 20), (4, 30), (5, 200)];
    let sent = simulate(schedule(RECORDED, 2), Order::None, &recorded, |_| 50);
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1   10   10    0     0         2
               2   20   50   30     0         2 yes
               3   30   60   30     0         2 yes
               4  200  200    0     0         1
        "#]],
    );
}

#[test]
fn even_rate_spaces_a_burst() {
    let pace = Pace::Even { per_second: 100.0 };
    let sent = simulate(
        schedule(pace, 10),
        Order::None,
        &[(1, 0), (1, 0), (1, 0), (1, 5_000)],
        |_| 1,
    );
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1   10   10    0     0         1
               2   20   20    0     0         1
               3   30   30    0     0         1
        "#]],
    );
}

#[test]
fn max_sends_when_there_is_room() {
    let recorded = [(1, 0), (2, 1_000), (3, 2_000), (1, 3_000), (1, 4_000)];
    let sent = simulate(schedule(Pace::Max, 2), Order::Connection, &recorded, |_| 10);
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1    0    0    0     0         2
               2   10   10    0     0         1
               3   10   10    0     0         2
               4   20   20    0     0         1
        "#]],
    );
}

/// A day of traffic in which the target stops answering for a minute: the lag afterwards is that of the day's first request.
#[test]
fn a_day_has_no_drift() {
    let recorded: Vec<(u64, u64)> = (0..86_400 * 2)
        .map(|i| (i % 50, i * 500 + (i * 7919) % 400))
        .collect();
    let mut recorded = recorded;
    recorded.sort_by_key(|(_, time)| *time);
    let stall = |item: usize| {
        if (50_000..50_100).contains(&item) {
            60_000
        } else {
            3
        }
    };
    let sent = simulate(schedule(RECORDED, 1_024), Order::None, &recorded, stall);
    assert!(
        sent.iter().all(|sent| sent.sent == sent.due),
        "the bound was not reached, so nothing is late"
    );
    assert!(sent.is_sorted_by_key(|sent| sent.due));
    assert!(
        sent.iter().map(|sent| sent.in_flight).max() > Some(50),
        "the stall shows as requests in flight"
    );
}

/// Ten requests a second, ramped up over a second: five of them are due within it, ever closer together.
#[test]
fn a_ramp_begins_slowly() {
    let schedule = Schedule {
        ramp: Duration::from_secs(1),
        ..schedule(Pace::Even { per_second: 10.0 }, 10)
    };
    let recorded: Vec<(u64, u64)> = (0..9).map(|item| (item, 0)).collect();
    check(
        &simulate(schedule, Order::None, &recorded, |_| 1),
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1  447  447    0     0         1
               2  632  632    0     0         1
               3  774  774    0     0         1
               4  894  894    0     0         1
               5 1000 1000    0     0         1
               6 1100 1100    0     0         1
               7 1200 1200    0     0         1
               8 1300 1300    0     0         1
        "#]],
    );
}

#[test]
fn finish_gives_back_what_was_not_sent() {
    let mut scheduler = Scheduler::new(schedule(RECORDED, 10));
    let recorded = Timestamp::from_micros(1_000_000);
    for item in 0..4 {
        scheduler.handle_exchange(item, Place::InTurn { group: item / 2 }, recorded);
    }
    let mut sent = |expected| match scheduler.poll(at(0)) {
        Step::Dispatch { item, ticket, .. } if item == expected => ticket,
        step => panic!("{step:?} instead of {expected}"),
    };
    let (first, second) = (sent(0), sent(2));
    assert_eq!(scheduler.poll(at(0)), Step::NeedsInput);
    scheduler.handle_completion(first, at(1));
    let mut rest = scheduler.finish();
    rest.sort_unstable();
    assert_eq!(rest, [1, 3], "1 was released, 3 waits");
    assert_eq!(
        scheduler.poll(at(1)),
        Step::AtCapacity,
        "2 is still in flight"
    );
    scheduler.handle_completion(second, at(2));
    assert_eq!(scheduler.poll(at(2)), Step::Finished);
}

/// Nothing goes that is not allowed, however late it gets, and what comes up next is told beforehand.
#[test]
fn only_what_is_allowed_goes() {
    let mut scheduler = Scheduler::new(schedule(RECORDED, 10));
    for number in 0..4_u64 {
        scheduler.handle_exchange(number, Place::Free, recorded_at(number * 100));
    }
    scheduler.allow(0);
    assert_eq!(scheduler.upcoming(at(100), 9), Some((2, &1)));
    assert_eq!(scheduler.upcoming(at(1_000), 3), Some((3, &2)));
    assert_eq!(scheduler.poll(at(50)), Step::NotAllowed);
    scheduler.allow(1);
    assert!(matches!(
        scheduler.poll(at(50)),
        Step::Dispatch { item: 0, .. }
    ));
    assert_eq!(scheduler.poll(at(500)), Step::NotAllowed);
    assert_eq!(scheduler.held(), 3, "nothing is lost meanwhile");
    // Of three that are left, one comes up by then: the second of all.
    assert_eq!(scheduler.upcoming(at(100), 9), Some((2, &1)));
    assert_eq!(scheduler.upcoming(at(99), 9), None);
    scheduler.allow(4);
    assert!(matches!(
        scheduler.poll(at(500)),
        Step::Dispatch { item: 1, .. }
    ));
}

/// Of a window that others replay parts of, each request has its own place in an even rate.
#[test]
fn an_even_rate_counts_what_others_send() {
    let mut scheduler = Scheduler::new(schedule(Pace::Even { per_second: 10.0 }, 10));
    scheduler.handle_nth((), Place::Free, recorded_at(0), 3);
    assert_eq!(scheduler.poll(at(0)), Step::WaitUntil(at(300)));
}
