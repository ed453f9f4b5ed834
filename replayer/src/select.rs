//! From what a user asked for to segments: the window, where they are, and how whole it is.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use replayer_core::Limits;
use replayer_core::coverage::Coverage;
use schema::{Projection, Table, TimeWindow, Timestamp};

use crate::config::Selection;
use crate::fetch::{self, ExchangeStream, Segment};
use crate::store;
use crate::store::Archive;

/// A window of an archive, found.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    /// The archive.
    pub(crate) store: Archive,
    /// The window.
    pub(crate) window: TimeWindow,
    /// The segments that may hold exchanges of it.
    pub(crate) segments: Arc<[Segment]>,
    /// How whole it is; `None` if the archive has no ledger for it.
    pub(crate) coverage: Option<Coverage>,
}

/// The exchanges of a window, as often as they are needed.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    store: Archive,
    segments: Arc<[Segment]>,
    /// The window.
    pub(crate) window: TimeWindow,
    projection: Projection,
    limits: Limits,
}

impl Selected {
    /// Finds the window from keys alone, and reads its part of the ledger.
    ///
    /// # Errors
    /// If the archive cannot be read, has no exchange, or none in the window.
    pub(crate) async fn find(selection: &Selection) -> anyhow::Result<Self> {
        let store = store::open(&selection.archive, &selection.keys)?;
        let extent = async || {
            let extent = fetch::extent(&store, &Table::Exchanges).await?;
            extent.with_context(|| format!("archive {} holds no exchanges", selection.archive))
        };
        let window = match selection.span.named()? {
            Some(window) => window,
            None => {
                let (first, last) = extent().await?;
                selection.span.resolve(first, last)?
            }
        };
        let (segments, coverage) = tokio::try_join!(
            fetch::segments(&store, &Table::Exchanges, window),
            fetch::coverage(&store, window)
        )?;
        if segments.is_empty() {
            let (first, last) = extent().await?;
            bail!(
                "the window {window} holds no exchanges; the archive goes from {first} to {last}"
            );
        }
        Ok(Self {
            store,
            window,
            segments: segments.into(),
            coverage,
        })
    }

    /// Bytes of the segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The part of the window in which exchanges may start.
    pub(crate) fn span(&self) -> TimeWindow {
        let starts = self.segments.iter().map(|segment| segment.key.start());
        let ends = self.segments.iter().map(|segment| segment.key.end());
        let TimeWindow { start, end } = self.window;
        // One past the last.
        let after = |end: Timestamp| end.saturating_add(Duration::from_micros(1));
        TimeWindow {
            start: starts.min().map_or(start, |first| first.max(start)),
            end: ends.max().map_or(end, |last| after(last).min(end)),
        }
    }

    /// What a user has to know before trusting a result from this window.
    pub(crate) fn warnings(&self) -> Vec<String> {
        match &self.coverage {
            Some(coverage) => coverage.warnings(),
            None => vec![
                "the archive has no ledger for this window: what was not recorded is not known"
                    .to_owned(),
            ],
        }
    }

    /// Where the exchanges of the window come from.
    pub(crate) fn source(&self, projection: Projection, limits: Limits) -> Source {
        Source {
            store: self.store.clone(),
            segments: Arc::clone(&self.segments),
            window: self.window,
            projection,
            limits,
        }
    }
}

impl Source {
    /// The exchanges of the window, from its start.
    pub(crate) fn stream(&self) -> ExchangeStream {
        self.stream_from(self.window.start)
    }

    /// The exchanges of the window from `start` on.
    pub(crate) fn stream_from(&self, start: Timestamp) -> ExchangeStream {
        let window = TimeWindow {
            start: start.max(self.window.start),
            end: self.window.end,
        };
        let overlaps = |segment: &&Segment| segment.key.overlaps(window);
        let segments = if window == self.window {
            Arc::clone(&self.segments)
        } else {
            self.segments.iter().filter(overlaps).cloned().collect()
        };
        ExchangeStream::new(
            self.store.clone(),
            segments,
            window,
            self.projection,
            self.limits,
        )
    }
}
