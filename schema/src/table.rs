//! Small tables: a whole file at once, in one batch.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::error::guarded;
use crate::{Error, Keyring, ParseIdError, integrity, metadata};

/// Encodes one file.
pub(crate) fn encode(
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
    properties: WriterProperties,
) -> Result<Bytes, Error> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(true);
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options)?;
    writer.write(&batch)?;
    Ok(integrity::seal(writer.into_inner()?))
}

/// What the footer of every file says.
pub(crate) fn footer(table: &str) -> Vec<KeyValue> {
    vec![
        metadata::pair(metadata::FORMAT, metadata::FORMAT_VERSION),
        metadata::pair(metadata::TABLE, table),
    ]
}

/// Decodes a file of `table`.
pub(crate) fn decode(file: Bytes, keys: &Keyring, table: &str) -> Result<Vec<RecordBatch>, Error> {
    guarded(|| decode_unguarded(file, keys, table))
}

/// A file whose footer was read.
pub(crate) type Opened = ParquetRecordBatchReaderBuilder<Bytes>;

/// Opens a file of any table; what a footer claims may make parquet panic.
pub(crate) fn open(file: Bytes, keys: &Keyring) -> Result<Opened, Error> {
    let options = ArrowReaderOptions::new()
        .with_skip_arrow_metadata(true)
        .with_file_decryption_properties(keys.decryption());
    Opened::try_new_with_options(file, options).map_err(Error::reading)
}

fn decode_unguarded(file: Bytes, keys: &Keyring, table: &str) -> Result<Vec<RecordBatch>, Error> {
    let file = open(file, keys)?;
    let pairs = file.metadata().file_metadata().key_value_metadata();
    metadata::check(pairs.map(Vec::as_slice), table)?;
    let batches = file.build().map_err(Error::reading)?;
    batches
        .map(|batch| batch.map_err(|error| Error::Damaged(ParquetError::from(error))))
        .collect()
}

/// A column by name and type.
pub(crate) fn column<'a, A: 'static>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a A, Error> {
    let problem = |problem: String| Error::Column { name, problem };
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| problem("missing".to_owned()))?;
    let array = column.as_any().downcast_ref();
    array.ok_or_else(|| problem(format!("of type {}", column.data_type())))
}

/// A word of a closed set, or an id.
pub(crate) fn word<T: FromStr<Err = ParseIdError>>(
    column: &StringArray,
    name: &'static str,
    row: usize,
) -> Result<T, Error> {
    let parsed = column.value(row).parse();
    parsed.map_err(|error: ParseIdError| Error::Column {
        name,
        problem: format!("wrong: {error}"),
    })
}
