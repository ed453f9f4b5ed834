//! Reasons and how often each was given.

use std::collections::BTreeMap;

use schema::run::ReasonCount;
use serde::{Deserialize, Serialize};

/// Distinct reasons that are told apart; the rest is `other`. Reasons come from closed sets, so this is a guard.
const REASONS_MAX: usize = 64;

/// Counts of reasons.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    pub(crate) fn add(&mut self, reason: &str) {
        if let Some(count) = self.0.get_mut(reason) {
            *count += 1;
        } else {
            let is_full = self.0.len() >= REASONS_MAX;
            let reason = if is_full { "other" } else { reason };
            *self.0.entry(reason.to_owned()).or_default() += 1;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (reason, count) in &other.0 {
            let is_full = self.0.len() >= REASONS_MAX && !self.0.contains_key(reason);
            let reason = if is_full { "other" } else { reason };
            *self.0.entry(reason.to_owned()).or_default() += count;
        }
    }

    /// The counts, largest first.
    pub(crate) fn counts(&self) -> Vec<ReasonCount> {
        let mut counts: Vec<ReasonCount> = self
            .0
            .iter()
            .map(|(reason, &count)| ReasonCount {
                reason: reason.clone(),
                count,
            })
            .collect();
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        counts
    }
}
