//! What shards have recorded, on its way to the one writer: a queue bounded in bytes, because exchanges differ in size by
//! a factor of a million.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::outlet::Batch;

/// A queue of batches, from several shards to one writer.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Signalled when there is room, and when nobody takes any more.
    room: Condvar,
    /// Signalled when there is something, and when nobody gives any more.
    filled: Condvar,
    bytes: AtomicUsize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    batches: VecDeque<(Batch, usize)>,
    senders: usize,
    closed: bool,
}

/// A shard's end; the writer's ends when all of these are gone.
#[derive(Debug)]
pub(super) struct Sender(Arc<Queue>);

/// The writer's end; dropping it lets the shards go on without.
#[derive(Debug)]
pub(super) struct Receiver(Arc<Queue>);

/// What taking from the queue gave.
#[derive(Debug)]
pub(super) enum Taken {
    Batch(Batch),
    /// Nothing came in time.
    Nothing,
    /// Every shard is done, and the queue is empty.
    Ended,
}

/// The writer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("writing has ended")]
pub(super) struct WriterGone;

impl Queue {
    /// A queue that holds about `bytes_max` bytes: a batch is let in whole while less than that waits.
    pub(super) fn new(bytes_max: usize) -> (Arc<Self>, Receiver) {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            room: Condvar::new(),
            filled: Condvar::new(),
            bytes: AtomicUsize::new(0),
            bytes_max,
        });
        (Arc::clone(&queue), Receiver(queue))
    }

    /// One more end to send from.
    pub(super) fn sender(self: &Arc<Self>) -> Sender {
        self.lock().senders += 1;
        Sender(Arc::clone(self))
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How full it is, from 0 to 1 and a little more.
    pub(super) fn fill(&self) -> f64 {
        self.bytes() as f64 / self.bytes_max.max(1) as f64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is a whole queue all the same.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// Hands a batch over; waits while the queue is full.
    ///
    /// # Errors
    /// If the writer is gone.
    pub(super) fn push(&self, batch: Batch) -> Result<(), WriterGone> {
        let queue = &self.0;
        let cost = batch.memory();
        let mut state = queue.lock();
        while queue.bytes() >= queue.bytes_max && !state.closed {
            state = queue
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(WriterGone);
        }
        state.batches.push_back((batch, cost));
        queue.bytes.fetch_add(cost, Ordering::Relaxed);
        queue.filled.notify_one();
        Ok(())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lock().senders -= 1;
        self.0.filled.notify_one();
    }
}

impl Receiver {
    /// The next batch, waited for at most `wait`.
    pub(super) fn take(&self, wait: Duration) -> Taken {
        let queue = &self.0;
        let mut state = queue.lock();
        if state.batches.is_empty() && state.senders > 0 {
            (state, _) = queue
                .filled
                .wait_timeout(state, wait)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let Some((batch, cost)) = state.batches.pop_front() else {
            return if state.senders == 0 {
                Taken::Ended
            } else {
                Taken::Nothing
            };
        };
        queue.bytes.fetch_sub(cost, Ordering::Relaxed);
        queue.room.notify_all();
        Taken::Batch(batch)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        state.batches.clear();
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests;
