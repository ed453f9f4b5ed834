//! Following a recording: what comes from a live stream and from segments goes on in the order of time, each exchange once, and
//! what never came is counted.
//!
//! ```text
//! stream, in the order in which exchanges were done --handle_streamed--.
//!                                                                       waiting, by start --poll--> in time order
//! segments, in the order of their starts ------------handle_archived---'
//! ```
//! An exchange is due a fixed delay after it was recorded. It is given out [`LEAD`] before that, so that what was done meanwhile
//! and began earlier can go first. What comes after its turn is *late*: it goes out at once, and is counted.
//!
//! Invariants:
//! * No exchange is given out twice that is remembered ([`Limits::remembered_max`]).
//! * What is not late is given out in the order of (start, id).
//! * Every exchange that the stream says it lacks is found in the archive, or counted as missed.
//! * A follow of a stream does not end before the stream is known to have given everything, or a gap says that it is not.

mod gaps;
mod marks;
mod seen;
mod stream;

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashSet;
use schema::live::Position;
use schema::{Exchange, ExchangeId, TimeWindow, Timestamp};

use crate::Limits;

use marks::Marks;
use seen::Seen;
use stream::Stream;

pub use gaps::{Gap, Gaps};

/// How long before they are due exchanges are given out, unless the delay is shorter than twice that.
pub const LEAD: Duration = Duration::from_secs(2);

/// What is followed.
#[derive(Clone, Copy, Debug)]
pub struct Following {
    /// Only what started here.
    pub window: TimeWindow,
    /// How long after it was recorded a request is due.
    pub delay: Duration,
    /// How long to look into the archive for what a stream lacks.
    pub catch_up: Duration,
    /// Whether there is a stream; otherwise segments are all there is.
    pub is_live: bool,
}

impl Following {
    /// How long after it was done an exchange is given out.
    fn wait(&self) -> Duration {
        self.delay.saturating_sub(LEAD.min(self.delay / 2))
    }
}

/// How a segment was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was written by a recorder, and has not been read before.
    Recorded,
    /// It is made of others, which may have been read.
    Compacted,
    /// It may hold what a stream lacks.
    CatchUp,
}

/// The next exchange.
#[derive(Debug, PartialEq)]
pub struct Next {
    /// As recorded.
    pub exchange: Box<Exchange>,
    /// Whether one that started later was given out before.
    pub is_late: bool,
    /// Whether it came so late that it is not known whether it was given out before: it must not be sent.
    pub is_too_late: bool,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Given out after one that started later.
    pub late: u64,
    /// By how much at most, whole microseconds after it should have been given out.
    pub late_max_us: u64,
    /// So late that it is not known whether they were given out before.
    pub too_late: u64,
    /// Came more than once.
    pub repeated: u64,
}

/// Puts what comes into the order of time. It reads no clock.
#[derive(Debug)]
pub struct Follow {
    following: Following,
    waiting: BTreeMap<(Timestamp, ExchangeId), Waiting>,
    waiting_bytes: usize,
    waiting_bytes_max: usize,
    seen: Seen,
    /// What another process gave out; kept while a gap is open that it may have found them for.
    restored: FxHashSet<ExchangeId>,
    /// The greatest that was given out.
    newest: Option<(Timestamp, ExchangeId)>,
    stream: Stream,
    marks: Marks,
    gaps: Gaps,
    counts: Counts,
}

#[derive(Debug)]
struct Waiting {
    exchange: Box<Exchange>,
    is_too_late: bool,
}

impl Follow {
    /// Nothing came yet.
    #[must_use]
    pub fn new(following: Following, limits: &Limits) -> Self {
        Self {
            following,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            waiting_bytes_max: limits.follow_waiting_bytes_max,
            seen: Seen::new(limits.remembered_max),
            restored: FxHashSet::default(),
            newest: None,
            stream: Stream::default(),
            marks: Marks::default(),
            gaps: Gaps::default(),
            counts: Counts::default(),
        }
    }

    /// What is followed.
    #[must_use]
    pub fn following(&self) -> &Following {
        &self.following
    }

    /// Remembers an exchange that was given out before, by another process.
    pub fn remember(&mut self, start: Timestamp, id: ExchangeId) {
        self.seen.insert(start, id);
        self.restored.insert(id);
        self.newest = self.newest.max(Some((start, id)));
    }

    /// Says that another process may have given out what started up to `floor`, and that not all of it is remembered.
    pub fn forget_up_to(&mut self, floor: Timestamp) {
        self.seen.raise(floor);
        self.stream.pass_by(floor);
    }

    /// A stream was begun that goes on where the one before ended, or is the first.
    pub fn handle_connected(&mut self, now: Timestamp) {
        self.stream.hear(now);
    }

