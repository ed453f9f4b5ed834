//! One difference between an expected and an actual answer: a row of a run's `divergences`.
use bytes::Bytes;

use crate::{Error, ExchangeId, Timestamp};

/// What kind of difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DivergenceKind {
    /// Expected and not there.
    Missing,
    /// There and not expected.
    Extra,
    /// Of another type.
    Type,
    /// Of another value.
    Value,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The exchange.
    pub exchange: ExchangeId,
    /// When the exchange was recorded.
    pub recorded_start: Timestamp,
    /// Method of the request.
    pub method: String,
    /// Host of the request.
    pub host: Option<String>,
    /// Path of the request, without the query.
    pub path: String,
    /// Endpoint: method, host and path template.
    pub endpoint: String,
    /// Which part: `status`, `header`, `body`.
    pub part: String,
    /// Where in the part: a header's name, a JSON path such as `$.items[0].price`; empty for the whole.
    pub location: String,
    /// What kind of difference.
    pub kind: DivergenceKind,
    /// What was expected, cut for printing.
    pub expected: Option<String>,
    /// What came, cut for printing.
    pub actual: Option<String>,
}

/// Encodes rows as one Parquet file.
///
/// # Errors
/// If Parquet refuses.
pub fn encode_divergences(_rows: &[Divergence], _zstd_level: i32) -> Result<Bytes, Error> {
    todo!()
}

/// Decodes a whole file of divergences.
///
/// # Errors
/// If it is not one.
pub fn decode_divergences(_file: Bytes) -> Result<Vec<Divergence>, Error> {
    todo!()
}
