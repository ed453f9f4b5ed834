//! Exchanges that wait for their batch.

use crate::{Exchange, ExchangeId};

/// An exchange with its place in time.
#[derive(Debug)]
pub(super) struct Held {
    /// `request_start` in whole microseconds, as files store it.
    pub(super) start: i64,
    pub(super) id: ExchangeId,
    pub(super) exchange: Box<Exchange>,
}

/// Exchanges in the order of their completion, given out in the order of their start.
#[derive(Debug, Default)]
pub(super) struct Pending {
    held: Vec<Held>,
    bytes: usize,
    /// The place of the last row given out; nothing before it can be taken any more.
    given_out: Option<(i64, ExchangeId)>,
}

impl Pending {
    /// Takes an exchange, or gives it back if it belongs before rows that were given out.
    pub(super) fn push(&mut self, exchange: Box<Exchange>) -> Option<Box<Exchange>> {
        let (start, id) = (exchange.start().as_micros(), exchange.id());
        if self
            .given_out
            .is_some_and(|given_out| (start, id) < given_out)
        {
            return Some(exchange);
        }
        self.bytes += exchange.memory();
        self.held.push(Held {
            start,
            id,
            exchange,
        });
        None
    }

    /// How many exchanges wait.
    pub(super) fn rows(&self) -> usize {
        self.held.len()
    }

    /// About how many bytes they hold.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The earliest exchanges, in order of time: as many as the two bounds allow, but at least one if any waits.
    pub(super) fn take_batch(&mut self, rows_max: usize, bytes_max: usize) -> Vec<Held> {
        // Almost in order already, which a stable sort makes use of.
        self.held.sort_by_key(|held| (held.start, held.id));
        let mut bytes = 0;
        let mut rows = 0;
        for held in self.held.iter().take(rows_max) {
            bytes += held.exchange.memory();
            rows += 1;
            if bytes >= bytes_max {
                break;
            }
        }
        let rest = self.held.split_off(rows);
        let batch = std::mem::replace(&mut self.held, rest);
        self.bytes -= bytes;
        self.given_out = batch
            .last()
            .map(|held| (held.start, held.id))
            .or(self.given_out);
        batch
    }
}
