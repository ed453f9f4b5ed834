//! Sealing with a spool: from open segments where it can be, from frames where it must.

use anyhow::bail;
use tokio::time::Instant;

use super::job::{Done, Job, seal_rest};
use super::{Destination, Failed, Recording, SpoolError};
use crate::spool::{Deferred, Spool};
use crate::writer::{Sealed, Writer};

/// The most bytes of frames that become segments at once, and that a file of frames has while the recording is behind.
const LOT_BYTES_MAX: u64 = 512 << 20;

impl Recording {
    /// Begins a new file of frames and seals everything before it. Where the disk has no room, what was recorded stays where
    /// it is, and it is tried again later.
    pub(super) fn rotate(&mut self) -> anyhow::Result<()> {
        if self.is_behind() {
            return self.seal_behind();
        }
        if !self.begin_generation()? {
            self.fail();
            if self.has_job() {
                // The numbers of what is sealed already are those that the other thread's segments get.
                self.fall_behind();
            }
            return Ok(());
        }
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        if spool.deferred().count() == 1 {
            let sealed = seal_open(spool, &mut self.writer, &mut self.held);
            if self.is_done(sealed)? {
                return Ok(());
            }
        } else {
            self.fresh_writer();
        }
        // What another thread makes of the generations before it comes first, and live another thread makes it of these too.
        if self.live.is_some() {
            return self.seal_beside();
        }
        self.seal_frames()
    }

    /// Begins a new file of frames; false if the disk has no room for it.
    pub(super) fn begin_generation(&mut self) -> anyhow::Result<bool> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(false);
        };
        let begun = spool.begin_generation(Instant::now())?;
        if begun {
            self.tell_generations();
        }
        Ok(begun)
    }

    /// Seals what is left, and the spool is over.
    pub(super) fn end_spool(&mut self) -> anyhow::Result<()> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        let some = !spool.is_empty() || spool.has_deferred() || !self.held.is_empty();
        if some && spool.complete(Instant::now())? {
            self.tell_complete();
        }
        self.end_behind()?;
        if some && !self.is_behind() {
            self.rotate()?;
            self.end_job()?;
            if self.failed.is_none() {
                self.seal_frames()?;
            }
        }
        let is_sealed = self.recorded_so_far().unsealed == 0;
        match &self.destination {
            Destination::Spool(spool) if is_sealed => Ok(spool.end()?),
            _ => Ok(()),
        }
    }

    /// Seals the frames of every generation before the one that is written, lot by lot: what is sealed can be published while
    /// the rest is at it.
    pub(super) fn seal_frames(&mut self) -> anyhow::Result<()> {
        loop {
            let Destination::Spool(spool) = &self.destination else {
                return Ok(());
            };
            if !spool.has_deferred() || !self.seal_lot()? {
                return Ok(());
            }
        }
    }

    /// Seals the oldest frames; false if the disk has no room.
    pub(super) fn seal_lot(&mut self) -> anyhow::Result<bool> {
        let done = self.job().and_then(Job::run);
        self.settle(done)
    }

    /// What is to be done with the oldest frames before those that are written.
    pub(super) fn job(&mut self) -> anyhow::Result<Job> {
        let lot_bytes = self.lot_bytes();
        let Destination::Spool(spool) = &mut self.destination else {
            bail!("frames are in a spool");
        };
        Ok(Job {
            frames: spool.frames(),
            next: spool.next(),
            sealing: spool.begin_seal(lot_bytes)?,
            options: self.options.clone(),
            rotation: self.rotation,
            replayed: self.recorded.replayed.going_on(),
        })
    }

    /// Bytes of frames that make about one segment.
    pub(super) fn lot_bytes(&self) -> u64 {
        (self.rotation.bytes_max as u64)
            .saturating_mul(2)
            .min(LOT_BYTES_MAX)
    }

    /// Segments that were made of frames take their place; false if the disk had no room.
    pub(super) fn settle(&mut self, done: anyhow::Result<Done>) -> anyhow::Result<bool> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(true);
        };
        let sealed = done.and_then(|done| {
            for (generation, rows) in done.rows {
                spool.set_rows(generation, rows);
            }
            let is_left = done.sealing.files().iter().any(Deferred::is_left);
            spool.commit_seal(done.sealing, done.next)?;
            let (left, more) = (spool.facts(Instant::now()).left_bytes, done.replayed);
            let replayed = &mut self.recorded.replayed;
            if !is_left {
                replayed.add_damage(more);
                return Ok(());
            }
            replayed.add(more);
            let exchanges = replayed.exchanges;
            tracing::info!(
                exchanges,
                left,
                "sealed frames that the last recording left"
            );
            Ok(())
        });
        self.is_done(sealed)
    }

    /// Whether sealing was done; if the disk had no room it was not, and everything is as it was before but for what the
    /// writer held, which is in frames.
    fn is_done(&mut self, sealed: anyhow::Result<()>) -> anyhow::Result<bool> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(true);
        };
        match sealed {
            Ok(()) => {
                self.failed = None;
                self.writer.set_next(spool.next());
                self.tell_generations();
                Ok(true)
            }
            Err(error) if is_no_room(&error) => {
                spool.abandon_seal()?;
                self.fail();
                tracing::error!("the disk has no room for segments: {error:#}");
                self.fresh_writer();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Notes that the disk had no room.
    pub(super) fn fail(&mut self) {
        if let Destination::Spool(spool) = &self.destination {
            self.failed = Some(Failed {
                at: Instant::now(),
                bytes: spool.bytes(),
            });
        }
    }

    /// A writer without segments: what the last one held is in frames that are sealed from there.
    pub(super) fn fresh_writer(&mut self) {
        self.held.clear();
        if let Destination::Spool(spool) = &self.destination {
            self.writer = self.new_writer(spool.next());
        }
    }
}

fn is_no_room(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<SpoolError>()
        .is_some_and(SpoolError::is_no_room)
}

/// Seals the open segments.
fn seal_open(spool: &mut Spool, writer: &mut Writer, held: &mut Vec<Sealed>) -> anyhow::Result<()> {
    let mut sealing = spool.begin_seal(u64::MAX)?;
    for sealed in held.drain(..) {
        sealing.add(&sealed)?;
    }
    seal_rest(&mut sealing, writer)?;
    spool.commit_seal(sealing, writer.next())?;
    Ok(())
}
