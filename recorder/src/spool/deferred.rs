//! Files of frames whose segments are not there yet, oldest first, and which of them become segments together.

use std::collections::{BTreeMap, VecDeque};

use schema::Timestamp;

use super::disk::Disk;
use super::layout::{Ending, Entry, Recovery};
use super::{SpoolError, earlier};

/// A file of at most this size holds no exchange worth mentioning, if any: it goes with the one before it.
const NEXT_TO_NOTHING: u64 = 4 << 10;

/// One of those files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deferred {
    pub(crate) generation: u64,
    /// On disk.
    pub(super) bytes: u64,
    /// Exchanges in it; `None` of what an earlier run left, which nobody has counted.
    pub(crate) rows: Option<u64>,
    /// When the earliest of them began, if that is known.
    pub(crate) oldest: Option<Timestamp>,
    /// How a recorder ended whose last file this is; `None` of any other file.
    pub(crate) ending: Option<Ending>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct DeferredFiles {
    files: VecDeque<Deferred>,
    bytes: u64,
}

impl DeferredFiles {
    /// What an earlier run left.
    pub(super) fn of(disk: &Disk, recovery: &Recovery) -> Result<Self, SpoolError> {
        let sizes: BTreeMap<_, _> = disk.names("")?.into_iter().collect();
        let mut deferred = Self::default();
        for &generation in &recovery.replay {
            let name = Entry::Frames(generation).to_string();
            deferred.push(Deferred {
                generation,
                bytes: sizes.get(&name).copied().unwrap_or(0),
                rows: None,
                oldest: None,
                ending: recovery.endings.get(&generation).copied(),
            });
        }
        Ok(deferred)
    }

    pub(super) fn push(&mut self, file: Deferred) {
        self.bytes += file.bytes;
        self.files.push_back(file);
    }

    /// These have become segments.
    pub(super) fn remove(&mut self, generations: &[u64]) {
        self.files.retain(|file| {
            let is_done = generations.contains(&file.generation);
            self.bytes -= if is_done { file.bytes } else { 0 };
            !is_done
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Deferred> {
        self.files.iter()
    }

    /// Bytes of all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Those that an earlier run left.
    pub(super) fn left(&mut self) -> impl Iterator<Item = &mut Deferred> {
        self.files.iter_mut().filter(|file| file.is_left())
    }

    /// Bytes of those.
    pub(super) fn left_bytes(&self) -> u64 {
        let left = self.files.iter().take_while(|file| file.is_left());
        left.map(|file| file.bytes).sum()
    }

    /// The oldest files, up to about `bytes_max`, but at least one. Those that an earlier run left are not mixed with others.
    pub(super) fn lot(&self, bytes_max: u64) -> Vec<Deferred> {
        let mut lot: Vec<Deferred> = Vec::new();
        let mut bytes = 0;
        for file in &self.files {
            let fits = bytes + file.bytes <= bytes_max || file.bytes <= NEXT_TO_NOTHING;
            let alike = lot
                .first()
                .is_none_or(|first| first.is_left() == file.is_left());
            let joins = lot.is_empty() || (fits && alike);
            if !joins {
                break;
            }
            bytes += file.bytes;
            lot.push(*file);
        }
        lot
    }

    /// Exchanges in those of this run.
    pub(super) fn rows(&self) -> u64 {
        self.files.iter().filter_map(|file| file.rows).sum()
    }

    /// When the earliest exchange in any of them began, as far as that is known.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.files
            .iter()
            .fold(None, |oldest, file| earlier(oldest, file.oldest))
    }
}

impl Deferred {
    /// Whether an earlier run left it.
    pub(crate) fn is_left(&self) -> bool {
        self.rows.is_none()
    }

    /// The name that says how a recorder ended with it, if there is one.
    pub(super) fn mark(&self) -> Option<Entry> {
        let ending = self.ending?;
        Some(Entry::Last(self.generation, ending))
    }
}

#[cfg(test)]
mod tests;
