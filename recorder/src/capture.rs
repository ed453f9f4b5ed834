//! Captures in, frames out in the order of time.
//!
//! * `input`: the bytes of one capture, decompressed, in one reused buffer.
//! * `pcap`, `pcapng`: where its packets lie and when they were captured.
//! * `file`: one capture and the packet that it stands at.
//! * [`Captures`]: several of them, merged.
//!
//! Nothing is allocated for a frame, and no file is held in memory.

mod file;
mod input;
mod pcap;
mod pcapng;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail};
use recorder_core::{Frame, LinkType};
use schema::{RecorderId, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use file::{CaptureFile, Pending};

/// Most captures that may overlap in time: each one that is open holds a buffer.
const OPEN_MAX: usize = 256;

/// How long after the last frame of one file the next of its series may begin and still be the same capture.
const SERIES_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Why reading a capture stopped before its end; a sentence without its subject.
#[derive(Debug)]
struct Fault(String);

/// The link layer of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Known(LinkType),
    /// Its number in the LINKTYPE registry.
    Unsupported(u32),
}

impl Link {
    /// From pcap's LINKTYPE registry (draft-ietf-opsawg-pcaplinktype).
    fn from_number(number: u32) -> Self {
        match number {
            0 | 108 => Self::Known(LinkType::Null),
            1 => Self::Known(LinkType::Ethernet),
            // 12 and 14 are what some systems call raw IP in their own files.
            12 | 14 | 101 | 228 | 229 => Self::Known(LinkType::RawIp),
            113 => Self::Known(LinkType::LinuxSll),
            276 => Self::Known(LinkType::LinuxSll2),
            number => Self::Unsupported(number),
        }
    }
}

/// Where the packet that a capture stands at lies in its buffer, and what its header says.
#[derive(Clone, Copy, Debug)]
struct Head {
    at: Timestamp,
    /// Whether its header says when it was captured; else `at` is that of the packet before.
    timed: bool,
    link: Link,
    wire_len: u32,
    data: usize,
    len: usize,
}

/// Several captures, merged by the time of their frames.
///
/// The order inside one file is kept as it is: a capture with packets out of order is the reassembly's business. A file is
/// opened when the first of its frames is due, so a month of rotated files needs no more memory than one.
pub struct Captures {
    /// Not yet open, latest first.
    pending: Vec<Pending>,
    open: Vec<CaptureFile>,
    /// Which of `open` the last frame came from; it goes on until it passes `limit`.
    current: usize,
    /// Time of the next frame of any other capture.
    limit: Timestamp,
    /// By series, when the last file of it ended and under which source.
    ended: HashMap<String, (Timestamp, Arc<str>)>,
    progress: Arc<AtomicU64>,
    bytes_total: Option<u64>,
    report: Report,
}

/// What was read, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Captures that were read, to the end or not.
    pub(crate) files: u64,
    /// First and last frame's time.
    pub(crate) span: Option<(Timestamp, Timestamp)>,
    /// Captures that ended in the middle or are damaged: name and why.
    pub(crate) faults: Vec<(String, String)>,
    /// Frames by link type that cannot be read.
    pub(crate) unsupported: BTreeMap<u32, u64>,
    /// Frames without a time, or with one that no archive can hold: they took that of the frame before.
    pub(crate) untimed: u64,
}

