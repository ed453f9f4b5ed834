//! What can fail: our own encoding, and files that are not what they should be.

use parquet::errors::ParquetError;

use crate::Locked;

/// A failure to encode or decode a file of the archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Parquet refused to encode: a bug or a lack of memory, never the traffic.
    #[error("cannot encode Parquet")]
    Parquet(#[from] ParquetError),
    /// Arrow refused.
    #[error("cannot build Arrow columns")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The file is Parquet, but not what the archive's format says.
    #[error("not a Reprise segment: {0}")]
    Format(String),
    /// The file is of a format that this program is too old for.
    #[error("the segment has format {found}, this program reads up to {known}: use a newer one")]
    Newer {
        /// What the file says.
        found: String,
        /// The newest that we read.
        known: &'static str,
    },
    /// A column that every segment of its table has is not there, or not of its type.
    #[error("not a Reprise segment: column `{name}` is {problem}")]
    Column {
        /// The column.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is no Parquet file, or its bytes are not those that were written.
    #[error("the file is damaged, or is not Parquet")]
    Damaged(#[source] ParquetError),
    /// The file is encrypted with a key that was not given.
    #[error(transparent)]
    Locked(#[from] Locked),
    /// Rows cannot be encoded as asked.
    #[error("cannot encode exchange {exchange}: {problem}")]
    Row {
        /// Which exchange.
        exchange: crate::ExchangeId,
        /// Why not.
        problem: &'static str,
    },
}

impl Error {
    /// What Parquet says of a file that it reads: that it is damaged, or the key that it lacks.
    pub(crate) fn reading(error: ParquetError) -> Self {
        match error {
            ParquetError::External(source) => match source.downcast() {
                Ok(locked) => Self::Locked(*locked),
                Err(source) => Self::Damaged(ParquetError::External(source)),
            },
            error => Self::Damaged(error),
        }
    }
}

/// Runs a decoder over bytes that may be damaged. parquet panics on some of them (it divides by a width of zero, for one), and
/// one bad object of an archive must not take down the reader of all the others.
///
/// What `decode` works on must not be used again after an error.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        let problem = "the decoder panicked on its bytes".to_owned();
        Err(Error::Damaged(ParquetError::General(problem)))
    })
}
