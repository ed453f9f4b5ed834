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
    ///
    /// Where several reasons hold, the one that cannot be put off is given: the hour, then the size, then the age. A `now`
    /// before `start` (rows come in order of completion, not of start) has left no hour and has no age.
    #[must_use]
    pub fn cut(&self, start: Timestamp, bytes: usize, now: Timestamp) -> Option<Cut> {
        if now.hour() > start.hour() {
            Some(Cut::Hour)
        } else if bytes >= self.bytes_max {
            Some(Cut::Size)
        } else if now.since(start) >= self.age_max {
            Some(Cut::Age)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
