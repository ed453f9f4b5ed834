//! Segments that wait to be published: what the recording adds and the uploader takes, oldest first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use schema::{SegmentKey, Table};
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
    /// Whether its rows were thrown away to make room: only that it was is left to be published.
    pub(crate) emptied: bool,
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

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Bytes of what is being published, which lies on disk until the store has confirmed it.
    in_flight_bytes: u64,
    /// Since when nothing more is added.
    complete_since: Option<Instant>,
}

impl Backlog {
    /// Adds segments behind those that wait.
    pub(super) fn add(&self, segments: impl IntoIterator<Item = Waiting>) {
        self.lock().waiting.extend(segments);
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

    /// The oldest segment, which stays on disk and is counted until [`Backlog::done`]; `None` once all were taken and nothing
    /// more comes.
    pub(crate) async fn next(&self) -> Option<Waiting> {
        loop {
            {
                let mut state = self.lock();
                if let Some(segment) = state.waiting.pop_front() {
                    state.in_flight_bytes += segment.bytes;
                    return Some(segment);
                }
                if state.complete_since.is_some() {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// A segment that was taken is on disk no more.
    pub(crate) fn done(&self, segment: &Waiting) {
        self.lock().in_flight_bytes -= segment.bytes;
    }

    /// Takes the oldest segment whose rows may be thrown away: exchanges, not the ledger, and not what is being published.
    pub(super) fn take_droppable(&self) -> Option<Waiting> {
        let mut state = self.lock();
        let droppable = |segment: &Waiting| segment.table == Table::Exchanges && !segment.emptied;
        let index = state.waiting.iter().position(droppable)?;
        state.waiting.remove(index)
    }

    /// Puts back what [`Backlog::take_droppable`] gave.
    pub(super) fn put_back(&self, segment: Waiting) {
        self.lock().waiting.push_front(segment);
        self.changed.notify_one();
    }

    /// Bytes of all segments on disk.
    pub(super) fn bytes(&self) -> u64 {
        let state = self.lock();
        let waiting = state.waiting.iter().map(|segment| segment.bytes);
        waiting.sum::<u64>() + state.in_flight_bytes
    }

    /// How many segments wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let locked = self.state.lock();
        locked.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
