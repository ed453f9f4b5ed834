//! Frames made into segments: work that needs nothing of the recording, so that it can go on meanwhile.

use anyhow::Context as _;
use recorder_core::Rotation;
use schema::SegmentOptions;

use crate::spool::{Frames, Policy, Record, Replayed, Sealing, Sequences};
use crate::writer::Writer;

/// Segments to be made of the frames of some files.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) frames: Frames,
    pub(super) sealing: Sealing,
    pub(super) next: Sequences,
    /// Of this start; what another one recorded keeps its own policy.
    pub(super) options: SegmentOptions,
    pub(super) rotation: Rotation,
    /// What is known from the files before these.
    pub(super) replayed: Replayed,
}

/// A job that is done but for the rename that makes it count.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) sealing: Sealing,
    pub(super) next: Sequences,
    pub(super) replayed: Replayed,
    /// Generations with their exchanges.
    pub(super) rows: Vec<(u64, u64)>,
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
            mut replayed,
        } = self;
        let new_writer = |policy: &Policy, next| {
            Writer::new(policy.applied(&options), rotation).starting_at(next)
        };
        let mut rows = Vec::new();
        let mut policy = Policy::of(&options);
        let mut writer = new_writer(&policy, next);
        for file in sealing.files().to_vec() {
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
            let count = frames.replay(&file, &mut replayed, each)?;
            rows.push((file.generation, count));
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

/// Seals what the writer holds, and it goes on empty.
pub(super) fn seal_rest(sealing: &mut Sealing, writer: &mut Writer) -> anyhow::Result<()> {
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
