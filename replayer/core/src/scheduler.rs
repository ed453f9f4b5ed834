//! What to do now: which request to send, or what to wait for.
//!
//! The schedule is open loop: due times come from [`Pace`] alone, so a slow target makes requests late (which is stored as
//! lag) and never moves the schedule. Two things may hold a request back beyond its due time: the bound on requests in
//! flight, where [`WhenBehind`] says what becomes of it, and the order within its [`Place`]. The wait that order forces is
//! told apart from the rest of the lag.
//!
//! Invariants:
//! * Nothing is dispatched before it is due.
//! * Requests are dispatched in the order of their due times, but for those that wait for an answer.
//! * At most `in_flight_max` requests are dispatched and not completed.
//! * Nothing is dispatched that [`Scheduler::allow`] does not allow.
//! * Every pushed item comes out exactly once, from [`Scheduler::poll`] or from [`Scheduler::finish`].

mod groups;

use std::collections::VecDeque;
use std::time::Duration;

use schema::Timestamp;

use crate::pace::{Pace, ramped};
use groups::{Entry, Groups};

pub use groups::{Place, Ticket};

/// What becomes of a request that is due while as many are in flight as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBehind {
    /// It waits until one of them ends, and is late.
    Wait,
    /// It is not sent at all.
    Skip,
}

