//! The spool: what was recorded is on this machine's disk before anything else depends on it.
//!
//! ```text
//! Record ─frames, fsync→ <generation>.frames
//!        └─Writer→ segments ─┤ when the writer says that a segment is due, all of its open ones are sealed:
//!                            └→ sealed-<generation>-…/ ─rename: the frames are replaced→ upload ─confirmed→ removed
//! ```
//! * `record`, `frame`: records as bytes, and bytes that say whether they are whole. Pure.
//! * `layout`: what names mean, and what a start has to do. Pure. `steps`: the order in which the folder changes. Pure.
//! * `disk`: does the steps. `replay`: reads frames back. `backlog`: segments that wait for the store.
//! * `deferred`: files of frames whose segments are not there yet: what a crash left, and what is made into segments later.
//! * `keep`, `follow`: frames that stay for a while, and what subscribers of the live stream read of them.
//! * `unsettled`: exchanges that the ledger does not count yet, for a start after a crash.
//!
//! A record is in exactly one place at any moment: in frames, or (from the rename of their folder on) in sealed segments. So
//! a crash loses what was not synced, and nothing is published twice. The recording thread alone changes frames and sealed
//! folders; the uploader only removes segments that the store has confirmed.

mod backlog;
mod deferred;
mod disk;
mod error;
mod follow;
mod frame;
mod full;
mod keep;
mod layout;
mod record;
mod replay;
mod seal;
mod steps;
mod unsettled;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schema::{Keyring, RecorderId, Timestamp};
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use self::deferred::DeferredFiles;
use self::disk::Disk;
use self::frame::FrameWriter;
use self::layout::{Ending, Entry, Recovery, Sealed};
use self::unsettled::Unsettled;
use crate::config::SpoolConfig;

pub(crate) use backlog::{Backlog, Waiting};
pub(crate) use deferred::Deferred;
pub(crate) use error::SpoolError;
pub(crate) use follow::Follower;
pub use full::WhenFull;
pub(crate) use full::{Kept, SpoolFacts};
pub(crate) use keep::{Generation, Place};
pub(crate) use layout::{Sequences, SpoolId};
pub(crate) use record::{Policy, Record};
pub(crate) use replay::Frames;
pub use replay::Replayed;
pub(crate) use seal::Sealing;

/// Raw bytes of records after which a frame is written without waiting for the next sync.
const FRAME_BYTES: usize = 256 << 10;
/// How often records are written, though not synced, where nothing asks for more.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// When what was recorded is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// With every batch that a shard hands over.
    Always,
    /// At most this long after it was recorded.
    Every(Duration),
    /// When the system pleases: a crash of the program loses at most a second, one of the machine what was not written.
    None,
}

/// A spool that this process holds.
#[derive(Debug)]
pub(crate) struct Spool {
    disk: Arc<Disk>,
    options: SpoolConfig,
    /// What encrypts it.
    keys: Keyring,
    id: SpoolId,
    recorder: RecorderId,
    /// The generation that is written, and its file.
    generation: u64,
    file: File,
    /// Bytes of the file that are whole frames.
    file_bytes: u64,
    frames: FrameWriter,
    /// What every frame begins with, encoded: what its records are recorded under.
    policy: Vec<u8>,
    /// Records that are in no frame yet.
    pending: Vec<u8>,
    pending_rows: u64,
    /// Exchanges in the file, without those that are pending.
    rows: u64,
    /// Exchanges and ledger rows in the file, with those that are pending.
    records: u64,
    /// Exchanges that were taken since the start.
    stored: u64,
    /// Whether the file has bytes that were not synced.
    dirty: bool,
    /// When what is pending is written, and what is dirty synced.
    due: Option<Instant>,
    unsettled: Unsettled,
    /// Files before this one whose segments are not there yet.
    deferred: DeferredFiles,
    /// When the earliest exchange of the file that is written began.
    oldest: Option<Timestamp>,
    /// Whether it is noted that the file that is written is the last.
    ending: Option<Ending>,
    /// The next sequence numbers after the newest `sealed` folder.
    next: Sequences,
    /// The `sealed` folders, oldest first.
    sealed: Vec<Sealed>,
    /// Up to which generation a folder of segments is in the making.
    sealing: Option<u64>,
    /// What stays for subscribers.
    keep: keep::Keep,
    backlog: Arc<Backlog>,
    full: full::Full,
}

