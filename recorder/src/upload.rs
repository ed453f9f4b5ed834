//! Sealed segments out of the program: published whole or not at all, and never twice.
//!
//! A segment is put under a name that must not exist yet. If it does, its content decides: the same means that this
//! segment was published before (by a run over the same capture, or by a put whose answer was lost), anything else means
//! that two recordings share a recorder id, which is an error because rows would be there twice.

mod failure;
mod probe;
mod replaced;
mod spooled;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::{
    Attribute, Attributes, Error, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};
use ring::digest::{SHA256, digest};
use schema::{RecorderId, SegmentKey, Table};
use tokio::time::Instant;
use tracing::{debug, warn};
use xxhash_rust::xxh3::xxh3_64;

use crate::spool::Backlog;
use crate::store::{Archive, StoreKind};
use crate::writer::Sealed;

pub(crate) use probe::is_passing;
pub(crate) use spooled::Left;

/// First and longest pause between two tries.
const PAUSE: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(200)..=Duration::from_secs(15);
/// What a Parquet file begins with whose footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";
/// The user metadata of an object in S3 that holds the SHA-256 of its content, in hex.
const SHA256_KEY: &str = "reprise-sha256";
/// How often a place is looked at that is taken and then is not: a put whose answer says so while another is under way.
const RACES_MAX: usize = 10;

/// Publishes segments of one recorder.
#[derive(Debug)]
pub(crate) struct Uploader {
    archive: Archive,
    recorder: RecorderId,
    retry_for: Duration,
    /// With a spool: what waits in it, and whether more comes. While it does, there is no end of trying.
    backlog: Option<Arc<Backlog>>,
    allow_unconditional: bool,
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
    pub(crate) fn new(
        archive: Archive,
        recorder: RecorderId,
        retry_for: Duration,
        allow_unconditional: bool,
    ) -> Self {
        Self {
            archive,
            recorder,
            retry_for,
            backlog: None,
            allow_unconditional,
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
        self.count(table, segment.bytes.len(), published);
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
            None => {
                if self.retry(|| self.is_replaced(table, key)).await? {
                    bail!(
                        "it was published before, and has been compacted since, so that the two cannot be compared: give \
                         --recorder-id NAME to record the same captures again"
                    );
                }
                false
            }
        };
        match self.put_or_compare(path, bytes, there).await? {
            Placed::Put => Ok(true),
            Placed::WasThere => Ok(false),
            Placed::Other => bail!(self.conflict(key)),
        }
    }

    /// Puts an object where none is, or looks whether the one that is there (`there`, if that is known) is the same.
    async fn put_or_compare(
        &self,
        path: &str,
        bytes: &Bytes,
        mut there: bool,
    ) -> anyhow::Result<Placed> {
        for _ in 0..RACES_MAX {
            if !there && self.retry(|| self.put(path, bytes)).await? {
                return Ok(Placed::Put);
            }
            match self.retry(|| self.is_same(path, bytes)).await? {
                Some(true) => return Ok(Placed::WasThere),
                Some(false) => return self.compare(path, bytes).await,
                // S3 refuses a create also while another one is under way, which may fail.
                None => there = false,
            }
            tokio::time::sleep(*PAUSE.start()).await;
        }
        bail!("the store says that the object exists, and that it does not")
    }

    /// Whether the other bytes at `path` are the same content, encrypted: no two encryptions have the same bytes.
    async fn compare(&self, path: &str, bytes: &Bytes) -> anyhow::Result<Placed> {
        let there = self.retry(|| self.whole(path)).await?;
        if ![&there, bytes]
            .into_iter()
            .any(|file| file.starts_with(ENCRYPTED))
        {
            return Ok(Placed::Other);
        }
        let (ours, keys) = (bytes.clone(), self.archive.keys.clone());
        let same = move || schema::same_content(&there, &ours, &keys);
        let same = tokio::task::spawn_blocking(same).await;
        match same.context("comparing two segments panicked")? {
            Ok(true) => Ok(Placed::WasThere),
            Ok(false) => Ok(Placed::Other),
            Err(error @ schema::Error::Locked(_)) => {
                Err(error).with_context(|| format!("cannot compare with {path}, which is there"))
            }
            Err(error) => {
                warn!(path, %error, "what is there cannot be compared");
                Ok(Placed::Other)
            }
        }
    }

