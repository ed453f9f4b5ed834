//! The live stream: what a running recorder serves, and how a subscriber asks for it. `recorder/README.md` is the
//! specification; both programs take names from here.
//!
//! An answer is one Arrow IPC stream (<https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>): the schema,
//! record batches as exchanges come, and the end mark when the recorder stops. Rows are in the order in which exchanges were
//! done. Their columns are those of `exchanges`, or the ones that were asked for, and two more at the end: [`POSITION`] and
//! [`MISSED`].

mod decoder;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryBuilder, BinaryViewArray, Int64Builder, RecordBatch, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;

use crate::builder::{Parts, RowBuilder};
use crate::{Error, Exchange, SegmentOptions, columns, metadata};
pub use decoder::LiveDecoder;

/// Path of the stream.
pub const EXCHANGES_PATH: &str = "/v1/exchanges";

/// Media type of the stream, as IANA lists it.
pub const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";

/// Query parameter: columns that are wanted, separated by commas.
pub const COLUMNS_PARAMETER: &str = "columns";
/// Query parameter: go on after this [`Position`].
pub const AFTER_PARAMETER: &str = "after";
/// Query parameter: where to begin without a position, [`FROM_OLDEST`] or [`FROM_NOW`].
pub const FROM_PARAMETER: &str = "from";
/// Begin with the oldest exchange that the recorder still has.
pub const FROM_OLDEST: &str = "oldest";
/// Begin with the next exchange: the default.
pub const FROM_NOW: &str = "now";

/// Column: where the exchange lies, a [`Position`] as text.
pub const POSITION: &str = "position";
/// Column: how many exchanges were recorded between the row before and this one that the subscriber was too slow for,
/// whatever its filter.
pub const MISSED: &str = "missed";

/// Where in what one recorder has recorded an exchange lies. Later exchanges of one spool have greater positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which spool; without one, which run of the recorder.
    pub spool: u64,
    /// Which file of the spool.
    pub generation: u64,
    /// Which exchange of the file, from 0.
    pub row: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            spool,
            generation,
            row,
        } = self;
        write!(f, "{spool:016x}-{generation}-{row}")
    }
}

/// Text that is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position; take one from the column `position`")]
pub struct ParsePositionError(String);

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: Option<&str>, radix| {
            let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
            u64::from_str_radix(text, radix).ok()
        };
        let mut parts = text.splitn(3, '-');
        let mut next =
            |radix| number(parts.next(), radix).ok_or_else(|| ParsePositionError(text.to_owned()));
        Ok(Self {
            spool: next(16)?,
            generation: next(10)?,
            row: next(10)?,
        })
    }
}

/// The columns that a subscriber wants; all of `exchanges` by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(Option<Vec<usize>>);

impl Columns {
    /// What has to be gathered of request and response.
    fn parts(&self) -> [Parts; 2] {
        let schema = columns::exchanges_schema(false);
        let wanted = |name: &str| match &self.0 {
            None => true,
            Some(indices) => indices
                .iter()
                .any(|&index| schema.field(index).name() == name),
        };
        [
            Parts {
                headers: wanted(columns::REQUEST_HEADERS),
                body: wanted(columns::REQUEST_BODY),
            },
            Parts {
                headers: wanted(columns::RESPONSE_HEADERS),
                body: wanted(columns::RESPONSE_BODY),
            },
        ]
    }
}

/// Text that names a column that `exchanges` does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no column of exchanges; there are {known}", known = known_columns())]
pub struct ParseColumnsError(String);

fn known_columns() -> String {
    let schema = columns::exchanges_schema(false);
    let names: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    names.join(", ")
}

impl FromStr for Columns {
    type Err = ParseColumnsError;

    /// Names separated by commas. [`POSITION`] and [`MISSED`] may be named and come anyway.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let schema = columns::exchanges_schema(false);
        let mut indices = Vec::new();
        for name in text.split(',').map(str::trim) {
            if [POSITION, MISSED].contains(&name) {
                continue;
            }
            let index = schema.index_of(name);
            let index = index.map_err(|_| ParseColumnsError(name.to_owned()))?;
            if !indices.contains(&index) {
                indices.push(index);
            }
        }
        Ok(Self(Some(indices)))
    }
}

