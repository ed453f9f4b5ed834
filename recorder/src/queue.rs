//! What shards hand over and one thread takes: a queue bounded in bytes, because exchanges differ in size by a factor of a
//! million.
//!
//! The one who takes is woken for a lot, not for an item: a shard that hands over an exchange every few microseconds would
//! otherwise spend more time on waking than on recording. What is less than a lot waits at most [`LINGER`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long an item may wait for others that are taken with it.
const LINGER: Duration = Duration::from_millis(2);

/// The part of the bound that is taken at once, and the most bytes of it.
const LOTS: usize = 4;
const LOT_BYTES_MAX: usize = 1 << 20;

/// A queue from several senders to one receiver: new senders, and how full it is. Clones are the same queue.
#[derive(Debug)]
pub(crate) struct Queue<T>(Arc<Inner<T>>);

/// An end to hand over at; when all are gone, the queue ends.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Inner<T>>);

/// The end to take from; when it is gone, handing over fails.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    inner: Arc<Inner<T>>,
    /// The lot that is being given out, and its bytes, which count as waiting until all of it is.
    lot: VecDeque<(T, usize)>,
    lot_bytes: usize,
}

#[derive(Debug)]
struct Inner<T> {
    state: Mutex<State<T>>,
    /// Signalled when there is a first item or a lot, and when the last sender goes.
    filled: Condvar,
    /// Signalled when there is room, and when the receiver goes.
    room: Condvar,
    /// The same as in the state, to be looked at from outside.
    bytes: AtomicUsize,
    bytes_max: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    /// Of the items and of the lot that is being given out.
    bytes: usize,
    senders: usize,
    /// Who waits: to wake nobody costs a system call too.
    receiver_waits: bool,
    senders_wait: usize,
    receiver_gone: bool,
}

/// What [`Receiver::pop`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Popped<T> {
    Item(T),
    /// The deadline has passed.
    TimedOut,
    /// Every sender is gone, and everything was taken.
    Closed,
}

/// Nobody takes what is handed over any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("recording has ended")]
pub(crate) struct Closed;

impl<T> Queue<T> {
    /// An empty queue that holds about `bytes_max` bytes: an item is let in whole while less than that waits.
    pub(crate) fn new(bytes_max: usize) -> (Self, Receiver<T>) {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            senders: 0,
            receiver_waits: false,
            senders_wait: 0,
            receiver_gone: false,
        };
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            filled: Condvar::new(),
            room: Condvar::new(),
            bytes: AtomicUsize::new(0),
            bytes_max: bytes_max.max(1),
        });
        let receiver = Receiver {
            inner: Arc::clone(&inner),
            lot: VecDeque::new(),
            lot_bytes: 0,
        };
        (Self(inner), receiver)
    }

    /// One more end to hand over at. Until there is one, the queue is at its end.
    pub(crate) fn sender(&self) -> Sender<T> {
        self.0.lock().senders += 1;
        Sender(Arc::clone(&self.0))
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// How full it is, from 0 to 1 and a little more.
    pub(crate) fn fill(&self) -> f64 {
        self.0.fill()
    }
}

impl<T> Sender<T> {
    /// Adds an item of about `bytes` bytes; waits while the queue is full.
    ///
    /// # Errors
    /// If the receiver is gone.
    pub(crate) fn push(&self, item: T, bytes: usize) -> Result<(), Closed> {
        let inner = &*self.0;
        let mut state = inner.lock();
        while state.bytes >= inner.bytes_max && !state.receiver_gone {
            state.senders_wait += 1;
            state = wait(&inner.room, state);
            state.senders_wait -= 1;
        }
        if state.receiver_gone {
            return Err(Closed);
        }
        let before = state.bytes;
        state.items.push_back((item, bytes));
        inner.set_bytes(&mut state, before + bytes);
        let lot = inner.lot_bytes();
        let first_or_lot = state.items.len() == 1 || (before < lot && state.bytes >= lot);
        if state.receiver_waits && first_or_lot {
            inner.filled.notify_one();
        }
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// How full the queue is, from 0 to 1 and a little more, what is being given out included.
    pub(crate) fn fill(&self) -> f64 {
        self.inner.fill()
    }

    /// Takes the oldest item; waits for one until `deadline`, or without end.
    pub(crate) fn pop(&mut self, deadline: Option<Instant>) -> Popped<T> {
        if self.lot.is_empty()
            && let Some(none) = self.take_lot(deadline)
        {
            return none;
        }
        match self.lot.pop_front() {
            Some((item, _)) => Popped::Item(item),
            None => Popped::TimedOut,
        }
    }

    /// Takes the next lot; says so if there is none.
    fn take_lot(&mut self, deadline: Option<Instant>) -> Option<Popped<T>> {
        let inner = &*self.inner;
        let mut state = inner.lock();
        let left = state.bytes - std::mem::take(&mut self.lot_bytes);
        inner.set_bytes(&mut state, left);
        if state.senders_wait > 0 {
            inner.room.notify_all();
        }
        while state.items.is_empty() {
            if state.senders == 0 {
                return Some(Popped::Closed);
            }
            let Some(waited) = wait_until(&inner.filled, state, deadline) else {
                return Some(Popped::TimedOut);
            };
            state = waited;
        }
        let linger = Instant::now() + LINGER;
        let until = deadline.map_or(linger, |deadline| deadline.min(linger));
        while state.bytes < inner.lot_bytes() && state.senders > 0 {
            let Some(waited) = wait_until(&inner.filled, state, Some(until)) else {
                state = inner.lock();
                break;
            };
            state = waited;
        }
        while self.lot_bytes < inner.lot_bytes()
            && let Some((item, bytes)) = state.items.pop_front()
        {
            self.lot_bytes += bytes;
            self.lot.push_back((item, bytes));
        }
        None
    }
}

impl<T> Inner<T> {
    fn fill(&self) -> f64 {
        self.bytes.load(Ordering::Relaxed) as f64 / self.bytes_max as f64
    }

    /// Bytes for which the receiver is woken, and that it takes at once.
    fn lot_bytes(&self) -> usize {
        (self.bytes_max / LOTS).min(LOT_BYTES_MAX)
    }

    fn set_bytes(&self, state: &mut State<T>, bytes: usize) {
        state.bytes = bytes;
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // The state is whole between any two statements, so that a panic elsewhere leaves nothing half-done in it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits to be woken.
fn wait<'a, T>(condition: &Condvar, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
    condition
        .wait(state)
        .unwrap_or_else(PoisonError::into_inner)
}

/// Waits as the receiver, to be woken or for the deadline, at which there is nothing more to wait for.
fn wait_until<'a, T>(
    condition: &Condvar,
    mut state: MutexGuard<'a, State<T>>,
    deadline: Option<Instant>,
) -> Option<MutexGuard<'a, State<T>>> {
    state.receiver_waits = true;
    let mut state = match deadline {
        None => wait(condition, state),
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.receiver_waits = false;
                return None;
            }
            let waited = condition.wait_timeout(state, left);
            waited.unwrap_or_else(PoisonError::into_inner).0
        }
    };
    state.receiver_waits = false;
    Some(state)
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.lock().senders -= 1;
        self.0.filled.notify_one();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.inner.lock();
        state.receiver_gone = true;
        let items = std::mem::take(&mut state.items);
        self.inner.room.notify_all();
        drop(state);
        drop(items);
    }
}

#[cfg(test)]
mod tests;
