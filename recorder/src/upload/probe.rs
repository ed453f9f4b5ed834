//! Whether the store keeps the promise that publishing rests on: a create of what exists is refused.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::Error;

use super::{GaveUp, Uploader};
use crate::spool::Shelf;
use crate::store::StoreKind;

/// The object that is created twice. Readers pass it by: it lies in no table.
const PROBE: &str = ".reprise-probe";

impl Uploader {
    /// Tries to create the same object twice; the second try must fail. With a spool that did so before, nothing is asked.
    ///
    /// # Errors
    /// If the store takes both (some ignore `If-None-Match`), unless that is allowed; or as for a segment.
    pub(crate) async fn probe(&self, shelf: Option<&Shelf>) -> anyhow::Result<()> {
        let place = &self.archive.place;
        if self.archive.kind == StoreKind::Local || self.allow_unconditional {
            return Ok(());
        }
        if let Some(shelf) = shelf
            && shelf.is_probed(place)?
        {
            return Ok(());
        }
        let content = Bytes::from_static(b"Created to see that it cannot be created twice.\n");
        let failed = || format!("cannot write to {place}");
        // Some servers make a bucket of any name that is written to.
        let listed = self.retry(|| self.list_one()).await;
        listed.with_context(failed)?;
        for _ in 0..2 {
            let created = self.retry(|| self.put(PROBE, &content)).await;
            if !created.with_context(failed)? {
                if let Some(shelf) = shelf {
                    shelf.set_probed(place)?;
                }
                return Ok(());
            }
        }
        bail!(
            "{place} ignores create-only puts (If-None-Match: *), so that two recorders could overwrite each other: use \
             another store, or --allow-unconditional if no two recorders ever share an id"
        )
    }
}

impl Uploader {
    /// Whether there is a place to write to, as far as listing it tells.
    async fn list_one(&self) -> Result<(), Error> {
        let prefix = self.archive.path("exchanges");
        let mut objects = self.archive.store.list(Some(&prefix));
        objects.try_next().await.map(drop)
    }
}

/// Whether it is only that the store did not answer in time.
pub(crate) fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<GaveUp>().is_some()
}