    /// The stream has broken off.
    pub fn handle_disconnected(&mut self) {
        self.stream.cut();
    }

    /// The recorder has ended the stream, which is whole: there is nothing more that it has recorded.
    pub fn handle_finished(&mut self, now: Timestamp) {
        self.stream.finish(now);
    }

    /// Bytes came, with or without rows.
    pub fn handle_heard(&mut self, now: Timestamp) {
        self.stream.hear(now);
    }

    /// The recorder says that it has nothing to give: all that it has recorded has come.
    pub fn handle_idle(&mut self, now: Timestamp) {
        self.stream.hear(now);
        self.stream.rest(now);
    }

    /// A stream begins that does not go on where the one before ended, at `since` as far as is known: what was done from there
    /// on may be lacking, and of what comes some may have come before.
    pub fn handle_begun_anew(&mut self, since: Timestamp, now: Timestamp) {
        let since = self.stream.done.unwrap_or(since);
        self.marks.clear();
        self.gaps.open(Gap {
            from: since,
            to: now,
            owed: None,
            found: 0,
            until: now.saturating_add(self.following.catch_up),
        });
    }

    /// Goes on with a gap that another process had found.
    pub fn handle_gap(&mut self, gap: Gap) {
        self.gaps.open(gap);
    }

    /// A row of the stream, before which it lacks `missed` exchanges.
    pub fn handle_streamed(
        &mut self,
        exchange: Box<Exchange>,
        position: Position,
        missed: u64,
        now: Timestamp,
    ) {
        let done = done(&exchange).min(now);
        if missed > 0 {
            self.gaps.open(Gap {
                from: self.stream.done.unwrap_or(self.following.window.start),
                to: done,
                owed: Some(missed),
                found: 0,
                until: now.saturating_add(self.following.catch_up),
            });
        }
        let (start, id) = (exchange.start(), exchange.id());
        if self.following.window.contains(start) {
            if self.is_known(start, id) {
                self.counts.repeated += 1;
            } else {
                // A stream gives nothing twice but where it was begun anew, so that what is not remembered is new, unless it
                // was done before that.
                let is_old = start <= self.seen.floor() && self.stream.done > Some(done);
                if is_old && self.gaps.is_open() {
                    self.counts.repeated += 1;
                } else {
                    self.wait(exchange, false);
                }
            }
        }
        self.stream.done = self.stream.done.max(Some(done));
        self.stream.hear(now);
        self.stream.go_on(now);
        self.marks.push(self.stream.done.unwrap_or(done), position);
    }

    /// An exchange of a segment.
    pub fn handle_archived(&mut self, exchange: Box<Exchange>, origin: Origin) {
        let (start, id) = (exchange.start(), exchange.id());
        if !self.following.window.contains(start) {
            return;
        }
        if self.is_known(start, id) {
            self.counts.repeated += 1;
            if origin == Origin::CatchUp && self.restored.remove(&id) {
                self.gaps.find_again(done(&exchange));
            }
            return;
        }
        let is_forgotten = start <= self.seen.floor();
        match origin {
            Origin::Recorded => self.wait(exchange, is_forgotten),
            Origin::Compacted if is_forgotten => self.counts.repeated += 1,
            Origin::Compacted => self.wait(exchange, false),
            Origin::CatchUp => match self.gaps.place(done(&exchange)) {
                // The stream gives it, or has.
                None => {}
                Some(gap) if is_forgotten && done(&exchange) < gap.from => {
                    self.counts.repeated += 1;
                }
                Some(gap) => {
                    gap.found += 1;
                    self.wait(exchange, is_forgotten);
                }
            },
        }
    }

    /// Everything that started up to here may be given out at `now`, as soon as nothing earlier can come from segments.
    #[must_use]
    pub fn horizon(&self, now: Timestamp) -> Timestamp {
        self.stream_time(now).saturating_sub(self.following.wait())
    }

    /// Everything that started up to here is known to have been given out or counted at `now`, but for what comes late. While a
    /// stream is silent or away, requests go out by the clock, and this stays.
    #[must_use]
    pub fn reached(&self, now: Timestamp) -> Timestamp {
        let horizon = self.horizon(now).min(self.following.window.end);
        if !self.following.is_live {
            return horizon;
        }
        let whole = self.stream.whole_to().unwrap_or(Timestamp::MIN);
        horizon.min(whole.saturating_sub(self.following.wait()))
    }

