//! From the recording to the uploader: what it publishes, and where that comes from.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::recording::Destination;
use crate::spool::{Backlog, Shelf, Spool};
use crate::upload::{self, Left, Uploader};
use crate::writer::Sealed;

/// Sealed segments that wait for the uploader, beside the one that it is at.
const SEALED_WAITING: usize = 1;

/// How long an archive that does not answer is waited for before recording into a spool begins.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Where segments come from for the uploader.
#[derive(Debug)]
pub(crate) struct Outgoing {
    spool: Option<(Arc<Backlog>, Shelf)>,
    sealed: mpsc::Receiver<Sealed>,
}

impl Outgoing {
    /// Both ends of the way: through the spool, if there is one.
    pub(crate) fn new(spool: Option<Spool>) -> (Destination, Self) {
        let (sender, sealed) = mpsc::channel(SEALED_WAITING);
        let outgoing = Self {
            spool: spool.as_ref().map(|spool| (spool.backlog(), spool.shelf())),
            sealed,
        };
        let destination = match spool {
            Some(spool) => Destination::Spool(Box::new(spool)),
            None => Destination::Channel(sender),
        };
        (destination, outgoing)
    }

    /// What waits in the spool, if there is one.
    pub(crate) fn backlog(&self) -> Option<Arc<Backlog>> {
        self.spool.as_ref().map(|(backlog, _)| Arc::clone(backlog))
    }

    /// Where the spool is, if there is one.
    pub(crate) fn folder(&self) -> Option<String> {
        let folder = |(_, shelf): &(_, Shelf)| shelf.folder().display().to_string();
        self.spool.as_ref().map(folder)
    }

    /// Looks whether the store can be written to as it must. With a spool, one that does not answer is no reason not to record.
    ///
    /// # Errors
    /// If it cannot, for a reason that time does not mend; without a spool also if it does not answer for long.
    pub(crate) async fn probe(&self, uploader: &Uploader) -> anyhow::Result<()> {
        let Some((_, shelf)) = &self.spool else {
            return uploader.probe(None).await;
        };
        match tokio::time::timeout(PROBE_LIMIT, uploader.probe(Some(shelf))).await {
            Ok(Err(error)) if !upload::is_passing(&error) => Err(error),
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the archive does not answer: recording into the spool meanwhile");
                Ok(())
            }
        }
    }

    /// Publishes segments until there are no more; tells `published` of those that did not come through a spool.
    ///
    /// # Errors
    /// As [`Uploader::publish`] and [`Uploader::publish_spooled`].
    pub(crate) async fn publish(
        &mut self,
        uploader: &mut Uploader,
        published: impl Fn(&Sealed),
    ) -> anyhow::Result<Left> {
        if let Some((backlog, shelf)) = &self.spool {
            uploader.keep_trying(Arc::clone(backlog));
            return uploader.publish_spooled(backlog, shelf).await;
        }
        while let Some(segment) = self.sealed.recv().await {
            uploader.publish(&segment).await?;
            published(&segment);
        }
        Ok(Left::default())
    }
}
