//! A checksum over a whole file, in the file itself, where no reader of Parquet looks.
//!
//! ```text
//! PAR1 │ pages, indexes │ "reprisum" │ XXH3 of all other bytes │ footer │ its length │ PAR1
//!                        8 bytes      8 bytes, little-endian             4 bytes
//! ```
//! Parquet can carry a checksum for each page, but none for its footer, and the writer that we use writes none at all; zstd
//! frames inside of pages have none either. A flipped bit may then decode to other data. Offsets in a footer count from the
//! beginning of the file, and readers find it from the end: bytes right before it are nobody's, and are ours.

use bytes::Bytes;
use parquet::errors::ParquetError;
use xxhash_rust::xxh3::Xxh3;

use crate::{Error, Keyring, footer, metadata};

/// What the checksum begins with.
const MARK: &[u8; 8] = b"reprisum";
/// The mark and the checksum.
const SEAL_BYTES: usize = MARK.len() + size_of::<u64>();
/// What a Parquet file begins and ends with: in plain text, and with an encrypted footer.
const PARQUET: [&[u8; 4]; 2] = [b"PAR1", b"PARE"];
/// The length of the footer, and one of [`PARQUET`].
const TAIL_BYTES: usize = size_of::<u32>() + PARQUET[0].len();

/// Whether a file was protected by a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Every byte is as it was written.
    Intact,
    /// The file is from before format 1.4, which had no checksum.
    Unknown,
}

/// Puts the checksum into a finished Parquet file.
pub(crate) fn seal(mut file: Vec<u8>) -> Bytes {
    let footer = footer_start(&file).expect("the writer wrote a whole Parquet file");
    // Without, the vector might take twice its memory for these few bytes.
    file.reserve_exact(SEAL_BYTES);
    file.splice(footer..footer, [0; SEAL_BYTES]);
    file[footer..footer + MARK.len()].copy_from_slice(MARK);
    let sum = checksum(&file, footer + MARK.len());
    file[footer + MARK.len()..footer + SEAL_BYTES].copy_from_slice(&sum.to_le_bytes());
    file.into()
}

/// Whether every byte of a file of the archive (of any table) is as it was written.
///
/// It takes no key.
///
/// # Errors
/// If one is not, or the file is no Parquet.
pub fn verify(file: &Bytes) -> Result<Integrity, Error> {
    let footer = footer_start(file).ok_or_else(|| damaged("it does not end as Parquet does"))?;
    let sealed = footer
        .checked_sub(SEAL_BYTES)
        .filter(|&at| file[at..].starts_with(MARK));
    if let Some(at) = sealed {
        let place = at + MARK.len();
        let written: [u8; 8] = file[place..footer]
            .try_into()
            .expect("the slice has the length of a checksum");
        return if checksum(file, place).to_le_bytes() == written {
            Ok(Integrity::Intact)
        } else {
            Err(damaged(
                "its bytes do not have the checksum that was written",
            ))
        };
    }
    // Whatever is encrypted is of a format that has checksums.
    let is_plain = file.ends_with(PARQUET[0]);
    let has_checksum = !is_plain || {
        let footer = footer::of_file(file, &Keyring::default())?;
        let pairs = footer.file_metadata().key_value_metadata();
        let format = metadata::get(pairs.map(Vec::as_slice), metadata::FORMAT);
        format.is_some_and(metadata::has_checksum)
    };
    if has_checksum {
        return Err(damaged("its checksum is missing"));
    }
    Ok(Integrity::Unknown)
}

/// XXH3 64 (seed 0) of all bytes but the eight at `place`.
fn checksum(file: &[u8], place: usize) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&file[..place]);
    hash.update(&file[place + size_of::<u64>()..]);
    hash.digest()
}

/// Where the footer begins; `None` if the file does not end as Parquet does.
fn footer_start(file: &[u8]) -> Option<usize> {
    let (rest, tail) = file.split_at_checked(file.len().checked_sub(TAIL_BYTES)?)?;
    let (length, mark) = tail.split_first_chunk::<4>()?;
    if !PARQUET.iter().any(|known| mark == *known) || !rest.starts_with(mark) {
        return None;
    }
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    rest.len()
        .checked_sub(length)
        .filter(|&start| start >= mark.len())
}

fn damaged(problem: &str) -> Error {
    Error::Damaged(ParquetError::General(problem.to_owned()))
}

#[cfg(test)]
mod tests;