    /// Whether the window's end is reached and nothing is looked for. A stream that is silent or away by then is waited for,
    /// and then what it may have lacked is looked for. With `may_come`, something of it has come and was not taken yet.
    pub fn is_over(&mut self, now: Timestamp, may_come: bool) -> bool {
        let end = self.following.window.end;
        if self.horizon(now) < end {
            return false;
        }
        if self.reached(now) < end {
            let since = now.saturating_sub(self.following.wait());
            if may_come || since < end.saturating_add(stream::AWAIT) || self.stream.is_awaited(now)
            {
                return false;
            }
            self.open_behind_stream(now);
        }
        !self.gaps.is_open()
    }

    /// The user wants it to end, at `now`: what a stream may have lacked by then that is silent or away will not be looked for.
    /// With `may_come`, something of it has come and was not taken yet: then the follow ends before that.
    pub fn handle_stop(&mut self, now: Timestamp, may_come: bool) {
        let horizon = self.horizon(now).min(self.following.window.end);
        let is_lacking = !self.stream.is_sound(now) && self.stream.whole_to() < Some(horizon);
        if self.following.is_live && !may_come && is_lacking {
            self.open_behind_stream(now);
        }
    }

    /// The next exchange that started up to `bound`.
    pub fn poll(&mut self, bound: Timestamp) -> Option<Next> {
        let entry = self.waiting.first_entry()?;
        let key = *entry.key();
        if key.0 > bound {
            return None;
        }
        let Waiting {
            exchange,
            is_too_late,
        } = entry.remove();
        self.waiting_bytes -= exchange.memory();
        self.seen.insert(key.0, key.1);
        let is_late = Some(key) < self.newest;
        if is_late {
            self.counts.late += 1;
            let by = bound.since(key.0).as_micros();
            let by = u64::try_from(by).unwrap_or(u64::MAX);
            self.counts.late_max_us = self.counts.late_max_us.max(by);
        }
        self.newest = self.newest.max(Some(key));
        self.counts.too_late += u64::from(is_too_late);
        Some(Next {
            exchange,
            is_late,
            is_too_late,
        })
    }

    /// When the first that waits started.
    #[must_use]
    pub fn next_start(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((start, _), _)| *start)
    }

    /// Whether as much waits as may: then nothing more is to be read of the stream.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.waiting_bytes >= self.waiting_bytes_max
    }

    /// The greatest start that was given out.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest.map(|(start, _)| start)
    }

    /// Where to go on in the stream after a kill: all rows up to here have been given out.
    pub fn settled_position(&mut self) -> Option<Position> {
        let waits = self.next_start().unwrap_or(Timestamp::MAX);
        self.marks.before(waits)
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What streams lacked.
    #[must_use]
    pub fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Ends the gaps that are filled, and those whose time is over. `passed` says how far the archive is known to be complete.
    pub fn close_gaps(&mut self, passed: Option<Timestamp>, now: Timestamp) {
        self.gaps.close(passed, now);
        if !self.gaps.is_open() && !self.restored.is_empty() {
            self.restored = FxHashSet::default();
        }
    }

    /// Nobody knows what the stream lacks from where it is whole on, of what is to be given out by `now`.
    fn open_behind_stream(&mut self, now: Timestamp) {
        let Following { window, .. } = self.following;
        let horizon = self.horizon(now).min(window.end);
        let to = horizon.saturating_add(self.following.wait());
        self.gaps.open(Gap {
            from: self.stream.whole_to().unwrap_or(window.start),
            to,
            owed: None,
            found: 0,
            until: now.saturating_add(self.following.catch_up),
        });
        // The gap tells of it from here on.
        self.stream.pass_by(to);
    }

    fn is_known(&self, start: Timestamp, id: ExchangeId) -> bool {
        self.waiting.contains_key(&(start, id)) || self.seen.contains(id)
    }

    fn wait(&mut self, exchange: Box<Exchange>, is_too_late: bool) {
        self.waiting_bytes += exchange.memory();
        let key = (exchange.start(), exchange.id());
        let waiting = Waiting {
            exchange,
            is_too_late,
        };
        let before = self.waiting.insert(key, waiting);
        debug_assert!(before.is_none(), "what waits is known");
    }

    /// Up to when everything that was done has come, as far as that can be known.
    fn stream_time(&self, now: Timestamp) -> Timestamp {
        let is_behind = self.following.is_live && !self.is_full() && !self.stream.is_quiet(now);
        match self.stream.whole_to() {
            // What is behind catches up in order.
            Some(whole_to) if is_behind && self.stream.done.is_some() => whole_to.min(now),
            _ => now,
        }
    }
}

/// When the last byte of an exchange was recorded.
#[must_use]
pub fn done(exchange: &Exchange) -> Timestamp {
    let request = exchange.request.as_ref().map(|request| request.end);
    let response = exchange.response.as_ref().map(|response| response.end);
    let start = exchange.start();
    start
        .max(request.unwrap_or(start))
        .max(response.unwrap_or(start))
}

#[cfg(test)]
mod tests;
