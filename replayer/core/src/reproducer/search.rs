//! What chains lack, looked for in the candidate's run, backwards in time.
//!
//! A browser logs in on one connection and orders on another. A chain is the requests of one connection; here it gets those of
//! others that it takes:
//!
//! * the last answer before that gave what the chain's requests say (see `lacks`), and what its request lacks, and so on;
//! * requests that write and have a credential of the chain, if it is known where that comes from: a key that nobody was
//!   given says nothing of whose requests those are.
//!
//! Whoever drives this reads one stretch of the run after the other, each longer than the one after it, and from where
//! something was found anew: what that lacks was given not long before.

mod complete;
mod entries;

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use schema::{Exchange, ExchangeId, Outcome, TimeWindow, Timestamp};

use super::lacks::{Lacking, lacks};
use super::{About, Link, ReproducerLimits, carry, needed};
use entries::{Entries, Given};

pub use complete::Completed;

/// How long the first stretch is; each after it is twice as long, up to an hour.
const STRETCH_MIN: Duration = Duration::from_secs(1);
const STRETCH_MAX: Duration = Duration::from_secs(3_600);

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchStep {
    /// Read the candidate's exchanges of this window, in order of time: [`Search::handle_exchange`], [`Search::handle_end`].
    Read(TimeWindow),
    /// Read these recorded exchanges, by when they were recorded: [`Search::handle_recorded`].
    LookUp(Vec<(Timestamp, ExchangeId)>),
    /// There is nothing left to find.
    Finished,
}

/// The search for what the chains of one comparison lack.
#[derive(Debug)]
pub struct Search {
    limits: ReproducerLimits,
    about: About,
    /// When the run began.
    earliest: Timestamp,
    /// Up to here nothing has been looked at for all that is looked for.
    cursor: Timestamp,
    /// Up to here nothing has been looked at.
    lowest: Timestamp,
    stretch: Duration,
    entries: Entries,
    /// What the entries of each chain are, in the order they were added.
    chains: Vec<Vec<usize>>,
    /// What may be wanted of the stretch that is read.
    seen: FxHashMap<ExchangeId, Exchange>,
    /// What is wanted, and not looked up yet.
    wanted: Vec<Exchange>,
    found: FxHashMap<ExchangeId, Found>,
    found_bytes: usize,
    looked_at: u64,
    is_exhausted: bool,
    /// Exchanges that were found and are not among `found`.
    lost: FxHashSet<ExchangeId>,
}

#[derive(Debug)]
struct Found {
    link: Link,
    entries: Vec<usize>,
}

impl Search {
    /// A search in a run that began then.
    #[must_use]
    pub fn new(limits: ReproducerLimits, earliest: Timestamp, about: About) -> Self {
        Self {
            entries: Entries::new(&limits),
            limits,
            about,
            earliest,
            cursor: earliest,
            lowest: Timestamp::MAX,
            stretch: STRETCH_MIN,
            chains: Vec::new(),
            seen: FxHashMap::default(),
            wanted: Vec::new(),
            found: FxHashMap::default(),
            found_bytes: 0,
            looked_at: 0,
            is_exhausted: false,
            lost: FxHashSet::default(),
        }
    }

    /// Adds a chain, before the first [`Search::poll`]. It is completed by its number, from 0.
    pub fn add(&mut self, chain: &[Link]) {
        let sent: Vec<&Link> = chain.iter().filter(|link| link.is_sent()).collect();
        let steps: Vec<_> = sent.iter().map(|link| link.step(&self.about)).collect();
        let carried = carry::carried(&steps);
        let needed = needed::needed(&steps, &carried);
        let mut lacking = Vec::new();
        for (number, step) in steps.iter().enumerate().filter(|(at, _)| needed[*at]) {
            let start = sent[number].sent().start();
            for new in lacks(step) {
                let text = new.lack.text();
                let given = carried.iter().find(|value| value.text() == text);
                let given = given.filter(|value| value.from < number);
                let given = given.map(|value| Given::by(sent[value.from].sent()));
                if given.is_none() || new.is_credential {
                    lacking.push((new, start, given));
                }
            }
        }
        let of_chain = lacking.into_iter();
        let of_chain: Vec<usize> = of_chain
            .filter_map(|(lacking, start, given)| self.want(lacking, start, given))
            .collect();
        let until = sent.last().map(|link| link.sent().start());
        self.entries.last_until(&of_chain, until);
        self.chains.push(of_chain);
    }

