//! Bytes of one stream in, rows out: what a subscriber does.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Int64Type, Schema};
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;

use super::{MISSED, POSITION, Row};
use crate::decoder::RowDecoder;
use crate::error::guarded;
use crate::{Error, RecorderId, metadata};

/// The longest message that a stream may hold, bytes: a batch ends with the row that reaches 4 MiB, and that row may have two
/// bodies as long as they were recorded.
const MESSAGE_BYTES_MAX: usize = 1 << 30;
/// The end mark: a continuation marker and a length of 0.
const END_MARK: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Bytes of one stream in, rows out. All columns have to be there: the stream was asked for without `columns`.
///
/// Memory: the message at hand, and the rows that it holds.
pub struct LiveDecoder {
    decoder: StreamDecoder,
    rows: RowDecoder,
    recorder: Option<RecorderId>,
    /// Bytes since the end of the last batch.
    pending: usize,
    /// The last bytes that came.
    tail: [u8; END_MARK.len()],
}

impl Default for LiveDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl LiveDecoder {
    /// A decoder of a stream from its first byte.
    #[must_use]
    pub fn new() -> Self {
        Self {
            decoder: StreamDecoder::new(),
            rows: RowDecoder::default(),
            recorder: None,
            pending: 0,
            tail: [0; END_MARK.len()],
        }
    }

    /// Who records, once the schema came.
    #[must_use]
    pub fn recorder(&self) -> Option<&RecorderId> {
        self.recorder.as_ref()
    }

    /// Takes the next bytes, cut anywhere; gives the rows of the batches that they complete, in the order in which their
    /// exchanges were done.
    ///
    /// # Errors
    /// If they are no stream of exchanges, or one of a newer format. Nothing can be read of this stream any more then.
    pub fn push(&mut self, bytes: Bytes) -> Result<Vec<Row>, Error> {
        self.note_tail(&bytes);
        self.pending += bytes.len();
        let mut rows = Vec::new();
        let mut left = Buffer::from(bytes);
        while !left.is_empty() {
            let decoder = &mut self.decoder;
            let batch = guarded(|| Ok(decoder.decode(&mut left)?))?;
            if self.recorder.is_none()
                && let Some(schema) = self.decoder.schema()
            {
                self.recorder = Some(recorder(&schema)?);
            }
            if let Some(batch) = batch {
                self.pending = left.len();
                self.decode(&batch, &mut rows)?;
            }
        }
        if self.pending > MESSAGE_BYTES_MAX {
            let problem =
                format!("a batch of the live stream is longer than {MESSAGE_BYTES_MAX} bytes");
            return Err(Error::Format(problem));
        }
        Ok(rows)
    }

    /// Whether the last batch is whole and no bytes of another have come.
    #[must_use]
    pub fn is_between_batches(&self) -> bool {
        self.pending == 0
    }

    /// Says that no bytes follow.
    ///
    /// # Errors
    /// If the stream was cut: it has no end mark.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.decoder.finish()?;
        if self.tail != END_MARK {
            return Err(Error::Format("the live stream was cut".to_owned()));
        }
        Ok(())
    }

    fn decode(&mut self, batch: &RecordBatch, rows: &mut Vec<Row>) -> Result<(), Error> {
        let column = |name: &'static str, of: DataType| {
            let found = batch.column_by_name(name);
            let found =
                found.filter(|column| *column.data_type() == of && column.null_count() == 0);
            found.ok_or_else(|| Error::Column {
                name,
                problem: "missing, or not of its type".to_owned(),
            })
        };
        let positions = column(POSITION, DataType::Utf8)?.as_string::<i32>();
        let missed = column(MISSED, DataType::Int64)?.as_primitive::<Int64Type>();
        let exchanges = self.rows.decode(batch)?;
        rows.reserve(exchanges.len());
        for (row, exchange) in exchanges.into_iter().enumerate() {
            let position = positions.value(row).parse();
            rows.push(Row {
                position: position.map_err(|error| Error::Format(format!("{error}")))?,
                missed: u64::try_from(missed.value(row)).unwrap_or(0),
                exchange: Arc::new(exchange),
            });
        }
        Ok(())
    }

    fn note_tail(&mut self, bytes: &[u8]) {
        let kept = self.tail.len() - bytes.len().min(self.tail.len());
        let new = &bytes[bytes.len().saturating_sub(self.tail.len())..];
        self.tail.copy_within(END_MARK.len() - kept.., 0);
        self.tail[kept..].copy_from_slice(new);
    }
}

impl fmt::Debug for LiveDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveDecoder")
            .field("recorder", &self.recorder)
            .field("pending", &self.pending)
            .finish_non_exhaustive()
    }
}

/// Who records, as the schema says, if this is a stream that we can read.
fn recorder(schema: &Schema) -> Result<RecorderId, Error> {
    let pairs = schema.metadata().iter();
    let pairs: Vec<_> = pairs
        .map(|(key, value)| metadata::pair(key, value))
        .collect();
    metadata::check(Some(&pairs), "live")?;
    let recorder = metadata::get(Some(&pairs), metadata::RECORDER).unwrap_or_default();
    recorder
        .parse()
        .map_err(|error| Error::Format(format!("`{}`: {error}", metadata::RECORDER)))
}

#[cfg(test)]
mod tests;
