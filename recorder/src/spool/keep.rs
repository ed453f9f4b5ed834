//! Frames that stay for a while after their segments took their place, so that a subscriber of the live stream can go on
//! from where it was, also after this program was started again. Nothing else rests on them.

use std::collections::{BTreeMap, VecDeque};

use super::disk::Disk;
use super::layout::{Entry, Kept};
use super::{Spool, SpoolError, steps};

/// Where an exchange lies in a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) generation: u64,
    /// Its number in the file, from 0.
    pub(crate) row: u64,
}

/// A file of frames that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) generation: u64,
    /// Exchanges in it; `None` of the one that is written.
    pub(crate) rows: Option<u64>,
}

/// What stays, oldest first.
#[derive(Debug, Default)]
pub(super) struct Keep {
    bytes_max: u64,
    bytes: u64,
    /// Files, with their bytes.
    files: VecDeque<(Kept, u64)>,
    /// Exchanges in files that are not in segments yet.
    rows: BTreeMap<u64, u64>,
}

impl Keep {
    /// What an earlier start kept, as far as it may still stay.
    pub(super) fn open(disk: &Disk, kept: &[Kept], bytes_max: u64) -> Result<Self, SpoolError> {
        let mut keep = Self {
            bytes_max,
            ..Self::default()
        };
        keep.add(disk, kept)?;
        Ok(keep)
    }

    /// A file that is not in segments yet holds this many exchanges.
    pub(super) fn set_rows(&mut self, generation: u64, rows: u64) {
        self.rows.insert(generation, rows);
    }

    /// Which of these files stay once they are in segments: those whose exchanges were counted.
    pub(super) fn of(&mut self, generations: &[u64]) -> Vec<Kept> {
        let counted = |&generation: &u64| {
            let rows = self.rows.remove(&generation)?;
            Some(Kept { generation, rows })
        };
        let kept: Vec<_> = generations.iter().filter_map(counted).collect();
        if self.bytes_max == 0 {
            return Vec::new();
        }
        kept
    }

    /// These files stay; the oldest go, until no more than the bound is left.
    pub(super) fn add(&mut self, disk: &Disk, kept: &[Kept]) -> Result<(), SpoolError> {
        for &file in kept {
            let path = disk.root().join(Entry::Kept(file).to_string());
            // One that is gone is found to be gone by who reads it.
            let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
            self.files.push_back((file, bytes));
            self.bytes += bytes;
        }
        while self.bytes > self.bytes_max || (self.bytes_max == 0 && !self.files.is_empty()) {
            self.remove_oldest(disk)?;
        }
        Ok(())
    }

    /// All of them go: the disk has no room.
    pub(super) fn clear(&mut self, disk: &Disk) -> Result<(), SpoolError> {
        while !self.files.is_empty() {
            self.remove_oldest(disk)?;
        }
        Ok(())
    }

    fn remove_oldest(&mut self, disk: &Disk) -> Result<(), SpoolError> {
        if let Some((file, bytes)) = self.files.pop_front() {
            self.bytes -= bytes;
            disk.run(&steps::clear(&Entry::Kept(file), &[]))?;
        }
        Ok(())
    }
}

impl Spool {
    /// Where the last exchange that was stored lies.
    pub(crate) fn last_place(&self) -> Place {
        Place {
            generation: self.generation,
            row: (self.rows + self.pending_rows).saturating_sub(1),
        }
    }

    /// The file of `generation`, which an earlier run left, holds this many exchanges.
    pub(crate) fn set_rows(&mut self, generation: u64, rows: u64) {
        self.keep.set_rows(generation, rows);
    }

    /// The files of frames that can be read, oldest first; the last one is written.
    pub(crate) fn generations(&self) -> Vec<Generation> {
        let kept = self
            .keep
            .files
            .iter()
            .map(|(kept, _)| (kept.generation, kept.rows));
        let deferred = self
            .keep
            .rows
            .iter()
            .map(|(generation, rows)| (*generation, *rows));
        let done = kept.chain(deferred).map(|(generation, rows)| Generation {
            generation,
            rows: Some(rows),
        });
        let written = Generation {
            generation: self.generation,
            rows: None,
        };
        done.chain([written]).collect()
    }
}
