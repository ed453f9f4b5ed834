//! The thread between shards and the archive: what shards hand over goes into the spool, if there is one, and into segments.
//!
//! ```text
//! shards ─Batch→ queue ─→ Recording ─┬─ with a spool: frames; then sealed folders, which the uploader empties
//!                                    └─ without: Sealed → bounded channel → uploader
//! ```
//! With a spool, a segment that is due seals all that are open, so that the frames they came from can go as one. Of a capture,
//! packet time says when a segment is due; recording live, the clock does, also when nothing comes. Where exchanges come
//! faster than segments are made, `behind` says what gives way; `recover` says what becomes of what an earlier run left.

mod behind;
mod job;
mod recover;
mod seal;
mod stats;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use recorder_core::Rotation;
use schema::{Exchange, LedgerRow, SegmentOptions, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::clock;
use crate::live::Feed;
use crate::outlet::Batch;
use crate::queue::{Popped, Receiver};
use crate::spool::{Backlog, Kept, Policy, Replayed, Sequences, Spool, SpoolError};
use crate::writer::{Sealed, Writer};

use behind::Behind;
use recover::Counting;
pub(crate) use stats::{Publication, WriterStats};

/// How long the thread waits for a batch before it looks at the clock, recording live.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same while another thread makes segments of frames: its next lot waits for this one.
const LOOK_FOR_JOB_EVERY: Duration = Duration::from_millis(10);

/// The state of the thread.
#[derive(Debug)]
pub(crate) struct Recording {
    options: SegmentOptions,
    rotation: Rotation,
    writer: Writer,
    destination: Destination,
    /// Segments that are sealed and in no folder yet, because the disk had no room for one.
    held: Vec<Sealed>,
    /// The last time that the disk had no room for segments.
    failed: Option<Failed>,
    /// What an earlier run left is being counted.
    counting: Option<Counting>,
    recorded: Recorded,
    /// Recording live: where it tells how it gets on.
    live: Option<Arc<WriterStats>>,
    /// What subscribers of the live stream read.
    feed: Option<Arc<Feed>>,
    behind: Behind,
}

/// How long after the disk had no room it is tried again, though the spool has not shrunk: others may have made room.
const TRY_AFTER: Duration = Duration::from_secs(30);

/// When the disk had no room, and how many bytes the spool had.
#[derive(Clone, Copy, Debug)]
struct Failed {
    at: Instant,
    bytes: u64,
}

impl Failed {
    fn is_worth_a_try(self, bytes: u64, now: Instant) -> bool {
        bytes < self.bytes || now - self.at >= TRY_AFTER
    }
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
    /// What an earlier run had left, as far as it was read back.
    pub(crate) replayed: Replayed,
    /// Exchanges for which the spool had no room.
    pub(crate) shed: u64,
    /// Generations that are still frames: the disk has no room for their segments, or the end came first.
    pub(crate) unsealed: usize,
}

impl Recording {
    /// What goes to `destination` is cut as `rotation` says.
    pub(crate) fn new(
        mut options: SegmentOptions,
        rotation: Rotation,
        mut destination: Destination,
    ) -> Self {
        let mut next = Sequences::default();
        if let Destination::Spool(spool) = &mut destination {
            options.spool = Some(spool.id().to_string());
            spool.set_policy(&Policy::of(&options));
            next = spool.next();
        }
        Self {
            writer: Writer::new(options.clone(), rotation).starting_at(next),
            options,
            rotation,
            destination,
            held: Vec::new(),
            failed: None,
            counting: None,
            recorded: Recorded::default(),
            live: None,
            feed: None,
            behind: Behind::default(),
        }
    }

    /// The same, of several shards that record live until all are done; it tells `stats` how it gets on, and gives what it
    /// records to `feed` too.
    pub(crate) fn live(mut self, stats: Arc<WriterStats>, feed: Option<Arc<Feed>>) -> Self {
        let now = clock::now();
        stats.alive(now);
        let mut next = self.writer.next();
        if let Destination::Channel(_) = &self.destination {
            // Started again under the same name, a recorder must not give a number twice: without a spool that remembers
            // them, it counts on from the time of day.
            let number = now.as_nanos() / 1_000_000;
            (next.exchanges, next.capture) = (number, number);
        }
        self.live = Some(stats);
        self.feed = feed;
        self.writer = self.new_writer(next);
        self
    }

    /// Takes batches until all shards are done, and hands over every segment.
    ///
    /// # Errors
    /// If a segment cannot be encoded, the spool fails, or nobody takes segments any more.
    pub(crate) fn run(mut self, mut batches: Receiver<Batch>) -> anyhow::Result<Recorded> {
        let backlog = match &self.destination {
            Destination::Spool(spool) => Some(Completes(spool.backlog())),
            Destination::Channel(_) => None,
        };
        let result = self.take_all(&mut batches).and_then(|()| self.finish());
        self.tell();
        if let Some(feed) = &self.feed {
            feed.close();
        }
        // Whoever waits for more, or to hand over more, goes on.
        drop((batches, backlog));
        result
    }

    fn take_all(&mut self, batches: &mut Receiver<Batch>) -> anyhow::Result<()> {
        self.recover()?;
        self.tell_generations();
        loop {
            match batches.pop(self.poll_timeout()) {
                Popped::Item(batch) => {
                    let now = batch.now;
                    self.take(batch)?;
                    self.tell_passed(Some(now));
                }
                Popped::TimedOut => self.tell_passed(None),
                Popped::Closed => return Ok(()),
            }
            self.keep_up(batches.fill())?;
            self.handle_timeout()?;
        }
    }

    fn take(&mut self, batch: Batch) -> anyhow::Result<()> {
        for exchange in batch.exchanges {
            if self.spool(&exchange)? == Kept::Shed {
                continue;
            }
            if let Some(stats) = &self.live {
                stats.took();
            }
            if let Some(feed) = &self.feed {
                let place = match &self.destination {
                    Destination::Spool(spool) => Some(spool.last_place()),
                    Destination::Channel(_) => None,
                };
                feed.push(place, &exchange);
            }
            if self.is_behind() {
                continue;
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

    /// Makes an exchange durable, if there is a spool.
    fn spool(&mut self, exchange: &Exchange) -> anyhow::Result<Kept> {
        let Destination::Spool(spool) = &self.destination else {
            return Ok(Kept::Stored);
        };
        if spool.wants_seal(exchange.memory()) {
            self.rotate()?;
        }
        let Destination::Spool(spool) = &mut self.destination else {
            bail!("a spool stays a spool");
        };
        spool.push(exchange, Instant::now())
    }

    fn take_row(&mut self, row: LedgerRow) -> anyhow::Result<()> {
        if let Destination::Spool(spool) = &mut self.destination {
            spool.push_ledger(&row, Instant::now());
        }
        if self.is_behind() {
            return Ok(());
        }
        let pushed = self.writer.push_ledger(row);
        pushed.context("cannot encode the ledger")?;
        self.hand_over()
    }

    /// When there is something to do though nothing came.
    fn poll_timeout(&self) -> Option<Instant> {
        let spool = match &self.destination {
            Destination::Spool(spool) => spool.poll_timeout(),
            Destination::Channel(_) => None,
        };
        let every = match self.has_job() {
            true => LOOK_FOR_JOB_EVERY,
            false => LOOK_EVERY,
        };
        let look = self.live.as_ref().map(|_| Instant::now() + every);
        spool.into_iter().chain(look).min()
    }

    /// What is due whether or not something came; then it is told.
    fn handle_timeout(&mut self) -> anyhow::Result<()> {
        self.cut_and_sync()?;
        self.tell();
        Ok(())
    }

    fn cut_and_sync(&mut self) -> anyhow::Result<()> {
        if self.live.is_some() {
            let cut = self.writer.handle_timeout(clock::now());
            cut.context("cannot encode a segment")?;
            self.hand_over()?;
        }
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        let now = Instant::now();
        spool.handle_timeout(now)?;
        let room = (self.failed).is_some_and(|failed| failed.is_worth_a_try(spool.bytes(), now));
        for row in spool.take_shed_rows(now, false) {
            self.take_row(row)?;
        }
        if room {
            self.failed = None;
            // What is written now is in the next try too: the writer is given up with a try that fails.
            self.rotate()?;
        }
        Ok(())
    }

    /// Tells whoever watches that the thread is at its queue, and what the spool holds.
    fn tell(&self) {
        let Some(stats) = &self.live else {
            return;
        };
        stats.alive(clock::now());
        if let Destination::Spool(spool) = &self.destination {
            stats.set_spool(spool.facts(Instant::now()));
        }
    }

    /// Tells subscribers up to when everything that was done has come: up to a batch that was taken, whose packet time is
    /// given, or up to now, if none waits.
    fn tell_passed(&self, batch: Option<Timestamp>) {
        if let Some(feed) = &self.feed {
            let now = clock::now();
            feed.pass(batch.unwrap_or(now).min(now));
        }
    }

    /// Tells that nothing more comes, and that the spool has all that came.
    fn tell_complete(&self) {
        if let Some(stats) = &self.live {
            stats.set_complete(self.recorded_so_far());
        }
    }

    /// Tells subscribers which files of the spool can be read, once all are counted.
    fn tell_generations(&self) {
        if self.counting.is_some() {
            return;
        }
        if let (Some(feed), Destination::Spool(spool)) = (&self.feed, &self.destination) {
            feed.set_generations(&spool.generations());
        }
    }

    /// Gives segments that are due to the uploader; waits while it is behind, so that memory stays bounded. With a spool,
    /// one that is due seals all.
    fn hand_over(&mut self) -> anyhow::Result<()> {
        while let Some(sealed) = self.poll_sealed()? {
            match &mut self.destination {
                Destination::Channel(segments) => {
                    if let Some(stats) = &self.live {
                        stats.handed_over(clock::now());
                    }
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
        Ok(self.recorded_so_far())
    }

    /// What the thread has done by now.
    fn recorded_so_far(&self) -> Recorded {
        let mut recorded = self.recorded.clone();
        if let Destination::Spool(spool) = &self.destination {
            recorded.shed = spool.shed_total();
            recorded.unsealed = spool.deferred().count() + usize::from(!spool.is_empty());
        }
        recorded
    }

    /// A writer without segments that numbers them from `next` on.
    fn new_writer(&self, next: Sequences) -> Writer {
        let writer = Writer::new(self.options.clone(), self.rotation).starting_at(next);
        if self.live.is_some() {
            writer.live()
        } else {
            writer
        }
    }
}

/// Says that nothing more is added, however the thread ends.
struct Completes(Arc<Backlog>);

impl Drop for Completes {
    fn drop(&mut self) {
        self.0.complete();
    }
}

#[cfg(test)]
mod tests;