/// How a [`Scheduler`] shall work.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// How recorded times become due times.
    pub pace: Pace,
    /// How long the rate grows from nothing to that of `pace`; zero for at once.
    pub ramp: Duration,
    /// Requests dispatched and not completed; above 0.
    pub in_flight_max: usize,
    /// What becomes of a request at that bound, or at the next one.
    pub when_behind: WhenBehind,
    /// Requests that are due and wait for an answer; above 0.
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
        /// What [`Scheduler::handle_completion`] takes when it was answered or failed.
        ticket: Ticket,
        /// When it was due, never after now.
        due: Timestamp,
        /// How long it waited past its due time for the answers that it has to follow.
        order_wait: Duration,
        /// Whether it waited for another to end because too many were in flight.
        held_back: bool,
    },
    /// Do not send this: it was due while too many were in flight ([`WhenBehind::Skip`]).
    Skip {
        /// What was pushed.
        item: T,
        /// When it was due.
        due: Timestamp,
    },
    /// Poll again at this time, or earlier if something completes.
    WaitUntil(Timestamp),
    /// The next request is not allowed yet: poll again after [`Scheduler::allow`].
    NotAllowed,
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
    /// How many of them may go.
    allowed: u64,
    /// Pushed and not looked at yet, in order of due time.
    queue: VecDeque<Entry<T>>,
    /// Which requests are open, and which wait for them.
    groups: Groups<T>,
    /// Waited for answers that have come: they go before the queue, as they were due before its head.
    released: VecDeque<(Entry<T>, Timestamp)>,
    in_flight: usize,
    /// When last as many were in flight as may be.
    full_at: Option<Timestamp>,
    input_finished: bool,
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
            allowed: u64::MAX,
            queue: VecDeque::new(),
            groups: Groups::default(),
            released: VecDeque::new(),
            in_flight: 0,
            full_at: None,
            input_finished: false,
        }
    }

    /// Adds the next exchange, in order of recorded time.
    pub fn handle_exchange(&mut self, item: T, place: Place, recorded: Timestamp) {
        self.handle_nth(item, place, recorded, self.pushed);
    }

    /// As [`Scheduler::handle_exchange`], where others of the window are not pushed: this is the `index`th of all, from 0,
    /// and has its place in an even rate.
    pub fn handle_nth(&mut self, item: T, place: Place, recorded: Timestamp, index: u64) {
        debug_assert!(
            !self.input_finished,
            "an exchange after the end of the input"
        );
        let offset = recorded.since(self.schedule.recorded_start);
        let due = self
            .schedule
            .pace
            .offset(index, offset)
            .map(|offset| ramped(offset, self.schedule.ramp))
            .map(|offset| self.schedule.started_at.saturating_add(offset));
        let entry = Entry::new(item, place, self.pushed, due);
        self.pushed += 1;
        self.queue.push_back(entry);
    }

    /// Lets only so many go of those that are pushed, from the first on; without this all may.
    pub fn allow(&mut self, count: u64) {
        self.allowed = count;
    }

    /// How many may go.
    #[must_use]
    pub fn allowed(&self) -> u64 {
        self.allowed
    }

    /// How many will have come up at `time`, as far as that is known, but at most `most` more than have by now; and the last
    /// of these. `None` if none comes up.
    #[must_use]
    pub fn upcoming(&self, time: Timestamp, most: usize) -> Option<(u64, &T)> {
        let due = |entry: &Entry<T>| entry.due.is_none_or(|due| due <= time);
        let count = self.queue.partition_point(due).min(most);
        let last = self.queue.get(count.checked_sub(1)?)?;
        Some((self.popped() + count as u64, &last.item))
    }

    /// Says that no exchange follows.
    pub fn handle_end_of_input(&mut self) {
        self.input_finished = true;
    }

    /// Says that a dispatched request was answered or failed.
    ///
    /// # Panics
    /// If nothing is in flight: something completed twice.
    pub fn handle_completion(&mut self, ticket: Ticket, now: Timestamp) {
        assert!(
            self.in_flight > 0,
            "a completion without a request in flight"
        );
        if self.in_flight >= self.schedule.in_flight_max {
            self.full_at = Some(now);
        }
        self.in_flight -= 1;
        let released = &mut self.released;
        self.groups
            .close(ticket, |entry| released.push_back((entry, now)));
    }

    /// What to do at `now`.
    pub fn poll(&mut self, now: Timestamp) -> Step<T> {
        let is_full = self.in_flight >= self.schedule.in_flight_max;
        if is_full {
            self.full_at = Some(now);
            if self.schedule.when_behind == WhenBehind::Wait {
                return Step::AtCapacity;
            }
        } else if let Some((entry, released_at)) = self.released.pop_front() {
            return self.dispatch(entry, now, Some(released_at));
        }
        while let Some(mut entry) = self.queue.pop_front() {
            if self.popped() > self.allowed {
                self.queue.push_front(entry);
                return Step::NotAllowed;
            }
            let due = *entry.due.get_or_insert(now);
            if due > now {
                self.queue.push_front(entry);
                return Step::WaitUntil(due);
            }
            if !self.groups.has_to_wait(&entry) {
                if is_full {
                    let item = entry.item;
                    return Step::Skip { item, due };
                }
                self.groups.open(&entry);
                return self.dispatch(entry, now, None);
            }
            if self.groups.waiting() >= self.schedule.waiting_max {
                if self.schedule.when_behind == WhenBehind::Skip {
                    let item = entry.item;
                    return Step::Skip { item, due };
                }
                self.queue.push_front(entry);
                return Step::AtCapacity;
            }
            self.groups.wait(entry);
        }
        if !self.input_finished {
            Step::NeedsInput
        } else if self.in_flight > 0 {
            Step::AtCapacity
        } else {
            assert_eq!(
                self.groups.waiting(),
                0,
                "a request waits for nothing in flight"
            );
            Step::Finished
        }
    }

    /// Ends the schedule: gives back everything that was not dispatched. What is in flight may still complete.
    #[must_use]
    pub fn finish(&mut self) -> Vec<T> {
        self.input_finished = true;
        let released = self.released.drain(..).map(|(entry, _)| entry.item);
        let waiting = self.groups.take_waiting();
        released
            .chain(waiting.into_iter().map(|entry| entry.item))
            .chain(self.queue.drain(..).map(|entry| entry.item))
            .collect()
    }

    /// How many were pushed and wait for nothing but their time or their turn.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len() + self.released.len()
    }

    /// How many were pushed and not dispatched yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.queued() + self.groups.waiting()
    }

    /// How many are dispatched and not completed.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many have left the queue.
    fn popped(&self) -> u64 {
        self.pushed - self.queue.len() as u64
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
        let ready_at = released_at.map_or(due, |released_at| released_at.max(due));
        Step::Dispatch {
            ticket: entry.ticket(),
            item: entry.item,
            due,
            order_wait: ready_at.since(due),
            held_back: self.full_at.is_some_and(|full_at| full_at > ready_at),
        }
    }
}

#[cfg(test)]
mod tests;
