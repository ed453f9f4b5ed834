//! What the recording thread and the uploader tell while they work live, for the status line, health and metrics.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schema::{Table, Timestamp};

use super::Recorded;
use crate::spool::{Backlog, SpoolFacts};
use crate::writer::Sealed;

/// What both tell; shared.
#[derive(Debug, Default)]
pub(crate) struct WriterStats {
    /// When the recording thread last was at its queue, nanoseconds since 1970.
    alive_at: AtomicU64,
    /// Exchanges that it took.
    taken: AtomicU64,
    unspooled: Mutex<Unspooled>,
    /// What the spool holds, and the segments that wait there.
    spool: Mutex<SpoolFacts>,
    /// Whether exchanges wait there in frames alone, and how often that began.
    is_behind: AtomicBool,
    fell_behind: AtomicU64,
    /// What the recording thread had done when nothing more came, and the spool had all of it.
    complete: Mutex<Option<Recorded>>,
    backlog: Option<Arc<Backlog>>,
}

/// Without a spool: what was published, and what is on its way.
#[derive(Debug, Default)]
struct Unspooled {
    exchanges: u64,
    segments: u64,
    segment_bytes: u64,
    /// Since when some exchange has waited to be published, if one does.
    waiting_since: Option<Timestamp>,
    /// When the segments were sealed that are on their way, oldest first.
    sealed_at: VecDeque<Timestamp>,
}

/// How far publishing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Publication {
    /// Segments published, and their bytes.
    pub(crate) segments: u64,
    pub(crate) segment_bytes: u64,
    /// Exchanges recorded since the start that are not published.
    pub(crate) exchanges_waiting: u64,
    /// How long the exchange that waits longest has waited.
    pub(crate) lag: Duration,
    /// What the spool holds, and how many segments wait there.
    pub(crate) spool: Option<(SpoolFacts, u64)>,
    /// Whether exchanges come faster than segments are made of them, and how often that began.
    pub(crate) is_behind: bool,
    pub(crate) fell_behind: u64,
}

impl WriterStats {
    /// With a spool, `backlog` is what waits there.
    pub(crate) fn new(backlog: Option<Arc<Backlog>>) -> Self {
        Self {
            backlog,
            ..Self::default()
        }
    }

    /// The recording thread is at its queue.
    pub(super) fn alive(&self, now: Timestamp) {
        self.alive_at.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// It took an exchange.
    pub(super) fn took(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// It seals a segment for the uploader.
    pub(super) fn handed_over(&self, now: Timestamp) {
        lock(&self.unspooled).sealed_at.push_back(now);
    }

    /// A segment that was handed over is published; what waits now came after it was sealed.
    pub(crate) fn published(&self, sealed: &Sealed) {
        let mut unspooled = lock(&self.unspooled);
        unspooled.segments += 1;
        unspooled.segment_bytes += sealed.segment.bytes.len() as u64;
        let sealed_at = unspooled.sealed_at.pop_front();
        if sealed.table == Table::Exchanges {
            unspooled.exchanges += sealed.segment.rows as u64;
            unspooled.waiting_since = sealed_at;
        }
    }

    /// The spool holds this now.
    pub(super) fn set_spool(&self, facts: SpoolFacts) {
        *lock(&self.spool) = facts;
    }

    /// Exchanges wait in frames alone, or do no more.
    pub(super) fn set_behind(&self, is_behind: bool) {
        let was_behind = self.is_behind.swap(is_behind, Ordering::Relaxed);
        let begins = is_behind && !was_behind;
        self.fell_behind.fetch_add(begins.into(), Ordering::Relaxed);
    }

    /// Nothing more comes, and the spool has all that came.
    pub(super) fn set_complete(&self, recorded: Recorded) {
        *lock(&self.complete) = Some(recorded);
    }

    /// What the recording thread had done when the spool had all that came; `None` before.
    pub(crate) fn complete(&self) -> Option<Recorded> {
        lock(&self.complete).clone()
    }

    /// How long the recording thread has been at one segment.
    pub(crate) fn silence(&self, now: Timestamp) -> Duration {
        now.since(Timestamp::from_nanos(self.alive_at.load(Ordering::Relaxed)))
    }

    /// How far publishing is.
    pub(crate) fn publication(&self, now: Timestamp) -> Publication {
        let since =
            |since: Option<Timestamp>| since.map_or(Duration::ZERO, |since| now.since(since));
        let Some(backlog) = &self.backlog else {
            let mut unspooled = lock(&self.unspooled);
            let taken = self.taken.load(Ordering::Relaxed);
            let exchanges_waiting = taken.saturating_sub(unspooled.exchanges);
            if exchanges_waiting == 0 {
                unspooled.waiting_since = None;
            } else {
                // Looked at once a second: that is how exact the first one's time is.
                unspooled.waiting_since.get_or_insert(now);
            }
            return Publication {
                segments: unspooled.segments,
                segment_bytes: unspooled.segment_bytes,
                exchanges_waiting,
                lag: since(unspooled.waiting_since),
                ..Publication::default()
            };
        };
        let (spool, backlog) = (*lock(&self.spool), backlog.facts());
        Publication {
            segments: backlog.published,
            segment_bytes: backlog.published_bytes,
            exchanges_waiting: spool.rows + backlog.rows,
            lag: since(spool.oldest.into_iter().chain(backlog.oldest).min()),
            spool: Some((spool, backlog.segments)),
            is_behind: self.is_behind.load(Ordering::Relaxed),
            fell_behind: self.fell_behind.load(Ordering::Relaxed),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic left behind are numbers all the same.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
