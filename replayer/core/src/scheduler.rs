//! What to do now: which request to send, or what to wait for.
//!
//! The schedule is open loop: due times come from [`Pace`] alone, so a slow target makes requests late (which is stored as
//! lag) and never moves the schedule. Two things may hold a request back beyond its due time: the bound on requests in
//! flight, and [`Order`]. The wait that order forces is told apart from the rest of the lag.
//!
//! Invariants:
//! * Nothing is dispatched before it is due.
//! * Requests are dispatched in the order of their due times, but for those that wait for a predecessor.
//! * At most `in_flight_max` requests are dispatched and not completed.
//! * Every pushed item comes out exactly once, from [`Scheduler::poll`] or from [`Scheduler::finish`].

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;
use schema::{ConnectionId, Timestamp};

use crate::pace::Pace;

/// Which requests wait for which answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A request waits for the answer to the one before it on the same recorded connection.
    Connection,
    /// No request waits for another.
    None,
}

/// How a [`Scheduler`] shall work.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How recorded times become due times.
    pub pace: Pace,
    /// Which requests wait for which answers.
    pub order: Order,
    /// Requests dispatched and not completed; above 0.
    pub in_flight_max: usize,
    /// Requests that are due and wait for a predecessor; above 0.
    pub waiting_max: usize,
    /// When the schedule begins.
    pub started_at: Timestamp,
    /// The recorded time that is due when the schedule begins.
    pub recorded_start: Timestamp,
}

/// What the driver has to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Step<T> {
    /// Send this now.
    Dispatch {
        /// What was pushed.
        item: T,
        /// When it was due, never after now.
        due: Timestamp,
        /// How long it waited past its due time for its predecessor's answer.
        order_wait: Duration,
    },
    /// Poll again at this time, or earlier if something completes.
    WaitUntil(Timestamp),
    /// Push the next exchange, or say that there is none.
    NeedsInput,
    /// Nothing can be sent until something in flight completes.
    AtCapacity,
    /// Everything that was pushed has been dispatched and has completed.
    Finished,
}

/// Decides what is sent when. It never sleeps and never reads a clock.
#[derive(Debug)]
pub struct Scheduler<T> {
    schedule: Schedule,
    /// How many were pushed.
    pushed: u64,
    /// Pushed and not looked at yet, in order of due time.
    queue: VecDeque<Entry<T>>,
    /// Connections with a request in flight or released; each with the requests that wait for it, in order.
    /// Empty with [`Order::None`].
    busy: FxHashMap<ConnectionId, VecDeque<Entry<T>>>,
    /// How many wait in `busy`.
    waiting: usize,
    /// Waited for a predecessor whose answer came: they go before the queue, as they were due before its head.
    released: VecDeque<(Entry<T>, Timestamp)>,
    in_flight: usize,
    input_finished: bool,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    connection: ConnectionId,
    /// `None` until its turn comes, with [`Pace::Max`].
    due: Option<Timestamp>,
}

impl<T> Scheduler<T> {
    /// A scheduler with nothing in it.
    ///
    /// # Panics
    /// If a bound is 0: nothing would ever be sent.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        assert!(schedule.in_flight_max > 0, "at least one request in flight");
        assert!(schedule.waiting_max > 0, "at least one request may wait");
        Self {
            schedule,
            pushed: 0,
            queue: VecDeque::new(),
            busy: FxHashMap::default(),
            waiting: 0,
            released: VecDeque::new(),
            in_flight: 0,
            input_finished: false,
        }
    }

    /// Adds the next exchange, in order of recorded time.
    pub fn handle_exchange(&mut self, item: T, connection: ConnectionId, recorded: Timestamp) {
        debug_assert!(
            !self.input_finished,
            "an exchange after the end of the input"
        );
        let offset = recorded.since(self.schedule.recorded_start);
        let due = self
            .schedule
            .pace
            .offset(self.pushed, offset)
            .map(|offset| self.schedule.started_at.saturating_add(offset));
        self.pushed += 1;
        self.queue.push_back(Entry {
            item,
            connection,
            due,
        });
    }

    /// Says that no exchange follows.
    pub fn handle_end_of_input(&mut self) {
        self.input_finished = true;
    }

    /// Says that a dispatched request of `connection` was answered or failed.
    ///
    /// # Panics
    /// If nothing is in flight: something completed twice.
    pub fn handle_completion(&mut self, connection: ConnectionId, now: Timestamp) {
        assert!(
            self.in_flight > 0,
            "a completion without a request in flight"
        );
        self.in_flight -= 1;
        if self.schedule.order == Order::None {
            return;
        }
        let Some(waiting) = self.busy.get_mut(&connection) else {
            debug_assert!(false, "a completion on a connection that is not busy");
            return;
        };
        match waiting.pop_front() {
            Some(entry) => {
                self.waiting -= 1;
                self.released.push_back((entry, now));
            }
            None => {
                self.busy.remove(&connection);
            }
        }
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Timestamp) -> Step<T> {
        if self.in_flight >= self.schedule.in_flight_max {
            return Step::AtCapacity;
        }
        if let Some((entry, released_at)) = self.released.pop_front() {
            return self.dispatch(entry, now, Some(released_at));
        }
        while let Some(mut entry) = self.queue.pop_front() {
            let due = *entry.due.get_or_insert(now);
            if due > now {
                self.queue.push_front(entry);
                return Step::WaitUntil(due);
            }
            if self.schedule.order == Order::None {
                return self.dispatch(entry, now, None);
            }
            let Some(waiting) = self.busy.get_mut(&entry.connection) else {
                self.busy.insert(entry.connection, VecDeque::new());
                return self.dispatch(entry, now, None);
            };
            if self.waiting >= self.schedule.waiting_max {
                self.queue.push_front(entry);
                return Step::AtCapacity;
            }
            waiting.push_back(entry);
            self.waiting += 1;
        }
        if !self.input_finished {
            Step::NeedsInput
        } else if self.in_flight > 0 {
            Step::AtCapacity
        } else {
            assert_eq!(self.waiting, 0, "a request waits for nothing in flight");
            Step::Finished
        }
    }

    /// Ends the schedule: gives back everything that was not dispatched. What is in flight may still complete.
    #[must_use]
    pub fn finish(&mut self) -> Vec<T> {
        self.input_finished = true;
        self.waiting = 0;
        let released = self.released.drain(..).map(|(entry, _)| entry.item);
        let waiting = self.busy.values_mut().flat_map(|waiting| waiting.drain(..));
        released
            .chain(waiting.map(|entry| entry.item))
            .chain(self.queue.drain(..).map(|entry| entry.item))
            .collect()
    }

    /// How many were pushed and not dispatched yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.queue.len() + self.waiting + self.released.len()
    }

    /// How many are dispatched and not completed.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn dispatch(
        &mut self,
        entry: Entry<T>,
        now: Timestamp,
        released_at: Option<Timestamp>,
    ) -> Step<T> {
        let due = entry.due.unwrap_or(now);
        debug_assert!(due <= now, "nothing is sent before it is due");
        self.in_flight += 1;
        Step::Dispatch {
            item: entry.item,
            due,
            order_wait: released_at.map_or(Duration::ZERO, |released_at| released_at.since(due)),
        }
    }
}

#[cfg(test)]
mod tests;
