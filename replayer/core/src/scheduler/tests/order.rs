//! Waiting for answers.

use expect_test::expect;

use super::super::Schedule;
use super::{Order, RECORDED, Sent, check, schedule, simulate};

/// Connection 1 is slow: its second and third request wait for their predecessors, and nobody else does.
#[test]
fn order_by_connection_waits_for_the_answer_before() {
    let recorded = [(1, 0), (2, 5), (1, 10), (1, 11), (2, 30), (3, 31)];
    let sent = simulate(
        schedule(RECORDED, 10),
        Order::Connection,
        &recorded,
        |item| [50, 5, 20, 5, 5, 5][item],
    );
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
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
        schedule(RECORDED, 10),
        Order::Connection,
        &[(1, 0), (1, 0), (1, 0)],
        |_| 7,
    );
    check(
        &sent,
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1    0    7    7     7         1
               2    0   14   14    14         1
        "#]],
    );
}

/// In the recording 0 and 1 went out together, 2 after both answers, 3 beside 2: the same with a target that is slower.
#[test]
fn a_session_waits_for_the_answers_that_had_been_seen() {
    let recorded = [(1, 0), (1, 2), (1, 20), (1, 22), (2, 23)];
    let sent = simulate(
        schedule(RECORDED, 10),
        Order::Session(5),
        &recorded,
        |item| [80, 40, 10, 10, 10][item],
    );
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight held
           0    0    0    0     0         1
           1    2    2    0     0         2
           4   23   23    0     0         3
           2   20   80   60    60         1
           3   22   80   58    58         2
    "#]],
    );
}

/// 5,000 sessions whose target answers after ten minutes: everybody else's requests go out on time.
#[test]
fn slow_sessions_do_not_hold_up_the_rest() {
    let slow = 5_000;
    let mut recorded: Vec<(u64, u64)> = (0..slow)
        .flat_map(|session| [(session, session / 10), (session, 500 + session / 10)])
        .chain((0..2_000).map(|item| (slow + item, 600 + item)))
        .collect();
    recorded.sort_by_key(|(_, time)| *time);
    let sent = simulate(
        schedule_with_room(20_000),
        Order::Session(1),
        &recorded,
        |item| {
            if recorded[item].0 < slow { 600_000 } else { 2 }
        },
    );
    let late = |slow_too: bool| {
        let others = sent
            .iter()
            .filter(|sent| slow_too || recorded[sent.item].0 >= slow);
        others.map(|sent| sent.sent - sent.due).max().unwrap()
    };
    assert_eq!(late(false), 0);
    assert_eq!(
        late(true),
        599_500,
        "the slow ones wait for their own answer"
    );
}

fn schedule_with_room(room: usize) -> Schedule {
    Schedule {
        waiting_max: room,
        ..schedule(RECORDED, room)
    }
}

/// The page with the login form (0) is of no session, and slow: the login (2) and what follows it (3) wait for it, and so does
/// what another session sent later on that connection (4); what it sent meanwhile (1) does not.
#[test]
fn a_session_waits_for_what_its_connection_did_before() {
    let recorded = [(0, 0), (2, 2), (1, 10), (1, 20), (2, 30)];
    let sent = simulate(
        schedule(RECORDED, 10),
        Order::BesideTheFirst(5),
        &recorded,
        |item| [50, 10, 30, 10, 10][item],
    );
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight held
           0    0    0    0     0         1
           1    2    2    0     0         2
           2   10   50   40    40         1
           4   30   50   20    20         2
           3   20   80   60    60         1
    "#]],
    );
}

/// The law of sessions, for many shapes of traffic: no request goes before an answer that its counterpart had seen, and none
/// waits longer than until the last of those came.
#[test]
fn order_by_session_is_never_broken() {
    let mut seed = 11_u64;
    let mut random = |bound: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    for round in 0..300 {
        let took = 1 + random(40);
        let order = [Order::Session(took), Order::BesideTheFirst(took)][round % 2];
        let mut recorded: Vec<(u64, u64)> = (0..40).map(|_| (random(5), random(200))).collect();
        recorded.sort_by_key(|(_, time)| *time);
        let latencies: Vec<u64> = (0..40).map(|_| random(90)).collect();
        let sent = simulate(schedule(RECORDED, 100), order, &recorded, |item| {
            latencies[item]
        });
        let at: std::collections::HashMap<usize, &Sent> =
            sent.iter().map(|sent| (sent.item, sent)).collect();
        for (item, &(session, time)) in recorded.iter().enumerate() {
            let follows = |other: u64| {
                other == session || (other == 0 && matches!(order, Order::BesideTheFirst(_)))
            };
            let seen = (0..item)
                .filter(|&other| follows(recorded[other].0) && recorded[other].1 + took < time);
            let answered = seen.map(|other| at[&other].sent + latencies[other]).max();
            let expected = answered.unwrap_or(0).max(time);
            assert_eq!(at[&item].sent, expected, "round {round}, request {item}");
        }
    }
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
        let schedule = schedule(RECORDED, 1 + usize::try_from(random(8)).unwrap());
        let sent = simulate(schedule, Order::Connection, &recorded, |item| {
            latencies[item]
        });
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
