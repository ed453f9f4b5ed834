//! What can fail: our own encoding, and files that are not what they should be.

/// A failure to encode or decode a file of the archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Parquet refused, or the file is damaged.
    #[error("parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Arrow refused.
    #[error("arrow")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The file is Parquet, but not what the archive's format says.
    #[error("not a Reprise segment: {0}")]
    Format(String),
}
