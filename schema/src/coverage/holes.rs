//! When something was not recorded, or was lost: for a picture of the window.

use std::collections::BTreeMap;

use super::{MINUTE, minutes};
use crate::comparison::CoverageHole;
use crate::{LedgerRow, RecorderId, TimeWindow, Timestamp};

/// Holes of one kind that are listed.
const OF_KIND_MAX: usize = 100;

/// What a ledger row says was lost.
type Loss = (&'static str, fn(&LedgerRow) -> u64);

const LOSSES: [Loss; 5] = [
    ("interrupted", |row| row.interruptions),
    ("exchanges shed", |row| row.exchanges_shed),
    ("frames dropped", |row| row.frames_dropped),
    ("frames truncated", |row| row.frames_truncated),
    ("bytes lost", |row| row.gap_bytes),
];

/// The holes of `window` in order of time, minutes that follow each other together, and how many are not listed.
#[must_use]
pub fn holes(window: TimeWindow, rows: &[(RecorderId, LedgerRow)]) -> (Vec<CoverageHole>, u64) {
    let first = window.start.minute();
    let is_inside = |row: &&LedgerRow| row.minute >= first && row.minute < window.end;
    let rows: Vec<&LedgerRow> = rows.iter().map(|(_, row)| row).filter(is_inside).collect();
    let (mut holes, mut left_out) = (Vec::new(), 0);
    let mut list = |kind: Vec<CoverageHole>| {
        left_out += kind.len().saturating_sub(OF_KIND_MAX) as u64;
        holes.extend(kind.into_iter().take(OF_KIND_MAX));
    };
    list(missing(first, window.end, &rows));
    for (kind, count) in LOSSES {
        let mut by_minute: BTreeMap<Timestamp, u64> = BTreeMap::new();
        for row in rows.iter().filter(|row| count(row) > 0) {
            *by_minute.entry(row.minute).or_default() += count(row);
        }
        list(together(kind, by_minute));
    }
    holes.sort_by_key(|hole| (hole.from, hole.to));
    (holes, left_out)
}

/// Minutes without a row.
fn missing(first: Timestamp, end: Timestamp, rows: &[&LedgerRow]) -> Vec<CoverageHole> {
    let recorded: std::collections::BTreeSet<Timestamp> =
        rows.iter().map(|row| row.minute).collect();
    let mut holes = Vec::new();
    let mut expected = first;
    for minute in recorded.into_iter().chain([end]) {
        let count = minutes(expected, minute);
        if count > 0 {
            holes.push(CoverageHole {
                from: expected,
                to: minute,
                kind: "not recorded".to_owned(),
                count,
            });
        }
        expected = minute.saturating_add(MINUTE);
    }
    holes
}

/// Minutes that follow each other as one.
fn together(kind: &str, by_minute: BTreeMap<Timestamp, u64>) -> Vec<CoverageHole> {
    let mut holes: Vec<CoverageHole> = Vec::new();
    for (minute, count) in by_minute {
        let end = minute.saturating_add(MINUTE);
        match holes.last_mut() {
            Some(last) if last.to == minute => {
                last.to = end;
                last.count += count;
            }
            _ => holes.push(CoverageHole {
                from: minute,
                to: end,
                kind: kind.to_owned(),
                count,
            }),
        }
    }
    holes
}
