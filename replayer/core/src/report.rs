//! What a run found, in bounded memory: totals, endpoints, divergence groups, latency, schedule.
//!
//! A [`Report`] takes exchanges one by one in any order and writes what it has into a [`RunDocument`] at any time. What is
//! beyond a bound is counted in the open: endpoints beyond the bound are one called `other`, groups beyond it are
//! `ungrouped`, reasons beyond it are `other`.

mod conclusion;
mod endpoints;
mod example;
mod followed;
mod in_doubt;
mod latency;
mod lines;
mod merge;
mod reasons;
mod saved;
mod side_by_side;
mod three_way;
mod timeline;
mod words;

use schema::run::{DoubtfulExchange, NotCompared, RunDocument, RunTotals};
use schema::{Completeness, Exchange, ExchangeVerdict, Outcome};
use serde::{Deserialize, Serialize};

use crate::compare::{Comparison, policy};
use crate::endpoint;

use endpoints::Endpoints;
use latency::ScheduleStats;
use timeline::TimelineStats;

pub use conclusion::conclude;
pub use lines::{Lines, answer_lines};
pub use side_by_side::{CONTEXT, side_by_side};
pub use words::{grouped, plural, share_text};

pub(crate) use conclusion::capture_reasons;
pub(crate) use latency::LatencyStats;
pub(crate) use reasons::Reasons;
use saved::{pairs, text};
pub(crate) use three_way::three_way;

/// Bounds of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLimits {
    /// Endpoints that are told apart.
    pub endpoints_max: usize,
    /// Divergence groups over all endpoints.
    pub groups_max: usize,
    /// Example divergences a group.
    pub group_examples_max: usize,
    /// Side-by-side examples an endpoint.
    pub endpoint_examples_max: usize,
    /// Side-by-side examples in all.
    pub examples_max: usize,
    /// Rows of a side-by-side example.
    pub example_rows_max: usize,
    /// Buckets of the timeline.
    pub buckets_max: usize,
}

impl Default for ReportLimits {
    fn default() -> Self {
        Self {
            endpoints_max: 500,
            groups_max: 2_000,
            group_examples_max: 3,
            endpoint_examples_max: 3,
            examples_max: 200,
            example_rows_max: 60,
            buckets_max: 240,
        }
    }
}

/// What a run found so far. Its stored form is for the same program: a run that goes on goes on with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    is_paced: bool,
    totals: RunTotals,
    recorded_incompletely_by: Reasons,
    failed_by: Reasons,
    skipped_by: Reasons,
    incomparable_by: Reasons,
    endpoints: Endpoints,
    latency: LatencyStats,
    schedule: ScheduleStats,
    timeline: TimelineStats,
    /// For each row of the policy table: seen, differed.
    not_compared: Vec<(u64, u64)>,
    in_doubt: Vec<DoubtfulExchange>,
}

impl Report {
    /// An empty report of the run that `document` describes: its schedule and its gates matter.
    #[must_use]
    pub fn of(document: &RunDocument) -> Self {
        Self {
            schedule: ScheduleStats::gated(document.gates.lag_max_us),
            ..Self::new(document.schedule.is_paced())
        }
    }

    /// An empty report of a run whose requests have due times (`is_paced`), or go out as fast as possible.
    #[must_use]
    pub fn new(is_paced: bool) -> Self {
        Self::with_limits(is_paced, ReportLimits::default())
    }

    /// As [`Report::new`], with other bounds than the default ones.
    #[must_use]
    pub fn with_limits(is_paced: bool, limits: ReportLimits) -> Self {
        Self {
            is_paced,
            totals: RunTotals::default(),
            recorded_incompletely_by: Reasons::default(),
            failed_by: Reasons::default(),
            skipped_by: Reasons::default(),
            incomparable_by: Reasons::default(),
            endpoints: Endpoints::new(limits),
            latency: LatencyStats::default(),
            schedule: ScheduleStats::default(),
            timeline: TimelineStats::new(limits.buckets_max),
            not_compared: vec![(0, 0); policy::TABLE.len()],
            in_doubt: Vec::new(),
        }
    }

    /// Takes one planned exchange: as recorded, as replayed, and what comparing the two concluded.
    pub fn add(&mut self, recorded: &Exchange, actual: &Exchange, comparison: &Comparison) {
        let outcome = actual
            .replay
            .as_ref()
            .map_or(Outcome::Sent, |replay| replay.outcome);
        self.count(recorded, actual, comparison, outcome);
        let latency = latency::of_both(recorded, actual, outcome);
        if let Some((recorded, replayed)) = latency {
            self.latency.add(recorded, replayed);
        }
        if let Some(replay) = &actual.replay {
            self.count_in_doubt(recorded, replay);
            if outcome != Outcome::Skipped {
                self.schedule.add(replay, actual);
            }
            self.timeline.add(replay, comparison.verdict);
        }
        for (row, differed) in comparison.not_compared.rows() {
            let counts = &mut self.not_compared[row];
            counts.0 += 1;
            counts.1 += u64::from(differed);
        }
        self.endpoints.add(
            endpoint::of(recorded),
            recorded,
            actual,
            comparison,
            outcome,
            latency,
        );
    }

