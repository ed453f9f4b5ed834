//! Which values of answers went into later requests: counts, and never a value.

use serde::{Deserialize, Serialize};

use super::ReasonCount;

/// What a run learned from the target's answers and put into later requests in place of recorded values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCorrelation {
    /// Whether cookies and random values were learned without a rule.
    pub automatic: bool,
    /// The rules, as typed.
    pub rules: Vec<String>,
    /// Values that were learned. One that an answer replaces is counted again.
    pub values_learned: u64,
    /// Recorded values that were replaced in requests.
    pub substitutions: u64,
    /// Requests in which any was.
    pub requests_changed: u64,
    /// Learned values that were forgotten at the bound; later requests went out with the recorded ones.
    pub values_forgotten: u64,
    /// By where they were learned, those that were used most first; what is beyond 256 is one called `other`.
    pub sources: Vec<CorrelationSource>,
    /// What might have had to be correlated and was not, with why.
    pub missed: Vec<ReasonCount>,
}

/// Values that were learned in one place of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelationSource {
    /// Where: a rule as typed, or `cookie:NAME`, `header:NAME`, `json:/POINTER` (a star for indices and keys), `html:NAME`,
    /// `text`.
    pub source: String,
    /// Values that were learned.
    pub learned: u64,
    /// How often one was put into a request.
    pub used: u64,
    /// The same by where in requests: `path`, `query`, `header`, `cookie`, `json`, `form`, `body`.
    pub places: Vec<ReasonCount>,
}

impl RunCorrelation {
    /// Sources that are told apart; what is beyond is one called `other`.
    pub const SOURCES_MAX: usize = 256;

    /// Adds what another part of the same run has learned and used.
    pub fn merge(&mut self, other: &Self) {
        self.values_learned += other.values_learned;
        self.substitutions += other.substitutions;
        self.requests_changed += other.requests_changed;
        self.values_forgotten += other.values_forgotten;
        for source in &other.sources {
            let known = |name: &str| self.sources.iter().position(|own| own.source == name);
            let is_full = self.sources.len() >= Self::SOURCES_MAX;
            let name = match known(&source.source) {
                None if is_full => OTHER,
                _ => &source.source,
            };
            let index = known(name).unwrap_or_else(|| {
                self.sources.push(CorrelationSource {
                    source: name.to_owned(),
                    ..CorrelationSource::default()
                });
                self.sources.len() - 1
            });
            let own = &mut self.sources[index];
            own.learned += source.learned;
            own.used += source.used;
            add_reasons(&mut own.places, &source.places);
        }
        self.sources
            .sort_by(|a, b| (b.used, b.learned, &a.source).cmp(&(a.used, a.learned, &b.source)));
        add_reasons(&mut self.missed, &other.missed);
    }
}

/// What sources beyond the bound are called.
const OTHER: &str = "other";

/// Adds counts by reason.
pub(super) fn add_reasons(into: &mut Vec<ReasonCount>, other: &[ReasonCount]) {
    for reason in other {
        match into.iter_mut().find(|own| own.reason == reason.reason) {
            Some(own) => own.count += reason.count,
            None => into.push(reason.clone()),
        }
    }
}
