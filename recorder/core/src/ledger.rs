//! Counts by minute, source and network.
//!
//! Everything is counted in a cell of (minute, source, network id); a row is a cell whose minute lies far enough behind
//! packet time. What comes later than that is counted in the earliest minute that is still open, so that the sum over all
//! rows is exact, always. An exchange counts in the minute of its start, and comes late if it took longer.
//!
//! Every minute between the first and the last frame has a row, so that a minute without one was not recorded. A silence
//! longer than [`Limits::ledger_empty_minutes_max`] was none: the capture was not running. On a line that is watched live
//! minutes get their rows as they pass, from when watching began.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;
use schema::{LedgerRow, Timestamp, Vni};

use crate::flow::Sources;
use crate::{Anomaly, Counters, Limits};

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// What a cell counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    source: u32,
    vni: Option<Vni>,
}

/// The ledger in the making.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    cells: Vec<Counters>,
    free: Vec<usize>,
    /// Cells of the minutes that are open.
    open: BTreeMap<Timestamp, FxHashMap<Key, usize>>,
    rows_open: usize,
    /// The cell that was used last.
    last: Option<(Timestamp, Key, usize)>,
    /// The first minute whose rows were not given out.
    first_open: Timestamp,
    /// The minute of the last frame.
    newest: Timestamp,
    ready: VecDeque<LedgerRow>,
    /// Sum of the cells that became rows.
    closed: Counters,
    /// Whether time passes by the clock: silence is then known to be silence.
    watched: bool,
}

impl Ledger {
    /// Where to count what happened at a time.
    pub(crate) fn cell(
        &mut self,
        at: Timestamp,
        source: u32,
        vni: Option<Vni>,
        limits: &Limits,
    ) -> &mut Counters {
        let minute = at.minute().max(self.first_open);
        let key = Key { source, vni };
        let index = match self.last {
            Some((last_minute, last_key, index)) if last_minute == minute && last_key == key => {
                index
            }
            _ => self.find(minute, key, limits),
        };
        self.last = Some((minute, key, index));
        &mut self.cells[index]
    }

    /// Every minute from `now` on gets a row as it passes.
    pub(crate) fn watch(&mut self, now: Timestamp) {
        self.watched = true;
        self.first_open = self.first_open.max(now.minute());
    }

    /// Packet time is `now`: minutes that lie far enough behind become rows.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp, sources: &Sources, limits: &Limits) {
        while let Some(minute) = self.open.first_key_value().map(|(minute, _)| *minute)
            && now
                >= minute
                    .saturating_add(MINUTE)
                    .saturating_add(limits.ledger_lateness)
        {
            self.close(minute, sources, limits);
        }
        self.pass(now.saturating_sub(limits.ledger_lateness).minute(), limits);
    }

    /// When [`Ledger::handle_timeout`] will have something.
    pub(crate) fn next_timeout(&self, limits: &Limits) -> Option<Timestamp> {
        let open = self.open.first_key_value().map(|(minute, _)| *minute);
        let watched = self.watched.then_some(self.first_open);
        let minute = open.into_iter().chain(watched).min()?;
        Some(
            minute
                .saturating_add(MINUTE)
                .saturating_add(limits.ledger_lateness),
        )
    }

    /// Every minute up to that of `now` becomes rows.
    pub(crate) fn finish(&mut self, now: Timestamp, sources: &Sources, limits: &Limits) {
        while let Some(minute) = self.open.first_key_value().map(|(minute, _)| *minute) {
            self.close(minute, sources, limits);
        }
        self.pass(now.minute().saturating_add(MINUTE), limits);
    }

    pub(crate) fn poll(&mut self) -> Option<LedgerRow> {
        self.ready.pop_front()
    }

    /// Sum over everything so far.
    pub(crate) fn totals(&self) -> Counters {
        let mut totals = self.closed.clone();
        for index in self.open.values().flat_map(FxHashMap::values) {
            totals.add(&self.cells[*index]);
        }
        totals
    }

    fn find(&mut self, minute: Timestamp, key: Key, limits: &Limits) -> usize {
        if let Some(index) = self.open.get(&minute).and_then(|cells| cells.get(&key)) {
            return *index;
        }
        let other = Key {
            source: Sources::OTHER,
            vni: None,
        };
        if self.rows_open >= limits.ledger_rows_max && key != other {
            let index = self.find(minute, other, limits);
            self.cells[index].count(Anomaly::LedgerRowsFull);
            return index;
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.cells.push(Counters::default());
            self.cells.len() - 1
        });
        self.open.entry(minute).or_default().insert(key, index);
        self.rows_open += 1;
        self.newest = self.newest.max(minute);
        index
    }

    /// Gives out the rows of the earliest open minute, and of the empty ones before it.
    fn close(&mut self, minute: Timestamp, sources: &Sources, limits: &Limits) {
        let Some(cells) = self.open.remove(&minute) else {
            return;
        };
        self.fill(minute, limits);
        self.first_open = minute.saturating_add(MINUTE);
        self.last = None;
        let mut cells: Vec<_> = cells.into_iter().collect();
        cells.sort_unstable_by_key(|(key, _)| (sources.name(key.source), key.vni));
        for (key, index) in cells {
            let counters = std::mem::take(&mut self.cells[index]);
            self.free.push(index);
            self.rows_open -= 1;
            self.closed.add(&counters);
            self.ready.push_back(LedgerRow {
                minute,
                source: Some(sources.name(key.source).to_string()),
                vni: key.vni,
                ..counters.ledger
            });
        }
    }

    /// On a watched line, gives out rows for the silent minutes before `minute`; none of them is open any more.
    fn pass(&mut self, minute: Timestamp, limits: &Limits) {
        if self.watched && self.first_open < minute {
            self.fill(minute, limits);
            self.first_open = minute;
            self.last = None;
        }
    }

    /// Gives out rows for the minutes between the last row and `minute`, in which nothing came.
    fn fill(&mut self, minute: Timestamp, limits: &Limits) {
        if self.first_open == Timestamp::MIN {
            return;
        }
        let empty = minute.since(self.first_open).as_secs() / 60;
        let filled = empty.min(limits.ledger_empty_minutes_max);
        for index in 0..filled {
            self.ready.push_back(LedgerRow {
                minute: self
                    .first_open
                    .saturating_add(MINUTE * u32::try_from(index).unwrap_or(u32::MAX)),
                ..LedgerRow::default()
            });
        }
        self.closed
            .count_many(Anomaly::LedgerMinuteSkipped, empty - filled);
    }
}

#[cfg(test)]
mod tests;
