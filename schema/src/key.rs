//! Where a segment lies: a typed key whose text sorts by time.

use std::fmt;
use std::str::FromStr;

use crate::id::{ParseIdError, RecorderId};
use crate::time::{TimeWindow, Timestamp};

/// The place of one segment below a table's folder: `date=…/hour=…/<start>-<end>-<recorder>-<sequence>.parquet`.
///
/// `start` and `end` are the first and last `request_start` in the segment, whole microseconds. Both lie in one hour.
/// Text of a key sorts by time, so a listing finds a window without opening a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey {
    start: Timestamp,
    end: Timestamp,
    recorder: RecorderId,
    sequence: u64,
}

impl SegmentKey {
    /// A key for the rows from `start` to `end`, both included.
    ///
    /// # Panics
    /// If `end` is before `start`, or the two lie in different hours: a segment never spans two partitions.
    #[must_use]
    pub fn new(start: Timestamp, end: Timestamp, recorder: RecorderId, sequence: u64) -> Self {
        let (start, end) = (start.to_micros_precision(), end.to_micros_precision());
        assert!(start <= end, "a segment ends before it starts");
        assert_eq!(start.hour(), end.hour(), "a segment lies within one hour");
        Self {
            start,
            end,
            recorder,
            sequence,
        }
    }

    /// First `request_start` in the segment.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Last `request_start` in the segment.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Who wrote the segment.
    #[must_use]
    pub fn recorder(&self) -> &RecorderId {
        &self.recorder
    }

    /// Its number among the segments of this recorder and table, from 0 without holes.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Name of its file, without the folders of date and hour.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!(
            "{:016}-{:016}-{}-{:08}.parquet",
            self.start.as_micros(),
            self.end.as_micros(),
            self.recorder,
            self.sequence,
        )
    }

    /// Whether a row of the segment may lie in `window`.
    #[must_use]
    pub fn overlaps(&self, window: TimeWindow) -> bool {
        window.overlaps(self.start, self.end)
    }
}

impl fmt::Display for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.start.partition(), self.file_name())
    }
}

impl FromStr for SegmentKey {
    type Err = ParseIdError;

    /// Reads the last three parts of an object's path; what stands before them is not looked at.
    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = path.rsplitn(4, '/');
            let (file, hour, date) = (parts.next()?, parts.next()?, parts.next()?);
            let (start, rest) = file.strip_suffix(".parquet")?.split_once('-')?;
            let (end, rest) = rest.split_once('-')?;
            let (recorder, sequence) = rest.rsplit_once('-')?;
            (!sequence.starts_with('+')).then_some(())?;
            let (start, end) = (micros(start)?, micros(end)?);
            let in_its_place = start <= end
                && start.hour() == end.hour()
                && start.partition() == format!("{date}/{hour}");
            in_its_place.then_some(())?;
            Some(Self {
                start,
                end,
                recorder: recorder.parse().ok()?,
                sequence: sequence.parse().ok()?,
            })
        };
        parse().ok_or_else(|| {
            ParseIdError::new(
                path,
                "a segment key: date=…/hour=…/<start>-<end>-<recorder>-<sequence>.parquet",
            )
        })
    }
}

fn micros(text: &str) -> Option<Timestamp> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok().map(Timestamp::from_micros))
        .flatten()
}

/// The folders of an archive, each with segments of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// Recorded exchanges.
    Exchanges,
    /// The completeness ledger.
    Capture,
    /// Exchanges as a run's target answered them.
    RunExchanges(String),
}

impl Table {
    /// The table's folder below the archive's URL.
    #[must_use]
    pub fn folder(&self) -> String {
        match self {
            Self::Exchanges => "exchanges".to_owned(),
            Self::Capture => "capture".to_owned(),
            Self::RunExchanges(run) => format!("runs/{run}/exchanges"),
        }
    }

    /// Where `key` lies below the archive's URL.
    #[must_use]
    pub fn path(&self, key: &SegmentKey) -> String {
        format!("{}/{key}", self.folder())
    }

    /// The folder that holds the segments of one hour.
    #[must_use]
    pub fn hour_prefix(&self, hour: Timestamp) -> String {
        format!("{}/{}", self.folder(), hour.partition())
    }
}

#[cfg(test)]
mod tests;
