//! Where what was recorded leaves a pipeline: the one place that every exchange and every ledger row passes on its way to
//! the writer, whatever the frames came from.

use recorder_core::Pipeline;
use schema::{Completeness, Exchange, LedgerRow, Timestamp};

/// What a pipeline had ready at one time, on its way to the writer.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Packet time.
    pub(crate) now: Timestamp,
    #[expect(
        clippy::vec_box,
        reason = "rows are large, and move from hand to hand up to the encoder"
    )]
    pub(crate) exchanges: Vec<Box<Exchange>>,
    pub(crate) ledger: Vec<LedgerRow>,
}

impl Batch {
    /// About how many bytes of memory it holds, for bounds.
    pub(crate) fn memory(&self) -> usize {
        let exchanges: usize = self
            .exchanges
            .iter()
            .map(|exchange| exchange.memory())
            .sum();
        exchanges + self.ledger.len() * size_of::<LedgerRow>()
    }
}

/// Takes from one pipeline, and counts.
#[derive(Debug)]
pub(crate) struct Outlet {
    counts: Vec<u64>,
}

impl Outlet {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; Completeness::ALL.len()],
        }
    }

    /// Everything that the pipeline has ready; `None` if that is nothing.
    pub(crate) fn drain(&mut self, pipeline: &mut Pipeline, now: Timestamp) -> Option<Batch> {
        let mut batch = Batch {
            now,
            exchanges: Vec::new(),
            ledger: Vec::new(),
        };
        while let Some(exchange) = pipeline.poll_exchange() {
            self.counts[exchange.completeness as usize] += 1;
            batch.exchanges.push(exchange);
        }
        batch
            .ledger
            .extend(std::iter::from_fn(|| pipeline.poll_ledger()));
        (!batch.exchanges.is_empty() || !batch.ledger.is_empty()).then_some(batch)
    }

    /// Exchanges so far by completeness, in the order of [`Completeness::ALL`].
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }
}
