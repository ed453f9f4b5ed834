//! The recent exchanges, numbered as they were recorded, and which older ones the spool still has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schema::live::Position;
use schema::{Exchange, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::listen::ListenLimits;
use crate::spool::{Follower, Frames, Generation, Place, Spool};

/// What a stream that has nothing to give may not know of yet: what was done less than this ago.
const MOMENT: Duration = Duration::from_millis(400);

/// What subscribers read; the recording alone writes it.
#[derive(Debug)]
pub(crate) struct Feed {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether the spool has said which files there are. Changed with the state locked.
    ready: watch::Sender<bool>,
    /// Identity of the spool; without one, of this run.
    spool: u64,
    frames: Option<Frames>,
    bytes_max: usize,
    /// Everything that was done up to then was pushed, as far as the recording knows; nanoseconds since 1970.
    passed: AtomicU64,
    counts: Counts,
}

#[derive(Debug, Default)]
struct State {
    recent: VecDeque<Item>,
    bytes: usize,
    /// The number of the exchange that comes next.
    next: u64,
    /// Files of frames that can be read, by generation.
    spans: BTreeMap<u64, Span>,
    /// Before the spool has said which files there are: the file in which what was pushed since begins. Until then numbers
    /// go from 0 on, and nobody sees them.
    began_in: Option<u64>,
    /// Nothing more comes.
    closed: bool,
}

/// What subscriptions count.
#[derive(Debug, Default)]
struct Counts {
    subscribers: AtomicU64,
    sent: AtomicU64,
    missed: AtomicU64,
}

/// The same for whoever watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FeedFacts {
    /// Subscribers that are connected.
    pub(crate) subscribers: u64,
    /// Rows sent to all of them.
    pub(crate) sent: u64,
    /// Exchanges that subscribers were too slow for.
    pub(crate) missed: u64,
    /// Bytes of recent exchanges.
    pub(crate) bytes: u64,
}

/// An exchange with its number.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) number: u64,
    pub(super) place: Place,
    pub(super) exchange: Arc<Exchange>,
}

/// A file of frames: the numbers of its exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) generation: u64,
    pub(super) first: u64,
    /// The number after its last; `None` while it is written.
    pub(super) end: Option<u64>,
}

/// Where a subscriber wants to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Now,
    Oldest,
    After(Position),
}

/// What there is from some number on.
#[derive(Debug)]
pub(super) enum Look {
    /// These, without a hole.
    Recent(Vec<Item>),
    /// It is in a file of the spool.
    Spooled(Span),
    /// It is gone; this is the first number that is not.
    Gone(u64),
    /// Nothing came until the deadline.
    Nothing,
    /// Nothing more comes.
    Ended,
}

/// Why a subscriber cannot go on from a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum StartError {
    #[error("the position is of another spool, or of an earlier run of a recorder without one")]
    OtherSpool,
    #[error("the recorder does not have that position any more, or not yet")]
    Gone,
    #[error("the recorder is still reading what the last run left; ask again in a moment")]
    NotReady,
}

impl Feed {
    /// The feed of a recorder with or without a spool.
    pub(crate) fn of(spool: Option<&Spool>, limits: &ListenLimits) -> Arc<Self> {
        let bytes_max = limits.live_recent_bytes;
        Arc::new(match spool {
            Some(spool) => Self::new(spool.id().number(), Some(spool.frames()), bytes_max),
            None => Self::new(crate::spool::random(), None, bytes_max),
        })
    }

