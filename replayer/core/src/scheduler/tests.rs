//! Whole replays in simulated time, with their tables as golden text.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::{Expect, expect};
use schema::{ConnectionId, Timestamp};

use super::{Order, Schedule, Scheduler, Step};
use crate::pace::Pace;
use crate::testing::at;

/// When and on which connection each request was recorded, milliseconds.
type Recorded<'a> = &'a [(u64, u64)];

const RECORDED: Pace = Pace::Recorded { speed: 1.0 };

fn schedule(pace: Pace, order: Order, in_flight_max: usize) -> Schedule {
    Schedule {
        pace,
        order,
        in_flight_max,
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
}

/// Replays `recorded` against a target that takes `latency(item)` milliseconds. Time jumps from event to event. The laws that
/// hold whatever happens are checked on the way.
fn simulate(
    schedule: Schedule,
    recorded: Recorded<'_>,
    latency: impl Fn(usize) -> u64,
) -> Vec<Sent> {
    let mut scheduler = Scheduler::new(schedule);
    let mut input = recorded.iter().enumerate();
    let mut answers: BinaryHeap<Reverse<(Timestamp, usize)>> = BinaryHeap::new();
    let mut sent = Vec::new();
    let mut now = schedule.started_at;
    let millis = |time: Timestamp| u64::try_from(time.since(at(0)).as_millis()).unwrap();
    loop {
        let wake_at = match scheduler.poll(now) {
            Step::Dispatch {
                item,
                due,
                order_wait,
            } => {
                assert!(due <= now, "nothing before it is due");
                assert!(scheduler.in_flight() <= schedule.in_flight_max);
                assert!(
                    order_wait <= now.since(due),
                    "a wait for order is part of the lag"
                );
                answers.push(Reverse((
                    now.saturating_add(Duration::from_millis(latency(item))),
                    item,
                )));
                sent.push(Sent {
                    item,
                    due: millis(due),
                    sent: millis(now),
                    order_wait: u64::try_from(order_wait.as_millis()).unwrap(),
                    in_flight: scheduler.in_flight(),
                });
                continue;
            }
            Step::NeedsInput => {
                match input.next() {
                    Some((item, &(connection, time))) => {
                        let recorded = Timestamp::from_micros(
                            1_000_000 + i64::try_from(time * 1_000).unwrap(),
                        );
                        scheduler.handle_exchange(item, ConnectionId(connection), recorded);
                    }
                    None => scheduler.handle_end_of_input(),
                }
                continue;
            }
            Step::WaitUntil(time) => Some(time),
            Step::AtCapacity => None,
            Step::Finished => break,
        };
        let answer_at = answers.peek().map(|Reverse((time, _))| *time);
        now = [wake_at, answer_at]
            .into_iter()
            .flatten()
            .min()
            .expect("something will happen");
        while let Some(&Reverse((time, item))) = answers.peek()
            && time <= now
        {
            answers.pop();
            scheduler.handle_completion(ConnectionId(recorded[item].0), now);
        }
    }
    assert_eq!(sent.len(), recorded.len(), "every request exactly once");
    sent
}

fn check(sent: &[Sent], expected: Expect) {
    let mut table = String::from("item  due sent  lag order in_flight\n");
    for Sent {
        item,
        due,
        sent,
        order_wait,
        in_flight,
    } in sent
    {
        writeln!(
            table,
            "{item:>4} {due:>4} {sent:>4} {:>4} {order_wait:>5} {in_flight:>9}",
            sent - due
        )
        .unwrap();
    }
    expected.assert_eq(&table);
}

#[test]
fn sends_as_recorded() {
    let sent = simulate(
        schedule(RECORDED, Order::None, 10),
        &[(1, 0), (1, 5), (2, 5), (1, 40)],
        |_| 10,
    );
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
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
        schedule(pace, Order::None, 10),
        &[(1, 0), (1, 50), (1, 400)],
        |_| 10,
    );
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
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
    let sent = simulate(schedule(RECORDED, Order::None, 10), &recorded, |_| 100);
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
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
    let sent = simulate(schedule(RECORDED, Order::None, 2), &recorded, |_| 50);
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
           0    0    0    0     0         1
           1   10   10    0     0         2
           2   20   50   30     0         2
           3   30   60   30     0         2
           4  200  200    0     0         1
    "#]],
    );
}

