//! When exchanges come faster than segments are made of them, receiving comes first: they go into the spool's frames alone,
//! and another thread, which takes what processors have left, makes segments of the frames. So an hour of more traffic than
//! can be compressed costs publication lag, and nothing of what was captured.
//!
//! While the recording is behind, its writer holds nothing. It is at most as far behind as the spool has room.

use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::time::Instant;

use super::seal::{Done, Job};
use super::{Destination, Recording};
use crate::listen;

/// How full the queue is when the recording falls behind, and when it may keep up again.
const FILL_MAX: f64 = 0.25;
const FILL_CALM: f64 = 1.0 / 64.0;

/// How long it stays behind at least: what the writer held was in vain.
const STAY: Duration = Duration::from_secs(5);

/// Bytes of frames that are worth a folder of segments, and the most that a file of frames has while another is sealed.
const JOB_BYTES: u64 = 64 << 20;
const FILE_BYTES_MAX: u64 = 512 << 20;

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
        self.take_done()?;
        let Destination::Spool(spool) = &self.destination else {
            return Ok(());
        };
        let (bytes, deferred) = (spool.file_bytes(), spool.has_deferred());
        if self.failed.is_some() {
            // It is for the clock to say when the disk is tried again.
            if fill >= FILL_MAX && !self.is_behind() {
                self.fall_behind();
            }
            return Ok(());
        }
        let free = !self.has_job();
        match self.behind.since {
            None if fill >= FILL_MAX => {
                tracing::info!(
                    "exchanges come faster than segments are made: they wait in the spool"
                );
                self.fall_behind();
                Ok(())
            }
            None if deferred && free => self.start_job(),
            None => Ok(()),
            Some(_) if !free => {
                if bytes >= FILE_BYTES_MAX && !self.begin_generation()? {
                    self.fail();
                }
                Ok(())
            }
            Some(_) if bytes >= JOB_BYTES => self.seal_behind(),
            Some(since) if fill <= FILL_CALM && since.elapsed() >= STAY => {
                if !self.begin_generation()? {
                    self.fail();
                    return Ok(());
                }
                tracing::info!("segments are made as exchanges come again");
                self.behind.since = None;
                self.fresh_writer();
                self.start_job()
            }
            Some(_) if deferred => self.start_job(),
            Some(_) => Ok(()),
        }
    }

    /// Lets another thread make segments of all frames so far, unless one is at it.
    pub(super) fn seal_behind(&mut self) -> anyhow::Result<()> {
        if self.has_job() {
            return Ok(());
        }
        if !self.begin_generation()? {
            self.fail();
            return Ok(());
        }
        self.start_job()
    }

    /// Waits for the other thread, and makes segments of the frames that it has not seen. Where the disk has no room for that
    /// the recording stays behind: its writer has nothing that could take the frames' place.
    pub(super) fn end_behind(&mut self) -> anyhow::Result<()> {
        if let Some(job) = self.behind.job.take() {
            let done = job.blocking_recv();
            self.settle_job(done.context("the sealing thread panicked")?)?;
        }
        if self.is_behind() && self.begin_generation()? {
            self.behind.since = None;
            self.fresh_writer();
            self.seal_frames()?;
        }
        Ok(())
    }

    /// What the writer holds of the file that is written is in frames too, and is sealed from there.
    pub(super) fn fall_behind(&mut self) {
        self.behind.since = Some(Instant::now());
        self.fresh_writer();
    }

    fn start_job(&mut self) -> anyhow::Result<()> {
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
        self.settle(done)
    }
}
