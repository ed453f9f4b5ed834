//! The thread that takes what all shards record, fills segments, and hands them on to be published.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use schema::{Table, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::clock;
use super::stats::Shared;
use crate::outlet::Batch;
use crate::queue::{Popped, Receiver};
use crate::writer::{Sealed, Writer};

/// How long the thread waits for a batch before it looks at the clock.
const WAIT: Duration = Duration::from_millis(250);

/// A segment on its way to the archive.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) sealed: Sealed,
    /// When it was sealed.
    pub(super) at: Timestamp,
}

impl Outgoing {
    /// Exchanges in it.
    pub(super) fn exchanges(&self) -> u64 {
        match self.sealed.table {
            Table::Capture => 0,
            Table::Exchanges | Table::RunExchanges(_) => self.sealed.segment.rows as u64,
        }
    }
}

/// The one writer of several shards: it alone numbers segments.
pub(super) struct Recording {
    pub(super) writer: Writer,
    pub(super) batches: Receiver<Batch>,
    pub(super) segments: mpsc::Sender<Outgoing>,
    pub(super) shared: Arc<Shared>,
}

impl Recording {
    /// Takes batches until every shard is done; then what is left is handed on.
    ///
    /// # Errors
    /// If a segment cannot be encoded, or nobody takes segments any more.
    pub(super) fn run(mut self) -> anyhow::Result<()> {
        loop {
            let popped = self.batches.pop(Some(Instant::now() + WAIT));
            let now = clock::now();
            self.shared.writer.alive(now);
            match popped {
                Popped::Item(batch) => {
                    self.shared.writer.took(batch.exchanges.len() as u64, now);
                    self.writer.take(batch)?;
                }
                Popped::TimedOut => {}
                Popped::Closed => break,
            }
            self.writer
                .handle_timeout(now)
                .context("cannot encode a segment")?;
            self.hand_over()?;
        }
        self.writer.finish();
        self.hand_over()
    }

    /// Gives sealed segments to the uploader; waits while it is behind, so that memory stays bounded.
    fn hand_over(&mut self) -> anyhow::Result<()> {
        while let Some(sealed) = self
            .writer
            .poll_sealed()
            .context("cannot encode a segment")?
        {
            let at = clock::now();
            if self
                .segments
                .blocking_send(Outgoing { sealed, at })
                .is_err()
            {
                bail!("publishing has ended");
            }
        }
        Ok(())
    }
}
