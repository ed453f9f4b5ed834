//! When exchanges come faster than segments are made of them, receiving comes first: they go into the spool's frames alone,
//! and another thread, which takes what processors have left, makes segments of the frames. So an hour of more traffic than
//! can be compressed costs publication lag, and nothing of what was captured.
//!
//! While the recording is behind, its writer holds nothing. It is at most as far behind as the spool has room. Segments are
//! made lot by lot, of the oldest files first, so that what came first is published while the rest still waits.

use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::time::Instant;

use super::job::{Done, Job};
use super::{Destination, Recording};
use crate::listen;

/// How full the queue is when the recording falls behind, and when it may keep up again.
const FILL_MAX: f64 = 0.25;
const FILL_CALM: f64 = 1.0 / 64.0;

/// How long it stays behind at least: what the writer held was in vain.
const STAY: Duration = Duration::from_secs(5);

/// Whether the recording is behind, and the thread that makes segments of frames.
#[derive(Debug, Default)]
pub(super) struct Behind {
    since: Option<Instant>,
    job: Option<oneshot::Receiver<anyhow::Result<Done>>>,
}

impl Recording {
    /// Whether exchanges go into frames alone.
    pub(super) fn is_behind(&self) -> bool {
        self.behind.since.is_some()
    }

    /// Whether another thread makes segments of frames.
    pub(super) fn has_job(&self) -> bool {
        self.behind.job.is_some()
    }

    /// Recording live into a spool, falls behind when the queue is `fill` full, and keeps up again when it can.
    pub(super) fn keep_up(&mut self, fill: f64) -> anyhow::Result<()> {
        if self.live.is_none() {
            return Ok(());
        }
        self.take_counted()?;
        self.take_done()?;
        let lot_bytes = self.lot_bytes();
        let Destination::Spool(spool) = &self.destination else {
            return Ok(());
        };
        let (waits, more) = (spool.has_deferred(), spool.has_lots(lot_bytes));
        let bytes = spool.file_bytes();
        let few = bytes + spool.deferred_bytes() <= lot_bytes;
        if !self.is_behind() && (fill >= FILL_MAX || more) {
            tracing::info!("exchanges come faster than segments are made: they wait in the spool");
            self.fall_behind();
        }
        // After a failure it is for the clock to say when the disk is tried again.
        let tries = self.failed.is_none();
        if tries && self.is_behind() && bytes >= lot_bytes {
            return self.seal_behind();
        }
        if !tries || self.has_job() || self.counting.is_some() {
            return Ok(());
        }
        match self.behind.since {
            Some(since) if few && fill <= FILL_CALM && since.elapsed() >= STAY => self.catch_up(),
            _ if waits => self.seal_beside(),
            _ => Ok(()),
        }
    }

    /// Ends the file of frames, and lets another thread make segments of the oldest, unless one is at it.
    pub(super) fn seal_behind(&mut self) -> anyhow::Result<()> {
        if !self.begin_generation()? {
            self.fail();
            return Ok(());
        }
        self.seal_beside()
    }

    /// Lets another thread make segments of the oldest frames, unless one is at it.
    pub(super) fn seal_beside(&mut self) -> anyhow::Result<()> {
        if self.has_job() || self.counting.is_some() {
            return Ok(());
        }
        let job = match self.job() {
            Ok(job) => job,
            Err(error) => return self.settle_job(Err(error)),
        };
        let work = move || {
            listen::yield_processor();
            Job::run(job)
        };
        self.behind.job = Some(crate::thread("sealing", work)?);
        Ok(())
    }

    /// Waits for the other thread, and makes segments of the frames that it has not seen. Where the disk has no room for that
    /// the recording stays behind: its writer has nothing that could take the frames' place.
    pub(super) fn end_behind(&mut self) -> anyhow::Result<()> {
        self.end_counting()?;
        self.end_job()?;
        if self.is_behind() && self.begin_generation()? {
            self.set_behind(None);
            self.fresh_writer();
            self.seal_frames()?;
        }
        Ok(())
    }

    /// Waits for the other thread.
    pub(super) fn end_job(&mut self) -> anyhow::Result<()> {
        match self.behind.job.take() {
            Some(job) => {
                let done = job.blocking_recv();
                self.settle_job(done.context("the sealing thread panicked")?)
            }
            None => Ok(()),
        }
    }

    /// Segments are made as exchanges come again.
    fn catch_up(&mut self) -> anyhow::Result<()> {
        if !self.begin_generation()? {
            self.fail();
            return Ok(());
        }
        tracing::info!("segments are made as exchanges come again");
        self.set_behind(None);
        self.fresh_writer();
        self.seal_beside()
    }

    /// What the writer holds of the file that is written is in frames too, and is sealed from there.
    pub(super) fn fall_behind(&mut self) {
        self.set_behind(Some(Instant::now()));
        self.fresh_writer();
    }

    fn set_behind(&mut self, since: Option<Instant>) {
        self.behind.since = since;
        if let Some(stats) = &self.live {
            stats.set_behind(since.is_some());
        }
    }

    fn take_done(&mut self) -> anyhow::Result<()> {
        let Some(job) = &mut self.behind.job else {
            return Ok(());
        };
        let done = match job.try_recv() {
            Err(TryRecvError::Empty) => return Ok(()),
            done => done.context("the sealing thread panicked")?,
        };
        self.behind.job = None;
        self.settle_job(done)
    }

    fn settle_job(&mut self, done: anyhow::Result<Done>) -> anyhow::Result<()> {
        if done.is_err() {
            // The writer is given up with the folder; what it held of the file that is written is in frames alone.
            self.fall_behind();
        }
        self.settle(done)?;
        Ok(())
    }
}