impl std::fmt::Debug for Captures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Captures")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Captures {
    /// Looks into each of `files` (`-` is standard input) and puts them in the order of their first frames.
    ///
    /// # Errors
    /// If one does not exist, cannot be read, is no capture, or is given twice.
    pub fn open(files: &[PathBuf]) -> anyhow::Result<Self> {
        let progress = Arc::new(AtomicU64::new(0));
        let mut seen = HashSet::new();
        let mut pending = Vec::with_capacity(files.len());
        for path in files {
            let identity = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            if !seen.insert(identity) {
                bail!(
                    "`{}` is given twice: name each capture once",
                    path.display()
                );
            }
            pending.push(Pending::look_into(path, &progress)?);
        }
        pending.sort_by(|a, b| b.sort_key().cmp(&a.sort_key()));
        Ok(Self {
            bytes_total: pending.iter().map(Pending::bytes).sum(),
            pending,
            open: Vec::new(),
            current: 0,
            limit: Timestamp::MIN,
            ended: HashMap::new(),
            progress,
            report: Report::default(),
        })
    }

    /// A recorder id that is the same whenever the same captures are read: from their names and first bytes.
    pub(crate) fn derived_id(&self) -> RecorderId {
        let mut hash = Xxh3::new();
        for file in self.pending.iter().rev() {
            hash.update(file.name().as_bytes());
            hash.update(&[0]);
            hash.update(&file.fingerprint().to_le_bytes());
        }
        let id = format!("read-{:012x}", hash.digest() >> 16);
        id.parse().expect("hex digits are a recorder id")
    }

    /// Bytes of all captures as they lie on disk; `None` if one is a pipe.
    pub(crate) fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }

    /// Bytes read so far, as they lie on disk.
    pub(crate) fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.progress)
    }

    /// What was read so far.
    pub(crate) fn into_report(mut self) -> Report {
        // What is still open was not read to its end because of an interrupt, which is said elsewhere.
        for file in std::mem::take(&mut self.open) {
            self.end(file);
        }
        self.report
    }

    /// The next frame of all captures; `None` when all have ended.
    ///
    /// # Errors
    /// If a capture that could be read before no longer can, or too many overlap.
    pub fn next_frame(&mut self) -> anyhow::Result<Option<Frame<'_>>> {
        if let Some(file) = self.open.get_mut(self.current)
            && file.advance().is_some_and(|head| head.at <= self.limit)
        {
            // The common case: the file that gave the last frame gives the next.
        } else if !self.choose()? {
            return Ok(None);
        }
        let file = &self.open[self.current];
        let (frame, head) = file.frame();
        let (first, last) = self.report.span.get_or_insert((frame.at, frame.at));
        *first = frame.at.min(*first);
        *last = frame.at.max(*last);
        if let Link::Unsupported(number) = head.link {
            *self.report.unsupported.entry(number).or_default() += 1;
        }
        self.report.untimed += u64::from(!head.timed);
        Ok(Some(frame))
    }

    /// Makes the capture whose next frame is the earliest the current one; false if none has a frame left.
    fn choose(&mut self) -> anyhow::Result<bool> {
        let mut index = 0;
        while index < self.open.len() {
            if self.open[index].head().is_some() {
                index += 1;
            } else {
                let file = self.open.remove(index);
                self.end(file);
            }
        }
        let earliest = |open: &[CaptureFile], except: Option<usize>| {
            (0..open.len())
                .filter(|&index| Some(index) != except)
                .filter_map(|index| Some((open[index].head()?.at, index)))
                .min()
        };
        while let Some(next) = self.pending.last() {
            let due = earliest(&self.open, None).is_none_or(|(at, _)| next.first() < Some(at));
            if !due {
                break;
            }
            if self.open.len() == OPEN_MAX {
                bail!(
                    "more than {OPEN_MAX} captures overlap in time: merge some of them first, for \
                     example with mergecap"
                );
            }
            let next = self.pending.pop().expect("it was just looked at");
            self.begin(next)?;
        }
        let Some((_, current)) = earliest(&self.open, None) else {
            return Ok(false);
        };
        self.current = current;
        let others = earliest(&self.open, Some(current)).map(|(at, _)| at);
        let pending = self.pending.last().and_then(Pending::first);
        self.limit = others
            .into_iter()
            .chain(pending)
            .min()
            .unwrap_or(Timestamp::MAX);
        Ok(true)
    }

    fn begin(&mut self, pending: Pending) -> anyhow::Result<()> {
        let series = series(pending.name());
        let source = match (self.ended.get(&series), pending.first()) {
            (Some((last, source)), Some(first))
                if first >= *last && first.since(*last) <= SERIES_PAUSE_MAX =>
            {
                Arc::clone(source)
            }
            _ => Arc::from(pending.name()),
        };
        let path = pending.path().to_owned();
        let file = pending
            .begin(source, &self.progress)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        self.report.files += 1;
        if file.head().is_some() {
            self.open.push(file);
        } else {
            self.end(file);
        }
        Ok(())
    }

    fn end(&mut self, file: CaptureFile) {
        let (name, source, last, fault) = file.into_end();
        if let Some(last) = last {
            self.ended.insert(series(&name), (last, source));
        }
        if let Some(fault) = fault {
            self.report.faults.push((name, fault.0));
        }
    }
}

/// What the names of rotated files have in common: everything but digits (`gw.pcap`, `gw.pcap1`, `gw_00002_2026….pcap`).
///
/// A connection goes on in the next file of its capture, and its source must stay the same for it to be one connection.
fn series(name: &str) -> String {
    name.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests;