/// One row of the stream.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it lies.
    pub position: Position,
    /// Exchanges before it that the subscriber was too slow for.
    pub missed: u64,
    /// The exchange.
    pub exchange: Arc<Exchange>,
}

/// Rows in, bytes of one stream out.
pub struct StreamEncoder {
    schema: SchemaRef,
    columns: Columns,
    /// What of requests and responses is not gathered in vain.
    parts: [Parts; 2],
    writer: StreamWriter<Vec<u8>>,
}

impl StreamEncoder {
    /// A stream of `columns`, whose schema says in its metadata what the footer of a segment with `options` would.
    ///
    /// # Errors
    /// If Arrow refuses the schema: a bug.
    pub fn new(options: &SegmentOptions, columns: Columns) -> Result<Self, Error> {
        let all = columns::exchanges_schema(false);
        let mut fields: Vec<_> = match &columns.0 {
            None => all.fields().iter().cloned().collect(),
            Some(indices) => {
                let field = |index: &usize| Arc::clone(&all.fields()[*index]);
                indices.iter().map(field).collect()
            }
        };
        fields.push(Arc::new(Field::new(POSITION, DataType::Utf8, false)));
        fields.push(Arc::new(Field::new(MISSED, DataType::Int64, false)));
        let pairs = metadata::of_rows(options, "live");
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        let schema = Arc::new(Schema::new(fields).with_metadata(pairs.collect::<HashMap<_, _>>()));
        let writer = StreamWriter::try_new(Vec::new(), &schema)?;
        Ok(Self {
            schema,
            parts: columns.parts(),
            columns,
            writer,
        })
    }

    /// The next bytes: of the schema, if it was not given out, and one batch of `rows`, which may be none.
    ///
    /// # Errors
    /// If Arrow refuses: a bug, or a lack of memory.
    pub fn encode(&mut self, rows: &[Row]) -> Result<Bytes, Error> {
        let mut builder = RowBuilder::with_parts(rows.len(), false, self.parts);
        let mut positions = StringBuilder::with_capacity(rows.len(), rows.len() * 24);
        let mut missed = Int64Builder::with_capacity(rows.len());
        for row in rows {
            builder.append(&row.exchange);
            positions.append_value(row.position.to_string());
            missed.append_value(i64::try_from(row.missed).unwrap_or(i64::MAX));
        }
        let all = builder.finish()?;
        let mut arrays: Vec<ArrayRef> = match &self.columns.0 {
            None => all.columns().iter().map(own).collect(),
            Some(indices) => indices
                .iter()
                .map(|&index| own(all.column(index)))
                .collect(),
        };
        arrays.push(Arc::new(positions.finish()));
        arrays.push(Arc::new(missed.finish()));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)?;
        self.writer.write(&batch)?;
        Ok(std::mem::take(self.writer.get_mut()).into())
    }

    /// The last bytes: what says that the stream is whole.
    ///
    /// # Errors
    /// As [`StreamEncoder::encode`].
    pub fn finish(&mut self) -> Result<Bytes, Error> {
        self.writer.finish()?;
        Ok(std::mem::take(self.writer.get_mut()).into())
    }
}

impl fmt::Debug for StreamEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamEncoder")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// The column as subscribers get it: bodies in one piece.
fn own(column: &ArrayRef) -> ArrayRef {
    let Some(views) = column.as_any().downcast_ref::<BinaryViewArray>() else {
        return Arc::clone(column);
    };
    let bytes = views.iter().flatten().map(<[u8]>::len).sum();
    let mut bodies = BinaryBuilder::with_capacity(views.len(), bytes);
    views.iter().for_each(|body| bodies.append_option(body));
    Arc::new(bodies.finish())
}

#[cfg(test)]
mod tests;
