//! What a recorder that cannot keep up lets go: a policy without I/O.
//!
//! Frames that are dropped wherever the buffer happens to be full tear holes into every connection. Letting whole
//! connections go instead keeps the others whole. Which ones is decided by the connection's hash, so that both directions
//! and every later frame are decided alike.

use std::time::Duration;

use schema::Timestamp;

/// What is done when frames come faster than they are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shed {
    /// Frames are dropped where the socket's buffer is full, of any connection
    #[default]
    Frames,
    /// A growing share of connections is left out whole, so that the others stay whole
    Sample,
}

/// Buffers fuller than this: more is let go.
const HIGH: f64 = 0.5;
/// Buffers emptier than this, for long enough: less is let go.
const LOW: f64 = 0.1;
/// How long a step up must have shown no effect before the next one.
const UP_EVERY: Duration = Duration::from_millis(500);
/// How long buffers must have been empty before a step down: a connection that is taken up again is taken up midway.
const DOWN_EVERY: Duration = Duration::from_secs(10);

/// Shares of connections that are let go, in 256ths. Half of the rest goes at each step.
const STEPS: [u16; 6] = [0, 64, 128, 192, 224, 240];

/// How much is let go at the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shedding {
    policy: Shed,
    step: usize,
    changed: Timestamp,
    /// Since when buffers have been empty.
    calm_since: Option<Timestamp>,
}

impl Shedding {
    pub(super) fn new(policy: Shed) -> Self {
        Self {
            policy,
            step: 0,
            changed: Timestamp::MIN,
            calm_since: None,
        }
    }

    /// Looks at how full the fullest buffer is, from 0 to 1. True if the share has changed.
    pub(super) fn update(&mut self, now: Timestamp, fill: f64) -> bool {
        if self.policy == Shed::Frames {
            return false;
        }
        if fill > LOW {
            self.calm_since = None;
        }
        if fill >= HIGH {
            let due = self.step == 0 || now.since(self.changed) >= UP_EVERY;
            return due && self.step + 1 < STEPS.len() && self.set(self.step + 1, now);
        }
        if fill > LOW || self.step == 0 {
            return false;
        }
        let since = *self.calm_since.get_or_insert(now);
        now.since(since.max(self.changed)) >= DOWN_EVERY && self.set(self.step - 1, now)
    }

    /// Whether anything is let go.
    pub(super) fn is_active(&self) -> bool {
        self.step > 0
    }

    /// Whether the connection with this hash is let go. One that is let go at a share is so at every larger one.
    pub(super) fn sheds(&self, hash: u64) -> bool {
        // Bits other than those that chose the shard.
        let place = (hash.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 56) as u16;
        place < STEPS[self.step]
    }

    /// The share that is let go, from 0 to 1.
    pub(super) fn share(&self) -> f64 {
        f64::from(STEPS[self.step]) / 256.0
    }

    fn set(&mut self, step: usize, now: Timestamp) -> bool {
        self.step = step;
        self.changed = now;
        true
    }
}

#[cfg(test)]
mod tests;
