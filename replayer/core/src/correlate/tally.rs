//! What is told of correlation: counts by source and place. Values never get here.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use schema::run::{CorrelationSource, ReasonCount, RunCorrelation};

use super::saved::{Learned, SavedSource};
use super::{Correlation, Missed, Place};

/// Sources that are told apart; the others are one called `other`.
const SOURCES_MAX: usize = 256;

/// Counts of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    names: FxHashMap<String, usize>,
    sources: Vec<Source>,
    missed: BTreeMap<Missed, u64>,
    pub(super) requests_changed: u64,
}

#[derive(Debug)]
struct Source {
    name: String,
    learned: u64,
    used: BTreeMap<Place, u64>,
}

impl Tally {
    /// Counts with a line for each rule: one that never matches is seen by its zero.
    pub(super) fn new(rules: &Correlation) -> Self {
        let mut tally = Self::default();
        for rule in &rules.rules {
            tally.source(&rule.to_string());
        }
        tally
    }

    /// The number of a source.
    pub(super) fn source(&mut self, name: &str) -> usize {
        if let Some(&number) = self.names.get(name) {
            return number;
        }
        let name = if self.sources.len() < SOURCES_MAX {
            name
        } else {
            "other"
        };
        if let Some(&number) = self.names.get(name) {
            return number;
        }
        let number = self.sources.len();
        self.names.insert(name.to_owned(), number);
        self.sources.push(Source {
            name: name.to_owned(),
            learned: 0,
            used: BTreeMap::new(),
        });
        number
    }

    pub(super) fn learned(&mut self, source: usize) {
        self.sources[source].learned += 1;
    }

    pub(super) fn used(&mut self, source: usize, place: Place) {
        *self.sources[source].used.entry(place).or_default() += 1;
    }

    pub(super) fn miss(&mut self, missed: Missed) {
        *self.missed.entry(missed).or_default() += 1;
    }

    /// Adds the counts to what is kept.
    pub(super) fn save(&self, learned: &mut Learned) {
        learned.requests_changed = self.requests_changed;
        let saved = |source: &Source| SavedSource {
            name: source.name.clone(),
            learned: source.learned,
            used: source
                .used
                .iter()
                .map(|(place, count)| (*place as u8, *count))
                .collect(),
        };
        learned.sources = self.sources.iter().map(saved).collect();
        let missed = self.missed.iter();
        learned.missed = missed
            .map(|(missed, count)| (missed.as_str().to_owned(), *count))
            .collect();
    }

    /// Goes on from counts that were kept; gives the number that each source has now.
    pub(super) fn restore(&mut self, learned: &Learned) -> Vec<usize> {
        self.requests_changed += learned.requests_changed;
        for (word, count) in &learned.missed {
            if let Some(missed) = Missed::ALL
                .into_iter()
                .find(|missed| missed.as_str() == word)
            {
                *self.missed.entry(missed).or_default() += count;
            }
        }
        let numbers = learned.sources.iter().map(|saved| {
            let number = self.source(&saved.name);
            self.sources[number].learned += saved.learned;
            for (place, count) in &saved.used {
                if let Some(place) = Place::ALL.get(usize::from(*place)) {
                    *self.sources[number].used.entry(*place).or_default() += count;
                }
            }
            number
        });
        numbers.collect()
    }

    pub(super) fn report(&self, rules: &Correlation, values_forgotten: u64) -> RunCorrelation {
        let reasons = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| {
            let count = |(reason, count): (&str, u64)| ReasonCount {
                reason: reason.to_owned(),
                count,
            };
            counts.map(count).collect::<Vec<_>>()
        };
        let mut sources: Vec<CorrelationSource> = self
            .sources
            .iter()
            .map(|source| CorrelationSource {
                source: source.name.clone(),
                learned: source.learned,
                used: source.used.values().sum(),
                places: reasons(
                    &mut source
                        .used
                        .iter()
                        .map(|(place, &count)| (place.as_str(), count)),
                ),
            })
            .collect();
        sources.sort_by(|a, b| (b.used, b.learned, &a.source).cmp(&(a.used, a.learned, &b.source)));
        RunCorrelation {
            automatic: rules.automatic,
            rules: rules.rules.iter().map(ToString::to_string).collect(),
            values_learned: sources.iter().map(|source| source.learned).sum(),
            substitutions: sources.iter().map(|source| source.used).sum(),
            requests_changed: self.requests_changed,
            values_forgotten,
            sources,
            missed: reasons(
                &mut self
                    .missed
                    .iter()
                    .map(|(missed, &count)| (missed.as_str(), count)),
            ),
        }
    }
}
