//! Exchanges in, one segment of Parquet bytes out.
//!
//! Exchanges come in the order in which they were completed. The builder holds two batches of them, sorts by
//! `request_start`, and encodes the older batch when the held ones fill up, so that batches follow one another in time and
//! an exchange that took long still finds its place. Memory: the held exchanges (at most two batches and one exchange), the
//! Arrow columns of one batch, one row group of compressed pages and its dictionaries, and the finished bytes.

mod order;
mod pending;
mod repeats;
mod rows;

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;

use self::pending::Pending;
use crate::columns::building_schema;
use crate::metadata::{self, BatchSpan};
use crate::properties::BodyDictionaries;
use crate::{
    Error, Exchange, Keyring, RecorderId, SegmentKey, SegmentNumbers, Timestamp, integrity,
    properties,
};

pub(crate) use self::rows::{Parts, RowBuilder};

/// How much goes into one batch and one row group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most rows of a batch.
    pub(crate) batch_rows: usize,
    /// Raw bytes of a batch, not counting the last exchange that reaches it.
    pub(crate) batch_bytes: usize,
    /// Encoded bytes after which a row group ends: what a reader must fetch and hold at once.
    pub(crate) row_group_bytes: usize,
    /// Raw bytes after which a row group ends, however well they compress: what a reader may have to decode at once.
    pub(crate) row_group_raw_bytes: usize,
}

impl Bounds {
    /// What the format promises and readers count on.
    pub(crate) const FORMAT: Self = Self {
        batch_rows: 8_192,
        batch_bytes: 4 << 20,
        row_group_bytes: 16 << 20,
        row_group_raw_bytes: 64 << 20,
    };
}

/// Raw bytes of an exchange above which Arrow's 32-bit offsets would be at risk.
const EXCHANGE_BYTES_MAX: usize = 1 << 30;
/// What a row group has beside its pages, bytes, and the footer.
const ROW_GROUP_SLACK: usize = 1 << 20;
/// What compression is assumed to leave before the first batch was encoded, in percent.
const PERCENT_LEFT: usize = 40;

/// What a segment says of itself beside its rows, and how it is compressed.
#[derive(Clone, Debug)]
pub struct SegmentOptions {
    /// Who writes it.
    pub recorder: RecorderId,
    /// Name and version of the program that writes it.
    pub writer: String,
    /// zstd level of pages, 1 to 22; others are moved to the nearest of these.
    pub zstd_level: i32,
    /// Identity of the spool that the rows come from.
    pub spool: Option<String>,
    /// Sampling policy that the rows went through.
    pub sampling: Option<String>,
    /// Redaction policy that the rows went through.
    pub redaction: Option<String>,
    /// Whether rows carry the columns that a run adds.
    pub replayed: bool,
    /// The first of them encrypts it.
    pub keys: Keyring,
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
pub struct SegmentBuilder {
    options: SegmentOptions,
    bounds: Bounds,
    pending: Pending,
    /// Made with the first batch, so that an empty segment costs nothing.
    writer: Option<ArrowWriter<Vec<u8>>>,
    /// One per encoded batch, in order.
    batches: Vec<BatchSpan>,
    rows_encoded: usize,
    /// Raw bytes of the rows that are encoded, and of those in the row group that is open.
    raw_bytes_encoded: usize,
    raw_bytes_in_row_group: usize,
    /// What the encoded rows take in the file; kept because asking the writer is not cheap.
    bytes_encoded: usize,
    start: Option<Timestamp>,
    /// The segments that it takes the place of.
    replaces: SegmentNumbers,
}

impl SegmentBuilder {
    /// An empty segment.
    #[must_use]
    pub fn new(options: SegmentOptions) -> Self {
        Self::with_bounds(options, Bounds::FORMAT)
    }

    /// An empty segment with bounds that a test can reach.
    pub(crate) fn with_bounds(options: SegmentOptions, bounds: Bounds) -> Self {
        Self {
            options,
            bounds,
            pending: Pending::default(),
            writer: None,
            batches: Vec::new(),
            rows_encoded: 0,
            raw_bytes_encoded: 0,
            raw_bytes_in_row_group: 0,
            bytes_encoded: 0,
            start: None,
            replaces: SegmentNumbers::default(),
        }
    }

