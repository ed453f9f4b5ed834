//! What shards hand over and one thread takes: a queue with a bound in bytes, at which those who push wait.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use tokio::time::Instant;

/// A queue of things that have a size. Clones are the same queue.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    inner: Arc<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    bytes_max: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    /// Nothing is pushed any more: all senders are done, or the one who takes has gone.
    closed: bool,
}

/// What [`Queue::pop`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Popped<T> {
    Item(T),
    /// The deadline has passed.
    TimedOut,
    /// The queue is closed, and everything was taken.
    Closed,
}

/// Nobody takes what is pushed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("recording has ended")]
pub(crate) struct Closed;

impl<T> Queue<T> {
    /// An empty queue that holds at most `bytes_max` bytes, or one item.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            closed: false,
        };
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(state),
                changed: Condvar::new(),
                bytes_max,
            }),
        }
    }

    /// Adds an item of about `bytes` bytes; waits while the queue is full.
    ///
    /// # Errors
    /// If the queue is closed.
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), Closed> {
        let full = |state: &mut State<T>| {
            let room = state.items.is_empty() || state.bytes + bytes <= self.inner.bytes_max;
            !state.closed && !room
        };
        let state = self.inner.changed.wait_while(self.lock(), full);
        let mut state = state.unwrap_or_else(std::sync::PoisonError::into_inner);
        if state.closed {
            return Err(Closed);
        }
        state.items.push_back((item, bytes));
        state.bytes += bytes;
        self.inner.changed.notify_all();
        Ok(())
    }

    /// Takes the oldest item; waits for one until `deadline`, or without end.
    pub(crate) fn pop(&self, deadline: Option<Instant>) -> Popped<T> {
        let mut state = self.lock();
        loop {
            if let Some((item, bytes)) = state.items.pop_front() {
                state.bytes -= bytes;
                self.inner.changed.notify_all();
                return Popped::Item(item);
            }
            if state.closed {
                return Popped::Closed;
            }
            let Some(deadline) = deadline else {
                let waited = self.inner.changed.wait(state);
                state = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Popped::TimedOut;
            }
            let waited = self.inner.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Ends the queue: pushes fail from now on, and what is in it can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.inner.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // The state is whole between any two statements, so that a panic elsewhere leaves nothing half-done in it.
        let locked = self.inner.state.lock();
        locked.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

#[cfg(test)]
mod tests;
