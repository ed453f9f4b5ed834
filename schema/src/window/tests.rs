use std::time::Duration;

use super::{Calendar, Span};
use crate::Timestamp;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Resolves in an archive that goes from Wednesday 2026-11-04 to Sunday 2026-11-22.
fn check(span: Span, expected: &str) {
    let window = span.resolve(time("2026-11-04T10:00:00Z"), time("2026-11-22T13:00:00Z"));
    let text = window.map_or_else(|error| error.to_string(), |window| window.to_string());
    assert_eq!(text, expected, "{span:?}");
}

#[test]
fn last_ends_with_the_newest_exchange_and_begins_with_the_archive() {
    check(
        Span::Last(Duration::from_secs(86_400)),
        "[2026-11-21T13:00:00.000001Z, 2026-11-22T13:00:00.000001Z)",
    );
    check(
        Span::Last(Duration::from_secs(86_400 * 365)),
        "[2026-11-04T10:00:00.000000Z, 2026-11-22T13:00:00.000001Z)",
    );
}

#[test]
fn newest_whole_unit_of_the_calendar() {
    check(
        Span::Newest(Calendar::Week),
        "[2026-11-09T00:00:00.000000Z, 2026-11-16T00:00:00.000000Z)",
    );
    check(
        Span::Newest(Calendar::Month),
        "the archive goes from 2026-11-04T10:00:00.000000Z to 2026-11-22T13:00:00.000000Z and has no whole month; \
         choose --from and --to, or --last",
    );
}

#[test]
fn a_window_whose_ends_are_named_needs_no_archive() {
    let (from, to) = (time("2026-11-05T00:00:00Z"), time("2026-11-06T00:00:00Z"));
    let between = |from, to| Span::Between { from, to }.named();
    let window = between(Some(from), Some(to)).unwrap().unwrap();
    assert_eq!((window.start, window.end), (from, to));
    assert!(between(Some(to), Some(from)).is_err());
    let spans = [
        between(Some(from), None),
        between(None, Some(to)),
        Span::Last(Duration::from_secs(1)).named(),
        Span::Newest(Calendar::Week).named(),
    ];
    assert!(spans.iter().all(|named| *named == Ok(None)));
}

#[test]
fn calendar_edges() {
    let table = [
        (
            Calendar::Week,
            "2026-11-22T23:59:59Z",
            "2026-11-09T00:00:00Z",
            "2026-11-16T00:00:00Z",
        ),
        (
            Calendar::Week,
            "2026-11-23T00:00:00Z",
            "2026-11-16T00:00:00Z",
            "2026-11-23T00:00:00Z",
        ),
        (
            Calendar::Month,
            "2026-03-31T12:00:00Z",
            "2026-02-01T00:00:00Z",
            "2026-03-01T00:00:00Z",
        ),
        (
            Calendar::Month,
            "2024-03-01T00:00:00Z",
            "2024-02-01T00:00:00Z",
            "2024-03-01T00:00:00Z",
        ),
        (
            Calendar::Month,
            "2026-01-15T00:00:00Z",
            "2025-12-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
        ),
    ];
    for (unit, last, from, to) in table {
        let window = Span::Newest(unit).resolve(time(from), time(last)).unwrap();
        assert_eq!(
            (window.start, window.end),
            (time(from), time(to)),
            "{unit:?} of {last}"
        );
    }
}

#[test]
fn between_takes_the_archives_edges_for_what_is_missing() {
    let from = Some(time("2026-11-22T15:00:00+02:00"));
    check(
        Span::Between { from, to: None },
        "[2026-11-22T13:00:00.000000Z, 2026-11-22T13:00:00.000001Z)",
    );
    let to = Some(time("2026-11-05T00:00:00Z"));
    check(
        Span::Between { from: None, to },
        "[2026-11-04T10:00:00.000000Z, 2026-11-05T00:00:00.000000Z)",
    );
    check(
        Span::Between { from: to, to },
        "the window [2026-11-05T00:00:00.000000Z, 2026-11-05T00:00:00.000000Z) is empty; --to has to be later than --from",
    );
}
