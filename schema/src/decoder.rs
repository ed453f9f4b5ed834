//! Byte ranges in, exchanges in time order out.
//!
//! The decoder asks for the end of the file, learns from `reprise.batches` which batches overlap the window, and then asks,
//! one row group after the other, for the pages of those batches only. Rows are decoded in small record batches, collected
//! one batch of the segment at a time, sorted by (`request_start`, exchange id), and given out. Memory: the compressed pages
//! of one row group, one record batch, and one batch of exchanges.

mod plan;
mod rows;

use std::collections::VecDeque;
use std::ops::Range;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use self::rows::Connections;
pub(crate) use self::rows::RowDecoder;
use crate::error::guarded;
use crate::metadata::BatchSpan;
use crate::{Error, Exchange, Keyring, TimeWindow, columns};

/// How much of the file's end is asked for first: enough for the footer and the page index of a segment of usual size.
const TAIL_BYTES: u64 = 128 << 10;

/// Rows of a batch that room is made for at once: no builder makes larger ones.
const COLLECTED_ROWS_MAX: usize = 8_192;

/// Which columns a reader needs; the rest of an exchange is left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// Everything.
    All,
    /// Everything but headers, trailers and bodies.
    Summary,
}

impl Projection {
    /// Columns that are not needed. The exchange's id is made of two other columns.
    fn left_out(self) -> &'static [&'static str] {
        match self {
            Self::All => &[columns::EXCHANGE_ID],
            Self::Summary => &[
                columns::EXCHANGE_ID,
                columns::REQUEST_HEADERS,
                columns::REQUEST_BODY,
                columns::REQUEST_TRAILERS,
                columns::RESPONSE_HEADERS,
                columns::RESPONSE_BODY,
                columns::RESPONSE_TRAILERS,
            ],
        }
    }
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
pub struct SegmentDecoder {
    len: u64,
    keys: Keyring,
    window: TimeWindow,
    projection: Projection,
    state: State,
}

/// Decodes a whole file that is in memory; gives each of its exchanges in `window`, in time order, to `each`.
///
/// # Errors
/// As [`SegmentDecoder::step`].
pub fn decode_segment(
    file: &Bytes,
    keys: &Keyring,
    window: TimeWindow,
    projection: Projection,
    mut each: impl FnMut(Exchange),
) -> Result<(), Error> {
    let mut decoder = SegmentDecoder::new(file.len() as u64, keys, window, projection);
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    loop {
        match decoder.step()? {
            Step::NeedsData(ranges) => {
                let slice = |range: &Range<u64>| file.slice(index(range.start)..index(range.end));
                let data = ranges.iter().map(slice).collect();
                decoder.push(ranges, data)?;
            }
            Step::Exchanges(batch) => batch.into_iter().for_each(&mut each),
            Step::Finished => return Ok(()),
        }
    }
}

#[derive(Debug)]
enum State {
    /// Nothing was read.
    Start,
    /// The footer is being read; the end of the file, once it came, is kept for small files.
    Footer(Box<ParquetMetaDataPushDecoder>, Option<(Range<u64>, Bytes)>),
    /// Rows are being read.
    Rows(Box<Rows>),
    /// All rows are out, or there was an error.
    Finished,
}

impl SegmentDecoder {
    /// A decoder for a file of `len` bytes that gives the rows whose `request_start` lies in `window`.
    #[must_use]
    pub fn new(len: u64, keys: &Keyring, window: TimeWindow, projection: Projection) -> Self {
        Self {
            len,
            keys: keys.clone(),
            window,
            projection,
            state: State::Start,
        }
    }

    /// Goes on as far as the data allows. After an error there is nothing more.
    ///
    /// # Errors
    /// If the file is not a segment, is damaged, or is of a newer format than this reader knows.
    pub fn step(&mut self) -> Result<Step, Error> {
        let step = guarded(|| self.advance())?;
        if let Step::NeedsData(ranges) = &step
            && ranges
                .iter()
                .any(|range| range.start > range.end || range.end > self.len)
        {
            // Whoever reads for us need not know how long the file is.
            self.state = State::Finished;
            let problem = "its footer points beyond its end";
            return Err(Error::Damaged(ParquetError::General(problem.to_owned())));
        }
        Ok(step)
    }

