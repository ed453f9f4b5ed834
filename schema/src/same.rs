//! Whether two files say the same, however they are encrypted and compressed.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;

use crate::error::guarded;
use crate::{Error, Keyring, table};

/// Whether two Parquet files of the archive have the same columns, the same rows in the same order, and say the same of
/// themselves. Encryption gives a content other bytes each time.
///
/// # Errors
/// If one is damaged, or its key is not there.
pub fn same_content(one: &Bytes, other: &Bytes, keys: &Keyring) -> Result<bool, Error> {
    if one == other {
        return Ok(true);
    }
    guarded(|| {
        let one = table::open(one.clone(), keys)?;
        let other = table::open(other.clone(), keys)?;
        if pairs(&one) != pairs(&other) {
            return Ok(false);
        }
        let (mut one, mut other) = (one.build()?, other.build()?);
        loop {
            let damaged = |error| Error::Damaged(ParquetError::from(error));
            let next = (
                one.next().transpose().map_err(damaged)?,
                other.next().transpose().map_err(damaged)?,
            );
            match next {
                (None, None) => return Ok(true),
                (one, other) if one != other => return Ok(false),
                _ => {}
            }
        }
    })
}

fn pairs(file: &table::Opened) -> Vec<(String, Option<String>)> {
    let pairs = file.metadata().file_metadata().key_value_metadata();
    let pairs = pairs.map_or(&[][..], Vec::as_slice).iter().cloned();
    let mut pairs: Vec<_> = pairs.map(|KeyValue { key, value }| (key, value)).collect();
    pairs.sort();
    pairs
}
