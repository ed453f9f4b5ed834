//! Sealing with a spool: from open segments where it can be, from frames where it must.

use anyhow::Context as _;
use recorder_core::Rotation;
use schema::SegmentOptions;
use tokio::time::Instant;

use super::{Destination, Recording, SpoolError};
use crate::spool::{Policy, Record, Replayed, Sequences, Spool};
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
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        if !spool.begin_generation(Instant::now())? {
            return Ok(());
        }
        self.tell_generations();
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
        self.seal_frames()
    }

    /// There is more room than there was.
    pub(super) fn seal_again(&mut self) -> anyhow::Result<()> {
        if self.held.is_empty() {
            self.seal_frames()
        } else {
            self.rotate()
        }
    }

    /// Seals what is left, and the spool is over.
    pub(super) fn end_spool(&mut self) -> anyhow::Result<()> {
        let Destination::Spool(spool) = &self.destination else {
            return Ok(());
        };
        if !spool.is_empty() || !spool.deferred().is_empty() || !self.held.is_empty() {
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
    fn seal_frames(&mut self) -> anyhow::Result<()> {
        let Destination::Spool(spool) = &mut self.destination else {
            return Ok(());
        };
        let crashed_until = self.crashed_until;
        let under = Under {
            options: &self.options,
            rotation: self.rotation,
        };
        let mut replayed = Replayed::default();
        let sealed = seal_replayed(spool, under, &mut replayed, crashed_until);
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
                self.failed_at = None;
                self.writer.set_next(spool.next());
                if self.crashed_until.is_none() {
                    self.tell_generations();
                }
                Ok(true)
            }
            Err(error) if is_no_room(&error) => {
                spool.abandon_seal()?;
                self.failed_at = Some(spool.bytes());
                tracing::error!("the disk has no room for segments: {error:#}");
                self.fresh_writer();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// A writer without segments: what the last one held is in frames that are sealed from there.
    fn fresh_writer(&mut self) {
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
    spool.begin_seal()?;
    for sealed in held.drain(..) {
        spool.add_segment(&sealed)?;
    }
    seal_rest(spool, writer)?;
    spool.commit_seal(writer.next())?;
    Ok(())
}

/// How segments are made of frames.
#[derive(Clone, Copy, Debug)]
struct Under<'r> {
    /// Of this start; what another one recorded keeps its own policy.
    options: &'r SegmentOptions,
    rotation: Rotation,
}

impl Under<'_> {
    fn writer(self, policy: &Policy, next: Sequences) -> Writer {
        Writer::new(policy.applied(self.options), self.rotation).starting_at(next)
    }
}

/// Seals what frames hold; after those up to `crashed_until`, what the ledger has to say about the crash.
fn seal_replayed(
    spool: &mut Spool,
    under: Under<'_>,
    replayed: &mut Replayed,
    crashed_until: Option<u64>,
) -> anyhow::Result<()> {
    let frames = spool.frames();
    spool.begin_seal()?;
    let mut policy = Policy::of(under.options);
    let mut writer = under.writer(&policy, spool.next());
    for generation in spool.deferred().to_vec() {
        let rows = frames.replay(generation, replayed, |record| {
            match record {
                Record::Exchange(exchange) => {
                    let end = exchange.start();
                    writer.push(exchange, end)
                }
                Record::Ledger(row) => writer.push_ledger(*row),
                Record::Policy(found) if *found == policy => Ok(()),
                Record::Policy(found) => {
                    seal_rest(spool, &mut writer)?;
                    writer = under.writer(&found, writer.next());
                    policy = *found;
                    Ok(())
                }
            }
            .context("cannot encode what the spool holds")?;
            seal_due(spool, &mut writer)
        })?;
        spool.set_rows(generation, rows);
        if Some(generation) == crashed_until {
            for row in replayed.ledger_rows() {
                writer.push_ledger(row)?;
            }
        }
    }
    seal_rest(spool, &mut writer)?;
    spool.commit_seal(writer.next())?;
    Ok(())
}

fn seal_rest(spool: &mut Spool, writer: &mut Writer) -> anyhow::Result<()> {
    writer.finish();
    seal_due(spool, writer)?;
    writer.go_on();
    Ok(())
}

fn seal_due(spool: &mut Spool, writer: &mut Writer) -> anyhow::Result<()> {
    while let Some(sealed) = writer.poll_sealed().context("cannot encode a segment")? {
        spool.add_segment(&sealed)?;
    }
    Ok(())
}