    /// A feed that holds about `bytes_max` bytes of recent exchanges. With a spool, `frames` reads what is older; without, the
    /// feed is known as `spool`.
    pub(super) fn new(spool: u64, frames: Option<Frames>, bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            ready: watch::Sender::new(frames.is_none()),
            spool,
            frames,
            bytes_max,
            passed: AtomicU64::new(0),
            counts: Counts::default(),
        }
    }

    /// As it is before the spool has said which files there are.
    #[cfg(test)]
    pub(super) fn unready(self) -> Self {
        self.ready.send_replace(false);
        self
    }

    /// Adds what was recorded. Without a spool it has no place, and gets one.
    pub(crate) fn push(&self, place: Option<Place>, exchange: &Exchange) {
        let bytes = exchange.memory();
        let exchange = Arc::new(exchange.clone());
        let mut state = self.lock();
        let number = state.next;
        if let Some(place) = place.filter(|_| number == 0) {
            state.began_in = Some(place.generation);
        }
        let unspooled = Place {
            generation: 0,
            row: number,
        };
        state.next += 1;
        state.bytes += bytes;
        state.recent.push_back(Item {
            number,
            place: place.unwrap_or(unspooled),
            exchange,
        });
        let mut gone = Vec::new();
        while state.bytes > self.bytes_max && state.recent.len() > 1 {
            let Some(oldest) = state.recent.pop_front() else {
                break;
            };
            state.bytes -= oldest.exchange.memory();
            gone.push(oldest);
        }
        drop(state);
        self.changed.notify_all();
        // Freed without the lock.
        drop(gone);
    }

    /// Everything that was done up to `time` was pushed.
    pub(crate) fn pass(&self, time: Timestamp) {
        self.passed.fetch_max(time.as_nanos(), Ordering::Release);
    }

    /// Whether who has had everything before `number` has had everything that was done up to a moment before `now`.
    pub(super) fn is_quiet(&self, number: u64, now: Timestamp) -> bool {
        // Looked at first: what was pushed before it is among what is numbered then.
        let passed = Timestamp::from_nanos(self.passed.load(Ordering::Acquire));
        now.since(passed) <= MOMENT && number >= self.lock().next
    }

    /// The spool has these files now; the last one is written.
    pub(crate) fn set_generations(&self, generations: &[Generation]) {
        let mut state = self.lock();
        let mut spans = BTreeMap::new();
        // What the spool has kept is numbered from 0, and what was recorded since goes on from there.
        let ready = *self.ready.borrow();
        let mut next = if ready { state.next } else { 0 };
        let newest = state.spans.last_key_value().map(|(newest, _)| *newest);
        for &Generation { generation, rows } in generations {
            let known = state.spans.get(&generation).map(|span| span.first);
            if known.is_none() && Some(generation) < newest {
                // It could not be read when those after it were numbered: there is no number left for what is in it.
                continue;
            }
            let first = known.unwrap_or(next);
            let end = rows.map(|rows| first + rows);
            if known.is_none() {
                next = end.unwrap_or(next);
            }
            let span = Span {
                generation,
                first,
                end,
            };
            spans.insert(generation, span);
        }
        if !ready {
            let began = state.began_in.and_then(|generation| spans.get(&generation));
            let before = began.map_or(next, |span| span.first);
            state.next += before;
            for item in &mut state.recent {
                item.number += before;
            }
            self.ready.send_replace(true);
        }
        state.spans = spans;
        drop(state);
        self.changed.notify_all();
    }

    /// Ready when the spool has said which files there are: only then is it known where a subscriber can begin.
    pub(super) async fn ready(&self) {
        // An error would mean that the feed is gone.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Nothing more comes.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// What was counted.
    pub(crate) fn facts(&self) -> FeedFacts {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FeedFacts {
            subscribers: count(&self.counts.subscribers),
            sent: count(&self.counts.sent),
            missed: count(&self.counts.missed),
            bytes: self.lock().bytes as u64,
        }
    }

    /// The position of an exchange.
    pub(super) fn position(&self, place: Place) -> Position {
        Position {
            spool: self.spool,
            generation: place.generation,
            row: place.row,
        }
    }

    /// The number of the first exchange that a subscriber gets.
    pub(super) fn begin(&self, start: Start) -> Result<u64, StartError> {
        let state = self.lock();
        if !*self.ready.borrow() {
            return Err(StartError::NotReady);
        }
        match start {
            Start::Now => Ok(state.next),
            Start::Oldest => Ok(state.oldest()),
            Start::After(position) if position.spool != self.spool => Err(StartError::OtherSpool),
            Start::After(position) => state.after(position).ok_or(StartError::Gone),
        }
    }

    /// What there is from `number` on: at most `rows_max` exchanges, and about `bytes_max` bytes. Waits until `deadline`.
    pub(super) fn look(
        &self,
        number: u64,
        (rows_max, bytes_max): (usize, usize),
        deadline: Instant,
    ) -> Look {
        let mut state = self.lock();
        loop {
            if number < state.next {
                return state.at(number, rows_max, bytes_max);
            }
            if state.closed {
                return Look::Ended;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Look::Nothing;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Opens a file of the spool; `None` if it is gone.
    pub(super) fn follow(&self, generation: u64) -> anyhow::Result<Option<Follower>> {
        match &self.frames {
            Some(frames) => Ok(frames.follow(generation)?),
            None => Ok(None),
        }
    }

    /// A subscriber came, until what is returned is dropped.
    pub(super) fn count_subscriber(self: &Arc<Self>) -> Counted {
        self.counts.subscribers.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(self))
    }

    /// Rows were sent, and exchanges missed.
    pub(super) fn count_rows(&self, sent: u64, missed: u64) {
        self.counts.sent.fetch_add(sent, Ordering::Relaxed);
        self.counts.missed.fetch_add(missed, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that may panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The number of the oldest exchange that can be had.
    fn oldest(&self) -> u64 {
        let spooled = self.spans.first_key_value().map(|(_, span)| span.first);
        let recent = self.recent.front().map_or(self.next, |item| item.number);
        spooled.map_or(recent, |spooled| spooled.min(recent))
    }

    /// The number after a position, if what follows it can be had.
    fn after(&self, position: Position) -> Option<u64> {
        let place = Place {
            generation: position.generation,
            row: position.row,
        };
        if self.spans.is_empty() {
            // Without a spool, rows are numbers.
            let next = position.row.checked_add(1)?;
            let front = self.recent.front().map_or(self.next, |item| item.number);
            return (front <= next && next <= self.next).then_some(next);
        }
        if let Some(span) = self.spans.get(&place.generation) {
            let next = span.first.checked_add(place.row)?.checked_add(1)?;
            // What a crash took with it was sent and never synced: the next file goes on from there.
            return match span.end {
                Some(end) => Some(next.min(end)),
                None => (next <= self.next).then_some(next),
            };
        }
        let index = self.recent.partition_point(|item| item.place < place);
        let item = self.recent.get(index)?;
        (item.place == place).then_some(item.number + 1)
    }

    fn at(&self, number: u64, rows_max: usize, bytes_max: usize) -> Look {
        let front = self.recent.front().map_or(self.next, |item| item.number);
        if let Some(skip) = number.checked_sub(front) {
            let mut bytes = 0;
            let skip = usize::try_from(skip).unwrap_or(usize::MAX);
            let items = self.recent.iter().skip(skip).take(rows_max);
            let items = items.take_while(|item| {
                let fits = bytes < bytes_max;
                bytes += item.exchange.memory();
                fits
            });
            return Look::Recent(items.cloned().collect());
        }
        let holds = |span: &&Span| span.first <= number && span.end.is_none_or(|end| number < end);
        if let Some(span) = self.spans.values().find(holds) {
            return Look::Spooled(*span);
        }
        let later = self.spans.values().map(|span| span.first);
        let later = later.filter(|first| *first > number).min();
        Look::Gone(later.map_or(front, |later| later.min(front)))
    }
}

/// One subscriber in the count.
#[derive(Debug)]
pub(super) struct Counted(Arc<Feed>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.counts.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
