//! Segments that wait to be published: what the recording adds and the uploader takes, oldest first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use schema::{SegmentKey, Table, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::layout::Sealed;

/// A segment in a `sealed` folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(super) sealed: Sealed,
    /// Its name in that folder.
    pub(super) name: String,
    pub(crate) table: Table,
    pub(crate) key: SegmentKey,
    pub(crate) bytes: u64,
    /// Exchanges in it; 0 if it was sealed before this start, which nobody counted.
    pub(super) rows: u64,
    /// Whether its rows were thrown away to make room: only that it was is left to be published.
    pub(crate) emptied: bool,
    /// Whether it cannot be read here, so that what would be thrown away with it could not be counted: it stays.
    pub(super) stays: bool,
}

impl Waiting {
    /// Where it lies below the spool's folder.
    pub(crate) fn path(&self) -> String {
        format!(
            "{}/{}",
            super::layout::Entry::Sealed(self.sealed),
            self.name
        )
    }
}

/// The queue of both; shared.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    state: Mutex<State>,
    changed: Notify,
    completed: Notify,
}

/// What waits and what is done, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BacklogFacts {
    /// Segments on disk, with the one that is being published.
    pub(crate) segments: u64,
    /// Exchanges in those that were sealed since the start.
    pub(crate) rows: u64,
    /// Time of the earliest exchange in them.
    pub(crate) oldest: Option<Timestamp>,
    /// Segments published, and their bytes.
    pub(crate) published: u64,
    pub(crate) published_bytes: u64,
    /// Segments that were set aside because another object has their place.
    pub(crate) set_aside: u64,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// What is being published, which lies on disk until the store has confirmed it.
    in_flight: Option<Waiting>,
    /// Bytes of both.
    bytes: u64,
    published: u64,
    published_bytes: u64,
    set_aside: u64,
    /// Since when nothing more is added.
    complete_since: Option<Instant>,
}

impl Backlog {
    /// Adds segments behind those that wait.
    pub(super) fn add(&self, segments: impl IntoIterator<Item = Waiting>) {
        let mut state = self.lock();
        for segment in segments {
            state.bytes += segment.bytes;
            state.waiting.push_back(segment);
        }
        self.changed.notify_one();
    }

    /// Nothing more is added.
    pub(crate) fn complete(&self) {
        self.lock().complete_since.get_or_insert_with(Instant::now);
        self.changed.notify_one();
        self.completed.notify_waiters();
    }

    /// Since when nothing more is added; `None` while the recording goes on.
    pub(crate) fn complete_since(&self) -> Option<Instant> {
        self.lock().complete_since
    }

    /// Ready when nothing more is added from then on; never if that is so already.
    pub(crate) async fn completion(&self) {
        self.completed.notified().await;
    }

    /// The oldest segment, which stays on disk and is counted until it is published or set aside; `None` once all were taken
    /// and nothing more comes. One is published at a time.
    pub(crate) async fn next(&self) -> Option<Waiting> {
        loop {
            {
                let mut state = self.lock();
                if let Some(segment) = state.waiting.pop_front() {
                    debug_assert_eq!(state.in_flight, None, "one is published at a time");
                    state.in_flight = Some(segment.clone());
                    return Some(segment);
                }
                if state.complete_since.is_some() {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// The segment that was taken is in the archive, and on disk no more.
    pub(crate) fn published(&self) {
        let mut state = self.lock();
        if let Some(segment) = state.in_flight.take() {
            state.bytes -= segment.bytes;
            state.published += 1;
            state.published_bytes += segment.bytes;
        }
    }

    /// The segment that was taken stays on disk under another name.
    pub(crate) fn set_aside(&self) {
        let mut state = self.lock();
        if let Some(segment) = state.in_flight.take() {
            state.bytes -= segment.bytes;
            state.set_aside += 1;
        }
    }

    /// Takes the oldest segment whose rows may be thrown away: exchanges, not the ledger, not what is being published, and
    /// not what cannot be read.
    pub(super) fn take_droppable(&self) -> Option<Waiting> {
        let mut state = self.lock();
        let droppable = |segment: &Waiting| {
            segment.table == Table::Exchanges && !segment.emptied && !segment.stays
        };
        let index = state.waiting.iter().position(droppable)?;
        let segment = state.waiting.remove(index)?;
        state.bytes -= segment.bytes;
        Some(segment)
    }

    /// Puts back what [`Backlog::take_droppable`] gave.
    pub(super) fn put_back(&self, segment: Waiting) {
        let mut state = self.lock();
        state.bytes += segment.bytes;
        state.waiting.push_front(segment);
        self.changed.notify_one();
    }

    /// Bytes of all segments on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// What waits and what is done.
    pub(crate) fn facts(&self) -> BacklogFacts {
        let state = self.lock();
        let on_disk = || state.in_flight.iter().chain(&state.waiting);
        let starts = on_disk()
            .filter(|segment| segment.table == Table::Exchanges && !segment.emptied)
            .map(|segment| segment.key.start());
        BacklogFacts {
            segments: on_disk().count() as u64,
            rows: on_disk().map(|segment| segment.rows).sum(),
            oldest: starts.min(),
            published: state.published,
            published_bytes: state.published_bytes,
            set_aside: state.set_aside,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let locked = self.state.lock();
        locked.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
