use super::*;

const KEY: &str =
    "date=2026-11-22/hour=13/1795352400000000-1795352400000030-rec-1-00000012.parquet";

#[test]
fn keys_are_found_at_the_end_of_a_path() {
    let key: SegmentKey = format!("prefix/runs/r1/exchanges/{KEY}").parse().unwrap();
    assert_eq!(key.to_string(), KEY);
    assert_eq!((key.recorder().as_str(), key.sequence()), ("rec-1", 12));
    let micros = |after: i64| Timestamp::from_micros(1_795_352_400_000_000 + after);
    let overlaps = |start, end| {
        let (start, end) = (micros(start), micros(end));
        key.overlaps(TimeWindow { start, end })
    };
    assert!(overlaps(30, 31) && overlaps(-5, 1));
    assert!(!overlaps(31, 99) && !overlaps(-5, 0));
    let table = Table::RunExchanges("r1".to_owned());
    assert_eq!(table.path(&key), format!("runs/r1/exchanges/{KEY}"));
    assert_eq!(
        Table::Capture.hour_prefix(key.start()),
        "capture/date=2026-11-22/hour=13"
    );
}

#[test]
fn what_is_no_key_is_refused() {
    for (from, to) in [
        (".parquet", ".txt"),
        ("hour=13", "hour=14"),
        ("date=2026-11-22", "date=2026-11-23"),
        ("1795352400000000-", "01795352400000000-"),
        ("1795352400000030", "1795352399999999"),
        ("1795352400000030", "1795356000000000"),
        ("-00000012", "-x"),
        ("-00000012", "-+12"),
        ("rec-1", "rec 1"),
    ] {
        let text = KEY.replace(from, to);
        assert_ne!(text, KEY);
        assert!(text.parse::<SegmentKey>().is_err(), "{text}");
    }
}

#[test]
#[should_panic(expected = "a segment lies within one hour")]
fn a_key_never_spans_two_hours() {
    let start = Timestamp::from_micros(1_795_352_400_000_000);
    let end = Timestamp::from_micros(1_795_356_000_000_000);
    let _ = SegmentKey::new(start, end, "r".parse().unwrap(), 0);
}
