//! What came of following a recording while it is made.

use serde::{Deserialize, Serialize};

use super::text;
use crate::time::Timestamp;

/// How a recording was followed, and what did not come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFollow {
    /// URL of the recorder's live stream; null where segments are followed.
    pub live: Option<String>,
    /// How long after it was recorded a request is due, microseconds.
    pub delay_us: u64,
    /// When the follow ends by itself: the first recorded instant that it leaves out.
    #[serde(default, with = "text::time_option")]
    pub until: Option<Timestamp>,
    /// Everything that started up to here has been given out, but for what comes late.
    #[serde(default, with = "text::time_option")]
    pub reached: Option<Timestamp>,
    /// How often the stream was connected to.
    pub connections: u64,
    /// Exchanges that came after their turn, and went out at once.
    pub late: u64,
    /// By how much at most, microseconds.
    pub late_max_us: u64,
    /// Exchanges that came so late that they may have been sent before, and were not sent.
    pub too_late: u64,
    /// Exchanges that came more than once, and were passed by.
    pub repeated: u64,
    /// How often the stream lacked something.
    pub gaps: u64,
    /// Exchanges that it lacked, and the archive had.
    pub caught_up: u64,
    /// Exchanges that it lacked, and that were not found in the archive.
    pub missed: u64,
    /// Gaps of which nobody knows what they lacked, because the archive did not have their time when it was waited for.
    pub gaps_unknown: u64,
    /// Gaps that are open: what they lack is looked for.
    #[serde(default)]
    pub open: Vec<OpenGap>,
}

/// A stretch of a stream that was not received, and is looked for in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGap {
    /// When the exchange before it was done.
    #[serde(with = "text::time")]
    pub from: Timestamp,
    /// When the first after it was.
    #[serde(with = "text::time")]
    pub to: Timestamp,
    /// How many exchanges it lacks; null if nobody knows.
    pub lacks: Option<u64>,
    /// How many of them were found.
    pub found: u64,
}
