//! How requests were changed by rules: counts.

use serde::{Deserialize, Serialize};

use super::ReasonCount;

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
