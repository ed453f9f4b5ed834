//! Segments of the ledger that become one.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{LedgerRow, decode_ledger, seal};
use crate::{Error, Keyring, RecorderId, SealedSegment, SegmentKey, SegmentNumbers};
use crate::{inspect, metadata};

/// One segment of the rows of several of one hour, each with the recorder that wrote it; it names them as replaced. Rows of one
/// recorder, minute, source and network become one, whose counters are their sums. The new one is written by `writer` under
/// number 0.
///
/// # Errors
/// If a segment cannot be read, or the new one not be encoded.
///
/// # Panics
/// If there is no row, or the segments lie in different hours.
pub fn merge_ledger(
    files: &[(SegmentKey, Bytes)],
    keys: &Keyring,
    writer: &RecorderId,
    zstd_level: i32,
) -> Result<SealedSegment, Error> {
    let mut replaces = SegmentNumbers::default();
    let mut sums: BTreeMap<_, LedgerRow> = BTreeMap::new();
    for (key, file) in files {
        replaces.insert(key.recorder().as_str(), key.sequence(), key.sequence());
        replaces.extend(&inspect::replaces(&inspect::pairs(file, keys)?)?);
        for (recorder, row) in decode_ledger(file.clone(), keys)? {
            let place = (row.minute, recorder, row.source.clone(), row.vni);
            match sums.get_mut(&place) {
                Some(sum) => sum.add(&row),
                None => drop(sums.insert(place, row)),
            }
        }
    }
    let rows: Vec<_> = sums
        .iter()
        .map(|((_, recorder, ..), row)| (recorder, row))
        .collect();
    let replaces = metadata::pair(metadata::REPLACES, replaces.to_json());
    seal(&rows, writer, 0, vec![replaces], zstd_level, keys)
}