    /// What to do next.
    #[must_use]
    pub fn poll(&self) -> SearchStep {
        if !self.wanted.is_empty() {
            let recorded = |exchange: &Exchange| {
                let replay = exchange.replay.as_ref();
                let start = replay.map_or_else(|| exchange.start(), |replay| replay.recorded_start);
                (start, exchange.id())
            };
            return SearchStep::LookUp(self.wanted.iter().map(recorded).collect());
        }
        let is_over = self.is_exhausted || self.cursor <= self.earliest;
        if is_over || !self.entries.is_any_open(self.cursor) {
            return SearchStep::Finished;
        }
        SearchStep::Read(self.window())
    }

    /// Takes an exchange of the candidate's run; whether more are to be read.
    pub fn handle_exchange(&mut self, exchange: &Exchange) -> bool {
        if self.looked_at == self.limits.looked_back_exchanges_max {
            self.is_exhausted = true;
            return false;
        }
        self.looked_at += 1;
        let replay = exchange.replay.as_ref();
        let is_sent = replay.is_none_or(|replay| replay.outcome != Outcome::Skipped);
        let is_first = exchange.start() < self.lowest;
        if is_sent && self.entries.see(exchange, is_first) {
            self.seen.insert(exchange.id(), exchange.clone());
        }
        true
    }

    /// The stretch that was asked for ends.
    pub fn handle_end(&mut self) {
        self.cursor = self.window().start;
        self.lowest = self.lowest.min(self.cursor);
        self.stretch = (self.stretch * 2).min(STRETCH_MAX);
        for id in self.entries.settle() {
            let is_known = self.found.contains_key(&id) || self.lost.contains(&id);
            let Some(exchange) = self.seen.remove(&id).filter(|_| !is_known) else {
                continue;
            };
            self.found_bytes += 2 * exchange.memory();
            if self.found_bytes > self.limits.found_bytes_max {
                self.lost.insert(id);
            } else {
                self.wanted.push(exchange);
            }
        }
        self.seen.clear();
    }

    /// Takes what was looked up.
    pub fn handle_recorded(&mut self, mut recorded: impl FnMut(ExchangeId) -> Option<Exchange>) {
        for candidate in std::mem::take(&mut self.wanted) {
            let id = candidate.id();
            let Some(recorded) = recorded(id) else {
                self.lost.insert(id);
                continue;
            };
            let start = candidate.start();
            let link = Link {
                recorded,
                baseline: None,
                candidate: Some(candidate),
            };
            let lacking = lacks(&link.step(&self.about));
            let lacking = lacking.into_iter();
            let entries = lacking
                .filter_map(|lacking| self.want(lacking, start, None))
                .collect();
            self.found.insert(id, Found { link, entries });
        }
    }

    fn window(&self) -> TimeWindow {
        let before = self.cursor.saturating_sub(self.stretch);
        TimeWindow {
            start: before.max(self.earliest),
            end: self.cursor,
        }
    }

    /// Notes that a request sent at `start` says something; the number of its entry.
    fn want(&mut self, lacking: Lacking, start: Timestamp, given: Option<Given>) -> Option<usize> {
        let (number, is_new) = self.entries.add(lacking, start, given)?;
        if is_new && start > self.cursor {
            self.cursor = start;
            self.stretch = STRETCH_MIN;
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests;
