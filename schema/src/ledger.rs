//! The completeness ledger: a row per recorder, source, network and minute.

mod merge;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use bytes::Bytes;
use parquet::file::metadata::KeyValue;

use crate::columns::{self, COUNTERS, capture_schema};
use crate::{
    Error, Keyring, RecorderId, SealedSegment, SegmentKey, Timestamp, Vni, metadata, properties,
    table,
};

pub use merge::merge_ledger;

pub(crate) const TABLE: &str = "capture";

/// How many counters the first version of the format had.
const COUNTERS_1_0: usize = 15;

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
    /// Those among them that a filter left out (since format 1.1).
    pub exchanges_filtered_out: u64,
    /// Those among `exchanges` that are not in the archive after all: the recorder's spool was full, or damaged, or
    /// a proxy copied more requests than could be recorded.
    pub exchanges_shed: u64,
    /// How often a recorder ended here without being told to; what passed until the next row of a later time is unknown.
    pub interruptions: u64,
    /// Bodies that redaction took out whole because it could not read them (since format 1.3).
    pub bodies_masked: u64,
    /// TCP payload that is not HTTP.
    pub bytes_not_http: u64,
    /// TCP payload that is TLS.
    pub bytes_tls: u64,
}

impl LedgerRow {
    /// Adds another's counters; minute, source and network stay.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.counters_mut().into_iter().zip(other.counters()) {
            *sum += count;
        }
    }

    /// The counters, in the order of the columns.
    #[must_use]
    pub fn counters(&self) -> [u64; COUNTERS.len()] {
        [
            self.frames,
            self.bytes,
            self.frames_dropped,
            self.frames_truncated,
            self.bytes_truncated,
            self.frames_undecodable,
            self.connections_opened,
            self.connections_joined_midstream,
            self.gaps,
            self.gap_bytes,
            self.exchanges,
            self.exchanges_incomplete,
            self.exchanges_sampled_out,
            self.bytes_not_http,
            self.bytes_tls,
            self.exchanges_filtered_out,
            self.exchanges_shed,
            self.interruptions,
            self.bodies_masked,
        ]
    }

    /// The counters, to be set in the order of the columns.
    pub fn counters_mut(&mut self) -> [&mut u64; COUNTERS.len()] {
        [
            &mut self.frames,
            &mut self.bytes,
            &mut self.frames_dropped,
            &mut self.frames_truncated,
            &mut self.bytes_truncated,
            &mut self.frames_undecodable,
            &mut self.connections_opened,
            &mut self.connections_joined_midstream,
            &mut self.gaps,
            &mut self.gap_bytes,
            &mut self.exchanges,
            &mut self.exchanges_incomplete,
            &mut self.exchanges_sampled_out,
            &mut self.bytes_not_http,
            &mut self.bytes_tls,
            &mut self.exchanges_filtered_out,
            &mut self.exchanges_shed,
            &mut self.interruptions,
            &mut self.bodies_masked,
        ]
    }
}

/// Encodes the rows of one hour as one segment of the `capture` table, ordered by minute, source and network.
///
/// # Errors
/// If Parquet refuses.
///
/// # Panics
/// If there is no row, or the rows lie in different hours.
pub fn encode_ledger(
    rows: &[LedgerRow],
    recorder: &RecorderId,
    sequence: u64,
    zstd_level: i32,
    keys: &Keyring,
) -> Result<SealedSegment, Error> {
    let mut rows: Vec<_> = rows.iter().map(|row| (recorder, row)).collect();
    rows.sort_by_key(|(_, row)| (row.minute, &row.source, row.vni));
    seal(&rows, recorder, sequence, Vec::new(), zstd_level, keys)
}

/// The segment of `writer` with these rows, which are in order of their minutes, each with its recorder.
fn seal(
    rows: &[(&RecorderId, &LedgerRow)],
    writer: &RecorderId,
    sequence: u64,
    more: Vec<KeyValue>,
    zstd_level: i32,
    keys: &Keyring,
) -> Result<SealedSegment, Error> {
    let ((_, first), (_, last)) = rows
        .first()
        .zip(rows.last())
        .expect("a ledger segment has at least one row");
    let key = SegmentKey::new(first.minute, last.minute, writer.clone(), sequence);

    let recorders = rows.iter().map(|(recorder, _)| recorder.as_str());
    let minutes = rows.iter().map(|(_, row)| row.minute.as_micros());
    let sources = rows.iter().map(|(_, row)| row.source.as_deref());
    let networks = rows
        .iter()
        .map(|(_, row)| row.vni.and_then(|vni| i32::try_from(vni.get()).ok()));
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(minutes)
                .with_data_type(columns::timestamp()),
        ),
        Arc::new(StringArray::from_iter_values(recorders)),
        Arc::new(sources.collect::<StringArray>()),
        Arc::new(networks.collect::<Int32Array>()),
    ];
    for counter in 0..COUNTERS.len() {
        let counts = rows
            .iter()
            .map(|(_, row)| i64::try_from(row.counters()[counter]).unwrap_or(i64::MAX));
        arrays.push(Arc::new(Int64Array::from_iter_values(counts)));
    }

    let mut footer = table::footer(TABLE);
    footer.push(metadata::pair(metadata::RECORDER, writer.as_str()));
    footer.push(metadata::pair(metadata::SEQUENCE, sequence.to_string()));
    footer.extend(more);
    let properties = properties::common(zstd_level, footer, keys).build();
    Ok(SealedSegment {
        key,
        rows: rows.len(),
        bytes: table::encode(capture_schema(), arrays, properties)?,
    })
}

/// Decodes a whole ledger segment: each row with the recorder that wrote it.
///
/// # Errors
/// If it is not one.
pub fn decode_ledger(file: Bytes, keys: &Keyring) -> Result<Vec<(RecorderId, LedgerRow)>, Error> {
    let mut rows = Vec::new();
    for batch in table::decode(file, keys, TABLE)? {
        decode_batch(&batch, &mut rows)?;
    }
    Ok(rows)
}

fn decode_batch(batch: &RecordBatch, into: &mut Vec<(RecorderId, LedgerRow)>) -> Result<(), Error> {
    let minutes: &TimestampMicrosecondArray = table::column(batch, columns::MINUTE)?;
    let recorders: &StringArray = table::column(batch, columns::RECORDER)?;
    let sources: &StringArray = table::column(batch, columns::SOURCE)?;
    let networks: &Int32Array = table::column(batch, columns::VNI)?;
    let counters = COUNTERS
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let column = table::column::<Int64Array>(batch, name);
            // A file of format 1.0 lacks those that came later: nothing was counted.
            let later = index >= COUNTERS_1_0 && batch.column_by_name(name).is_none();
            if later { Ok(None) } else { column.map(Some) }
        })
        .collect::<Result<Vec<_>, _>>()?;
    for index in 0..batch.num_rows() {
        let network = (!networks.is_null(index)).then(|| networks.value(index));
        let mut row = LedgerRow {
            minute: Timestamp::from_micros(minutes.value(index)),
            source: (!sources.is_null(index)).then(|| sources.value(index).to_owned()),
            vni: network
                .and_then(|vni| u32::try_from(vni).ok())
                .map(Vni::new),
            ..LedgerRow::default()
        };
        for (counter, column) in row.counters_mut().into_iter().zip(&counters) {
            let count = column.map_or(0, |column| column.value(index));
            *counter = u64::try_from(count).unwrap_or(0);
        }
        into.push((table::word(recorders, columns::RECORDER, index)?, row));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