    async fn whole(&self, path: &str) -> Result<Bytes, Error> {
        let object = self.archive.store.get(&self.archive.path(path)).await?;
        object.bytes().await
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
        let options = PutOptions {
            mode: PutMode::Create,
            attributes: attributes(self.archive.kind, bytes),
            ..PutOptions::default()
        };
        match self.archive.store.put_opts(&path, payload, options).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the object at `path` holds just these bytes; `None` if there is none.
    async fn is_same(&self, path: &str, bytes: &Bytes) -> Result<Option<bool>, Error> {
        let object = match self.archive.store.get(&self.archive.path(path)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            got => got?,
        };
        if object.meta.size != bytes.len() as u64 {
            return Ok(Some(false));
        }
        let mut chunks = object.into_stream();
        let mut rest = &bytes[..];
        while let Some(chunk) = chunks.try_next().await? {
            let Some(left) = rest.strip_prefix(&chunk[..]) else {
                return Ok(Some(false));
            };
            rest = left;
        }
        Ok(Some(rest.is_empty()))
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
            let permanent = failure::permanent(&error, self.archive.kind);
            let (forever, started) = self.patience(started);
            let spent = started.elapsed();
            if let Some(advice) = permanent.filter(|_| !forever) {
                return Err(anyhow!(failure::brief(&error)).context(advice));
            }
            if !forever && spent + pause > self.retry_for {
                let tries = format!(
                    "gave up after {attempt} tries in {}",
                    crate::units::span(spent)
                );
                return Err(anyhow!(failure::brief(&error)).context(GaveUp(tries)));
            }
            if let Some(advice) = permanent {
                let error = failure::brief(&error);
                tracing::error!(attempt, error, "{advice}; recording goes on into the spool");
                pause = *PAUSE.end();
            }
            let error = failure::brief(&error);
            warn!(attempt, error, "the archive's store fails, trying again");
            // Between half of the pause and all of it, so that recorders that failed together do not return together.
            let spread = xxh3_64(format!("{}{attempt}{spent:?}", self.recorder).as_bytes()) % 512;
            let pause_now = pause.mul_f64(0.5 + spread as f64 / 1_024.0);
            match &self.backlog {
                // The end of the recording also ends the patience.
                Some(backlog) => drop(tokio::time::timeout(pause_now, backlog.completion()).await),
                None => tokio::time::sleep(pause_now).await,
            }
            pause = (pause * 2).min(*PAUSE.end());
        }
        unreachable!("the loop above has no end of its own")
    }

    /// Whether there is no end of trying, and from when on time counts.
    fn patience(&self, started: Instant) -> (bool, Instant) {
        match &self.backlog {
            None => (false, started),
            Some(backlog) => match backlog.complete_since() {
                Some(since) => (false, since.max(started)),
                None => (true, started),
            },
        }
    }
}

/// The store failed for longer than allowed, in a way that time may mend.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct GaveUp(String);

/// What became of an object that was to be put.
enum Placed {
    Put,
    /// It was there, with the same content.
    WasThere,
    /// Another one was there.
    Other,
}

/// What an object says of itself beside its content, where the store can keep that.
pub(crate) fn attributes(kind: StoreKind, bytes: &[u8]) -> Attributes {
    let mut attributes = Attributes::new();
    if kind == StoreKind::S3 {
        let digest = digest(&SHA256, bytes);
        let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        attributes.insert(Attribute::Metadata(SHA256_KEY.into()), hex.into());
    }
    attributes
}
