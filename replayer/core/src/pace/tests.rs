use std::time::Duration;

use super::Pace;

const WEEK: Duration = Duration::from_secs(7 * 86_400);

#[test]
fn recorded_pace_divides_by_speed() {
    let table = [
        (1.0, Duration::from_nanos(1), Some(Duration::from_nanos(1))),
        (1.0, WEEK, Some(WEEK)),
        (
            10.0,
            Duration::from_secs(5),
            Some(Duration::from_millis(500)),
        ),
        (0.5, Duration::from_secs(5), Some(Duration::from_secs(10))),
        (1e-300, WEEK, Some(Duration::MAX)),
    ];
    for (speed, recorded, due) in table {
        assert_eq!(
            Pace::Recorded { speed }.offset(9, recorded),
            due,
            "speed {speed}"
        );
    }
}

#[test]
fn even_pace_sends_n_in_n_intervals_without_drift() {
    let pace = Pace::Even { per_second: 3.0 };
    assert_eq!(pace.offset(0, WEEK), Some(Duration::ZERO));
    assert_eq!(pace.offset(3, WEEK), Some(Duration::from_secs(1)));
    // A relative sleep of 333,333,333 ns would be 333 us early here.
    assert_eq!(
        pace.offset(3_000_000, WEEK),
        Some(Duration::from_secs(1_000_000))
    );
}

#[test]
fn max_pace_has_no_due_time() {
    assert_eq!(Pace::Max.offset(7, WEEK), None);
}
