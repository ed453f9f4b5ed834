//! How whole a recorded window is, from the ledger: what was not recorded, and what was lost while recording.
//!
//! [`Coverage`] is the window in sums, which plans and verdicts rest on; [`Timeline`] is the same minute by minute and source
//! by source, for people who look for the cause. One [`CoverageBuilder`] makes both, so that they never differ.

mod holes;
mod timeline;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::{LedgerRow, RecorderId, TimeWindow, Timestamp};

pub use holes::holes;
pub use timeline::{Lane, Loss, State, Stretch, Timeline};

const MINUTE: Duration = Duration::from_secs(60);
/// Holes that are listed; what is more is only counted.
const HOLES_MAX: usize = 100;

/// What the ledger says about a window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Minutes of the window, counting those that it only touches.
    pub minutes: u64,
    /// Minutes that at least one recorder lived through.
    pub minutes_recorded: u64,
    /// Minutes that no recorder lived through.
    pub minutes_missing: u64,
    /// Where they are; at most 100 are listed.
    pub holes: Vec<Hole>,
    /// How many holes there are.
    pub holes_total: u64,
    /// Minutes that one recorder lacks between its first and its last in the window, while another one recorded.
    pub recorder_minutes_missing: u64,
    /// Recorders with rows in the window.
    pub recorders: Vec<String>,
    /// Frames received.
    pub frames: u64,
    /// Frames that a socket or a NIC dropped.
    pub frames_dropped: u64,
    /// Frames that the mirror cut.
    pub frames_truncated: u64,
    /// Bytes cut off.
    pub bytes_truncated: u64,
    /// Frames that are no TCP over IP that can be read.
    pub frames_undecodable: u64,
    /// Holes in TCP streams.
    pub gaps: u64,
    /// Bytes in them.
    pub gap_bytes: u64,
    /// Connections that were under way when first seen.
    pub connections_joined_midstream: u64,
    /// Exchanges stored.
    pub exchanges: u64,
    /// Those that are not complete.
    pub exchanges_incomplete: u64,
    /// Exchanges that were recorded and are not in the archive: the recorder's spool was full, or damaged.
    pub exchanges_shed: u64,
    /// How often a recorder ended without being told to; what passed until it ran again is unknown.
    pub interruptions: u64,
    /// Exchanges that sampling or filters left out of the archive: by choice, not lost.
    pub exchanges_sampled_out: u64,
    /// Those among them that a filter left out.
    pub exchanges_filtered_out: u64,
    /// Bodies that redaction took out whole: by choice, not lost.
    pub bodies_masked: u64,
    /// Payload that is TLS.
    pub bytes_tls: u64,
}

/// A stretch of whole minutes without a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hole {
    /// The first minute that is missing, RFC 3339.
    pub from: String,
    /// The first minute after that is not, RFC 3339.
    pub to: String,
    /// How many minutes it has.
    pub minutes: u64,
}

impl Coverage {
    /// The coverage of `window`, from every ledger row of its minutes; others are not looked at.
    #[must_use]
    pub fn new(window: TimeWindow, rows: &[(RecorderId, LedgerRow)]) -> Self {
        let mut builder = CoverageBuilder::new(window);
        for (recorder, row) in rows {
            builder.add(recorder, row);
        }
        builder.finish().0
    }

