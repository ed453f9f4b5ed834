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
