use schema::SegmentKey;

use super::*;
use crate::testing::{self, options};

const MINUTE: u64 = 60_000_000;

/// 2026-11-22T13:00:00Z, microseconds.
const ONE_PM: u64 = 1_795_352_400_000_000;

fn at(micros: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(micros).unwrap())
}

fn writer(bytes_max: usize, age_max: Duration) -> Writer {
    Writer::new(options(), Rotation { bytes_max, age_max })
}

fn exchange(start: Timestamp, body: usize) -> Box<Exchange> {
    Box::new(testing::exchange(start, body))
}

/// Everything that is sealed now: key and rows.
fn sealed(writer: &mut Writer) -> Vec<(SegmentKey, usize)> {
    std::iter::from_fn(|| writer.poll_sealed().unwrap())
        .map(|Sealed { segment, .. }| (segment.key, segment.rows))
        .collect()
}

#[test]
fn hours_are_apart_and_stragglers_share_a_segment() {
    let mut writer = writer(1 << 30, HOUR);
    let mut push = |start: u64, now: u64| writer.push(exchange(at(start), 10), at(now)).unwrap();
    push(ONE_PM + 58 * MINUTE, ONE_PM + 58 * MINUTE);
    // Done after its hour has ended, and still in time.
    push(ONE_PM + 59 * MINUTE, ONE_PM + 60 * MINUTE + 30_000_000);
    push(ONE_PM + 61 * MINUTE, ONE_PM + 61 * MINUTE + 1);
    // The hour is closed by now: these two took long, and share what comes after.
    push(ONE_PM + 57 * MINUTE, ONE_PM + 70 * MINUTE);
    push(ONE_PM + 56 * MINUTE, ONE_PM + 80 * MINUTE);
    let first = sealed(&mut writer);
    assert_eq!(first.len(), 1);
    assert_eq!((first[0].0.sequence(), first[0].1), (0, 2));
    writer.finish();
    let rest = sealed(&mut writer);
    let hours: Vec<_> = rest
        .iter()
        .map(|(key, rows)| (key.start().hour(), *rows))
        .collect();
    assert_eq!(hours, [(at(ONE_PM), 2), (at(ONE_PM + 60 * MINUTE), 1)]);
    let numbers: Vec<_> = rest.iter().map(|(key, _)| key.sequence()).collect();
    assert_eq!(numbers, [1, 2], "no number is left out");
}

#[test]
fn size_and_age_cut() {
    let mut by_size = writer(256 << 10, HOUR);
    for i in 0..300 {
        by_size
            .push(exchange(at(ONE_PM + i), 10_000), at(ONE_PM + i))
            .unwrap();
    }
    let cut = sealed(&mut by_size);
    assert!((4..=12).contains(&cut.len()), "{cut:?}");
    by_size.finish();
    let rows: usize = cut
        .iter()
        .chain(&sealed(&mut by_size))
        .map(|(_, rows)| rows)
        .sum();
    assert_eq!(rows, 300);

    let mut by_age = writer(1 << 30, Duration::from_secs(300));
    for minute in [0, 1, 4, 6, 7, 20] {
        let now = at(ONE_PM + minute * MINUTE);
        by_age.push(exchange(now, 10), now).unwrap();
    }
    let rows: Vec<_> = sealed(&mut by_age)
        .into_iter()
        .map(|(_, rows)| rows)
        .collect();
    assert_eq!(
        rows,
        [4, 2],
        "the exchange whose time shows the age is still in it"
    );
}

#[test]
fn rows_that_come_too_late_for_a_batch_go_into_a_segment_beside_it() {
    let mut writer = writer(1 << 30, HOUR);
    let now = at(ONE_PM + 30 * MINUTE);
    // Enough rows that the builder has encoded some, and then rows from before them, twice over.
    for from in [20, 10, 0] {
        for i in 0..20_000 {
            writer
                .push(exchange(at(ONE_PM + from * MINUTE + i), 0), now)
                .unwrap();
        }
    }
    writer.finish();
    let segments = sealed(&mut writer);
    let rows: usize = segments.iter().map(|(_, rows)| rows).sum();
    assert_eq!(rows, 60_000, "none is lost");
    assert!((2..=4).contains(&segments.len()), "{segments:?}");
    let mut numbers: Vec<_> = segments.iter().map(|(key, _)| key.sequence()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..segments.len() as u64));
}

#[test]
fn open_hours_are_bounded() {
    let mut writer = writer(1 << 30, 1_000 * HOUR);
    for hour in 0..10 {
        // Packet time stands still, so that nothing but the bound cuts.
        writer
            .push(exchange(at(ONE_PM + hour * 60 * MINUTE), 10), at(ONE_PM))
            .unwrap();
        assert!(writer.hours.len() <= HOURS_OPEN_MAX);
    }
    assert_eq!(sealed(&mut writer).len(), 10 - HOURS_OPEN_MAX);
    writer.finish();
    assert_eq!(sealed(&mut writer).len(), HOURS_OPEN_MAX);
}

#[test]
fn the_ledger_has_a_segment_an_hour() {
    let mut writer = writer(1 << 30, HOUR);
    let row = |minute: u64, source: &str| LedgerRow {
        minute: at(ONE_PM + minute * MINUTE),
        source: Some(source.to_owned()),
        frames: 1,
        ..LedgerRow::default()
    };
    for minute in 58..62 {
        for source in ["b", "a"] {
            writer.push_ledger(row(minute, source)).unwrap();
        }
    }
    let first = writer.poll_sealed().unwrap().unwrap();
    assert_eq!((first.table, first.segment.rows), (Table::Capture, 4));
    assert!(writer.poll_sealed().unwrap().is_none());
    let rows = schema::decode_ledger(first.segment.bytes, &schema::Keyring::default()).unwrap();
    let sources: Vec<_> = rows
        .iter()
        .map(|(_, row)| row.source.as_deref().unwrap())
        .collect();
    assert_eq!(sources, ["a", "b", "a", "b"]);
    writer.finish();
    let second = writer.poll_sealed().unwrap().unwrap().segment;
    assert_eq!((second.rows, second.key.sequence()), (4, 1));
    assert!(writer.poll_sealed().unwrap().is_none());
}

/// Recording live, age counts from when a segment was opened: what was waited for, because a disk was slow, shares one.
#[test]
fn exchanges_that_come_late_share_a_segment_live() {
    let mut writer = writer(1 << 30, Duration::from_secs(1)).live();
    let late = ONE_PM + 10 * MINUTE;
    for i in 0..50 {
        writer
            .push(exchange(at(ONE_PM + i), 10), at(late + i))
            .unwrap();
    }
    writer.handle_timeout(at(late + 900_000)).unwrap();
    assert_eq!(sealed(&mut writer), []);
    writer.handle_timeout(at(late + 2_100_000)).unwrap();
    let segments = sealed(&mut writer);
    assert_eq!(
        segments.iter().map(|(_, rows)| rows).collect::<Vec<_>>(),
        [&50]
    );
}