    /// Whether everything in the window that was to be recorded was: nothing missing, dropped or cut. What sampling and
    /// filters left out was not to be recorded; [`Coverage::left_out`] says it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.minutes_missing == 0
            && self.recorder_minutes_missing == 0
            && self.frames_dropped == 0
            && self.frames_truncated == 0
            && self.gaps == 0
            && self.exchanges_shed == 0
            && self.interruptions == 0
    }

    /// What a user has to know before trusting a result from this window; empty if nothing.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.minutes_missing > 0 {
            let where_from = self
                .holes
                .first()
                .map(|hole| hole.from.as_str())
                .unwrap_or_default();
            warnings.push(format!(
                "{} of {} minutes were not recorded, in {} hole{}, the first from {where_from}",
                self.minutes_missing,
                self.minutes,
                self.holes_total,
                if self.holes_total == 1 { "" } else { "s" },
            ));
        }
        let mut count = |count: u64, what: &str| {
            if count > 0 {
                warnings.push(format!("{count} {what}"));
            }
        };
        count(
            self.recorder_minutes_missing,
            "minutes are missing of one recorder while another one recorded",
        );
        count(
            self.frames_dropped,
            "frames were dropped before they could be recorded",
        );
        count(self.frames_truncated, "frames were cut by the mirror");
        count(self.gaps, "gaps in TCP streams: bytes that the mirror lost");
        count(
            self.exchanges_shed,
            "exchanges were lost after they were recorded: the recorder's spool was full, or damaged",
        );
        count(
            self.interruptions,
            "times a recorder ended without being told to: what passed until it ran again is not known",
        );
        count(self.bytes_tls, "bytes were TLS, which cannot be read");
        warnings
    }

    /// How much of the traffic was left out when recording, by choice; `None` if nothing was.
    #[must_use]
    pub fn left_out(&self) -> Option<String> {
        let (left_out, filtered) = (self.exchanges_sampled_out, self.exchanges_filtered_out);
        let seen = left_out + self.exchanges;
        let sampled = left_out.saturating_sub(filtered);
        let why = match (filtered, sampled) {
            (0, 0) => return None,
            (0, _) => "by sampling".to_owned(),
            (_, 0) => "by filters".to_owned(),
            _ => format!("{filtered} by filters and {sampled} by sampling"),
        };
        Some(format!(
            "{left_out} of {seen} exchanges, {why}, when recording: by choice, not lost"
        ))
    }

    fn add(&mut self, row: &LedgerRow) {
        self.frames += row.frames;
        self.frames_dropped += row.frames_dropped;
        self.frames_truncated += row.frames_truncated;
        self.bytes_truncated += row.bytes_truncated;
        self.frames_undecodable += row.frames_undecodable;
        self.gaps += row.gaps;
        self.gap_bytes += row.gap_bytes;
        self.connections_joined_midstream += row.connections_joined_midstream;
        self.exchanges += row.exchanges;
        self.exchanges_incomplete += row.exchanges_incomplete;
        self.exchanges_shed += row.exchanges_shed;
        self.interruptions += row.interruptions;
        self.exchanges_sampled_out += row.exchanges_sampled_out;
        self.exchanges_filtered_out += row.exchanges_filtered_out;
        self.bodies_masked += row.bodies_masked;
        self.bytes_tls += row.bytes_tls;
    }

    /// Counts the minutes of the window that are not among `recorded`, and lists where they are.
    fn add_holes(&mut self, window: TimeWindow, recorded: &BTreeSet<u32>) {
        let first = window.start.minute();
        self.minutes = minutes(first, window.end);
        self.minutes_recorded = recorded.len() as u64;
        self.minutes_missing = self.minutes.saturating_sub(self.minutes_recorded);
        let mut expected = first;
        for &minute in recorded {
            let minute = first.saturating_add(MINUTE * minute);
            self.add_hole(expected, minute);
            expected = minute.saturating_add(MINUTE);
        }
        self.add_hole(expected, window.end);
    }

    /// Notes the hole from `from` up to `to`, if there is one.
    fn add_hole(&mut self, from: Timestamp, to: Timestamp) {
        let minutes = minutes(from, to);
        if minutes == 0 {
            return;
        }
        self.holes_total += 1;
        if self.holes.len() < HOLES_MAX {
            self.holes.push(Hole {
                from: from.to_string(),
                to: to.to_string(),
                minutes,
            });
        }
    }
}

/// Ledger rows in, the coverage of a window out. Memory: a few bytes a minute of each recorder, and some dozens a minute of
/// each of the first 64 sources; further ones are taken together.
#[derive(Debug)]
pub struct CoverageBuilder {
    window: TimeWindow,
    coverage: Coverage,
    timeline: timeline::TimelineBuilder,
}

impl CoverageBuilder {
    /// The coverage of `window`, before any row.
    #[must_use]
    pub fn new(window: TimeWindow) -> Self {
        Self {
            window,
            coverage: Coverage::default(),
            timeline: timeline::TimelineBuilder::default(),
        }
    }

    /// Adds a row of the ledger; one of a minute that the window does not touch is passed by. Rows may come in any order.
    pub fn add(&mut self, recorder: &RecorderId, row: &LedgerRow) {
        let first = self.window.start.minute();
        if row.minute < first || row.minute >= self.window.end {
            return;
        }
        let minute = row.minute.since(first).as_secs() / MINUTE.as_secs();
        self.coverage.add(row);
        self.timeline
            .add(u32::try_from(minute).unwrap_or(u32::MAX), recorder, row);
    }

    /// What the rows say.
    #[must_use]
    pub fn finish(mut self) -> (Coverage, Timeline) {
        let coverage = &mut self.coverage;
        coverage.add_holes(self.window, &self.timeline.recorded());
        coverage.recorders = self.timeline.recorders();
        coverage.recorder_minutes_missing = self.timeline.recorder_minutes_missing();
        let minutes = u32::try_from(coverage.minutes).unwrap_or(u32::MAX);
        let timeline = self.timeline.finish(self.window.start.minute(), minutes);
        (self.coverage, timeline)
    }
}

/// How many minutes begin from `from`, itself the start of one, up to `to`.
fn minutes(from: Timestamp, to: Timestamp) -> u64 {
    let minutes = to.since(from).as_nanos().div_ceil(MINUTE.as_nanos());
    u64::try_from(minutes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
