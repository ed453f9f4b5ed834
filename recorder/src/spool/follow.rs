//! Frames read while they may still be written: for subscribers of the live stream.

use std::fs::File;
use std::io::Read as _;

use anyhow::Context as _;
use schema::Exchange;

use super::frame::{Found, Scanner};
use super::layout::{Entry, Kept};
use super::record::read_all;
use super::{Frames, Record, SpoolError};

/// How much of a file is read at once.
const READ_BYTES: usize = 256 << 10;

/// Reads the exchanges of one file from its start on.
#[derive(Debug)]
pub(crate) struct Follower {
    file: File,
    scanner: Scanner,
    name: String,
    buffer: Vec<u8>,
}

impl Frames {
    /// Reads the file of `generation`, under whichever name it lies; `None` if it is gone.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn follow(&self, generation: u64) -> Result<Option<Follower>, SpoolError> {
        let mut name = Entry::Frames(generation).to_string();
        if !self.disk.root().join(&name).is_file() {
            let is_kept = |entry: &Entry| matches!(entry, Entry::Kept(Kept { generation: kept, .. }) if *kept == generation);
            let Some(kept) = self.disk.entries()?.into_iter().find(is_kept) else {
                return Ok(None);
            };
            name = kept.to_string();
        }
        match self.disk.open_file(&name) {
            Ok(file) => Ok(Some(Follower {
                file,
                // What comes before the first frame is passed by like damage.
                scanner: Scanner::new(generation, 0, self.keys.clone()),
                name,
                buffer: vec![0; READ_BYTES],
            })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Follower {
    /// The exchanges of the next frame, each with its number in the file; `None` if no whole frame is there (yet).
    ///
    /// # Errors
    /// If the disk fails, or the frame was written by another version of this program.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Vec<(u64, Exchange)>>> {
        loop {
            match self.scanner.poll() {
                Some(Found::Frame(frame)) => {
                    let mut exchanges = Vec::new();
                    let mut row = frame.rows_before;
                    let each = |record| {
                        if let Record::Exchange(exchange) = record {
                            exchanges.push((row, *exchange));
                            row += 1;
                        }
                    };
                    read_all(&frame.records, each, |_| {})
                        .with_context(|| format!("cannot read `{}` of the spool", self.name))?;
                    return Ok(Some(exchanges));
                }
                Some(Found::Damage { .. } | Found::TornTail { .. }) => {}
                Some(Found::Locked(locked)) => {
                    return Err(locked)
                        .with_context(|| format!("cannot read `{}` of the spool", self.name));
                }
                None => {
                    let read = self.file.read(&mut self.buffer);
                    let length =
                        read.with_context(|| format!("cannot read `{}` of the spool", self.name))?;
                    if length == 0 {
                        return Ok(None);
                    }
                    self.scanner.push(&self.buffer[..length]);
                }
            }
        }
    }
}
