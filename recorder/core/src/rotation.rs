//! When to cut a segment: a policy without I/O.
use std::time::Duration;

use schema::Timestamp;

/// Why a segment is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It has reached its size.
    Size,
    /// Packet time has moved on by the longest age.
    Age,
    /// Packet time has left its hour.
    Hour,
}

/// When to cut a segment: by encoded size, by age in packet time, at the hour.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// Encoded bytes at which a segment is cut.
    pub bytes_max: usize,
    /// Packet time after a segment's first row at which it is cut.
    pub age_max: Duration,
}

impl Rotation {
    /// Whether the segment whose first row starts at `start` and that has `bytes` encoded bytes is to be cut at `now`.
    #[must_use]
    pub fn cut(&self, _start: Timestamp, _bytes: usize, _now: Timestamp) -> Option<Cut> {
        todo!()
    }
}
