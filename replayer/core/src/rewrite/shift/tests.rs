use super::*;

/// 2026-11-22, the whole day.
fn window() -> TimeWindow {
    TimeWindow {
        start: "2026-11-22T00:00:00Z".parse().unwrap(),
        end: "2026-11-23T00:00:00Z".parse().unwrap(),
    }
}

fn shift(by: TimeDelta) -> Shift {
    Shift {
        window: window(),
        by,
        recorded: "2026-11-22T22:00:00Z".parse().unwrap(),
    }
}

fn check(by: TimeDelta, cases: &[(&str, &str)]) {
    for (old, new) in cases {
        let shifted = shift(by).apply(old, Which::InWindow);
        assert_eq!(shifted, Shifted::To((*new).to_owned()), "{old}");
    }
}

#[test]
fn every_shape_is_kept() {
    check(
        TimeDelta::milliseconds(90_061_500),
        &[
            ("1795352400", "1795442461"),
            ("1795352400.250", "1795442461.750"),
            ("1795352400.1", "1795442461.6"),
            ("1795352400000", "1795442461500"),
            ("1795352400000000", "1795442461500000"),
            ("2026-11-22T13:00:00Z", "2026-11-23T14:01:01Z"),
            ("2026-11-22t13:00:00.5z", "2026-11-23t14:01:02.0z"),
            (
                "2026-11-22T15:00:00.250000+02:00",
                "2026-11-23T16:01:01.750000+02:00",
            ),
            (
                "2026-11-22T09:00:00,123456789-0400",
                "2026-11-23T10:01:01,623456789-0400",
            ),
            ("2026-11-22 13:00", "2026-11-23 14:01"),
            ("2026-11-22 13:00:00", "2026-11-23 14:01:01"),
            (
                "Sun, 22 Nov 2026 13:00:00 GMT",
                "Mon, 23 Nov 2026 14:01:01 GMT",
            ),
        ],
    );
}

/// The day of the request becomes the day of the replay; a request of 22 o'clock that goes out three hours later is of tomorrow.
#[test]
fn dates_move_as_the_day_of_the_request_does() {
    check(TimeDelta::hours(3), &[("2026-11-22", "2026-11-23")]);
    check(TimeDelta::hours(1), &[("2026-11-22", "2026-11-22")]);
    check(TimeDelta::days(-40), &[("2026-11-22", "2026-10-13")]);
}

#[test]
fn what_lies_outside_of_the_window_stays() {
    let shift = shift(TimeDelta::days(1));
    for text in [
        "2026-11-21T23:59:59Z",
        "2026-11-23T00:00:00Z",
        "2026-11-21",
        "2026-11-23",
        "1000000000",
        // Midnight in the west is late in the window's next day.
        "2026-11-22T23:00:00-02:00",
    ] {
        assert_eq!(
            shift.apply(text, Which::InWindow),
            Shifted::Outside,
            "{text}"
        );
        assert!(
            matches!(shift.apply(text, Which::All), Shifted::To(_)),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_time_is_told() {
    let shift = shift(TimeDelta::days(1));
    for text in [
        "",
        "42",
        "17953524000",
        "1795352400.",
        "2026-13-01",
        "2026-11-22T25:00:00Z",
        "2026-11-22T13:00:00.Z",
        "2026-11-22T13:00:00+1",
        "2026-11-22Tabcdef",
        "22.11.2026",
        "Sun, 22 Nov 2026",
        "é026-11-22T13:00",
        "Mon, 22 Nov 2026 13:00:00 GMT",
    ] {
        assert_eq!(shift.apply(text, Which::All), Shifted::NoTime, "{text}");
    }
}
