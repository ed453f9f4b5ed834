//! What a proxy copied, which comes as requests and not as frames.

use std::sync::Arc;

use schema::Timestamp;

use super::Pipeline;
use crate::Mirrored;
use crate::wire::Wrapping;

impl Pipeline {
    /// Takes a request that a proxy copied; packet time moves to its time if that is later. It is filtered, sampled, redacted
    /// and counted like any exchange.
    pub fn handle_mirrored(&mut self, mirrored: Mirrored) {
        let Mirrored {
            at,
            source,
            exchange,
            counters,
        } = mirrored;
        if at > self.now {
            self.handle_timeout(at);
        }
        let capture = self.sources.capture(&source, self.limits.sources_max);
        let place = self.place(at, &Wrapping::default(), capture);
        self.counters(place).add(&counters);
        if let Some(exchange) = exchange {
            self.ready.push_back(Box::new(exchange));
            self.admit_exchanges(place.origin);
        }
    }

    /// Counts requests of `source` that began about `at` and were let go: they are no rows.
    pub fn handle_shed(&mut self, at: Timestamp, source: &Arc<str>, exchanges: u64) {
        let capture = self.sources.capture(source, self.limits.sources_max);
        let place = self.place(at, &Wrapping::default(), capture);
        let row = &mut self.counters(place).ledger;
        row.exchanges += exchanges;
        row.exchanges_incomplete += exchanges;
        row.exchanges_shed += exchanges;
    }
}

#[cfg(test)]
mod tests;
