//! Reports of parts of a run become one of the whole.

use schema::run::RunTotals;

use super::Report;

impl Report {
    /// Takes what another report of the same run has: every sum is what one report of both would have.
    pub fn merge(&mut self, other: &Self) {
        add(&mut self.totals, &other.totals);
        self.recorded_incompletely_by
            .merge(&other.recorded_incompletely_by);
        self.failed_by.merge(&other.failed_by);
        self.skipped_by.merge(&other.skipped_by);
        self.incomparable_by.merge(&other.incomparable_by);
        self.endpoints.merge(&other.endpoints);
        self.latency.merge(&other.latency);
        self.schedule.merge(&other.schedule);
        self.timeline.merge(&other.timeline);
        for (row, (seen, differed)) in self.not_compared.iter_mut().zip(&other.not_compared) {
            row.0 += seen;
            row.1 += differed;
        }
        self.list_in_doubt(other);
    }
}

/// Adds what is counted here; reasons are counted apart.
fn add(into: &mut RunTotals, other: &RunTotals) {
    into.planned += other.planned;
    into.recorded_completely += other.recorded_completely;
    into.sent += other.sent;
    into.failed += other.failed;
    into.skipped += other.skipped;
    into.matched += other.matched;
    into.differed += other.differed;
    into.incomparable += other.incomparable;
    into.divergences += other.divergences;
    into.in_doubt += other.in_doubt;
    into.in_doubt_sent_again += other.in_doubt_sent_again;
}
