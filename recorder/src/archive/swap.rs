//! Lets segments take the place of others in a store, as `schema::swap` says, and finishes what was broken off.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt as _, PutMode, PutOptions, PutPayload};
use schema::swap::{HourFile, SwapDocument, SwapStep, hour_file, steps};
use schema::{SealedSegment, SegmentKey, Table, TimeWindow, Timestamp};

use super::list::{self, Day, Hour};
use super::record;
use crate::store::Archive;
use crate::upload;

/// Removals at once.
const REMOVALS_AT_ONCE: usize = 16;

/// The folder of one hour of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) archive: &'a Archive,
    pub(super) table: &'a Table,
    pub(super) hour: Timestamp,
}

impl Place<'_> {
    /// Lets `by` take the place of `replaced`.
    ///
    /// # Errors
    /// If the store fails. What was begun is finished by the next command that finds it.
    pub(super) async fn swap(
        &self,
        replaced: &[SegmentKey],
        by: &SealedSegment,
    ) -> anyhow::Result<()> {
        let id = format!("{:016x}", random());
        let document = SwapDocument::new(&id, replaced, &by.key);
        self.run(&document, &steps(&document), Some(&by.bytes))
            .await
    }

    /// Finishes a change that was announced.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn finish(&self, document: &SwapDocument) -> anyhow::Result<()> {
        let steps = steps(document);
        let announced = |step: &SwapStep| matches!(step, SwapStep::Announce(_));
        let from = steps.iter().position(announced).map_or(0, |at| at + 1);
        self.run(document, &steps[from..], None).await
    }

    /// Finishes what was announced in this hour before `before`, and removes what is left of changes from before then. False
    /// if something was announced later: somebody is at it.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn settle(&self, found: &Hour, before: Timestamp) -> anyhow::Result<bool> {
        for (document, announced) in &found.changes {
            if *announced >= before {
                return Ok(false);
            }
            self.finish(document).await?;
        }
        for (name, since) in &found.left {
            // A staged segment without its document was never announced.
            let is_old = *since < before;
            if is_old && !matches!(hour_file(name), HourFile::Segment) {
                self.remove(name).await?;
            }
        }
        Ok(true)
    }

    async fn run(
        &self,
        document: &SwapDocument,
        steps: &[SwapStep],
        new: Option<&Bytes>,
    ) -> anyhow::Result<()> {
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            // The document goes alone, when everything else is done.
            let file = document.file_name();
            let together =
                |step: &&SwapStep| matches!(step, SwapStep::Remove(name) if *name != file);
            let removals = steps[at..].iter().take_while(together).count().max(1);
            self.step(document, step, &steps[at..at + removals], new)
                .await
                .with_context(|| {
                    format!(
                        "cannot change segments in {} of {}; run the command again to finish it",
                        self.table.hour_prefix(self.hour),
                        self.archive.place
                    )
                })?;
            at += removals;
        }
        Ok(())
    }

    /// Does a step, or several removals at once.
    async fn step(
        &self,
        document: &SwapDocument,
        step: &SwapStep,
        removals: &[SwapStep],
        new: Option<&Bytes>,
    ) -> anyhow::Result<()> {
        match step {
            SwapStep::Stage(name) => {
                let bytes = new.context("a new segment is staged by whoever made it")?;
                self.put(name, bytes.clone(), PutMode::Overwrite).await?;
            }
            SwapStep::Announce(name) => {
                let json = Bytes::from(document.to_json());
                self.put(name, json, PutMode::Create).await?;
            }
            SwapStep::Place(from, to) => self.place(from, to, new).await?,
            SwapStep::Mark(name) => self.put(name, Bytes::new(), PutMode::Overwrite).await?,
            SwapStep::Remove(_) => {
                let names = removals.iter().filter_map(|step| match step {
                    SwapStep::Remove(name) => Some(name),
                    _ => None,
                });
                stream::iter(names.map(|name| self.remove(name)))
                    .buffer_unordered(REMOVALS_AT_ONCE)
                    .try_collect::<Vec<()>>()
                    .await?;
            }
        }
        Ok(())
    }

    async fn place(&self, from: &str, to: &str, new: Option<&Bytes>) -> anyhow::Result<()> {
        match self.archive.store.head(&self.path(to)).await {
            Ok(_) => return Ok(()),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let bytes = match new {
            Some(bytes) => bytes.clone(),
            None => match self.archive.store.get(&self.path(from)).await {
                Ok(staged) => staged.bytes().await?,
                Err(Error::NotFound { .. }) => {
                    bail!("neither {to} nor the staged {from} is there")
                }
                Err(error) => return Err(error.into()),
            },
        };
        match self.put(to, bytes, PutMode::Create).await {
            // Another one that finishes the same change was faster; it put the same bytes.
            Err(error) if is_there(&error) => Ok(()),
            put => put,
        }
    }

    async fn put(&self, name: &str, bytes: Bytes, mode: PutMode) -> anyhow::Result<()> {
        let options = PutOptions {
            mode,
            attributes: upload::attributes(self.archive.kind, &bytes),
            ..PutOptions::default()
        };
        let payload = PutPayload::from(bytes);
        let path = self.path(name);
        self.archive.store.put_opts(&path, payload, options).await?;
        Ok(())
    }

    /// Removes a file, if it is there.
    pub(super) async fn remove(&self, name: &str) -> anyhow::Result<()> {
        match self.archive.store.delete(&self.path(name)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self, name: &str) -> Path {
        let folder = self.table.hour_prefix(self.hour);
        self.archive.path(&format!("{folder}/{name}"))
    }
}

/// A day in which nothing is under way, but for the hours that are busy, which are left out.
pub(super) struct Settled {
    pub(super) day: Day,
    /// Hours in which somebody is changing segments.
    pub(super) busy: Vec<Timestamp>,
}

/// Lists a day after everything in it was finished that was broken off longer than `lease` ago.
///
/// # Errors
/// If the store fails.
pub(super) async fn settled(
    archive: &Archive,
    table: &Table,
    folder: &Path,
    window: TimeWindow,
    lease: Duration,
) -> anyhow::Result<Settled> {
    let mut day = list::day(archive, folder, window).await?;
    let (mut busy, mut finished) = (Vec::new(), false);
    // The store's clock stamps files; where it is ahead of ours, waiting longer is safe.
    let before = record::now().saturating_sub(lease);
    for (hour, found) in &day.hours {
        let place = Place {
            archive,
            table,
            hour: *hour,
        };
        if !place.settle(found, before).await? {
            busy.push(*hour);
        }
        finished |= !found.changes.is_empty();
    }
    if finished {
        day = list::day(archive, folder, window).await?;
    }
    day.hours.retain(|hour, _| !busy.contains(hour));
    Ok(Settled { day, busy })
}

fn is_there(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::AlreadyExists { .. }))
}

/// Bits from the system: the standard library seeds its hash tables with them.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}
