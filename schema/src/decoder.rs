//! Byte ranges in, exchanges in time order out.
use std::ops::Range;

use bytes::Bytes;

use crate::{Error, Exchange, TimeWindow};

/// Which columns a reader needs; the rest of an exchange is left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// Everything.
    All,
    /// Everything but headers, trailers and bodies.
    Summary,
}

/// What the decoder needs or has.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// It needs these byte ranges of the file.
    NeedsData(Vec<Range<u64>>),
    /// The next exchanges, ordered by `request_start` (ties by exchange id); never earlier than those before.
    Exchanges(Vec<Exchange>),
    /// There are no more.
    Finished,
}

/// Decodes one segment without reading anything itself, in memory bounded by one batch and one row group.
#[derive(Debug)]
pub struct SegmentDecoder {}

impl SegmentDecoder {
    /// A decoder for a file of `len` bytes that gives the rows whose `request_start` lies in `window`.
    #[must_use]
    pub fn new(_len: u64, _window: TimeWindow, _projection: Projection) -> Self {
        todo!()
    }
    /// Goes on as far as the data allows.
    ///
    /// # Errors
    /// If the file is not a segment, is damaged, or is of a newer format than this reader knows.
    pub fn step(&mut self) -> Result<Step, Error> {
        todo!()
    }
    /// Gives data that [`Step::NeedsData`] asked for, one buffer a range.
    ///
    /// # Errors
    /// If a buffer is not as long as its range.
    pub fn push(&mut self, _ranges: Vec<Range<u64>>, _data: Vec<Bytes>) -> Result<(), Error> {
        todo!()
    }
}
