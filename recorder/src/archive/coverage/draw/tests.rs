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
    check(
        30,
        80,
        &rows(),
        &expect![[r#"
        /archive/
        from 2026-11-22T13:00:00.000000Z to 2026-11-22T13:30:00.000000Z
        28 of 30 minutes recorded, by gw-1, gw-2: 3,600 frames, 360 exchanges, 0 of them incomplete

                             13:00               13:20
        everything           #####ddgs-#####r############__
        gw-1 10.0.3.7 vni 7  #####ddgs-#####_####__________
        gw-2 10.0.3.8 vni 7  __________##################__

        A column is a minute:
          -  recorded, and nothing came
          #  recorded, nothing lost
          s  sampling or filters left exchanges out: by choice, not lost
          g  the mirror lost bytes
          d  frames were dropped before they could be recorded
          r  one recorder was down while another one recorded
          _  not recorded: no recorder was there

        from                     for  what was lost
        2026-11-22 13:05       2 min  gw-1 10.0.3.7 vni 7: 1,012 frames dropped
        2026-11-22 13:07       1 min  gw-1 10.0.3.7 vni 7: 40 bytes missing
        2026-11-22 13:15       1 min  one recorder was down while another one recorded
        2026-11-22 13:28       2 min  not recorded: no recorder was there

        Left out: 4 of 364 exchanges, by sampling, when recording: by choice, not lost
        Not whole:
          - 2 of 30 minutes were not recorded, in 1 hole, the first from 2026-11-22T13:28:00.000000Z
          - 1 minutes are missing of one recorder while another one recorded
          - 1012 frames were dropped before they could be recorded
    "#]],
    );
}

#[test]
fn a_narrow_terminal_shows_the_worst_of_some_minutes() {
    check(
        30,
        32,
        &rows(),
        &expect![[r#"
        /archive/
        from 2026-11-22T13:00:00.000000Z to 2026-11-22T13:30:00.000000Z
        28 of 30 minutes recorded, by gw-1, gw-2: 3,600 frames, 360 exchanges, 0 of them incomplete

                             13:00
        everything           ##dds##r######_
        gw-1 10.0.3.7 vni 7  ##dds##_##_____
        gw-2 10.0.3.8 vni 7  _____#########_

        A column is 2 min, of which the worst is shown:
          #  recorded, nothing lost
          s  sampling or filters left exchanges out: by choice, not lost
          d  frames were dropped before they could be recorded
          r  one recorder was down while another one recorded
          _  not recorded: no recorder was there

        from                     for  what was lost
        2026-11-22 13:05       2 min  gw-1 10.0.3.7 vni 7: 1,012 frames dropped
        2026-11-22 13:07       1 min  gw-1 10.0.3.7 vni 7: 40 bytes missing
        2026-11-22 13:15       1 min  one recorder was down while another one recorded
        2026-11-22 13:28       2 min  not recorded: no recorder was there

        Left out: 4 of 364 exchanges, by sampling, when recording: by choice, not lost
        Not whole:
          - 2 of 30 minutes were not recorded, in 1 hole, the first from 2026-11-22T13:28:00.000000Z
          - 1 minutes are missing of one recorder while another one recorded
          - 1012 frames were dropped before they could be recorded
    "#]],
    );
}

#[test]
fn a_month_fits() {
    check(
        30 * 1_440,
        80,
        &rows()[..5],
        &expect![[r#"
        /archive/
        from 2026-11-22T13:00:00.000000Z to 2026-12-22T13:00:00.000000Z
        5 of 43,200 minutes recorded, by gw-1: 500 frames, 50 exchanges, 0 of them incomplete

                    11-22 13:00         12-02 13:00         12-12 13:00
        everything  ____________________________________________________________

        A column is 12 h, of which the worst is shown:
          _  not recorded: no recorder was there

        from                     for  what was lost
        2026-11-22 13:05   29 d 23 h  not recorded: no recorder was there

        Not whole:
          - 43195 of 43200 minutes were not recorded, in 1 hole, the first from 2026-11-22T13:05:00.000000Z
    "#]],
    );
}

#[test]
fn a_whole_window_says_so() {
    check(
        5,
        80,
        &rows()[..5],
        &expect![[r#"
        /archive/
        from 2026-11-22T13:00:00.000000Z to 2026-11-22T13:05:00.000000Z
        5 of 5 minutes recorded, by gw-1: 500 frames, 50 exchanges, 0 of them incomplete

                    13:00
        everything  #####

        A column is a minute:
          #  recorded, nothing lost

        Whole: every minute was recorded, and nothing was lost.
    "#]],
    );
}
