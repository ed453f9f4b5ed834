//! Which rows of a segment a window needs.

use std::collections::VecDeque;

use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::arrow::push_decoder::RowGroupSelection;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use crate::metadata::{self, BatchSpan};
use crate::{Error, TimeWindow, Timestamp, columns};

/// Most rows of a record batch, and fewest.
const RECORD_BATCH_ROWS: std::ops::RangeInclusive<u64> = 16..=1_024;
/// Raw bytes that a record batch should have.
const RECORD_BATCH_BYTES: u64 = 4 << 20;

/// What to decode.
#[derive(Debug)]
pub(super) struct Plan {
    /// The batches that overlap the window, in order.
    pub(super) batches: VecDeque<BatchSpan>,
    /// Their rows.
    pub(super) row_groups: Vec<RowGroupSelection>,
    /// How many rows to decode at once.
    pub(super) record_batch_rows: usize,
}

impl Plan {
    /// Reads the footer.
    pub(super) fn new(file: &ParquetMetaData, window: TimeWindow) -> Result<Self, Error> {
        let pairs = file.file_metadata().key_value_metadata().map(Vec::as_slice);
        metadata::check(pairs, "exchanges")?;
        let batches = metadata::batches(pairs)?;
        let rows = |group: usize| u64::try_from(file.row_group(group).num_rows()).unwrap_or(0);
        let rows_in_file: u64 = (0..file.num_row_groups()).map(rows).sum();
        let listed = batches
            .iter()
            .try_fold(0_u64, |sum, batch| sum.checked_add(batch.0));
        let in_order = batches
            .iter()
            .all(|batch| batch.0 > 0 && batch.1 <= batch.2)
            && batches.windows(2).all(|pair| pair[0].2 <= pair[1].1);
        if listed != Some(rows_in_file) || !in_order {
            return Err(Error::Format(format!(
                "`{}` does not describe its {rows_in_file} rows",
                metadata::BATCHES
            )));
        }
        let overlaps = |batch: &BatchSpan| {
            let micros = Timestamp::from_micros;
            // A window is cut at nanoseconds, a row at microseconds: the row stands for the start of its microsecond.
            window.overlaps(micros(batch.1), micros(batch.2))
        };
        let mut row_groups = Vec::new();
        let mut record_batch_rows = *RECORD_BATCH_ROWS.end();
        let mut dictionaries = false;
        let mut spans = Spans::new(&batches);
        for index in 0..file.num_row_groups() {
            let selectors = spans.take(rows(index), overlaps);
            if selectors.iter().any(|selector| !selector.skip) {
                let group = file.row_group(index);
                let raw = u64::try_from(group.total_byte_size()).unwrap_or(0);
                let row_bytes = (raw / rows(index).max(1)).max(1);
                record_batch_rows = record_batch_rows.min(RECORD_BATCH_BYTES / row_bytes);
                dictionaries |= has_body_dictionary(group);
                let selection = RowSelection::from(selectors);
                row_groups.push(RowGroupSelection::new(index, Some(selection)));
            }
        }
        if dictionaries {
            // A body of a dictionary counts once there and is copied for each of its rows. What batches hold is bounded,
            // and all but the last are full.
            let full = batches.split_last().map_or(&[][..], |(_, full)| full);
            let rows = full.iter().map(|batch| batch.0).min();
            record_batch_rows = record_batch_rows.min(rows.unwrap_or(record_batch_rows));
        }
        let record_batch_rows =
            record_batch_rows.clamp(*RECORD_BATCH_ROWS.start(), *RECORD_BATCH_ROWS.end());
        Ok(Self {
            batches: batches.into_iter().filter(overlaps).collect(),
            row_groups,
            record_batch_rows: usize::try_from(record_batch_rows).unwrap_or(1),
        })
    }
}

fn has_body_dictionary(group: &RowGroupMetaData) -> bool {
    let bodies = [columns::REQUEST_BODY, columns::RESPONSE_BODY];
    (group.columns().iter())
        .filter(|column| bodies.contains(&&*column.column_path().string()))
        .any(|column| column.dictionary_page_offset().is_some())
}

/// Walks over the batches as row groups take rows from them; a batch may go over the end of a row group.
struct Spans<'a> {
    batches: std::slice::Iter<'a, BatchSpan>,
    /// The batch at hand, and how many of its rows are not taken.
    current: Option<(&'a BatchSpan, u64)>,
}

impl<'a> Spans<'a> {
    fn new(batches: &'a [BatchSpan]) -> Self {
        Self {
            batches: batches.iter(),
            current: None,
        }
    }

    /// The next `rows` rows, and which of them are wanted.
    fn take(&mut self, mut rows: u64, wanted: impl Fn(&BatchSpan) -> bool) -> Vec<RowSelector> {
        let mut selectors = Vec::new();
        while rows > 0 {
            let next = self
                .current
                .take()
                .or_else(|| self.batches.next().map(|batch| (batch, batch.0)));
            let Some((batch, left)) = next else {
                break;
            };
            let taken = left.min(rows);
            rows -= taken;
            if taken < left {
                self.current = Some((batch, left - taken));
            }
            let count = usize::try_from(taken).unwrap_or(usize::MAX);
            selectors.push(if wanted(batch) {
                RowSelector::select(count)
            } else {
                RowSelector::skip(count)
            });
        }
        selectors
    }
}
