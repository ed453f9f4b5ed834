//! What the footer of a segment says, from the end of its file.

use bytes::Bytes;
use parquet::DecodeResult;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder, ParquetMetaDataReader,
};

use crate::error::guarded;
use crate::{Error, Keyring, SegmentNumbers, inspect, ledger, metadata};

/// The length of the footer, and what ends a Parquet file.
const TAIL_BYTES: usize = 8;

/// What a segment of exchanges or of the ledger says of itself.
#[derive(Clone, Debug)]
pub struct Footer {
    /// Rows.
    pub rows: u64,
    /// Major and minor version of its format.
    pub format: (u32, u32),
    /// Identity of the spool that its rows come from.
    pub spool: Option<String>,
    /// Sampling policy that its rows went through.
    pub sampling: Option<String>,
    /// Redaction policy that its rows went through.
    pub redaction: Option<String>,
    /// The segments that it took the place of.
    pub replaces: SegmentNumbers,
}

/// The footer, or what is lacking.
#[derive(Clone, Debug)]
pub enum FooterStep {
    /// It was whole.
    Footer(Box<Footer>),
    /// So many bytes from the end of the file are needed.
    NeedsTail(u64),
}

/// Reads the footer out of the last bytes of a file, however many.
///
/// # Errors
/// If they are not the end of a segment of exchanges or of the ledger that this version can read.
pub fn read_footer(tail: &Bytes, keys: &Keyring) -> Result<FooterStep, Error> {
    let cut = |problem: &str| Error::Format(problem.to_owned());
    let end = tail
        .len()
        .checked_sub(TAIL_BYTES)
        .ok_or_else(|| cut("it is too short for Parquet"))?;
    let (length, mark) = tail[end..].split_at(4);
    if mark != b"PAR1" && mark != b"PARE" {
        return Err(cut("it does not end as Parquet does"));
    }
    let length = u32::from_le_bytes(length.try_into().expect("four bytes are a length"));
    if usize::try_from(length).unwrap_or(usize::MAX) > end {
        return Ok(FooterStep::NeedsTail(u64::from(length) + TAIL_BYTES as u64));
    }
    let file = guarded(|| of_tail(tail, keys))?;
    Ok(FooterStep::Footer(Box::new(footer(&file)?)))
}

/// The footer of a whole file.
pub(crate) fn of_file(file: &Bytes, keys: &Keyring) -> Result<ParquetMetaData, Error> {
    guarded(|| {
        ParquetMetaDataReader::new()
            .with_decryption_properties(Some(keys.decryption()))
            .parse_and_finish(file)
            .map_err(Error::reading)
    })
}

/// The footer at the end of these bytes. They are taken for the whole file: what a footer points at is not looked for.
fn of_tail(tail: &Bytes, keys: &Keyring) -> Result<ParquetMetaData, Error> {
    let length = tail.len() as u64;
    let mut decoder = ParquetMetaDataPushDecoder::try_new(length)
        .map_err(Error::reading)?
        .with_file_decryption_properties(Some(keys.decryption()))
        .with_column_index_policy(PageIndexPolicy::Skip)
        .with_offset_index_policy(PageIndexPolicy::Skip);
    let ranges = std::iter::once(0..length).collect();
    let pushed = decoder.push_ranges(ranges, vec![tail.clone()]);
    pushed.map_err(Error::reading)?;
    match decoder.try_decode().map_err(Error::reading)? {
        DecodeResult::Data(metadata) => Ok(metadata),
        DecodeResult::NeedsData(_) | DecodeResult::Finished => Err(Error::Format(
            "its footer is not where its end says".to_owned(),
        )),
    }
}

fn footer(file: &ParquetMetaData) -> Result<Footer, Error> {
    let file = file.file_metadata();
    let pairs = file.key_value_metadata().map_or(&[][..], Vec::as_slice);
    metadata::check(Some(pairs), "exchanges")
        .or_else(|error| metadata::check(Some(pairs), ledger::TABLE).map_err(|_| error))?;
    let get = |key| metadata::get(Some(pairs), key).map(str::to_owned);
    let format = get(metadata::FORMAT).unwrap_or_default();
    let number = |text: Option<&str>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut format = format.split('.');
    Ok(Footer {
        rows: u64::try_from(file.num_rows()).unwrap_or(0),
        format: (number(format.next()), number(format.next())),
        spool: get(metadata::SPOOL),
        sampling: get(metadata::SAMPLING),
        redaction: get(metadata::REDACTION),
        replaces: inspect::replaces(pairs)?,
    })
}

#[cfg(test)]
mod tests;