    fn count(
        &mut self,
        recorded: &Exchange,
        actual: &Exchange,
        comparison: &Comparison,
        outcome: Outcome,
    ) {
        let totals = &mut self.totals;
        totals.planned += 1;
        totals.divergences += comparison.found;
        if recorded.completeness == Completeness::Complete {
            totals.recorded_completely += 1;
        } else {
            self.recorded_incompletely_by
                .add(recorded.completeness.as_str());
        }
        let outcome_reason = actual
            .replay
            .as_ref()
            .and_then(|replay| replay.outcome_reason.as_deref())
            .unwrap_or("no reason given");
        match outcome {
            Outcome::Sent => totals.sent += 1,
            Outcome::Failed => {
                totals.failed += 1;
                self.failed_by.add(outcome_reason);
            }
            Outcome::Skipped => {
                totals.skipped += 1;
                self.skipped_by.add(outcome_reason);
            }
        }
        match comparison.verdict {
            ExchangeVerdict::Match => totals.matched += 1,
            ExchangeVerdict::Differ => totals.differed += 1,
            ExchangeVerdict::Incomparable => {
                totals.incomparable += 1;
                let reason = comparison.reason.as_deref();
                self.incomparable_by
                    .add(reason.unwrap_or("no reason given"));
            }
        }
    }

    /// Writes totals and aggregates into the document of a run that has ended: of `read` exchanges of the window the
    /// filters left out `filtered_out`.
    ///
    /// # Panics
    /// If more exchanges were taken than were read, or the sums do not add up: both would be a report that lies.
    pub fn write_into(&self, document: &mut RunDocument, read: u64, filtered_out: u64) {
        let selected = read
            .checked_sub(filtered_out)
            .expect("filters leave out what was read");
        let not_reached = selected
            .checked_sub(self.totals.planned)
            .expect("what has an outcome was read and selected");
        self.write_into_running(document);
        document.totals.read = read;
        document.totals.filtered_out = filtered_out;
        document.totals.not_reached = not_reached;
    }

    /// Writes totals and aggregates so far into the document of a run that goes on.
    pub fn write_into_running(&self, document: &mut RunDocument) {
        let totals = RunTotals {
            read: self.totals.planned,
            recorded_incompletely_by: self.recorded_incompletely_by.counts(),
            failed_by: self.failed_by.counts(),
            skipped_by: self.skipped_by.counts(),
            incomparable_by: self.incomparable_by.counts(),
            ..self.totals.clone()
        };
        assert_adds_up(&totals);
        document.totals = totals;
        let report = &mut document.report;
        report.endpoints = self.endpoints.reports();
        report.latency = self.latency.report_with_curve();
        // How many were held back is the driver's to say.
        let held_back = report.schedule.held_back;
        report.schedule = if self.is_paced {
            let (first, last) = self.timeline.lag_at_ends_us();
            self.schedule.report(first, last)
        } else {
            schema::run::ScheduleReport::default()
        };
        report.schedule.held_back = held_back;
        report.timeline = self.timeline.report();
        report.not_compared = self.not_compared();
        report.in_doubt.clone_from(&self.in_doubt);
    }

    /// Exchanges that have an outcome.
    #[must_use]
    pub fn planned(&self) -> u64 {
        self.totals.planned
    }

    /// Those among them that were sent, that failed and that were skipped.
    #[must_use]
    pub fn outcomes(&self) -> (u64, u64, u64) {
        (self.totals.sent, self.totals.failed, self.totals.skipped)
    }

    fn not_compared(&self) -> Vec<NotCompared> {
        let mut rows: Vec<NotCompared> = policy::TABLE
            .iter()
            .zip(&self.not_compared)
            .filter(|(_, (seen, _))| *seen > 0)
            .map(|(policy, &(seen, differed))| NotCompared {
                part: "header".to_owned(),
                name: policy.name.to_owned(),
                aspect: policy.aspect.to_owned(),
                reason: policy.reason.to_owned(),
                seen,
                differed,
            })
            .collect();
        rows.sort_by(|a, b| (b.differed, b.seen, &a.name).cmp(&(a.differed, a.seen, &b.name)));
        rows
    }
}

/// Every exchange has one outcome, one verdict, and where it is not plain success, one reason.
fn assert_adds_up(totals: &RunTotals) {
    let sum = |counts: &[schema::run::ReasonCount]| counts.iter().map(|c| c.count).sum::<u64>();
    let incomplete = sum(&totals.recorded_incompletely_by);
    assert_eq!(totals.planned, totals.sent + totals.failed + totals.skipped);
    assert_eq!(totals.planned, totals.judged() + totals.incomparable);
    assert_eq!(totals.planned, totals.recorded_completely + incomplete);
    assert_eq!(totals.failed, sum(&totals.failed_by));
    assert_eq!(totals.skipped, sum(&totals.skipped_by));
    assert_eq!(totals.incomparable, sum(&totals.incomparable_by));
    assert!(totals.in_doubt_sent_again <= totals.in_doubt && totals.in_doubt <= totals.planned);
}

#[cfg(test)]
mod tests;
