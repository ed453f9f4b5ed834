use schema::{LedgerRow, RecorderId, TimeWindow, Timestamp};

use super::Coverage;

fn window(from: &str, to: &str) -> TimeWindow {
    TimeWindow {
        start: from.parse().unwrap(),
        end: to.parse().unwrap(),
    }
}

fn row(recorder: &str, minute: &str) -> (RecorderId, LedgerRow) {
    let minute: Timestamp = format!("2026-11-22T{minute}:00Z").parse().unwrap();
    let row = LedgerRow {
        minute,
        frames: 10,
        ..LedgerRow::default()
    };
    (recorder.parse().unwrap(), row)
}

#[test]
fn minutes_without_a_row_are_holes() {
    let rows = [
        row("a", "13:00"),
        row("b", "13:00"),
        row("a", "13:02"),
        row("a", "13:05"),
        row("a", "14:30"),
    ];
    let coverage = Coverage::new(
        window("2026-11-22T13:00:30Z", "2026-11-22T13:08:00Z"),
        &rows,
    );
    assert_eq!(
        (
            coverage.minutes,
            coverage.minutes_recorded,
            coverage.minutes_missing
        ),
        (8, 3, 5)
    );
    let holes: Vec<(&str, u64)> = coverage
        .holes
        .iter()
        .map(|hole| (&hole.from[11..16], hole.minutes))
        .collect();
    assert_eq!(holes, [("13:01", 1), ("13:03", 2), ("13:06", 2)]);
    assert_eq!(coverage.frames, 40, "of the minutes of the window only");
    assert_eq!(coverage.recorders, ["a", "b"]);
    assert_eq!(
        coverage.warnings(),
        [
            "5 of 8 minutes were not recorded, in 3 holes, the first from 2026-11-22T13:01:00.000000Z"
        ]
    );
}

#[test]
fn every_minute_recorded_is_whole_unless_something_was_lost() {
    let minute = window("2026-11-22T13:00:10Z", "2026-11-22T13:00:11Z");
    let mut rows = [row("a", "13:00")];
    assert!(Coverage::new(minute, &rows).is_whole());
    rows[0].1.frames_dropped = 7;
    let coverage = Coverage::new(minute, &rows);
    assert!(!coverage.is_whole());
    assert_eq!(
        coverage.warnings(),
        ["7 frames were dropped before they could be recorded"]
    );
}

#[test]
fn what_a_recorder_lost_is_told() {
    let minute = window("2026-11-22T13:00:10Z", "2026-11-22T13:00:11Z");
    let mut rows = [row("a", "13:00")];
    rows[0].1.exchanges_shed = 3;
    rows[0].1.interruptions = 1;
    let coverage = Coverage::new(minute, &rows);
    assert!(!coverage.is_whole());
    assert_eq!(
        coverage.warnings(),
        [
            "3 exchanges were lost after they were recorded: the recorder's spool was full, or damaged",
            "1 times a recorder ended without being told to: what passed until it ran again is not known",
        ]
    );
}

#[test]
fn what_was_left_out_by_choice_is_not_lost() {
    let minute = window("2026-11-22T13:00:10Z", "2026-11-22T13:00:11Z");
    let table = [
        (0, 0, None),
        (90, 0, Some("90 of 100 exchanges, by sampling")),
        (90, 90, Some("90 of 100 exchanges, by filters")),
        (
            90,
            20,
            Some("90 of 100 exchanges, 20 by filters and 70 by sampling"),
        ),
    ];
    for (left_out, filtered, expected) in table {
        let mut rows = [row("a", "13:00")];
        rows[0].1.exchanges = 10;
        rows[0].1.exchanges_sampled_out = left_out;
        rows[0].1.exchanges_filtered_out = filtered;
        let coverage = Coverage::new(minute, &rows);
        assert!(coverage.is_whole());
        assert_eq!(coverage.warnings(), [""; 0]);
        let expected = expected.map(|text| format!("{text}, when recording: by choice, not lost"));
        assert_eq!(coverage.left_out(), expected);
    }
}

#[test]
fn a_window_without_rows_is_one_hole() {
    let coverage = Coverage::new(window("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z"), &[]);
    assert_eq!((coverage.minutes_missing, coverage.holes.len()), (60, 1));
    assert!(!coverage.is_whole());
}

#[test]
fn losses_of_minutes_that_follow_each_other_are_one_hole() {
    let lost = |minute: &str, change: fn(&mut LedgerRow)| {
        let (recorder, mut row) = row("a", minute);
        change(&mut row);
        (recorder, row)
    };
    let rows = [
        lost("13:00", |row| row.frames_dropped = 3),
        lost("13:01", |row| row.frames_dropped = 4),
        lost("13:03", |row| row.exchanges_shed = 5),
        lost("13:04", |row| {
            (row.interruptions, row.frames_dropped) = (1, 1)
        }),
        // Outside.
        lost("12:59", |row| row.gap_bytes = 9),
        lost("13:06", |row| row.gap_bytes = 9),
    ];
    let window = window("2026-11-22T13:00:30Z", "2026-11-22T13:06:00Z");
    let (holes, left_out) = super::holes(window, &rows);
    let text = |time: Timestamp| time.to_string()[11..16].to_owned();
    let holes: Vec<String> = holes
        .iter()
        .map(|hole| {
            format!(
                "{}-{} {} {}",
                text(hole.from),
                text(hole.to),
                hole.count,
                hole.kind
            )
        })
        .collect();
    assert_eq!(
        holes,
        [
            "13:00-13:02 7 frames dropped",
            "13:02-13:03 1 not recorded",
            "13:03-13:04 5 exchanges shed",
            "13:04-13:05 1 interrupted",
            "13:04-13:05 1 frames dropped",
            "13:05-13:06 1 not recorded",
        ]
    );
    assert_eq!(left_out, 0);
    // A hole in every second of 500 minutes.
    let window = self::window("2026-11-22T13:00:00Z", "2026-11-22T21:20:00Z");
    let rows: Vec<_> = (0..500)
        .step_by(2)
        .map(|minute| row("a", &format!("{:02}:{:02}", 13 + minute / 60, minute % 60)))
        .collect();
    let (holes, left_out) = super::holes(window, &rows);
    assert_eq!((holes.len(), left_out), (100, 150));
}
