//! The completeness ledger: a row per recorder, source, network and minute.
use bytes::Bytes;

use crate::{Error, RecorderId, SealedSegment, Timestamp, Vni};

/// What one recorder saw of one source in one minute. A minute without a row was not recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerRow {
    /// Start of the minute, packet time.
    pub minute: Timestamp,
    /// Mirrored interface or capture file; `None` for a minute in which nothing came.
    pub source: Option<String>,
    /// Network id.
    pub vni: Option<Vni>,
    /// Frames received.
    pub frames: u64,
    /// Bytes of those frames, as captured.
    pub bytes: u64,
    /// Frames that the socket or the NIC dropped.
    pub frames_dropped: u64,
    /// Frames that the mirror cut.
    pub frames_truncated: u64,
    /// Bytes cut off.
    pub bytes_truncated: u64,
    /// Frames that are no TCP over IP that we can read.
    pub frames_undecodable: u64,
    /// TCP connections whose handshake was seen.
    pub connections_opened: u64,
    /// TCP connections that were under way when first seen.
    pub connections_joined_midstream: u64,
    /// Holes in TCP streams.
    pub gaps: u64,
    /// Bytes in those holes.
    pub gap_bytes: u64,
    /// Exchanges stored, by the minute of their start.
    pub exchanges: u64,
    /// Those among them that are not `complete`.
    pub exchanges_incomplete: u64,
    /// Exchanges left out by sampling or filters.
    pub exchanges_sampled_out: u64,
    /// TCP payload that is not HTTP.
    pub bytes_not_http: u64,
    /// TCP payload that is TLS.
    pub bytes_tls: u64,
}

/// Encodes the rows of one hour as one segment of the `capture` table.
///
/// # Errors
/// If Parquet refuses.
///
/// # Panics
/// If there is no row, or the rows lie in different hours.
pub fn encode_ledger(
    _rows: &[LedgerRow],
    _recorder: &RecorderId,
    _sequence: u64,
    _zstd_level: i32,
) -> Result<SealedSegment, Error> {
    todo!()
}

/// Decodes a whole ledger segment: each row with the recorder that wrote it.
///
/// # Errors
/// If it is not one.
pub fn decode_ledger(_file: Bytes) -> Result<Vec<(RecorderId, LedgerRow)>, Error> {
    todo!()
}
