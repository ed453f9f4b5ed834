use super::{Coverage, CoverageBuilder, State, Timeline};
use crate::{LedgerRow, RecorderId, TimeWindow, Timestamp};

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

fn timeline(window: TimeWindow, rows: &[(RecorderId, LedgerRow)]) -> (Coverage, Timeline) {
    let mut builder = CoverageBuilder::new(window);
    for (recorder, row) in rows {
        builder.add(recorder, row);
    }
    builder.finish()
}

/// Each stretch as its state and its minutes.
fn stretches(lane: &super::Lane) -> Vec<(State, u64)> {
    lane.stretches
        .iter()
        .map(|stretch| (stretch.state, stretch.minutes))
        .collect()
}

#[test]
fn a_recorder_that_was_down_while_another_went_on_is_told() {
    let rows: Vec<_> = [
        ("a", "13:00"),
        ("a", "13:01"),
        ("a", "13:04"),
        ("b", "13:01"),
        ("b", "13:02"),
        ("b", "13:03"),
    ]
    .map(|(recorder, minute)| row(recorder, minute))
    .to_vec();
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T13:06:00Z");
    let (coverage, timeline) = timeline(window, &rows);
    assert_eq!(coverage.recorder_minutes_missing, 2);
    assert!(!coverage.is_whole());
    assert_eq!(
        coverage.warnings()[1],
        "2 minutes are missing of one recorder while another one recorded"
    );
    assert_eq!(
        stretches(&timeline.all),
        [
            (State::Whole, 2),
            (State::RecorderDown, 2),
            (State::Whole, 1),
            (State::NotRecorded, 1)
        ]
    );
    assert_eq!(
        stretches(&timeline.sources[0]),
        [
            (State::Whole, 2),
            (State::NotRecorded, 2),
            (State::Whole, 1),
            (State::NotRecorded, 1)
        ]
    );
}

#[test]
fn each_loss_has_its_state_and_its_count() {
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T13:08:00Z");
    let mut rows: Vec<_> = (0..8)
        .map(|minute| row("a", &format!("13:0{minute}")))
        .collect();
    rows[0].1.frames = 0;
    rows[1].1.exchanges_sampled_out = 1;
    rows[2].1.gap_bytes = 2;
    rows[3].1.frames_truncated = 3;
    rows[4].1.frames_dropped = 4;
    rows[5].1.exchanges_shed = 5;
    rows[6].1.interruptions = 6;
    let (_, timeline) = timeline(window, &rows);
    let found: Vec<_> = timeline
        .all
        .stretches
        .iter()
        .map(|stretch| {
            let losses = stretch.losses.iter().map(|loss| (loss.cause, loss.count));
            (stretch.state, losses.collect::<Vec<_>>())
        })
        .collect();
    let one = |state, count| (state, vec![(state, count)]);
    assert_eq!(
        found,
        [
            (State::Quiet, vec![]),
            one(State::LeftOut, 1),
            one(State::Gaps, 2),
            one(State::Truncated, 3),
            one(State::Dropped, 4),
            one(State::Lost, 5),
            one(State::Interrupted, 6),
            (State::Whole, vec![]),
        ]
    );
}

#[test]
fn minutes_of_many_sources_add_up() {
    let window = window("2026-11-22T13:00:00Z", "2026-11-22T13:02:00Z");
    let rows: Vec<_> = (0..100)
        .map(|number| {
            let mut row = row("a", "13:00");
            row.1.source = Some(format!("10.0.0.{number:03}"));
            row
        })
        .collect();
    let (coverage, timeline) = timeline(window, &rows);
    assert_eq!((coverage.frames, timeline.all.frames), (1_000, 1_000));
    assert_eq!(timeline.sources.len(), 65, "64, and all others together");
    assert_eq!(timeline.sources_total, 100);
    let frames: u64 = timeline.sources.iter().map(|lane| lane.frames).sum();
    assert_eq!(frames, 1_000);
    assert!(
        timeline
            .sources
            .iter()
            .all(|lane| stretches(lane) == [(State::Whole, 1), (State::NotRecorded, 1)])
    );
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