impl Spool {
    /// Opens the spool, or makes it, and clears away what is worth nothing. What a crash left is deferred.
    ///
    /// A new one belongs to `recorder`; without that to `fallback`, or to a recorder of a new name.
    ///
    /// # Errors
    /// If the folder cannot be used, another process holds it, or it belongs to another recorder.
    pub(crate) fn open(
        options: SpoolConfig,
        keys: &Keyring,
        recorder: Option<&RecorderId>,
        fallback: Option<RecorderId>,
    ) -> Result<Self, SpoolError> {
        let disk = Disk::open(&options.folder)?;
        let entries = disk.entries()?;
        let (id, recorder) = identity(&disk, &entries, recorder, fallback)?;
        let recovery = Recovery::new(&entries);
        clear(&disk, &recovery)?;
        let keep = keep::Keep::open(&disk, &recovery.kept, options.keep_bytes)?;
        let backlog = Backlog::default();
        backlog.add(waiting(&disk, &recovery.sealed)?);
        let generation = recovery.generation;
        let deferred = DeferredFiles::of(&disk, &recovery)?;
        if let Some(&last) = recovery.replay.last().filter(|_| recovery.has_crashed) {
            // With the next file its end is no more to be seen from names.
            disk.run(&steps::mark(&Entry::Last(last, Ending::Crashed)))?;
        }
        disk.run(&steps::begin_frames(generation, header(id, keys)))?;
        let file = disk.append(&Entry::Frames(generation))?;
        Ok(Self {
            file,
            file_bytes: header(id, keys).len() as u64,
            frames: FrameWriter::new(generation, keys.clone()),
            disk: Arc::new(disk),
            options,
            keys: keys.clone(),
            id,
            recorder,
            generation,
            policy: Vec::new(),
            pending: Vec::new(),
            pending_rows: 0,
            rows: 0,
            records: 0,
            stored: 0,
            dirty: false,
            due: None,
            unsettled: Unsettled::default(),
            deferred,
            oldest: None,
            ending: None,
            next: recovery.next,
            sealed: recovery.sealed,
            sealing: None,
            keep,
            backlog: Arc::new(backlog),
            full: full::Full::default(),
        })
    }

    /// Its identity.
    pub(crate) fn id(&self) -> SpoolId {
        self.id
    }

    /// Who records here.
    pub(crate) fn recorder(&self) -> &RecorderId {
        &self.recorder
    }

    /// What is taken from now on is recorded under `policy`.
    pub(crate) fn set_policy(&mut self, policy: &Policy) {
        self.policy.clear();
        record::write_policy(&mut self.policy, policy);
    }

    /// The next sequence numbers.
    pub(crate) fn next(&self) -> Sequences {
        self.next
    }

    /// What reads its frames.
    pub(crate) fn frames(&self) -> Frames {
        Frames {
            disk: Arc::clone(&self.disk),
            id: self.id,
            keys: self.keys.clone(),
        }
    }

    /// The segments that wait to be published.
    pub(crate) fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }

    /// What the uploader does to the folder.
    pub(crate) fn shelf(&self) -> Shelf {
        Shelf {
            disk: Arc::clone(&self.disk),
        }
    }

    /// When [`Spool::handle_timeout`] has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Where the next record is written to.
    fn begin_record(&mut self) -> &mut Vec<u8> {
        if self.pending.is_empty() {
            self.pending.extend_from_slice(&self.policy);
        }
        &mut self.pending
    }

    /// A record was added to what is pending: it is written when the policy says.
    fn set_due(&mut self, now: Instant) {
        self.records += 1;
        let wait = match self.options.sync {
            SyncPolicy::Always => Duration::ZERO,
            SyncPolicy::Every(span) => span,
            SyncPolicy::None => WRITE_EVERY,
        };
        self.due.get_or_insert(now + wait);
    }

    /// Writes what is pending as a frame; false if the disk has no room for it, and then it stays pending.
    fn write_pending(&mut self) -> Result<bool, SpoolError> {
        if self.pending.is_empty() {
            return Ok(true);
        }
        let frame = self.frames.encode(&self.pending, self.rows);
        if let Err(error) = self.file.write_all(frame) {
            let path = self.frames_path();
            // Half a frame would be damage in the middle of the file once the next one is behind it.
            let cut = self.file.set_len(self.file_bytes);
            cut.map_err(|error| SpoolError::io("cut", &path, error))?;
            self.frames.take_back();
            if error::no_room(&error) {
                return Ok(false);
            }
            return Err(SpoolError::io("write", &path, error));
        }
        self.file_bytes += frame.len() as u64;
        self.rows += self.pending_rows;
        self.pending_rows = 0;
        self.pending.clear();
        self.dirty = true;
        Ok(true)
    }

    /// Makes everything that was written durable.
    fn sync(&mut self) -> Result<(), SpoolError> {
        if std::mem::take(&mut self.dirty) {
            let synced = self.file.sync_data();
            // Not tried again: after a failed sync the system may have dropped the pages, and the next one would succeed.
            synced.map_err(|error| SpoolError::io("sync", &self.frames_path(), error))?;
        }
        Ok(())
    }

    fn frames_path(&self) -> PathBuf {
        let name = Entry::Frames(self.generation).to_string();
        self.disk.root().join(name)
    }
}

/// What the uploader does to a spool's folder.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    disk: Arc<Disk>,
}

impl Shelf {
    /// Where the spool is.
    pub(crate) fn folder(&self) -> &Path {
        self.disk.root()
    }

    /// Where a segment lies.
    pub(crate) fn path(&self, segment: &Waiting) -> PathBuf {
        self.disk.root().join(segment.path())
    }

