use expect_test::{Expect, expect};
use schema::coverage::CoverageBuilder;
use schema::{LedgerRow, RecorderId, TimeWindow, Timestamp, Vni};

use super::{Report, text};

fn at(minute: u64) -> Timestamp {
    let start: Timestamp = "2026-11-22T13:00:00Z".parse().unwrap();
    start.saturating_add(std::time::Duration::from_secs(60 * minute))
}

/// Two recorders with a source each: one that is dropped from and ends, and one that starts late.
fn rows() -> Vec<(RecorderId, LedgerRow)> {
    let row = |recorder: &str, source: &str, minute| {
        let row = LedgerRow {
            minute: at(minute),
            source: Some(source.to_owned()),
            vni: Some(Vni::new(7)),
            frames: 100,
            exchanges: 10,
            ..LedgerRow::default()
        };
        (recorder.parse().unwrap(), row)
    };
    let mut rows: Vec<_> = (0..20)
        .map(|minute| row("gw-1", "10.0.3.7", minute))
        .collect();
    rows[5].1.frames_dropped = 12;
    rows[6].1.frames_dropped = 1_000;
    rows[7].1.gap_bytes = 40;
    rows[8].1.exchanges_sampled_out = 4;
    rows[9].1.frames = 0;
    rows[9].1.exchanges = 0;
    rows.remove(15);
    rows.extend((10..28).map(|minute| row("gw-2", "10.0.3.8", minute)));
    rows
}

#[track_caller]
fn check(minutes: u64, width: usize, rows: &[(RecorderId, LedgerRow)], expected: &Expect) {
    let window = TimeWindow {
        start: at(0),
        end: at(minutes),
    };
    let mut builder = CoverageBuilder::new(window);
    for (recorder, row) in rows {
        builder.add(recorder, row);
    }
    let (coverage, timeline) = builder.finish();
    let report = Report {
        archive: "/archive/".to_owned(),
        from: window.start.to_string(),
        to: window.end.to_string(),
        whole: coverage.is_whole(),
        ledger: true,
        warnings: coverage.warnings(),
        left_out: coverage.left_out(),
        coverage,
        timeline,
    };
    let text = text(&report, window, width);
    expected.assert_eq(&text);
    let lines = text.lines().filter(|line| line.starts_with("everything"));
    for line in lines {
        assert!(line.chars().count() <= width.max(40), "{line}");
    }
}

#[test]
fn every_minute_is_a_column_where_there_is_room() {
    check(30, 80, &rows(), &expect![[""]]);
}

#[test]
fn a_narrow_terminal_shows_the_worst_of_some_minutes() {
    check(30, 32, &rows(), &expect![[""]]);
}

#[test]
fn a_month_fits() {
    check(30 * 1_440, 80, &rows()[..5], &expect![[""]]);
}

#[test]
fn a_whole_window_says_so() {
    check(5, 80, &rows()[..5], &expect![[""]]);
}
