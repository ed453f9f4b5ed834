//! The ledger's segments of an hour become one: every minute of every recorder is an object otherwise, and whoever asks how whole
//! a month is reads all of them.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use schema::{
    Keyring, LedgerRow, RecorderId, SealedSegment, SegmentKey, Table, decode_ledger, merge_ledger,
};

use super::{Compaction, READS_AT_ONCE, Report};
use crate::archive::{list, record, swap};

/// Bytes of the segments that become one: of more, several come.
const BYTES_MAX: u64 = 64 << 20;

impl Compaction<'_> {
    pub(super) async fn ledger(
        &self,
        segments: &[list::Object],
        report: &mut Report,
    ) -> anyhow::Result<()> {
        for group in groups(segments) {
            report.ledger_segments_before += group.len() as u64;
            report.ledger_bytes_before += bytes_of(group);
            report.ledger_segments_after += 1;
            if self.args.dry_run {
                continue;
            }
            let files = stream::iter(group)
                .map(|object| async {
                    anyhow::Ok((object.key.clone(), self.read(&object.key).await?))
                })
                .buffered(READS_AT_ONCE)
                .try_collect::<Vec<(SegmentKey, Bytes)>>()
                .await?;
            let writer = format!("{}{:016x}", record::COMPACT, swap::random()).parse()?;
            let (keys, level) = (self.archive.keys.clone(), self.args.level);
            let replaced: Vec<_> = group.iter().map(|object| object.key.clone()).collect();
            let merge = move || merge(&files, &keys, &writer, level);
            let merged = tokio::task::spawn_blocking(merge).await;
            let merged = merged.context("merging the ledger panicked")??;
            self.place.swap(&replaced, &merged).await?;
            report.ledger_bytes_after += merged.bytes.len() as u64;
        }
        Ok(())
    }
}

/// Neighbours that become one, at least two.
fn groups(segments: &[list::Object]) -> impl Iterator<Item = &[list::Object]> {
    let mut bytes = 0;
    let groups = segments.chunk_by(move |before, next| {
        bytes += before.bytes;
        let fits = bytes + next.bytes <= BYTES_MAX;
        if !fits {
            bytes = 0;
        }
        fits
    });
    groups.filter(|group| group.len() > 1)
}

fn bytes_of(segments: &[list::Object]) -> u64 {
    segments.iter().map(|object| object.bytes).sum()
}

/// Makes one segment, and reads it back.
fn merge(
    files: &[(SegmentKey, Bytes)],
    keys: &Keyring,
    writer: &RecorderId,
    zstd_level: i32,
) -> anyhow::Result<SealedSegment> {
    let mut expected = LedgerRow::default();
    for (key, file) in files {
        let damaged = || format!("{key} is damaged");
        // A changed byte would be given a new checksum.
        schema::verify(file).with_context(damaged)?;
        sum(file, keys, &mut expected).with_context(damaged)?;
    }
    let merged = merge_ledger(files, keys, writer, zstd_level)?;
    let read = schema::inspect(&Table::Capture, &merged.key, &merged.bytes, keys, |_| {});
    let read = read.context("the new segment cannot be read back")?;
    let mut found = LedgerRow::default();
    sum(&merged.bytes, keys, &mut found)?;
    ensure!(
        found == expected && read.problems.is_empty(),
        "the new segment counts other things than the old ones: {:?}; nothing was changed",
        read.problems
    );
    Ok(merged)
}

/// Adds up every counter.
fn sum(file: &Bytes, keys: &Keyring, into: &mut LedgerRow) -> Result<(), schema::Error> {
    let rows = decode_ledger(file.clone(), keys)?;
    rows.iter().for_each(|(_, row)| into.add(row));
    Ok(())
}
