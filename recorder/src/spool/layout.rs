//! What lies in a spool and what it means: all state is in names, so that there is nothing to get out of step.
//!
//! ```text
//! lock                                  held by the recorder that uses the spool
//! id-<spool id>-<recorder id>           who records here; an empty file
//! probed-<hash of the archive's URL>    the archive was seen to refuse a second create; an empty file
//! <generation>.frames                   records in frames; the highest generation is being written
//! crashed-<generation>                  a recorder went down with that file, and a later one has begun another; an empty file
//! ended-<generation>                    a recorder ended with that file as it should; an empty file
//! kept-<generation>-<exchanges>         frames that are in segments, for subscribers of the live stream; may be removed
//! sealing-<generation>/                 segments in the making: worth nothing
//! sealed-<generation>-<exchanges>-<capture>/
//!     <table>.<start>-<end>-<recorder>-<sequence>.parquet    a segment that waits to be published
//!     ….parquet.conflict                                     one whose place in the archive is taken by another
//! ```
//! A `sealed` folder holds the segments of everything up to its generation that no earlier one held; its name ends with the
//! next sequence numbers of both tables. It appears by a rename, which is the one moment at which records change from frames
//! to segments: files of frames up to the highest sealed generation are done with. The highest `sealed` folder stays, empty,
//! until the next is there, because it carries the numbers.
//!
//! What a recorder left may become segments in several folders while the next one records, which may go down in turn: so it is
//! noted with which file each of them went down. The marks go with the files.

use std::collections::BTreeMap;

use schema::{RecorderId, SegmentKey, Table, Timestamp};

/// Name of the file that is locked.
pub(super) const LOCK: &str = "lock";

/// The identity of a spool: 16 hex digits, drawn when it is made. A spool that is lost and made anew has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SpoolId(pub(super) u64);

impl SpoolId {
    /// Its digits as a number.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for SpoolId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One name in a spool's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Lock,
    Id(SpoolId, RecorderId),
    Probed(u64),
    Frames(u64),
    Last(u64, Ending),
    Kept(Kept),
    Sealing(u64),
    Sealed(Sealed),
}

/// How a recorder ended, whose last file of frames a name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It went down.
    Crashed,
    /// It was told to end, and everything that it had recorded is there.
    Ended,
}

/// The name of a file of frames that are in segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    pub(super) generation: u64,
    /// Exchanges in it.
    pub(super) rows: u64,
}

/// The name of a folder of sealed segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sealed {
    /// The last generation whose records are in it or before it.
    pub(super) generation: u64,
    /// The numbers after those that it holds.
    pub(super) next: Sequences,
}

/// The next sequence numbers of both tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sequences {
    pub(crate) exchanges: u64,
    pub(crate) capture: u64,
}

impl Entry {
    /// Reads a name; `None` if it is none of a spool's.
    pub(super) fn parse(name: &str) -> Option<Self> {
        if name == LOCK {
            return Some(Self::Lock);
        }
        if let Some(generation) = name.strip_suffix(".frames") {
            return decimal(generation).map(Self::Frames);
        }
        let (kind, rest) = name.split_once('-')?;
        match kind {
            "id" => {
                let (spool, recorder) = rest.split_once('-')?;
                Some(Self::Id(SpoolId(hex(spool)?), recorder.parse().ok()?))
            }
            "probed" => hex(rest).map(Self::Probed),
            "crashed" => decimal(rest).map(|last| Self::Last(last, Ending::Crashed)),
            "ended" => decimal(rest).map(|last| Self::Last(last, Ending::Ended)),
            "kept" => {
                let (generation, rows) = rest.split_once('-')?;
                let (generation, rows) = (decimal(generation)?, decimal(rows)?);
                Some(Self::Kept(Kept { generation, rows }))
            }
            "sealing" => decimal(rest).map(Self::Sealing),
            "sealed" => {
                let mut parts = rest.splitn(3, '-');
                let mut next = || parts.next().and_then(decimal);
                let (generation, exchanges, capture) = (next()?, next()?, next()?);
                let next = Sequences { exchanges, capture };
                Some(Self::Sealed(Sealed { generation, next }))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lock => f.write_str(LOCK),
            Self::Id(spool, recorder) => write!(f, "id-{spool}-{recorder}"),
            Self::Probed(archive) => write!(f, "probed-{archive:016x}"),
            Self::Frames(generation) => write!(f, "{generation:016}.frames"),
            Self::Last(generation, Ending::Crashed) => write!(f, "crashed-{generation:016}"),
            Self::Last(generation, Ending::Ended) => write!(f, "ended-{generation:016}"),
            Self::Kept(Kept { generation, rows }) => write!(f, "kept-{generation:016}-{rows:08}"),
            Self::Sealing(generation) => write!(f, "sealing-{generation:016}"),
            Self::Sealed(Sealed { generation, next }) => write!(
                f,
                "sealed-{generation:016}-{:08}-{:08}",
                next.exchanges, next.capture
            ),
        }
    }
}

/// What a start has to do with what the last one left, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recovery {
    /// Names that are worth nothing any more: to be removed.
    pub(super) leftovers: Vec<Entry>,
    /// Generations whose frames have to be read and sealed, in order.
    pub(super) replay: Vec<u64>,
    /// With which of them a recorder ended, and how.
    pub(super) endings: BTreeMap<u64, Ending>,
    /// Whether the last of them has no mark: its recorder went down, and that is to be noted.
    pub(super) has_crashed: bool,
    /// Folders of sealed segments, in order.
    pub(super) sealed: Vec<Sealed>,
    /// Files that are there for subscribers only, in order.
    pub(super) kept: Vec<Kept>,
    /// The generation to write next.
    pub(super) generation: u64,
    /// The next sequence numbers, before anything is replayed.
    pub(super) next: Sequences,
}

