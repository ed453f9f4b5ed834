//! A segment whose rows had to be thrown away: what is left says that it was there, so that no number is missing.

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;

use crate::columns::exchanges_schema;
use crate::properties::BodyDictionaries;
use crate::{Error, Keyring, footer, integrity, metadata, properties};

/// The same segment without rows: its key, recorder and sequence stay, and `reprise.shed` says how many rows there were.
///
/// # Errors
/// If `file` is no segment of exchanges.
pub fn empty_segment(file: &Bytes, keys: &Keyring) -> Result<Bytes, Error> {
    let metadata = footer::of_file(file, keys)?;
    let footer = metadata.file_metadata();
    let pairs = footer.key_value_metadata().map_or(&[][..], Vec::as_slice);
    metadata::check(Some(pairs), "exchanges")?;
    let mut kept: Vec<KeyValue> = pairs
        .iter()
        .filter(|pair| ![metadata::BATCHES, metadata::SHED, metadata::FORMAT].contains(&&*pair.key))
        .cloned()
        .collect();
    kept.push(metadata::pair(metadata::FORMAT, metadata::FORMAT_VERSION));
    kept.push(metadata::pair(metadata::BATCHES, "[]"));
    kept.push(metadata::pair(
        metadata::SHED,
        footer.num_rows().to_string(),
    ));
    let options = ArrowWriterOptions::new()
        .with_properties(properties::exchanges(
            1,
            kept,
            BodyDictionaries::default(),
            keys,
        ))
        .with_skip_arrow_metadata(true);
    let writer = ArrowWriter::try_new_with_options(Vec::new(), exchanges_schema(false), options)?;
    Ok(integrity::seal(writer.into_inner()?))
}

#[cfg(test)]
mod tests;
