//! From frames to segments: a new file of frames, segments into a folder, the rename that makes them count.

use std::sync::Arc;

use anyhow::Context as _;
use schema::{SegmentKey, Table};
use tokio::time::Instant;

use super::disk::Disk;
use super::frame::FrameWriter;
use super::layout::{Ending, Entry, Sealed, segment_name};
use super::{
    Deferred, Sequences, Spool, SpoolError, Waiting, WhenFull, header, record, retire, steps,
};
use crate::writer;

/// A folder of segments in the making. It needs nothing of the spool, so that it can be filled while more is recorded.
#[derive(Debug)]
pub(crate) struct Sealing {
    disk: Arc<Disk>,
    /// The files of frames that its segments take the place of, oldest first.
    files: Vec<Deferred>,
    /// The last of them.
    generation: u64,
    /// Table, key, bytes and rows of what is in it.
    segments: Vec<(Table, SegmentKey, u64, u64)>,
}

impl Sealing {
    /// The files of frames that its segments take the place of, oldest first.
    pub(crate) fn files(&self) -> &[Deferred] {
        &self.files
    }

    /// Adds a segment to the folder.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn add(&mut self, sealed: &writer::Sealed) -> Result<(), SpoolError> {
        let writer::Sealed { table, segment } = sealed;
        let name = segment_name(table, &segment.key);
        let bytes = segment.bytes.clone();
        self.disk
            .run(&steps::add_segment(self.generation, &name, bytes))?;
        let size = segment.bytes.len() as u64;
        let rows = match table {
            Table::Capture => 0,
            Table::Exchanges | Table::RunExchanges(_) => segment.rows as u64,
        };
        self.segments
            .push((table.clone(), segment.key.clone(), size, rows));
        Ok(())
    }
}

