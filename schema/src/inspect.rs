//! Whether a file of the archive is what its name says, down to the last byte.

use bytes::Bytes;
use parquet::file::metadata::KeyValue;

use crate::integrity::{Integrity, verify};
use crate::{
    Error, ExchangeId, Keyring, Projection, SegmentKey, SegmentNumbers, Table, TimeWindow,
    Timestamp, decode_ledger, decode_segment, footer, metadata,
};

/// What was found in a file that can be read.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// Whether a checksum vouches for its bytes.
    pub integrity: Integrity,
    /// Its rows.
    pub rows: u64,
    /// The segments that this one took the place of.
    pub replaces: SegmentNumbers,
    /// What is wrong with it although it can be read; empty if nothing.
    pub problems: Vec<String>,
}

/// Reads a whole segment of `table` that lies under `key`: checksum, every page, every row; gives the id of each exchange to
/// `each`.
///
/// # Errors
/// If it is damaged, or is no segment of this table.
pub fn inspect(
    table: &Table,
    key: &SegmentKey,
    file: &Bytes,
    keys: &Keyring,
    each: impl FnMut(ExchangeId),
) -> Result<Inspected, Error> {
    let integrity = verify(file)?;
    let pairs = pairs(file, keys)?;
    let mut inspected = Inspected {
        integrity,
        rows: 0,
        replaces: replaces(&pairs)?,
        problems: Vec::new(),
    };
    let get = |name| metadata::get(Some(&pairs), name);
    let sequence = key.sequence().to_string();
    let named = [
        (metadata::RECORDER, key.recorder().as_str()),
        (metadata::SEQUENCE, sequence.as_str()),
    ];
    for (name, expected) in named {
        // Files of the first versions may lack them.
        if let Some(found) = get(name).filter(|found| *found != expected) {
            let problem = format!("its name says {expected}, its `{name}` says {found}");
            inspected.problems.push(problem);
        }
    }
    let span = if *table == Table::Capture {
        inspected.ledger(file, keys, key)?
    } else {
        inspected.exchanges(file, keys, each)?
    };
    inspected.check_span(key, span, get(metadata::SHED).is_some());
    Ok(inspected)
}

impl Inspected {
    /// Reads every exchange; gives the first and the last start.
    fn exchanges(
        &mut self,
        file: &Bytes,
        keys: &Keyring,
        mut each: impl FnMut(ExchangeId),
    ) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        let mut span: Option<(Timestamp, Timestamp)> = None;
        let mut last: Option<(Timestamp, ExchangeId)> = None;
        let (mut unordered, mut twice) = (0_u64, 0_u64);
        decode_segment(file, keys, TimeWindow::ALL, Projection::All, |exchange| {
            let here = (exchange.start(), exchange.id());
            self.rows += 1;
            match last {
                Some(last) if here == last => twice += 1,
                Some(last) if here < last => unordered += 1,
                _ => {}
            }
            last = Some(here);
            span = Some(span.map_or((here.0, here.0), |(first, end)| {
                (first.min(here.0), end.max(here.0))
            }));
            each(here.1);
        })?;
        let counts = [
            (unordered, "rows are not in the order of time"),
            (twice, "rows are there twice"),
        ];
        for (count, what) in counts {
            if count > 0 {
                self.problems.push(format!("{count} {what}"));
            }
        }
        Ok(span)
    }

    /// Reads every row of the ledger; gives the first and the last minute.
    fn ledger(
        &mut self,
        file: &Bytes,
        keys: &Keyring,
        key: &SegmentKey,
    ) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        let rows = decode_ledger(file.clone(), keys)?;
        self.rows = rows.len() as u64;
        let minutes = || rows.iter().map(|(_, row)| row.minute);
        if !minutes().is_sorted() {
            let problem = "rows are not in the order of time".to_owned();
            self.problems.push(problem);
        }
        // What took the place of others holds the rows of their recorders.
        let others = rows
            .iter()
            .filter(|(recorder, _)| self.replaces.is_empty() && recorder != key.recorder());
        let others = others.count();
        if others > 0 {
            let problem = format!("{others} rows are of another recorder");
            self.problems.push(problem);
        }
        Ok(minutes().min().zip(minutes().max()))
    }

    fn check_span(
        &mut self,
        key: &SegmentKey,
        span: Option<(Timestamp, Timestamp)>,
        may_be_empty: bool,
    ) {
        match span {
            Some(span) if span != (key.start(), key.end()) => {
                let (first, last) = span;
                self.problems.push(format!(
                    "its name says {} to {}, its rows start from {first} to {last}",
                    key.start(),
                    key.end()
                ));
            }
            None if !may_be_empty && self.replaces.is_empty() => {
                self.problems.push("it has no rows".to_owned());
            }
            _ => {}
        }
    }
}

/// The key-value metadata of a file.
pub(crate) fn pairs(file: &Bytes, keys: &Keyring) -> Result<Vec<KeyValue>, Error> {
    let footer = footer::of_file(file, keys)?;
    let pairs = footer.file_metadata().key_value_metadata();
    Ok(pairs.cloned().unwrap_or_default())
}

/// The segments that a file took the place of.
pub(crate) fn replaces(pairs: &[KeyValue]) -> Result<SegmentNumbers, Error> {
    metadata::get(Some(pairs), metadata::REPLACES)
        .map_or_else(|| Ok(SegmentNumbers::default()), SegmentNumbers::from_json)
}

#[cfg(test)]
mod tests;