    /// Says in the footer that the segment takes the place of others.
    #[must_use]
    pub fn replacing(self, replaces: SegmentNumbers) -> Self {
        Self { replaces, ..self }
    }

    /// Adds an exchange, and encodes a batch if that many are held.
    ///
    /// # Errors
    /// If Parquet refuses a batch, the exchange is larger than 1 GiB, or it has [`crate::Replay`] columns where the segment
    /// has none or the other way round: bugs, or a lack of memory, never the traffic.
    ///
    /// # Panics
    /// If the exchange starts in another hour than those before: a segment never spans two partitions.
    pub fn push(&mut self, exchange: impl Into<Box<Exchange>>) -> Result<Pushed, Error> {
        self.push_boxed(exchange.into())
    }

    fn push_boxed(&mut self, exchange: Box<Exchange>) -> Result<Pushed, Error> {
        let problem = if exchange.memory() > EXCHANGE_BYTES_MAX {
            Some("it holds more than 1 GiB; lower the body limit")
        } else if exchange.replay.is_some() != self.options.replayed {
            Some("it is of a run and the segment is not, or the other way round")
        } else {
            None
        };
        if let Some(problem) = problem {
            let exchange = exchange.id();
            return Err(Error::Row { exchange, problem });
        }
        let at = exchange.start();
        let start = self.start.map_or(at, |start| {
            assert_eq!(start.hour(), at.hour(), "a segment lies within one hour");
            start.min(at)
        });
        if let Some(late) = self.pending.push(exchange) {
            return Ok(Pushed::Late(late));
        }
        self.start = Some(start);
        let full = self.pending.rows() >= 2 * self.bounds.batch_rows
            || self.pending.bytes() >= 2 * self.bounds.batch_bytes;
        if full {
            self.encode_batch()?;
        }
        Ok(Pushed::Stored)
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows_encoded + self.pending.rows()
    }

    /// About how many bytes the segment would have if it were sealed now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let pending = self.pending.bytes();
        let pending = if self.raw_bytes_encoded == 0 {
            pending * PERCENT_LEFT / 100
        } else {
            // Both are far below 2^32, so the product is exact.
            let left = pending as u128 * self.bytes_encoded as u128;
            usize::try_from(left / self.raw_bytes_encoded as u128).unwrap_or(pending)
        };
        self.bytes_encoded + pending
    }

