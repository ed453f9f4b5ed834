//! A file of frames from its beginning to its end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use schema::Timestamp;

use super::{Frames, records};
use crate::spool::frame::{self, Found, HEADER_BYTES, Scanner};
use crate::spool::layout::Entry;
use crate::spool::{Record, SpoolError, earlier};

/// What a file of frames begins with: the version, then the spool's id.
pub(in crate::spool) const HEADER: &str = "reprise spool 1 ";
/// The same where frames are sealed: programs that know nothing of it refuse the file, instead of taking all of it for damage.
pub(in crate::spool) const HEADER_SEALED: &str = "reprise spool 2 ";
/// What it begins with in every version.
const HEADER_OF_ANY: &str = "reprise spool ";
/// How much of a file is read at once, and how much to see how it begins.
const READ_BYTES: usize = 1 << 20;
const BEGINNING_BYTES: usize = 64;

/// A file that is read.
#[derive(Debug)]
pub(super) struct FrameReader {
    file: File,
    path: PathBuf,
    scanner: Scanner,
    buffer: Vec<u8>,
    ended: bool,
}

impl Frames {
    /// Opens the file of `generation`.
    ///
    /// # Errors
    /// If it cannot be read, or is of another version.
    pub(super) fn open(&self, generation: u64) -> anyhow::Result<FrameReader> {
        let name = Entry::Frames(generation).to_string();
        let path = self.disk.root().join(&name);
        let mut file = self.disk.open_file(&name)?;
        let mut beginning = Vec::new();
        let read = (&mut file)
            .take(BEGINNING_BYTES as u64)
            .read_to_end(&mut beginning);
        read.with_context(|| format!("cannot read `{}`", path.display()))?;
        let known = [HEADER, HEADER_SEALED];
        let header = known
            .map(|version| format!("{version}{}\n", self.id))
            .into_iter()
            .find(|header| beginning.starts_with(header.as_bytes()));
        let of = |version: &&str| beginning.starts_with(version.as_bytes());
        if header.is_none() && of(&HEADER_OF_ANY) && !known.iter().any(of) {
            return Err(SpoolError::Version { file: path }.into());
        }
        // Without, what comes before the first frame is damage.
        let begin = header.map_or(0, |header| header.len()) as u64;
        let mut reader = FrameReader {
            file,
            path,
            scanner: Scanner::new(generation, begin, self.keys.clone()),
            buffer: Vec::new(),
            ended: false,
        };
        reader.seek(begin)?;
        Ok(reader)
    }

    /// Looks whether the first frame of a file can be read: what it is encrypted with, and in which version it was written,
    /// holds for all that one run has written. Says when the earliest exchange in it began.
    ///
    /// # Errors
    /// If it cannot, for another reason than damage.
    pub(crate) fn probe(&self, generation: u64) -> anyhow::Result<Option<Timestamp>> {
        let mut reader = self.open(generation)?;
        let mut oldest = None;
        while let Some(found) = reader.next()? {
            let Found::Frame(frame) = found else { continue };
            let records = records(&frame.records, |_| {})?;
            for record in &records {
                if let Record::Exchange(exchange) = record {
                    oldest = earlier(oldest, Some(exchange.start()));
                }
            }
            // What was unsettled may have a frame of its own.
            if !records.is_empty() {
                break;
            }
        }
        Ok(oldest)
    }

    /// How many exchanges a file holds, as [`Frames::replay`] would say of one that nobody has counted: headers are read, and
    /// of what is between only the last.
    ///
    /// # Errors
    /// As [`Frames::replay`].
    pub(crate) fn count(&self, generation: u64) -> anyhow::Result<u64> {
        let mut reader = self.open(generation)?;
        let mut rows = reader.skip_whole(generation)?;
        while let Some(found) = reader.next()? {
            let Found::Frame(frame) = found else { continue };
            let is_exchange = |record: &Record| matches!(record, Record::Exchange(_));
            let records = records(&frame.records, |_| {})?;
            let exchanges = records.iter().filter(|record| is_exchange(record)).count();
            rows = frame.rows_before + exchanges as u64;
        }
        Ok(rows)
    }
}

impl FrameReader {
    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// If the file cannot be read, or its key was not given.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Found>> {
        let path = &self.path;
        let read = || format!("cannot read `{}`", path.display());
        loop {
            match self.scanner.poll() {
                Some(Found::Locked(locked)) => return Err(locked).with_context(read),
                Some(found) => return Ok(Some(found)),
                None if self.ended => return Ok(None),
                None => {}
            }
            self.buffer.resize(READ_BYTES, 0);
            let length = self.file.read(&mut self.buffer).with_context(read)?;
            self.scanner.push(&self.buffer[..length]);
            if length == 0 {
                self.scanner.finish();
                self.ended = true;
            }
        }
    }

    /// Goes on with the last of the frames that follow one another from here on; says how many exchanges are before it. Only
    /// headers are looked at.
    fn skip_whole(&mut self, generation: u64) -> anyhow::Result<u64> {
        let path = self.path.clone();
        let read = || format!("cannot read `{}`", path.display());
        let end = self.file.metadata().with_context(read)?.len();
        let mut at = self.file.stream_position().with_context(read)?;
        let (mut last, mut rows) = (at, 0);
        let mut header = [0; HEADER_BYTES];
        while at + HEADER_BYTES as u64 <= end {
            self.file
                .read_exact_at(&mut header, at)
                .with_context(read)?;
            let Some(head) = frame::head(&header, generation) else {
                break;
            };
            if at + head.bytes > end {
                break;
            }
            (last, rows) = (at, head.rows_before);
            at += head.bytes;
        }
        self.scanner.move_to(last);
        self.seek(last)?;
        Ok(rows)
    }

    fn seek(&mut self, at: u64) -> anyhow::Result<()> {
        let sought = self.file.seek(SeekFrom::Start(at));
        sought.with_context(|| format!("cannot read `{}`", self.path.display()))?;
        Ok(())
    }
}
