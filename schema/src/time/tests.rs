use super::*;

#[test]
fn times_are_read_with_any_offset_and_written_in_utc() {
    for (text, utc) in [
        ("2026-11-22T13:05:07Z", "2026-11-22T13:05:07.000000Z"),
        (
            "2026-11-22T15:05:07.00025+02:00",
            "2026-11-22T13:05:07.000250Z",
        ),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
    ] {
        let time: Timestamp = text.parse().unwrap();
        assert_eq!(time.to_string(), utc);
        assert_eq!(utc.parse(), Ok(time));
    }
    for text in [
        "",
        "2026-11-22",
        "2026-11-22T13:05:07",
        "1969-12-31T23:59:59Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

#[test]
fn times_never_leave_their_range() {
    assert_eq!(Timestamp::from_micros(-1), Timestamp::MIN);
    assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::from_nanos(u64::MAX), Timestamp::MAX);
    let time = Timestamp::from_nanos(1_795_352_707_000_250_999);
    assert_eq!(time.as_micros(), 1_795_352_707_000_250);
    assert_eq!(
        time.to_micros_precision(),
        Timestamp::from_micros(time.as_micros())
    );
    assert_eq!(time.minute().to_string(), "2026-11-22T13:05:00.000000Z");
    assert_eq!(time.hour().partition(), "date=2026-11-22/hour=13");
}

#[test]
fn a_window_is_half_open() {
    let at = Timestamp::from_nanos;
    let window = TimeWindow {
        start: at(10),
        end: at(20),
    };
    assert!(window.contains(at(10)) && window.contains(at(19)));
    assert!(!window.contains(at(9)) && !window.contains(at(20)));
    assert!(window.overlaps(at(0), at(10)) && window.overlaps(at(19), at(99)));
    assert!(!window.overlaps(at(0), at(9)) && !window.overlaps(at(20), at(99)));
    assert_eq!(window.duration(), Duration::from_nanos(10));
}