    /// About how many bytes of memory the builder holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        let writer = self
            .writer
            .as_ref()
            .map_or(0, |writer| writer.memory_size() + writer.bytes_written());
        self.pending.bytes() + writer
    }

    /// The `request_start` of the earliest row so far.
    #[must_use]
    pub fn start(&self) -> Option<Timestamp> {
        self.start
    }

    /// Ends the segment and gives it its number; `None` if it has no row.
    ///
    /// # Errors
    /// As [`SegmentBuilder::push`].
    pub fn seal(mut self, sequence: u64) -> Result<Option<SealedSegment>, Error> {
        while self.pending.rows() > 0 {
            self.encode_batch()?;
        }
        let (Some(mut writer), Some(first), Some(last)) =
            (self.writer, self.batches.first(), self.batches.last())
        else {
            return Ok(None);
        };
        let bytes = finish(&mut writer, sequence, &self.batches, &self.replaces)?;
        let (start, end) = (first.1, last.2);
        Ok(Some(SealedSegment {
            key: SegmentKey::new(
                Timestamp::from_micros(start),
                Timestamp::from_micros(end),
                self.options.recorder,
                sequence,
            ),
            rows: self.rows_encoded,
            bytes,
        }))
    }

    /// Ends a segment without rows, that takes the place of others whose rows started from `start` to `end`.
    ///
    /// # Errors
    /// As [`SegmentBuilder::push`].
    ///
    /// # Panics
    /// If it has a row.
    pub fn seal_empty(
        self,
        sequence: u64,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<SealedSegment, Error> {
        assert_eq!(self.rows(), 0, "a segment with rows is sealed as such");
        let mut writer = writer(&self.options, BodyDictionaries::default())?;
        let bytes = finish(&mut writer, sequence, &[], &self.replaces)?;
        Ok(SealedSegment {
            key: SegmentKey::new(start, end, self.options.recorder, sequence),
            rows: 0,
            bytes,
        })
    }

    /// Encodes the older of the held batches.
    fn encode_batch(&mut self) -> Result<(), Error> {
        let batch = self
            .pending
            .take_batch(self.bounds.batch_rows, self.bounds.batch_bytes);
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            return Ok(());
        };
        let span = BatchSpan(batch.len() as u64, first.start, last.start);
        let mut raw_bytes = 0;
        for held in &batch {
            raw_bytes += held.exchange.memory();
        }

        let dictionaries = match &self.writer {
            Some(_) => BodyDictionaries::default(),
            None => repeats::worth_a_dictionary(&batch),
        };
        let mut rows = RowBuilder::new(batch.len(), self.options.replayed);
        let order = order::by_endpoint(&batch);
        let mut batch: Vec<_> = batch.into_iter().map(|held| Some(held.exchange)).collect();
        for index in order {
            // An exchange is freed as soon as it is copied, while it is in the cache.
            if let Some(exchange) = batch[index as usize].take() {
                rows.append(&exchange);
            }
        }
        let columns = rows.finish()?;

        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(writer(&self.options, dictionaries)?),
        };
        writer.write(&columns)?;
        self.raw_bytes_in_row_group += raw_bytes;
        let in_progress = writer.in_progress_size();
        self.bytes_encoded = writer.bytes_written() + in_progress;
        if in_progress >= self.bounds.row_group_bytes
            || self.raw_bytes_in_row_group >= self.bounds.row_group_raw_bytes
        {
            make_room(writer.inner_mut(), in_progress);
            writer.flush()?;
            self.raw_bytes_in_row_group = 0;
            self.bytes_encoded = writer.bytes_written();
        }
        self.batches.push(span);
        self.rows_encoded += columns.num_rows();
        self.raw_bytes_encoded += raw_bytes;
        Ok(())
    }
}

/// Makes room for a row group of `bytes`, and for as much again as there will be then: what grows by small steps is copied
/// over and over, while room that is never used takes no memory.
fn make_room(file: &mut Vec<u8>, bytes: usize) {
    let needed = bytes + ROW_GROUP_SLACK;
    if file.capacity() - file.len() < needed {
        file.reserve_exact(2 * needed + file.len());
    }
}

/// Writes the footer, and gives the whole file.
fn finish(
    writer: &mut ArrowWriter<Vec<u8>>,
    sequence: u64,
    batches: &[BatchSpan],
    replaces: &SegmentNumbers,
) -> Result<Bytes, Error> {
    let spans = serde_json::to_string(batches).expect("numbers are JSON");
    let mut pairs = vec![
        metadata::pair(metadata::SEQUENCE, sequence.to_string()),
        metadata::pair(metadata::BATCHES, spans),
    ];
    if !replaces.is_empty() {
        pairs.push(metadata::pair(metadata::REPLACES, replaces.to_json()));
    }
    for pair in pairs {
        writer.append_key_value_metadata(pair);
    }
    let in_progress = writer.in_progress_size();
    make_room(writer.inner_mut(), in_progress);
    writer.finish()?;
    Ok(integrity::seal(std::mem::take(writer.inner_mut())))
}

/// A writer whose footer says already what is known before the first row.
fn writer(
    options: &SegmentOptions,
    dictionaries: BodyDictionaries,
) -> Result<ArrowWriter<Vec<u8>>, Error> {
    let pairs = metadata::of_rows(options, "exchanges");
    let mut pairs: Vec<_> = (pairs.into_iter())
        .map(|(key, value)| metadata::pair(key, value))
        .collect();
    // Here, because a segment that is written again must have the same bytes.
    let order = metadata::pair(metadata::ORDER, metadata::ORDER_IN_BATCH);
    pairs.insert(metadata::ALWAYS, order);
    let properties = properties::exchanges(options.zstd_level, pairs, dictionaries, &options.keys);
    let options_ = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let schema = building_schema(options.replayed);
    Ok(ArrowWriter::try_new_with_options(
        Vec::new(),
        schema,
        options_,
    )?)
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

#[cfg(test)]
mod tests;