    fn advance(&mut self) -> Result<Step, Error> {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::Start => {
                let decoder = ParquetMetaDataPushDecoder::try_new(self.len)
                    .map_err(Error::Damaged)?
                    .with_file_decryption_properties(Some(self.keys.decryption()))
                    .with_column_index_policy(PageIndexPolicy::Skip)
                    .with_offset_index_policy(PageIndexPolicy::Optional);
                self.state = State::Footer(Box::new(decoder), None);
                let tail = self.len.saturating_sub(TAIL_BYTES)..self.len;
                Ok(Step::NeedsData(vec![tail]))
            }
            State::Footer(mut decoder, tail) => {
                match decoder.try_decode().map_err(Error::reading)? {
                    DecodeResult::NeedsData(ranges) => {
                        self.state = State::Footer(decoder, tail);
                        Ok(Step::NeedsData(ranges))
                    }
                    DecodeResult::Data(metadata) => {
                        let mut rows = Rows::new(metadata, self.window, self.projection)?;
                        // A small file is here already.
                        if let Some((range, data)) = tail.filter(|(range, _)| range.start == 0) {
                            rows.decoder
                                .push_range(range, data)
                                .map_err(Error::Damaged)?;
                        }
                        self.step_rows(Box::new(rows))
                    }
                    DecodeResult::Finished => Ok(Step::Finished),
                }
            }
            State::Rows(rows) => self.step_rows(rows),
            State::Finished => Ok(Step::Finished),
        }
    }

    fn step_rows(&mut self, mut rows: Box<Rows>) -> Result<Step, Error> {
        let step = rows.step()?;
        if !matches!(step, Step::Finished) {
            self.state = State::Rows(rows);
        }
        Ok(step)
    }

    /// Gives data that [`Step::NeedsData`] asked for, one buffer a range.
    ///
    /// # Errors
    /// If a buffer is not as long as its range.
    pub fn push(&mut self, ranges: Vec<Range<u64>>, data: Vec<Bytes>) -> Result<(), Error> {
        let fits = |(range, data): (&Range<u64>, &Bytes)| {
            range.end.checked_sub(range.start) == Some(data.len() as u64) && range.end <= self.len
        };
        if ranges.len() != data.len() || !ranges.iter().zip(&data).all(fits) {
            let problem = "data was given that is not as long as its range of the file";
            return Err(Error::Damaged(ParquetError::General(problem.to_owned())));
        }
        match &mut self.state {
            State::Footer(decoder, tail) => {
                if tail.is_none() {
                    *tail = ranges.first().cloned().zip(data.first().cloned());
                }
                decoder.push_ranges(ranges, data).map_err(Error::Damaged)
            }
            State::Rows(rows) => rows
                .decoder
                .push_ranges(ranges, data)
                .map_err(Error::Damaged),
            State::Start | State::Finished => Ok(()),
        }
    }
}

/// The rows of a segment whose footer is known.
#[derive(Debug)]
struct Rows {
    window: TimeWindow,
    decoder: ParquetPushDecoder,
    /// The batches that overlap the window and are not given out, in order.
    batches: VecDeque<BatchSpan>,
    /// How many rows of the first of them were decoded.
    rows_done: u64,
    /// The exchanges among those rows that lie in the window.
    collected: Vec<Exchange>,
    /// The connections of those rows, so that rows of one connection share it.
    connections: Connections,
    /// What was decoded and belongs to batches further on.
    rest: Option<RecordBatch>,
}

impl Rows {
    fn new(
        metadata: ParquetMetaData,
        window: TimeWindow,
        projection: Projection,
    ) -> Result<Self, Error> {
        let plan = plan::Plan::new(&metadata, window)?;
        // Types come from Parquet alone: an Arrow schema that a program may have left in the footer is not looked at.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetPushDecoderBuilder::try_new_decoder_with_options(
            std::sync::Arc::new(metadata),
            options,
        )
        .map_err(Error::Damaged)?;
        let known = columns::exchanges_schema(true);
        let wanted = known
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .filter(|name| !projection.left_out().contains(name));
        let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
        let decoder = builder
            .with_projection(mask)
            .with_row_group_selections(plan.row_groups)
            .with_batch_size(plan.record_batch_rows)
            .build()
            .map_err(Error::Damaged)?;
        Ok(Self {
            window,
            decoder,
            batches: plan.batches,
            rows_done: 0,
            collected: Vec::new(),
            connections: Connections::default(),
            rest: None,
        })
    }

    fn step(&mut self) -> Result<Step, Error> {
        loop {
            let record_batch = match self.rest.take() {
                Some(rest) => rest,
                None => match self.decoder.try_decode().map_err(Error::reading)? {
                    DecodeResult::NeedsData(ranges) => return Ok(Step::NeedsData(ranges)),
                    DecodeResult::Data(record_batch) => record_batch,
                    DecodeResult::Finished if self.batches.is_empty() => return Ok(Step::Finished),
                    DecodeResult::Finished => return Err(too_few_rows()),
                },
            };
            let exchanges = self.collect(&record_batch)?;
            if !exchanges.is_empty() {
                return Ok(Step::Exchanges(exchanges));
            }
        }
    }

    /// Takes the rows that belong to the first batch, and gives its exchanges out if they are all there.
    fn collect(&mut self, record_batch: &RecordBatch) -> Result<Vec<Exchange>, Error> {
        let batch = *self.batches.front().ok_or_else(too_few_rows)?;
        let missing = usize::try_from(batch.0 - self.rows_done).unwrap_or(usize::MAX);
        let rows = record_batch.num_rows().min(missing);
        if self.collected.is_empty() {
            // A damaged footer may claim any number.
            self.collected.reserve(missing.min(COLLECTED_ROWS_MAX));
        }
        rows::decode(
            &record_batch.slice(0, rows),
            batch,
            self.window,
            &mut self.connections,
            &mut self.collected,
        )?;
        self.rows_done += rows as u64;
        if rows < record_batch.num_rows() {
            self.rest = Some(record_batch.slice(rows, record_batch.num_rows() - rows));
        }
        if self.rows_done < batch.0 {
            return Ok(Vec::new());
        }
        self.batches.pop_front();
        self.rows_done = 0;
        self.connections.clear();
        let mut exchanges = std::mem::take(&mut self.collected);
        // Places are sorted, not exchanges, which are large.
        exchanges.sort_by_cached_key(|exchange| (exchange.start(), exchange.id()));
        Ok(exchanges)
    }
}

fn too_few_rows() -> Error {
    Error::Format("its batches do not have as many rows as `reprise.batches` says".to_owned())
}

#[cfg(test)]
mod tests;
