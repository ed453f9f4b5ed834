//! The one place where the replayer's clock becomes a [`Timestamp`].
//!
//! The wall clock is read once, at the start; from then on time is tokio's monotonic clock, so a correction of the wall
//! clock moves no due time, and tests can pause it.

use std::time::{Duration, SystemTime};

use schema::Timestamp;
use tokio::time::Instant;

/// A clock that began at a known wall time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    instant: Instant,
    timestamp: Timestamp,
}

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            instant: Instant::now(),
            timestamp: Timestamp::MIN.saturating_add(since_epoch),
        }
    }

    /// The time now.
    #[must_use]
    pub(crate) fn now(&self) -> Timestamp {
        self.timestamp.saturating_add(self.instant.elapsed())
    }

    /// The instant of `time`; times before the clock began are its beginning.
    #[must_use]
    pub(crate) fn instant(&self, time: Timestamp) -> Instant {
        self.instant + time.since(self.timestamp)
    }
}
