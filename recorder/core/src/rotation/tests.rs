use super::*;

#[test]
fn cuts_at_the_hour_by_size_and_by_age() {
    let rotation = Rotation {
        bytes_max: 1_000,
        age_max: Duration::from_secs(300),
    };
    let cases = [
        ("fresh", "13:10:00", 0, "13:10:00", None),
        (
            "just under every bound",
            "13:10:00",
            999,
            "13:14:59.999999",
            None,
        ),
        ("full", "13:10:00", 1_000, "13:10:00", Some(Cut::Size)),
        ("old", "13:10:00", 1, "13:15:00", Some(Cut::Age)),
        (
            "last instant of the hour",
            "13:58:00",
            1,
            "13:59:59.999999",
            None,
        ),
        ("next hour", "13:58:00", 1, "14:00:00", Some(Cut::Hour)),
        (
            "next hour beats size and age",
            "13:10:00",
            2_000,
            "15:00:00",
            Some(Cut::Hour),
        ),
        (
            "size beats age",
            "13:10:00",
            2_000,
            "13:20:00",
            Some(Cut::Size),
        ),
        (
            "row from before the segment's first",
            "13:00:00",
            1,
            "12:59:59",
            None,
        ),
    ];
    for (name, start, bytes, now, expected) in cases {
        let at = |time: &str| format!("2026-11-22T{time}Z").parse().unwrap();
        assert_eq!(rotation.cut(at(start), bytes, at(now)), expected, "{name}");
    }
}
