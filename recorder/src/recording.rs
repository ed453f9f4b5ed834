//! The thread between shards and the archive: what shards hand over goes into the spool, if there is one, and into segments.
//!
//! ```text
//! shards ─Batch→ Queue ─→ Recording ─┬─ with a spool: frames; then sealed folders, which the uploader empties
//!                                    └─ without: Sealed → bounded channel → uploader
//! ```
//! With a spool, a segment that is due seals all that are open, so that the frames they came from can go as one.

mod seal;

use anyhow::{Context as _, bail};
use recorder_core::Rotation;
use schema::{LedgerRow, SegmentOptions};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::outlet::Batch;
use crate::queue::{Popped, Receiver};
use crate::spool::{Kept, Replayed, Spool, SpoolError};
use crate::writer::{Sealed, Writer};

/// Bytes of exchanges that shards may have handed over and that are not written.
pub(crate) const QUEUE_BYTES: usize = 4 << 20;

/// The state of the thread.
#[derive(Debug)]
pub(crate) struct Recording {
    options: SegmentOptions,
    rotation: Rotation,
    writer: Writer,
    destination: Destination,
    /// Segments that are sealed and in no folder yet, because the disk had no room for one.
    held: Vec<Sealed>,
    /// Bytes of the spool when the disk had no room for segments: less of it is worth another try.
    failed_at: Option<u64>,
    /// The last generation that a crash left.
    crashed_until: Option<u64>,
    recorded: Recorded,
}

/// Where segments go.
#[derive(Debug)]
pub(crate) enum Destination {
    Channel(mpsc::Sender<Sealed>),
    Spool(Box<Spool>),
}

/// What the thread has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    /// What a crash had left.
    pub(crate) replayed: Replayed,
    /// Exchanges for which the spool had no room.
    pub(crate) shed: u64,
    /// Generations that are still frames, because the disk has no room for their segments.
    pub(crate) unsealed: usize,
}

impl Recording {
    /// What goes to `destination` is cut as `rotation` says.
    pub(crate) fn new(
        mut options: SegmentOptions,
        rotation: Rotation,
        destination: Destination,
    ) -> Self {
        let mut crashed_until = None;
        let mut next = crate::spool::Sequences::default();
        if let Destination::Spool(spool) = &destination {
            options.spool = Some(spool.id().to_string());
            crashed_until = spool.deferred().last().copied();
            next = spool.next();
        }
        Self {
            writer: Writer::new(options.clone(), rotation).starting_at(next),
            options,
            rotation,
            destination,
            held: Vec::new(),
            failed_at: None,
            crashed_until,
            recorded: Recorded::default(),
        }
    }

    /// Takes batches until the last shard is done, and hands over every segment.
    ///
    /// # Errors
    /// If a segment cannot be encoded, the spool fails, or nobody takes segments any more.
    pub(crate) fn run(mut self, mut batches: Receiver<Batch>) -> anyhow::Result<Recorded> {
        let backlog = match &self.destination {
            Destination::Spool(spool) => Some(spool.backlog()),
            Destination::Channel(_) => None,
        };
        let result = self.take_all(&mut batches).and_then(|()| self.finish());
        // Whoever waits for more, or to hand over more, goes on.
        drop(batches);
        if let Some(backlog) = backlog {
            backlog.complete();
        }
        result
    }

    fn take_all(&mut self, batches: &mut Receiver<Batch>) -> anyhow::Result<()> {
        self.recover()?;
        loop {
            let deadline = match &self.destination {
                Destination::Spool(spool) => spool.poll_timeout(),
                Destination::Channel(_) => None,
            };
            match batches.pop(deadline) {
                Popped::Item(batch) => self.take(batch)?,
                Popped::TimedOut => {}
                Popped::Closed => return Ok(()),
            }
            self.handle_timeout()?;
        }
    }

    fn take(&mut self, batch: Batch) -> anyhow::Result<()> {
        for exchange in batch.exchanges {
            if let Destination::Spool(spool) = &mut self.destination {
                if spool.wants_seal(exchange.memory()) {
                    self.rotate()?;
                }
                let Destination::Spool(spool) = &mut self.destination else {
                    bail!("a spool stays a spool");
                };
                if spool.push(&exchange, Instant::now())? == Kept::Shed {
                    continue;
                }
            }
            let pushed = self.writer.push(exchange, batch.now);
            pushed.context("cannot encode exchanges")?;
            self.hand_over()?;
        }
        for row in batch.ledger {
            self.take_row(row)?;
        }
        Ok(())
    }

    fn take_row(&mut self, row: LedgerRow) -> anyhow::Result<()> {
        if let Destination::Spool(spool) = &mut self.destination {
            spool.push_ledger(&row, Instant::now());
        }
        let pushed = self.writer.push_ledger(row);
        pushed.context("cannot encode the ledger")?;
        self.hand_over()
    }

    /// What is due whether or not something came.
    fn handle_timeout(&mut self) -> anyhow::Result<()> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        let now = Instant::now();
        spool.handle_timeout(now)?;
        let room = self.failed_at.is_some_and(|bytes| spool.bytes() < bytes);
        for row in spool.take_shed_rows(now, false) {
            self.take_row(row)?;
        }
        if room {
            self.failed_at = None;
            self.seal_again()?;
        }
        Ok(())
    }

    /// Gives segments that are due to the uploader; waits while it is behind, so that memory stays bounded. With a spool,
    /// one that is due seals all.
    fn hand_over(&mut self) -> anyhow::Result<()> {
        while let Some(sealed) = self.poll_sealed()? {
            match &mut self.destination {
                Destination::Channel(segments) => {
                    if segments.blocking_send(sealed).is_err() {
                        bail!("publishing has ended");
                    }
                }
                Destination::Spool(_) => {
                    self.held.push(sealed);
                    self.rotate()?;
                }
            }
        }
        Ok(())
    }

    fn poll_sealed(&mut self) -> anyhow::Result<Option<Sealed>> {
        self.writer.poll_sealed().context("cannot encode a segment")
    }

    fn finish(&mut self) -> anyhow::Result<Recorded> {
        if let Destination::Spool(spool) = &mut self.destination {
            let rows = spool.take_shed_rows(Instant::now(), true);
            for row in rows {
                self.take_row(row)?;
            }
        }
        if let Destination::Channel(_) = &self.destination {
            self.writer.finish();
            self.hand_over()?;
        } else {
            self.end_spool()?;
        }
        Ok(std::mem::take(&mut self.recorded))
    }
}
