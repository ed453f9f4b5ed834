//! Where a run stands, so that another process can go on with it.
//!
//! An exchange is *planned* when it was read and is meant, and *settled* when its end is stored. Before the first request of
//! a stretch of the window is sent, the stretch is *leased*: what is leased and not settled may have been sent by a process
//! that was killed, and is *in doubt*. Everything is said by [`Position`], never by counting, so that exchanges that have
//! come into the archive since move no border.
//!
//! Invariants:
//! * Nothing that is settled is planned again, whatever was read when the process was killed.
//! * Nothing beyond the lease was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use schema::{ExchangeId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::permission::writes;

/// The place of an exchange in the order in which a run reads: passes over the window, each in order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Position {
    /// The pass over the window, from 0.
    pub pass: u32,
    /// When the exchange was recorded, whole microseconds.
    pub recorded: Timestamp,
    /// Which exchange.
    pub exchange: ExchangeId,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.recorded.as_micros();
        write!(f, "{}/{micros}/{}", self.pass, self.exchange)
    }
}

impl From<Position> for String {
    fn from(position: Position) -> Self {
        position.to_string()
    }
}

/// Text that is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position such as 0/1795352400000000/00c0ffee00c0ffee-12")]
pub struct ParsePositionError(String);

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.splitn(3, '/');
            Some(Self {
                pass: parts.next()?.parse().ok()?,
                recorded: Timestamp::from_micros(parts.next()?.parse().ok()?),
                exchange: parts.next()?.parse().ok()?,
            })
        };
        parse().ok_or_else(|| ParsePositionError(text.to_owned()))
    }
}

impl TryFrom<String> for Position {
    type Error = ParsePositionError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// How far the archive was read, with what had been counted by then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The last planned exchange; none at the beginning.
    pub after: Option<Position>,
    /// Exchanges read.
    pub read: u64,
    /// Those that the filters left out.
    pub filtered_out: u64,
    /// Those that have a place in the schedule.
    pub sendable: u64,
    /// When the first of these was recorded: the schedule begins with it.
    #[serde(with = "micros")]
    pub first: Option<Timestamp>,
    /// Of a live stream: everything up to here had been read by then. A [`schema::live::Position`] as text.
    #[serde(default)]
    pub stream: Option<String>,
}

/// Some exchanges that were planned together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBatch {
    /// Where reading stood before the first.
    pub before: Cursor,
    /// Where it stood after the last.
    pub after: Cursor,
    /// Those that are not settled, in order.
    pub positions: Vec<Position>,
}

/// What is settled: everything planned up to `reached` that is not in `open`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Everything planned up to here is settled.
    pub cursor: Cursor,
    /// The last exchange that was planned.
    pub reached: Option<Position>,
    /// Planned and not settled.
    pub open: BTreeSet<Position>,
}

/// Keeps account of what is planned and not settled. Holds as much as is in the schedule and on its way to the store.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    /// By the first position of each batch with something open.
    batches: BTreeMap<Position, Batch>,
    reached: Cursor,
    /// Of a run that goes on: how it stood. What reading has not come to again still stands so.
    before: Standing,
}

/// What was planned together, and has not all ended.
#[derive(Clone, Debug)]
struct Batch {
    before: Cursor,
    /// In order; with whether each is settled.
    positions: Vec<(Position, bool)>,
    /// How many are not.
    open: usize,
}

impl Batch {
    fn new(before: Cursor, mut positions: Vec<Position>) -> Self {
        positions.sort_unstable();
        positions.dedup();
        Self {
            before,
            open: positions.len(),
            positions: positions.into_iter().map(|at| (at, false)).collect(),
        }
    }

    fn settle(&mut self, position: &Position) {
        let found = self.positions.binary_search_by_key(position, |(at, _)| *at);
        if let Ok(place) = found
            && !std::mem::replace(&mut self.positions[place].1, true)
        {
            self.open -= 1;
        }
    }

    fn open(&self) -> impl Iterator<Item = Position> {
        let open = self.positions.iter().filter(|(_, settled)| !settled);
        open.map(|(at, _)| *at)
    }
}

impl Unsettled {
    /// Of a run that stands so.
    #[must_use]
    pub fn new(standing: Standing) -> Self {
        Self {
            batches: BTreeMap::new(),
            reached: standing.cursor.clone(),
            before: standing,
        }
    }

    /// Takes what was planned, in order.
    pub fn handle_planned(&mut self, batch: PlannedBatch) {
        if let Some(first) = batch.positions.first().copied() {
            let open = Batch::new(batch.before, batch.positions);
            self.batches.insert(first, open);
        }
        self.reached = batch.after;
        while let Some(first) = self.before.open.first()
            && Some(*first) <= self.reached.after
        {
            self.before.open.pop_first();
        }
    }

    /// Notes that the end of an exchange is stored, or will be before the next [`Unsettled::standing`] is.
    pub fn handle_settled(&mut self, position: Position) {
        let Some((&first, batch)) = self.batches.range_mut(..=position).next_back() else {
            return;
        };
        batch.settle(&position);
        if batch.open == 0 {
            self.batches.remove(&first);
        }
    }

    /// How the run stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let first = self.batches.first_key_value();
        let open = self.batches.values().flat_map(Batch::open);
        Standing {
            cursor: first.map_or_else(|| self.reached.clone(), |(_, batch)| batch.before.clone()),
            reached: self.reached.after.max(self.before.reached),
            open: open.chain(self.before.open.iter().copied()).collect(),
        }
    }
}

/// What a run that goes on does about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its end is stored.
    Settled,
    /// It may have been sent.
    InDoubt,
    /// It was not sent.
    Fresh,
}

/// A run that goes on: how it stood, and how far it was leased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumption {
    /// How it stood when that was last stored.
    pub standing: Standing,
    /// Nothing beyond this was sent; `None` if everything that was sent is settled.
    pub leased: Option<Position>,
}

impl Resumption {
    /// What to do about the exchange at `position`.
    #[must_use]
    pub fn status(&self, position: &Position) -> Status {
        let standing = &self.standing;
        let position = Some(*position);
        if position <= standing.cursor.after {
            return Status::Settled;
        }
        let is_open = position.is_some_and(|position| standing.open.contains(&position));
        if position <= standing.reached && !is_open {
            Status::Settled
        } else if position <= self.leased {
            Status::InDoubt
        } else {
            Status::Fresh
        }
    }
}

/// Which requests are sent again that may have been sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendAgain {
    /// None.
    Nothing,
    /// Those whose method is safe (RFC 9110 section 9.2.1).
    Safe,
    /// Those whose method is idempotent (RFC 9110 section 9.2.2): sent twice they do what they do once.
    #[default]
    Idempotent,
    /// All.
    Everything,
}

impl SendAgain {
    /// Whether a request of this method is.
    #[must_use]
    pub fn allows(self, method: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Safe => !writes(method),
            Self::Idempotent => !writes(method) || matches!(method, "PUT" | "DELETE"),
            Self::Everything => true,
        }
    }
}

/// A time, or none, as microseconds.
mod micros {
    use schema::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(
        clippy::ref_option,
        reason = "serde's `with` passes the field by reference"
    )]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::as_micros).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(Timestamp::from_micros))
    }
}

#[cfg(test)]
mod tests;
