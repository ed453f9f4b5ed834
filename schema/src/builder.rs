//! Exchanges in, one segment of Parquet bytes out.
use bytes::Bytes;

use crate::{Error, Exchange, RecorderId, SegmentKey};

/// What a segment says of itself beside its rows, and how it is compressed.
#[derive(Clone, Debug)]
pub struct SegmentOptions {
    /// Who writes it.
    pub recorder: RecorderId,
    /// Name and version of the program that writes it.
    pub writer: String,
    /// zstd level of pages, 1 to 22.
    pub zstd_level: i32,
    /// Identity of the spool that the rows come from.
    pub spool: Option<String>,
    /// Sampling policy that the rows went through.
    pub sampling: Option<String>,
    /// Redaction policy that the rows went through.
    pub redaction: Option<String>,
    /// Whether rows carry the columns that a run adds.
    pub replayed: bool,
}

/// What became of a pushed exchange.
#[derive(Debug)]
pub enum Pushed {
    /// It is in the segment.
    Stored,
    /// It starts before rows that are encoded already; it belongs into the hour's next segment.
    Late(Box<Exchange>),
}

/// A segment in the making: exchanges of one hour, pushed in any order.
#[derive(Debug)]
pub struct SegmentBuilder {}

impl SegmentBuilder {
    /// An empty segment.
    #[must_use]
    pub fn new(_options: SegmentOptions) -> Self {
        todo!()
    }
    /// Adds an exchange.
    ///
    /// # Errors
    /// If Parquet refuses a batch: a bug or a lack of memory, never the traffic.
    pub fn push(&mut self, _exchange: Exchange) -> Result<Pushed, Error> {
        todo!()
    }
    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        todo!()
    }
    /// About how many bytes the segment would have if it were sealed now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        todo!()
    }
    /// The `request_start` of the earliest row so far.
    #[must_use]
    pub fn start(&self) -> Option<crate::Timestamp> {
        todo!()
    }
    /// Ends the segment and gives it its number; `None` if it has no row.
    ///
    /// # Errors
    /// As [`SegmentBuilder::push`].
    pub fn seal(self, _sequence: u64) -> Result<Option<SealedSegment>, Error> {
        todo!()
    }
}

/// A whole segment, ready to be published under its key.
#[derive(Clone, Debug)]
pub struct SealedSegment {
    /// Where it belongs, below its table's folder.
    pub key: SegmentKey,
    /// How many rows it has.
    pub rows: usize,
    /// The Parquet file.
    pub bytes: Bytes,
}