impl Spool {
    /// Ends the file of frames and begins the next; false if the disk has no room for it, and then nothing has changed.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn begin_generation(&mut self, now: Instant) -> Result<bool, SpoolError> {
        if !self.flush(now)? {
            return Ok(false);
        }
        let generation = self.generation + 1;
        // What is unsettled is durable with the new file, because the one before it may be gone when it is needed.
        let mut frames = FrameWriter::new(generation, self.keys.clone());
        let mut content = header(self.id, &self.keys).to_vec();
        let mut open = Vec::new();
        for row in self.unsettled.rows() {
            record::write_open(&mut open, &row);
        }
        if !open.is_empty() {
            content.extend(frames.encode(&open, 0));
        }
        let file_bytes = content.len() as u64;
        match self
            .disk
            .run(&steps::begin_frames(generation, content.into()))
        {
            Ok(()) => {}
            Err(error) if error.is_no_room() => {
                let begun = Entry::Frames(generation);
                self.disk.run(&steps::clear(&begun, &[]))?;
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        self.dirty = true;
        self.sync()?;
        self.deferred.push(Deferred {
            generation: self.generation,
            bytes: self.file_bytes,
            rows: Some(self.rows),
            oldest: self.oldest.take(),
            ending: self.ending.take(),
        });
        self.keep.set_rows(self.generation, self.rows);
        self.file = self.disk.append(&Entry::Frames(generation))?;
        self.file_bytes = file_bytes;
        self.frames = frames;
        self.generation = generation;
        self.rows = 0;
        self.records = 0;
        Ok(true)
    }

    /// Files of frames that wait to be sealed, oldest first.
    pub(crate) fn deferred(&self) -> impl Iterator<Item = &Deferred> {
        self.deferred.iter()
    }

    /// Whether any frames wait to be sealed.
    pub(crate) fn has_deferred(&self) -> bool {
        self.deferred.iter().next().is_some()
    }

    /// Whether more wait than what [`Spool::begin_seal`] takes at once.
    pub(crate) fn has_lots(&self, bytes_max: u64) -> bool {
        self.deferred.lot(bytes_max).len() < self.deferred.iter().count()
    }

    /// Bytes of what waits.
    pub(crate) fn deferred_bytes(&self) -> u64 {
        self.deferred.bytes()
    }

    /// Whether there is no room, the policy is to stop for that, and there will be room once what an earlier run left is
    /// sealed.
    pub(crate) fn waits_for_seal(&self) -> bool {
        let stops = self.options.when_full == WhenFull::Stop;
        stops && self.deferred.left_bytes() > 0 && !self.has_room(0)
    }

    /// Looks at what earlier runs left, before anything is done with it.
    ///
    /// # Errors
    /// If it cannot be read, because a key is not given or another version wrote it.
    pub(crate) fn probe_left(&mut self) -> anyhow::Result<()> {
        let frames = self.frames();
        let mut begins = true;
        for file in self.deferred.left() {
            if begins {
                let oldest = frames.probe(file.generation);
                file.oldest = oldest.context("what the last recording left in the spool stays")?;
            }
            begins = file.ending.is_some();
        }
        Ok(())
    }

    /// Bytes of the file that is written.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Begins a folder for the segments of the oldest files that wait, about `bytes_max` of them. One at a time.
    ///
    /// # Errors
    /// If the disk fails.
    ///
    /// # Panics
    /// If none waits.
    pub(crate) fn begin_seal(&mut self, bytes_max: u64) -> Result<Sealing, SpoolError> {
        assert!(self.sealing.is_none(), "one folder is filled at a time");
        let files = self.deferred.lot(bytes_max);
        let generation = files.last().expect("some file waits").generation;
        self.disk.run(&steps::begin_seal(generation))?;
        self.sealing = Some(generation);
        Ok(Sealing {
            disk: Arc::clone(&self.disk),
            files,
            generation,
            segments: Vec::new(),
        })
    }

    /// The segments take the place of the frames that they were made of.
    ///
    /// # Errors
    /// If the disk fails. What was written is then in frames or in segments, never in both.
    pub(crate) fn commit_seal(
        &mut self,
        sealing: Sealing,
        next: Sequences,
    ) -> Result<(), SpoolError> {
        self.sealing = None;
        let sealed = Sealed {
            generation: sealing.generation,
            next,
        };
        let files = sealing.files.iter();
        let generations: Vec<_> = files.clone().map(|file| file.generation).collect();
        let marks: Vec<_> = files.filter_map(Deferred::mark).collect();
        let keep = self.keep.of(&generations);
        self.disk
            .run(&steps::commit_seal(sealed, &generations, &keep, &marks))?;
        self.keep.add(&self.disk, &keep)?;
        self.deferred.remove(&generations);
        self.next = next;
        let waiting = sealing
            .segments
            .into_iter()
            .map(|(table, key, bytes, rows)| Waiting {
                sealed,
                name: segment_name(&table, &key),
                table,
                key,
                bytes,
                rows,
                emptied: false,
                stays: false,
            });
        self.backlog.add(waiting);
        self.sealed.push(sealed);
        retire(&self.disk, &self.sealed)?;
        let root = self.disk.root();
        self.sealed
            .retain(|folder| root.join(Entry::Sealed(*folder).to_string()).is_dir());
        Ok(())
    }

    /// Gives up the folder: the disk has no room for it. The frames stay, and are sealed later.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn abandon_seal(&mut self) -> Result<(), SpoolError> {
        let Some(generation) = self.sealing.take() else {
            return Ok(());
        };
        let folder = Entry::Sealing(generation);
        let names = self.disk.names(&folder.to_string())?;
        let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        self.disk.run(&steps::clear(&folder, &names))
    }

    /// Nothing more comes: everything is written, and it is noted that this is all. False if the disk has no room.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn complete(&mut self, now: Instant) -> Result<bool, SpoolError> {
        if !self.flush(now)? {
            return Ok(false);
        }
        let mark = Entry::Last(self.generation, Ending::Ended);
        match self.disk.run(&steps::mark(&mark)) {
            Ok(()) => self.ending = Some(Ending::Ended),
            // Then the next start takes it for a crash, which asks for more care and not for less.
            Err(error) if error.is_no_room() => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// The recording is over, and everything is sealed: the empty file of frames goes.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn end(&self) -> Result<(), SpoolError> {
        let frames = Entry::Frames(self.generation);
        self.disk.run(&steps::clear(&frames, &[]))?;
        let mark = self
            .ending
            .map(|ending| Entry::Last(self.generation, ending));
        mark.map_or(Ok(()), |mark| self.disk.run(&steps::clear(&mark, &[])))
    }

    /// Whether the file that is written holds no record.
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }
}
