//! Several archives of the same requests become one sequence: rows with the same exchange id together.
//!
//! A recording is in the order of its requests; a run is in the order of sending, which is nearly that: a request that had
//! to wait for an earlier answer comes later. So this is a merge join with a table of what waits for its like. The side
//! that is farthest behind is always read next, and a row leaves the table as soon as every side has it or has ended. What
//! stays is what some side does not have, and rows that one side sent much later than another.
//!
//! Memory is bounded: at the bound the oldest row leaves with the sides that it has, which is right unless the missing
//! side is later than the whole table is long. A row of such a side finds its like gone; it is counted as unjoined, and
//! whoever reads the counts must not call the result whole.

use std::collections::{BTreeSet, VecDeque};

use rustc_hash::FxHashMap;
use schema::{Exchange, ExchangeId, Timestamp};

/// What the driver has to do.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Give the next exchange of this side, or say that it has ended.
    NeedsExchange(usize),
    /// The next row, nearly in the order of recording.
    Row(Row),
    /// Every side has ended and every row is out.
    Finished,
}

/// One request, on each side that has it.
#[derive(Debug)]
pub struct Row {
    /// Which request.
    pub id: ExchangeId,
    /// When it was recorded.
    pub recorded_start: Timestamp,
    /// By side.
    pub sides: Vec<Option<Box<Exchange>>>,
}

/// What one side gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideCounts {
    /// Exchanges.
    pub exchanges: u64,
    /// Those among them whose row was gone or taken: a second one with the same id, or one later than the memory is long.
    pub unjoined: u64,
}

/// Joins sides by exchange id.
#[derive(Debug)]
pub struct Join {
    sides: Vec<Side>,
    rows: FxHashMap<ExchangeId, Waiting>,
    /// The rows by time of recording.
    order: BTreeSet<(Timestamp, ExchangeId)>,
    /// Rows that nothing more can be added to.
    ready: VecDeque<Row>,
    memory_bytes: usize,
    memory_bytes_max: usize,
    /// Rows up to here have left because of the bound.
    evicted_to: Option<(Timestamp, ExchangeId)>,
}

#[derive(Debug, Default)]
struct Side {
    /// How far it has come: the latest time of recording that it gave.
    reached: Option<Timestamp>,
    has_ended: bool,
    counts: SideCounts,
}

#[derive(Debug)]
struct Waiting {
    recorded_start: Timestamp,
    bytes: usize,
    sides: Vec<Option<Box<Exchange>>>,
}

impl Join {
    /// A join of `sides` sides that holds about `memory_bytes_max` bytes of exchanges that wait for their like.
    #[must_use]
    pub fn new(sides: usize, memory_bytes_max: usize) -> Self {
        Self {
            sides: std::iter::repeat_with(Side::default).take(sides).collect(),
            rows: FxHashMap::default(),
            order: BTreeSet::new(),
            ready: VecDeque::new(),
            memory_bytes: 0,
            memory_bytes_max,
            evicted_to: None,
        }
    }

    /// What to do next.
    pub fn poll(&mut self) -> Step {
        if let Some(row) = self.ready.pop_front() {
            return Step::Row(row);
        }
        let open = self.sides.iter().enumerate().filter(|(_, s)| !s.has_ended);
        match open.min_by_key(|(index, side)| (side.reached, *index)) {
            Some((side, _)) => Step::NeedsExchange(side),
            None => Step::Finished,
        }
    }

    /// Gives the next exchange of a side.
    pub fn handle_exchange(&mut self, side: usize, exchange: Box<Exchange>) {
        let id = exchange.id();
        let start = recorded_start(&exchange);
        let counts = &mut self.sides[side];
        counts.counts.exchanges += 1;
        counts.reached = counts.reached.max(Some(start));
        let is_gone = !self.rows.contains_key(&id)
            && self
                .evicted_to
                .is_some_and(|evicted_to| (start, id) <= evicted_to);
        if is_gone {
            self.sides[side].counts.unjoined += 1;
            return;
        }
        let bytes = exchange.memory();
        let width = self.sides.len();
        let row = self.rows.entry(id).or_insert_with(|| {
            self.order.insert((start, id));
            Waiting {
                recorded_start: start,
                bytes: 0,
                sides: std::iter::repeat_with(|| None).take(width).collect(),
            }
        });
        if row.sides[side].is_some() {
            self.sides[side].counts.unjoined += 1;
            return;
        }
        row.sides[side] = Some(exchange);
        row.bytes += bytes;
        self.memory_bytes += bytes;
        let is_whole = row
            .sides
            .iter()
            .zip(&self.sides)
            .all(|(has, side)| has.is_some() || side.has_ended);
        if is_whole {
            self.release(id);
        }
        while self.memory_bytes > self.memory_bytes_max
            && let Some(&oldest) = self.order.first()
        {
            self.evicted_to = self.evicted_to.max(Some(oldest));
            self.release(oldest.1);
        }
    }

    /// Says that a side has ended.
    pub fn handle_end(&mut self, side: usize) {
        self.sides[side].has_ended = true;
        let sides = &self.sides;
        let whole: Vec<ExchangeId> = self
            .order
            .iter()
            .filter(|(_, id)| {
                let has = &self.rows[id].sides;
                has.iter()
                    .zip(sides)
                    .all(|(has, side)| has.is_some() || side.has_ended)
            })
            .map(|&(_, id)| id)
            .collect();
        for id in whole {
            self.release(id);
        }
    }

    /// What each side gave so far.
    pub fn counts(&self) -> impl Iterator<Item = SideCounts> {
        self.sides.iter().map(|side| side.counts)
    }

    /// Bytes of exchanges that wait for their like.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn release(&mut self, id: ExchangeId) {
        let row = self
            .rows
            .remove(&id)
            .expect("rows that wait are in the table");
        self.order.remove(&(row.recorded_start, id));
        self.memory_bytes -= row.bytes;
        self.ready.push_back(Row {
            id,
            recorded_start: row.recorded_start,
            sides: row.sides,
        });
    }
}

/// When the exchange was recorded, on whichever side it is.
fn recorded_start(exchange: &Exchange) -> Timestamp {
    let replay = exchange.replay.as_ref();
    replay.map_or_else(|| exchange.start(), |replay| replay.recorded_start)
}

#[cfg(test)]
mod tests;
