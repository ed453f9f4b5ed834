//! How requests were changed by rules: counts.

use serde::{Deserialize, Serialize};

use super::ReasonCount;
use super::correlation::add_reasons;

/// Rules that changed requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRewriting {
    /// Every rule, in the order in which they do their work.
    pub rules: Vec<AppliedRewrite>,
}

/// A rule and what it did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRewrite {
    /// As typed, or file and line.
    pub rule: String,
    /// Requests that it changed.
    pub requests: u64,
    /// What it named and left as recorded, with why: `outside_window` and `no_time` count values, `body_unreadable` requests.
    #[serde(default)]
    pub left_as_recorded: Vec<ReasonCount>,
}

impl RunRewriting {
    /// Adds what another part of the same run, which has the same rules, has changed.
    pub fn merge(&mut self, other: &Self) {
        for (index, rule) in other.rules.iter().enumerate() {
            match self.rules.get_mut(index) {
                Some(own) if own.rule == rule.rule => {
                    own.requests += rule.requests;
                    add_reasons(&mut own.left_as_recorded, &rule.left_as_recorded);
                }
                _ => self.rules.push(rule.clone()),
            }
        }
    }
}
