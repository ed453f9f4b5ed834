//! What a pass asks of a run.

use serde::{Deserialize, Serialize};

/// How much evidence a pass takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunGates {
    /// The share of the selected requests that must have been judged, 0 to 1. The default is 1: whoever accepts that some
    /// answers are not looked at says so.
    pub judged_share_min: f64,
    /// The greatest lag without waits forced by order that any request may have, microseconds; null for none asked for.
    #[serde(default)]
    pub lag_max_us: Option<u64>,
}

impl Default for RunGates {
    fn default() -> Self {
        Self {
            judged_share_min: 1.0,
            lag_max_us: None,
        }
    }
}
