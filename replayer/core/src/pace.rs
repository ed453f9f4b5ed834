//! When requests are due, as arithmetic.
//!
//! Due times are absolute: each is computed from the start of the run, never from the request before, so that neither a
//! slow target nor a late timer adds up.

use std::time::Duration;

/// How the recorded times become due times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As recorded, divided by `speed`: 1 as it was, 10 ten times as fast.
    Recorded {
        /// Above 0.
        speed: f64,
    },
    /// Evenly spaced, whatever the recorded times are.
    Even {
        /// Above 0.
        per_second: f64,
    },
    /// As fast as the target and the bound on requests in flight allow: a request is due when its turn comes.
    Max,
}

impl Pace {
    /// How long after the start of the run the `index`th request (from 0) is due, which was recorded `recorded` after the
    /// first; `None` if it is due when its turn comes.
    #[must_use]
    pub fn offset(self, index: u64, recorded: Duration) -> Option<Duration> {
        match self {
            // Whole nanoseconds: speed 1 has to be exact, a float of seconds is not after a few days.
            Self::Recorded { speed: 1.0 } => Some(recorded),
            Self::Recorded { speed } => Some(seconds(recorded.as_secs_f64() / speed)),
            Self::Even { per_second } => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "exact up to 2^53 requests, 285 years at a million a second"
                )]
                let index = index as f64;
                Some(seconds(index / per_second))
            }
            Self::Max => None,
        }
    }
}

/// The same `offset` where the rate grows evenly from nothing to its full height over `ramp`: what would have been due after
/// `ramp / 2` is due after `ramp`, everything later is `ramp / 2` later than without.
#[must_use]
pub fn ramped(offset: Duration, ramp: Duration) -> Duration {
    let half = ramp / 2;
    if offset >= half {
        return offset.saturating_add(half);
    }
    // At time t of the ramp the rate is t / ramp of the full one, so that t * t / (2 * ramp) of the recording has passed.
    seconds((2.0 * ramp.as_secs_f64() * offset.as_secs_f64()).sqrt()).max(offset)
}

/// A span of seconds; what is out of range (a speed next to zero) is the longest there is.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
