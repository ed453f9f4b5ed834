//! Sealed segments out of the program: published whole or not at all, and never twice.
//!
//! A segment is put under a name that must not exist yet. If it does, its content decides: the same means that this
//! segment was published before (by a run over the same capture, or by a put whose answer was lost), anything else means
//! that two recordings share a recorder id, which is an error because rows would be there twice.

mod failure;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{Error, ObjectStoreExt as _, PutMode, PutPayload};
use schema::{RecorderId, SegmentKey, Table};
use tokio::time::Instant;
use tracing::{debug, warn};
use xxhash_rust::xxh3::xxh3_64;

use crate::store::Archive;
use crate::writer::Sealed;

/// First and longest pause between two tries.
const PAUSE: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(200)..=Duration::from_secs(15);

/// Publishes segments of one recorder.
#[derive(Debug)]
pub(crate) struct Uploader {
    archive: Archive,
    recorder: RecorderId,
    retry_for: Duration,
    /// By table and hour, what of this recorder was there before.
    before: HashMap<String, Vec<SegmentKey>>,
    published: Published,
}

/// What was published.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    pub(crate) exchanges: Segments,
    pub(crate) capture: Segments,
}

/// Segments of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Segments {
    /// Segments written now.
    pub published: u64,
    /// Their bytes.
    pub published_bytes: u64,
    /// Segments that were there before with the same content.
    pub already_there: u64,
    /// Their bytes.
    pub already_there_bytes: u64,
}

impl Uploader {
    pub(crate) fn new(archive: Archive, recorder: RecorderId, retry_for: Duration) -> Self {
        Self {
            archive,
            recorder,
            retry_for,
            before: HashMap::new(),
            published: Published::default(),
        }
    }

    /// What was published so far.
    pub(crate) fn published(&self) -> Published {
        self.published
    }

    /// Publishes one segment.
    ///
    /// # Errors
    /// If the store refuses for a reason that time does not mend, or for longer than allowed; or if the place is taken by
    /// another segment. The error names the segment.
    pub(crate) async fn publish(&mut self, sealed: &Sealed) -> anyhow::Result<()> {
        let Sealed { table, segment } = sealed;
        let path = table.path(&segment.key);
        let published = self
            .publish_at(table, &segment.key, &path, &segment.bytes)
            .await
            .with_context(|| format!("cannot publish segment {path} to {}", self.archive.place))?;
        let segments = match table {
            Table::Capture => &mut self.published.capture,
            Table::Exchanges | Table::RunExchanges(_) => &mut self.published.exchanges,
        };
        let bytes = segment.bytes.len() as u64;
        if published {
            segments.published += 1;
            segments.published_bytes += bytes;
        } else {
            segments.already_there += 1;
            segments.already_there_bytes += bytes;
        }
        Ok(())
    }

    /// Checks that nothing of this recorder was there before but what was written again.
    ///
    /// # Errors
    /// If there was: the captures or the options have changed, and rows are there twice.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        let Some(key) = self.before.values().flatten().min() else {
            return Ok(());
        };
        bail!(self.conflict(key));
    }

    /// True if the segment was put, false if it was there.
    async fn publish_at(
        &mut self,
        table: &Table,
        key: &SegmentKey,
        path: &str,
        bytes: &Bytes,
    ) -> anyhow::Result<bool> {
        let hour = table.hour_prefix(key.start());
        if !self.before.contains_key(&hour) {
            let keys = self.retry(|| self.list(&hour)).await?;
            self.before.insert(hour.clone(), keys);
        }
        let before = self.before.entry(hour).or_default();
        let same_number = before
            .iter()
            .position(|other| other.sequence() == key.sequence());
        let there = match same_number {
            Some(index) if before[index] == *key => {
                before.swap_remove(index);
                true
            }
            Some(index) => {
                let other = before[index].clone();
                bail!(self.conflict(&other));
            }
            None => false,
        };
        if !there && self.retry(|| self.put(path, bytes)).await? {
            return Ok(true);
        }
        if self.retry(|| self.is_same(path, bytes)).await? {
            return Ok(false);
        }
        bail!(self.conflict(key));
    }

    fn conflict(&self, there: &SegmentKey) -> String {
        format!(
            "the archive already holds {there}, written under the same recorder id from other captures or with other \
             flags: give --recorder-id NAME to keep both, or remove the segments of `{}` first",
            self.recorder
        )
    }

    /// The segments of this recorder below `hour`.
    async fn list(&self, hour: &str) -> Result<Vec<SegmentKey>, Error> {
        let prefix = self.archive.path(hour);
        let objects = self.archive.store.list(Some(&prefix));
        objects
            .try_filter_map(async |object| Ok(object.location.as_ref().parse().ok()))
            .try_filter(|key: &SegmentKey| std::future::ready(*key.recorder() == self.recorder))
            .try_collect()
            .await
    }

    /// Puts a new object; false if there is one of that name.
    async fn put(&self, path: &str, bytes: &Bytes) -> Result<bool, Error> {
        let path = self.archive.path(path);
        let payload = PutPayload::from(bytes.clone());
        let put = self
            .archive
            .store
            .put_opts(&path, payload, PutMode::Create.into());
        match put.await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the object at `path` holds just these bytes.
    async fn is_same(&self, path: &str, bytes: &Bytes) -> Result<bool, Error> {
        let object = self.archive.store.get(&self.archive.path(path)).await?;
        if object.meta.size != bytes.len() as u64 {
            return Ok(false);
        }
        let mut chunks = object.into_stream();
        let mut rest = &bytes[..];
        while let Some(chunk) = chunks.try_next().await? {
            let Some(left) = rest.strip_prefix(&chunk[..]) else {
                return Ok(false);
            };
            rest = left;
        }
        Ok(rest.is_empty())
    }

    /// Does `what` until it succeeds, fails for good, or time is up; pauses grow and vary.
    async fn retry<T, F>(&self, what: impl Fn() -> F) -> anyhow::Result<T>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let started = Instant::now();
        let mut pause = *PAUSE.start();
        for attempt in 1_u64.. {
            let error = match what().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            debug!(attempt, %error, "a request to the store failed");
            let spent = started.elapsed();
            if let Some(advice) = failure::permanent(&error, self.archive.kind) {
                return Err(anyhow!(failure::brief(&error)).context(advice));
            }
            if spent + pause > self.retry_for {
                let tries = format!(
                    "gave up after {attempt} tries in {}",
                    crate::units::span(spent)
                );
                return Err(anyhow!(failure::brief(&error)).context(tries));
            }
            let error = failure::brief(&error);
            warn!(attempt, error, "the archive's store fails, trying again");
            // Between half of the pause and all of it, so that recorders that failed together do not return together.
            let spread = xxh3_64(format!("{}{attempt}{spent:?}", self.recorder).as_bytes()) % 512;
            let pause_now = pause.mul_f64(0.5 + spread as f64 / 1_024.0);
            tokio::time::sleep(pause_now).await;
            pause = (pause * 2).min(*PAUSE.end());
        }
        unreachable!("the loop above has no end of its own")
    }
}
