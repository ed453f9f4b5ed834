//! Sealing with a spool: from open segments where it can be, from frames where it must.

use anyhow::{Context as _, bail};
use recorder_core::Rotation;
use schema::SegmentOptions;
use tokio::time::Instant;

use super::{Destination, Failed, Recording, SpoolError};
use crate::spool::{Frames, Policy, Record, Replayed, Sealing, Sequences, Spool};
use crate::writer::{Sealed, Writer};

impl Recording {
    /// Turns what a crash left into segments, before anything is recorded.
    pub(super) fn recover(&mut self) -> anyhow::Result<()> {
        if self.crashed_until.is_some() {
            self.seal_frames()?;
            let replayed = &self.recorded.replayed;
            if !replayed.is_empty() {
                let (exchanges, torn_bytes) = (replayed.exchanges, replayed.torn_bytes);
                tracing::warn!(
                    exchanges,
                    torn_bytes,
                    "the last recording was not ended: published what it left in the spool"
                );
            }
        }
        Ok(())
    }

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
        if spool.deferred().len() == 1 {
            let sealed = seal_open(spool, &mut self.writer, &mut self.held);
            if self.is_done(sealed)? {
                return Ok(());
            }
        } else {
            self.fresh_writer();
        }
        // What another thread makes of the generations before it comes first.
        if self.has_job() {
            return Ok(());
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
        self.end_behind()?;
        let Destination::Spool(spool) = &self.destination else {
            return Ok(());
        };
        let some = !spool.is_empty() || spool.has_deferred() || !self.held.is_empty();
        if some && !self.is_behind() {
            self.rotate()?;
        }
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        self.recorded.shed = spool.shed_total();
        self.recorded.unsealed = spool.deferred().len() + usize::from(!spool.is_empty());
        if self.recorded.unsealed == 0 {
            spool.end()?;
        }
        Ok(())
    }

    /// Reads the frames of every generation before the one that is written, and seals them.
    pub(super) fn seal_frames(&mut self) -> anyhow::Result<()> {
        let done = self.job().and_then(Job::run);
        self.settle(done)
    }

    /// What is to be done with the frames of every generation before the one that is written.
    pub(super) fn job(&mut self) -> anyhow::Result<Job> {
        let Destination::Spool(spool) = &mut self.destination else {
            bail!("frames are in a spool");
        };
        Ok(Job {
            frames: spool.frames(),
            next: spool.next(),
            sealing: spool.begin_seal()?,
            options: self.options.clone(),
            rotation: self.rotation,
            crashed_until: self.crashed_until,
        })
    }

    /// Segments that were made of frames take their place.
    pub(super) fn settle(&mut self, done: anyhow::Result<Done>) -> anyhow::Result<()> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        let mut replayed = Replayed::default();
        let sealed = done.and_then(|done| {
            for (generation, rows) in done.rows {
                spool.set_rows(generation, rows);
            }
            replayed = done.replayed;
            Ok(spool.commit_seal(done.sealing, done.next)?)
        });
        if self.is_done(sealed)? && self.crashed_until.take().is_some() {
            self.recorded.replayed = replayed;
        }
        Ok(())
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
                if self.crashed_until.is_none() {
                    self.tell_generations();
                }
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
    let mut sealing = spool.begin_seal()?;
    for sealed in held.drain(..) {
        sealing.add(&sealed)?;
    }
    seal_rest(&mut sealing, writer)?;
    spool.commit_seal(sealing, writer.next())?;
    Ok(())
}

/// Segments to be made of frames; needs nothing of the recording meanwhile.
#[derive(Debug)]
pub(super) struct Job {
    frames: Frames,
    sealing: Sealing,
    next: Sequences,
    /// Of this start; what another one recorded keeps its own policy.
    options: SegmentOptions,
    rotation: Rotation,
    /// The generation after which the ledger has something to say about a crash.
    crashed_until: Option<u64>,
}

/// A job that is done but for the rename that makes it count.
#[derive(Debug)]
pub(super) struct Done {
    sealing: Sealing,
    next: Sequences,
    replayed: Replayed,
    /// Generations with their exchanges.
    rows: Vec<(u64, u64)>,
}

impl Job {
    /// Makes the segments.
    ///
    /// # Errors
    /// If frames cannot be read, segments cannot be encoded, or the disk fails.
    pub(super) fn run(self) -> anyhow::Result<Done> {
        let Self {
            frames,
            mut sealing,
            next,
            options,
            rotation,
            crashed_until,
        } = self;
        let new_writer = |policy: &Policy, next| {
            Writer::new(policy.applied(&options), rotation).starting_at(next)
        };
        let mut replayed = Replayed::default();
        let mut rows = Vec::new();
        let mut policy = Policy::of(&options);
        let mut writer = new_writer(&policy, next);
        for generation in sealing.generations().to_vec() {
            let each = |record| {
                match record {
                    Record::Exchange(exchange) => {
                        let end = exchange.start();
                        writer.push(exchange, end)
                    }
                    Record::Ledger(row) => writer.push_ledger(*row),
                    Record::Policy(found) if *found == policy => Ok(()),
                    Record::Policy(found) => {
                        seal_rest(&mut sealing, &mut writer)?;
                        writer = new_writer(&found, writer.next());
                        policy = *found;
                        Ok(())
                    }
                }
                .context("cannot encode what the spool holds")?;
                seal_due(&mut sealing, &mut writer)
            };
            rows.push((generation, frames.replay(generation, &mut replayed, each)?));
            if Some(generation) == crashed_until {
                for row in replayed.ledger_rows() {
                    writer.push_ledger(row)?;
                }
            }
        }
        seal_rest(&mut sealing, &mut writer)?;
        Ok(Done {
            sealing,
            next: writer.next(),
            replayed,
            rows,
        })
    }
}

fn seal_rest(sealing: &mut Sealing, writer: &mut Writer) -> anyhow::Result<()> {
    writer.finish();
    seal_due(sealing, writer)?;
    writer.go_on();
    Ok(())
}

fn seal_due(sealing: &mut Sealing, writer: &mut Writer) -> anyhow::Result<()> {
    while let Some(sealed) = writer.poll_sealed().context("cannot encode a segment")? {
        sealing.add(&sealed)?;
    }
    Ok(())
}