    /// The store has confirmed the segment: it is not needed here any more.
    pub(crate) fn remove(&self, segment: &Waiting) -> Result<(), SpoolError> {
        let steps = steps::forget_segment(segment.sealed, &segment.name);
        self.disk.run(&steps)
    }

    /// The segment's place is taken by another: it is kept under another name.
    pub(crate) fn set_aside(&self, segment: &Waiting) -> Result<(), SpoolError> {
        let steps = steps::set_aside(segment.sealed, &segment.name);
        self.disk.run(&steps)
    }

    /// Whether the archive at `url` was seen to refuse a second create.
    pub(crate) fn is_probed(&self, url: &str) -> Result<bool, SpoolError> {
        Ok(self.disk.entries()?.contains(&probed(url)))
    }

    /// Remembers that it was.
    pub(crate) fn set_probed(&self, url: &str) -> Result<(), SpoolError> {
        self.disk.run(&steps::mark(&probed(url)))
    }
}

fn probed(url: &str) -> Entry {
    Entry::Probed(xxh3_64(url.as_bytes()))
}

/// What a file of frames begins with.
fn header(id: SpoolId, keys: &Keyring) -> Bytes {
    let version = match keys.writing() {
        None => replay::HEADER,
        Some(_) => replay::HEADER_SEALED,
    };
    format!("{version}{id}\n").into()
}

/// Who the spool belongs to; a new one is given an identity.
fn identity(
    disk: &Disk,
    entries: &[Entry],
    wanted: Option<&RecorderId>,
    fallback: Option<RecorderId>,
) -> Result<(SpoolId, RecorderId), SpoolError> {
    let mut ids = entries.iter().filter_map(|entry| match entry {
        Entry::Id(id, recorder) => Some((*id, recorder.clone())),
        _ => None,
    });
    let folder = || disk.root().to_owned();
    let Some((id, owner)) = ids.next() else {
        let id = SpoolId(random());
        let derived = || {
            let name = format!("recorder-{:08x}", id.0 >> 32);
            name.parse()
                .expect("letters, digits and `-` name a recorder")
        };
        let recorder = wanted.cloned().or(fallback).unwrap_or_else(derived);
        disk.run(&steps::mark(&Entry::Id(id, recorder.clone())))?;
        return Ok((id, recorder));
    };
    if ids.next().is_some() {
        return Err(SpoolError::TwoIds { folder: folder() });
    }
    match wanted {
        Some(given) if *given != owner => Err(SpoolError::OtherRecorder {
            folder: folder(),
            owner,
            given: given.clone(),
        }),
        _ => Ok((id, owner)),
    }
}

/// Bits from the system: the standard library seeds its hash tables with them.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// The earlier of two times, if there are any.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Removes what the last start, or its end, left and nobody needs.
fn clear(disk: &Disk, recovery: &Recovery) -> Result<(), SpoolError> {
    for entry in &recovery.leftovers {
        let files = match entry {
            Entry::Sealing(_) => disk.names(&entry.to_string())?,
            _ => Vec::new(),
        };
        let files: Vec<_> = files.into_iter().map(|(name, _)| name).collect();
        disk.run(&steps::clear(entry, &files))?;
    }
    retire(disk, &recovery.sealed)?;
    // Frames that were replaced must be gone for good before a segment of their folder is removed.
    disk.run(&[steps::Step::SyncFolder(String::new())])
}

/// Removes the folders whose segments are all published, but for the newest, which carries the sequence numbers.
fn retire(disk: &Disk, sealed: &[Sealed]) -> Result<(), SpoolError> {
    let Some((_, older)) = sealed.split_last() else {
        return Ok(());
    };
    older
        .iter()
        .try_for_each(|folder| disk.run(&steps::retire(*folder)))
}

/// The segments in the folders that wait to be published.
fn waiting(disk: &Disk, sealed: &[Sealed]) -> Result<Vec<Waiting>, SpoolError> {
    let mut waiting = Vec::new();
    for folder in sealed {
        let path = Entry::Sealed(*folder).to_string();
        if !disk.root().join(&path).is_dir() {
            continue;
        }
        for (name, bytes) in disk.names(&path)? {
            match layout::parse_segment(&name) {
                Some(layout::SegmentFile::Waiting(table, key)) => waiting.push(Waiting {
                    sealed: *folder,
                    name,
                    table,
                    key,
                    bytes,
                    rows: 0,
                    emptied: false,
                    stays: false,
                }),
                Some(layout::SegmentFile::Leftover) => {
                    disk.run(&[steps::Step::Remove(format!("{path}/{name}"))])?;
                }
                Some(layout::SegmentFile::Conflict) => {
                    tracing::warn!(
                        name,
                        "a segment was set aside: its place in the archive is taken"
                    );
                }
                None => tracing::warn!(name, "the spool holds a file that is none of its own"),
            }
        }
    }
    Ok(waiting)
}

#[cfg(test)]
mod tests;