/// Connection 1 is slow: its second and third request wait for their predecessors, and nobody else does.
#[test]
fn order_by_connection_waits_for_the_answer_before() {
    let recorded = [(1, 0), (2, 5), (1, 10), (1, 11), (2, 30), (3, 31)];
    let sent = simulate(
        schedule(RECORDED, Order::Connection, 10),
        &recorded,
        |item| [50, 5, 20, 5, 5, 5][item],
    );
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
           0    0    0    0     0         1
           1    5    5    0     0         2
           4   30   30    0     0         2
           5   31   31    0     0         3
           2   10   50   40    40         1
           3   11   70   59    59         1
    "#]],
    );
}

/// Two requests in one packet: the second is sent once the first is answered.
#[test]
fn pipelined_requests_keep_their_order() {
    let sent = simulate(
        schedule(RECORDED, Order::Connection, 10),
        &[(1, 0), (1, 0), (1, 0)],
        |_| 7,
    );
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
           0    0    0    0     0         1
           1    0    7    7     7         1
           2    0   14   14    14         1
    "#]],
    );
}

#[test]
fn even_rate_spaces_a_burst() {
    let pace = Pace::Even { per_second: 100.0 };
    let sent = simulate(
        schedule(pace, Order::None, 10),
        &[(1, 0), (1, 0), (1, 0), (1, 5_000)],
        |_| 1,
    );
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
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
    let sent = simulate(schedule(Pace::Max, Order::Connection, 2), &recorded, |_| 10);
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight
           0    0    0    0     0         1
           1    0    0    0     0         2
           2   10   10    0     0         1
           3   10   10    0     0         2
           4   20   20    0     0         1
    "#]],
    );
}

#[test]
fn nothing_more_waits_than_may() {
    let schedule = Schedule {
        waiting_max: 1,
        ..schedule(RECORDED, Order::Connection, 10)
    };
    let recorded = [(1, 0), (1, 0), (1, 0), (2, 0)];
    check(
        &simulate(schedule, &recorded, |_| 10),
        expect![[r#"
        item  due sent  lag order in_flight
           0    0    0    0     0         1
           1    0   10   10    10         1
           3    0   10   10     0         2
           2    0   20   20    20         1
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
    let sent = simulate(schedule(RECORDED, Order::None, 1_024), &recorded, stall);
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

/// Laws, for many shapes of traffic: order by connection holds, and every request is sent once (checked in `simulate`).
#[test]
fn order_by_connection_is_never_broken() {
    let mut seed = 7_u64;
    let mut random = |bound: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for round in 0..300 {
        let connections = 1 + random(6);
        let mut recorded: Vec<(u64, u64)> = (0..40)
            .map(|_| (random(connections), random(200)))
            .collect();
        recorded.sort_by_key(|(_, time)| *time);
        let latencies: Vec<u64> = (0..40).map(|_| random(60)).collect();
        let schedule = schedule(
            RECORDED,
            Order::Connection,
            1 + usize::try_from(random(8)).unwrap(),
        );
        let sent = simulate(schedule, &recorded, |item| latencies[item]);
        for connection in 0..connections {
            let mut free_at = 0;
            let own: Vec<&Sent> = sent
                .iter()
                .filter(|sent| recorded[sent.item].0 == connection)
                .collect();
            assert!(
                own.is_sorted_by_key(|sent| sent.item),
                "round {round}: recorded order"
            );
            for sent in own {
                assert!(
                    sent.sent >= free_at,
                    "round {round}: sent before its predecessor's answer"
                );
                free_at = sent.sent + latencies[sent.item];
            }
        }
    }
}

#[test]
fn finish_gives_back_what_was_not_sent() {
    let mut scheduler = Scheduler::new(schedule(RECORDED, Order::Connection, 10));
    let recorded = Timestamp::from_micros(1_000_000);
    for item in 0..4 {
        scheduler.handle_exchange(item, ConnectionId(item / 2), recorded);
    }
    assert!(matches!(
        scheduler.poll(at(0)),
        Step::Dispatch { item: 0, .. }
    ));
    assert!(matches!(
        scheduler.poll(at(0)),
        Step::Dispatch { item: 2, .. }
    ));
    assert_eq!(scheduler.poll(at(0)), Step::NeedsInput);
    scheduler.handle_completion(ConnectionId(0), at(1));
    let mut rest = scheduler.finish();
    rest.sort_unstable();
    assert_eq!(rest, [1, 3], "1 was released, 3 waits");
    assert_eq!(
        scheduler.poll(at(1)),
        Step::AtCapacity,
        "2 is still in flight"
    );
    scheduler.handle_completion(ConnectionId(1), at(2));
    assert_eq!(scheduler.poll(at(2)), Step::Finished);
}
