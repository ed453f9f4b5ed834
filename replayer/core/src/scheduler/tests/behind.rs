//! At the bounds.

use expect_test::expect;

use super::super::{Schedule, WhenBehind};
use super::{Order, RECORDED, check, schedule, simulate};

#[test]
fn nothing_more_waits_than_may() {
    let schedule = Schedule {
        waiting_max: 1,
        ..schedule(RECORDED, 10)
    };
    let recorded = [(1, 0), (1, 0), (1, 0), (2, 0)];
    check(
        &simulate(schedule, Order::Connection, &recorded, |_| 10),
        expect![[r#"
            item  due sent  lag order in_flight held
               0    0    0    0     0         1
               1    0   10   10    10         1
               3    0   10   10     0         2
               2    0   20   20    20         1
        "#]],
    );
}

/// What cannot be sent in time is left out, and what can be is on time: a target that stalls costs requests, not punctuality.
#[test]
fn behind_and_skipping_nothing_is_late() {
    let schedule = Schedule {
        when_behind: WhenBehind::Skip,
        ..schedule(RECORDED, 2)
    };
    let recorded = [(1, 0), (2, 10), (3, 20), (4, 30), (5, 55), (6, 200)];
    let sent = simulate(schedule, Order::None, &recorded, |_| 50);
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight held
           0    0    0    0     0         1
           1   10   10    0     0         2
           4   55   55    0     0         2
           5  200  200    0     0         1
    "#]],
    );
}

/// A request that waits for order while others fill the bound is not skipped; one that is due and could go is.
#[test]
fn what_waits_for_order_is_not_skipped() {
    let schedule = Schedule {
        when_behind: WhenBehind::Skip,
        ..schedule(RECORDED, 2)
    };
    let recorded = [(1, 0), (2, 1), (1, 10), (3, 20), (1, 100)];
    let sent = simulate(schedule, Order::Connection, &recorded, |_| 50);
    check(
        &sent,
        expect![[r#"
        item  due sent  lag order in_flight held
           0    0    0    0     0         1
           1    1    1    0     0         2
           2   10   50   40    40         2
           4  100  100    0     0         1
    "#]],
    );
}
