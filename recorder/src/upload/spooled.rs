//! Segments out of a spool: oldest first, for as long as it takes, and removed there only when the store has them.

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use schema::Table;

use super::{Placed, Uploader, probe};
use crate::spool::{Backlog, Shelf, Waiting};

/// What is left in a spool when the uploader ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Segments that wait for the next start.
    pub(crate) waiting: u64,
    /// Segments that were set aside now because another object has their place.
    pub(crate) set_aside: u64,
}

impl Left {
    /// What is left now.
    pub(crate) fn of(backlog: &Backlog) -> Self {
        let facts = backlog.facts();
        Self {
            waiting: facts.segments,
            set_aside: facts.set_aside,
        }
    }
}

impl Uploader {
    /// While the recording goes on there is no end of trying, whatever the store says.
    pub(crate) fn keep_trying(&mut self, backlog: Arc<Backlog>) {
        self.backlog = Some(backlog);
    }

    /// Publishes what the spool holds until the recording is over and all is published, or the store fails for longer after
    /// the recording's end than allowed.
    ///
    /// # Errors
    /// If the store refuses for a reason that time does not mend, or the spool's folder cannot be read. What is not
    /// published stays there.
    pub(crate) async fn publish_spooled(
        &mut self,
        backlog: &Backlog,
        shelf: &Shelf,
    ) -> anyhow::Result<Left> {
        let mut probed = false;
        while let Some(segment) = backlog.next().await {
            let published = async {
                if !std::mem::replace(&mut probed, true) {
                    self.probe(Some(shelf)).await?;
                }
                self.publish_from(shelf, &segment).await
            };
            match published.await {
                Ok(true) => backlog.published(),
                Ok(false) => backlog.set_aside(),
                Err(error) => {
                    // Whatever ends it ends it for all: the next start goes on from here.
                    let left = Left::of(backlog);
                    let folder = shelf.folder().display();
                    let waiting = left.waiting;
                    if probe::is_passing(&error) {
                        tracing::error!(%folder, waiting, "{error:#}; segments wait in the spool");
                        return Ok(left);
                    }
                    let kept = format!(
                        "{waiting} segments wait in the spool `{folder}`: mend this and start again with the same --spool"
                    );
                    return Err(error.context(kept));
                }
            }
        }
        Ok(Left::of(backlog))
    }

    /// Publishes one segment and removes it from the spool; false if it was set aside.
    async fn publish_from(&mut self, shelf: &Shelf, segment: &Waiting) -> anyhow::Result<bool> {
        let path = segment.table.path(&segment.key);
        let file = shelf.path(segment);
        let read = tokio::fs::read(&file).await;
        let bytes: Bytes = read
            .with_context(|| format!("cannot read `{}`", file.display()))?
            .into();
        let publish = || format!("cannot publish segment {path} to {}", self.archive.place);
        let replaced = self.retry(|| self.is_replaced(&segment.table, &segment.key));
        if replaced.await.with_context(publish)? {
            // The last life of this recorder published it and did not live to remove it here.
            self.count(&segment.table, bytes.len(), false);
            shelf.remove(segment)?;
            return Ok(true);
        }
        let placed = self.put_or_compare(&path, &bytes, false);
        match placed.await.with_context(publish)? {
            Placed::Put => self.count(&segment.table, bytes.len(), true),
            Placed::WasThere => self.count(&segment.table, bytes.len(), false),
            // Its rows had been published before they were thrown away, and the answer was lost.
            Placed::Other if segment.emptied => self.count(&segment.table, bytes.len(), false),
            Placed::Other => {
                let conflict = self.conflict(&segment.key);
                tracing::error!("{conflict}; the segment is kept in the spool as `.conflict`");
                shelf.set_aside(segment)?;
                return Ok(false);
            }
        }
        shelf.remove(segment)?;
        Ok(true)
    }

    pub(super) fn count(&mut self, table: &Table, bytes: usize, published: bool) {
        let segments = match table {
            Table::Capture => &mut self.published.capture,
            Table::Exchanges | Table::RunExchanges(_) => &mut self.published.exchanges,
        };
        if published {
            segments.published += 1;
            segments.published_bytes += bytes as u64;
        } else {
            segments.already_there += 1;
            segments.already_there_bytes += bytes as u64;
        }
    }
}