impl Recovery {
    /// What follows from the names in the folder, in any order.
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut sealed: Vec<Sealed> = Vec::new();
        let mut frames = Vec::new();
        let mut leftovers = Vec::new();
        let mut kept = Vec::new();
        let mut endings = BTreeMap::new();
        for entry in entries {
            match entry {
                Entry::Kept(file) => kept.push(*file),
                Entry::Last(generation, ending) => {
                    endings.insert(*generation, *ending);
                }
                Entry::Sealed(folder) => sealed.push(*folder),
                Entry::Frames(generation) => frames.push(*generation),
                Entry::Sealing(_) => leftovers.push(entry.clone()),
                Entry::Lock | Entry::Id(..) | Entry::Probed(_) => {}
            }
        }
        sealed.sort_unstable();
        frames.sort_unstable();
        kept.sort_unstable();
        let done = sealed.last().map(|folder| folder.generation);
        let (obsolete, replay): (Vec<u64>, Vec<u64>) = frames
            .into_iter()
            .partition(|&generation| Some(generation) <= done);
        leftovers.extend(obsolete.into_iter().map(Entry::Frames));
        let worthless = |generation: &u64, _: &mut Ending| Some(*generation) <= done;
        let marks = endings.extract_if(.., worthless);
        leftovers.extend(marks.map(|(generation, ending)| Entry::Last(generation, ending)));
        let mut has_crashed = false;
        if let Some(last) = replay.last() {
            endings.entry(*last).or_insert_with(|| {
                has_crashed = true;
                Ending::Crashed
            });
        }
        let newest = replay.last().copied().max(done);
        Self {
            leftovers,
            generation: newest.map_or(0, |generation| generation + 1),
            next: sealed.last().map(|folder| folder.next).unwrap_or_default(),
            replay,
            endings,
            has_crashed,
            sealed,
            kept,
        }
    }
}

/// What a file in a `sealed` folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SegmentFile {
    /// A segment that waits to be published.
    Waiting(Table, SegmentKey),
    /// One whose place in the archive is taken by another.
    Conflict,
    /// A write that was cut short.
    Leftover,
}

/// What a name in a `sealed` folder means; `None` if it is none of a spool's.
pub(super) fn parse_segment(name: &str) -> Option<SegmentFile> {
    if name.ends_with(".tmp") {
        return Some(SegmentFile::Leftover);
    }
    if name.ends_with(".parquet.conflict") {
        return Some(SegmentFile::Conflict);
    }
    let (table, file) = name.split_once('.')?;
    let table = match table {
        "exchanges" => Table::Exchanges,
        "capture" => Table::Capture,
        _ => return None,
    };
    let start = file.split_once('-')?.0.parse().ok()?;
    let partition = Timestamp::from_micros(start).partition();
    let key = format!("{partition}/{file}").parse().ok()?;
    Some(SegmentFile::Waiting(table, key))
}

/// The name of a segment in a `sealed` folder.
pub(super) fn segment_name(table: &Table, key: &SegmentKey) -> String {
    let key = key.to_string();
    let file = key.rsplit('/').next().unwrap_or_default();
    format!("{}.{file}", table.folder())
}

fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn hex(text: &str) -> Option<u64> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests;
