//! What an earlier run left in the spool because it went down, or was told to end while it was behind.
//!
//! A recorder that lives takes what comes at once, and what was left becomes segments beside it, lot by lot: a spool may hold
//! more than can be sealed in the time that whoever looks after recorders gives one to start.

use anyhow::Context as _;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{Destination, Recording};
use crate::clock;
use crate::listen;

/// Files that are being counted: generations with their exchanges.
pub(super) type Counting = oneshot::Receiver<anyhow::Result<Vec<(u64, u64)>>>;

impl Recording {
    /// Looks at what was left. Recording captures, that becomes segments before anything is recorded.
    ///
    /// # Errors
    /// If it cannot be read, because a key is not given or another version wrote it: then it stays.
    pub(super) fn recover(&mut self) -> anyhow::Result<()> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        if !spool.has_deferred() {
            return Ok(());
        }
        spool.probe_left()?;
        let (files, bytes) = (spool.deferred().count(), spool.deferred_bytes());
        tracing::warn!(
            files,
            bytes,
            "the last recording left frames in the spool: they are made into segments and published"
        );
        let Some(stats) = self.live.clone() else {
            return self.seal_frames();
        };
        while self.waits_for_seal() {
            self.seal_lot()?;
            stats.alive(clock::now());
        }
        self.count_left()
    }

    /// Whether nothing can be taken before more of what was left is sealed.
    fn waits_for_seal(&self) -> bool {
        match &self.destination {
            Destination::Spool(spool) => self.failed.is_none() && spool.waits_for_seal(),
            Destination::Channel(_) => false,
        }
    }

    /// Counts what was left, if there may be subscribers: what they get is numbered, and that comes first. What is to be
    /// counted stays as it is until it is.
    fn count_left(&mut self) -> anyhow::Result<()> {
        let Destination::Spool(spool) = &self.destination else {
            return Ok(());
        };
        let left: Vec<_> = spool.deferred().map(|file| file.generation).collect();
        if self.feed.is_none() || left.is_empty() {
            return Ok(());
        }
        let frames = spool.frames();
        let count = move || {
            listen::yield_processor();
            let counted = |generation| Ok((generation, frames.count(generation)?));
            left.into_iter().map(counted).collect()
        };
        self.counting = Some(crate::thread("counting", count)?);
        Ok(())
    }

    /// Takes what was counted, if it was by now.
    pub(super) fn take_counted(&mut self) -> anyhow::Result<()> {
        let Some(counting) = &mut self.counting else {
            return Ok(());
        };
        match counting.try_recv() {
            Err(TryRecvError::Empty) => Ok(()),
            counted => self.set_counted(counted.context("the counting thread panicked")?),
        }
    }

    /// Waits until it was.
    pub(super) fn end_counting(&mut self) -> anyhow::Result<()> {
        match self.counting.take() {
            Some(counting) => {
                let counted = counting.blocking_recv();
                self.set_counted(counted.context("the counting thread panicked")?)
            }
            None => Ok(()),
        }
    }

    fn set_counted(&mut self, counted: anyhow::Result<Vec<(u64, u64)>>) -> anyhow::Result<()> {
        self.counting = None;
        if let Destination::Spool(spool) = &mut self.destination {
            for (generation, rows) in counted? {
                spool.set_rows(generation, rows);
            }
        }
        self.tell_generations();
        Ok(())
    }
}
