//! Exchanges that are in the spool and that no ledger row counts yet: a minute's row comes when the minute is over, and a
//! recorder that is killed before takes its counts with it.

use std::collections::BTreeMap;

use schema::{Completeness, Exchange, LedgerRow, Timestamp, Vni};

/// Cells that are kept; beyond, the oldest are forgotten, and their minute then counts as not recorded.
const CELLS_MAX: usize = 4_096;

/// What one minute, source and network has: exchanges stored minus exchanges that rows counted.
type Cells = BTreeMap<(Timestamp, Option<String>, Option<Vni>), (i64, i64)>;

/// Counts exchanges until their ledger rows come.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsettled {
    cells: Cells,
}

impl Unsettled {
    /// An exchange was stored.
    pub(super) fn handle_exchange(&mut self, exchange: &Exchange) {
        let source = exchange.connection.source.as_deref().map(str::to_owned);
        let incomplete = exchange.completeness != Completeness::Complete;
        let minute = exchange.start().minute();
        self.add(
            minute,
            source,
            exchange.connection.vni,
            (1, i64::from(incomplete)),
        );
    }

    /// A row of the ledger came, which counts some of them.
    pub(super) fn handle_row(&mut self, row: &LedgerRow) {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).saturating_neg();
        // What was let go before it came here was never stored: requests that proxies copied, when they were too many.
        let exchanges = row.exchanges.saturating_sub(row.exchanges_shed);
        let incomplete = row.exchanges_incomplete.saturating_sub(row.exchanges_shed);
        let counts = (count(exchanges), count(incomplete));
        self.add(row.minute, row.source.clone(), row.vni, counts);
    }

    /// Exchanges that were stored are gone: a row that counts them counts them all the same.
    pub(super) fn handle_lost(&mut self, row: &LedgerRow) {
        let lost = i64::try_from(row.exchanges_shed).unwrap_or(i64::MAX);
        self.add(row.minute, row.source.clone(), row.vni, (lost, 0));
    }

    /// What was unsettled when a file began.
    pub(super) fn handle_open(&mut self, row: &LedgerRow) {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counts = (count(row.exchanges), count(row.exchanges_incomplete));
        self.add(row.minute, row.source.clone(), row.vni, counts);
    }

    /// Rows that count what no row counts. An exchange that came late is counted in a later minute than its own, so that what
    /// a source has too much in one minute and too little in another is the same exchange.
    pub(super) fn rows(&self) -> Vec<LedgerRow> {
        let mut by_source: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((minute, source, vni), counts) in &self.cells {
            let rows = by_source.entry((source, vni)).or_default();
            rows.push((*minute, *counts));
        }
        let mut rows = Vec::new();
        for ((source, vni), minutes) in by_source {
            let counted = |count: i64| count.min(0).saturating_neg();
            let mut late: i64 = minutes.iter().map(|(_, counts)| counted(counts.0)).sum();
            let mut late_incomplete: i64 =
                minutes.iter().map(|(_, counts)| counted(counts.1)).sum();
            for (minute, (exchanges, incomplete)) in minutes {
                let exchanges = settle(exchanges, &mut late);
                let exchanges_incomplete = settle(incomplete, &mut late_incomplete).min(exchanges);
                if exchanges > 0 {
                    rows.push(LedgerRow {
                        minute,
                        source: source.clone(),
                        vni: *vni,
                        exchanges,
                        exchanges_incomplete,
                        ..LedgerRow::default()
                    });
                }
            }
        }
        rows
    }

    fn add(
        &mut self,
        minute: Timestamp,
        source: Option<String>,
        vni: Option<Vni>,
        (exchanges, incomplete): (i64, i64),
    ) {
        let key = (minute, source, vni);
        let cell = self.cells.entry(key.clone()).or_default();
        cell.0 = cell.0.saturating_add(exchanges);
        cell.1 = cell.1.saturating_add(incomplete);
        if *cell == (0, 0) {
            self.cells.remove(&key);
        }
        if self.cells.len() > CELLS_MAX {
            self.cells.pop_first();
        }
    }
}

/// What is left of `count` after `late` was taken off, which shrinks by what was.
fn settle(count: i64, late: &mut i64) -> u64 {
    let count = count.max(0);
    let taken = count.min(*late);
    *late -= taken;
    u64::try_from(count - taken).unwrap_or(0)
}

#[cfg(test)]
mod tests;
