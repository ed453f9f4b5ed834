//! One difference of a comparison with its blame: a row of a comparison's `findings`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;

use crate::columns::{self, findings_schema};
use crate::exchange::words;
use crate::{DivergenceKind, Error, ExchangeId, Keyring, Timestamp, properties, table};

const TABLE: &str = "findings";

words! {
    /// What a difference between two builds, or two environments, is put down to.
    Blame, "refactor, fixed, environment, noise, rule or incomparable", {
        /// The candidate answers otherwise than the baseline.
        Refactor = "refactor",
        /// The candidate answers as production did, and the baseline did not.
        Fixed = "fixed",
        /// The baseline differs from production, and the candidate equals the baseline.
        Environment = "environment",
        /// Two runs of the baseline differ there as well.
        Noise = "noise",
        /// A rule says that it does not matter.
        Rule = "rule",
        /// One side is missing or incomplete.
        Incomparable = "incomparable",
    }
}

/// One difference, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
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
    /// Which part: `outcome`, `status`, `header`, `trailer`, `body`.
    pub part: String,
    /// Where in the part: a header's name, a JSON path such as `$.items[0].price`; empty for the whole.
    pub location: String,
    /// What kind of difference.
    pub kind: DivergenceKind,
    /// Whose it is.
    pub blame: Blame,
    /// What set it aside: the kind of noise, or the rule; null for what nothing set aside.
    pub reason: Option<String>,
    /// What changed, in a few words that are the same for alike changes: `string became null`.
    pub cause: String,
    /// The group of alike findings that it belongs to.
    pub group: String,
    /// What the baseline answered (for `environment`: what was recorded), cut for printing.
    pub expected: Option<String>,
    /// What the candidate answered (for `environment`: what the baseline answered), cut for printing.
    pub actual: Option<String>,
}

/// Encodes rows as one Parquet file, in their order.
///
/// # Errors
/// If Parquet refuses.
pub fn encode_findings(rows: &[Finding], zstd_level: i32, keys: &Keyring) -> Result<Bytes, Error> {
    let text = |get: fn(&Finding) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(get)))
    };
    let maybe = |get: fn(&Finding) -> Option<&str>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<StringArray>())
    };
    let exchanges = rows.iter().map(|row| row.exchange.to_string());
    let starts = rows.iter().map(|row| row.recorded_start.as_micros());
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(exchanges)),
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(starts)
                .with_data_type(columns::timestamp()),
        ),
        text(|row| &row.method),
        maybe(|row| row.host.as_deref()),
        text(|row| &row.path),
        text(|row| &row.endpoint),
        text(|row| &row.part),
        text(|row| &row.location),
        text(|row| row.kind.as_str()),
        text(|row| row.blame.as_str()),
        maybe(|row| row.reason.as_deref()),
        text(|row| &row.cause),
        text(|row| &row.group),
        maybe(|row| row.expected.as_deref()),
        maybe(|row| row.actual.as_deref()),
    ];
    let properties = properties::common(zstd_level, table::footer(TABLE), keys).build();
    table::encode(findings_schema(), arrays, properties)
}

/// Decodes a whole file of findings.
///
/// # Errors
/// If it is not one.
pub fn decode_findings(file: Bytes, keys: &Keyring) -> Result<Vec<Finding>, Error> {
    let mut rows = Vec::new();
    for batch in table::decode(file, keys, TABLE)? {
        decode_batch(&batch, &mut rows)?;
    }
    Ok(rows)
}

fn decode_batch(batch: &RecordBatch, into: &mut Vec<Finding>) -> Result<(), Error> {
    let texts = |name| table::column::<StringArray>(batch, name);
    let exchanges = texts(columns::EXCHANGE_ID)?;
    let starts: &TimestampMicrosecondArray = table::column(batch, columns::RECORDED_START)?;
    let (methods, hosts) = (texts(columns::METHOD)?, texts(columns::HOST)?);
    let (paths, endpoints) = (texts(columns::PATH)?, texts(columns::ENDPOINT)?);
    let (parts, locations) = (texts(columns::PART)?, texts(columns::LOCATION)?);
    let (kinds, blames) = (texts(columns::KIND)?, texts(columns::BLAME)?);
    let (reasons, causes) = (texts(columns::REASON)?, texts(columns::CAUSE)?);
    let groups = texts(columns::GROUP)?;
    let (expected, actual) = (texts(columns::EXPECTED)?, texts(columns::ACTUAL)?);
    let owned = |column: &StringArray, row: usize| column.value(row).to_owned();
    let maybe = |column: &StringArray, row: usize| {
        (!column.is_null(row)).then(|| column.value(row).to_owned())
    };
    for row in 0..batch.num_rows() {
        into.push(Finding {
            exchange: table::word(exchanges, columns::EXCHANGE_ID, row)?,
            recorded_start: Timestamp::from_micros(starts.value(row)),
            method: owned(methods, row),
            host: maybe(hosts, row),
            path: owned(paths, row),
            endpoint: owned(endpoints, row),
            part: owned(parts, row),
            location: owned(locations, row),
            kind: table::word(kinds, columns::KIND, row)?,
            blame: table::word(blames, columns::BLAME, row)?,
            reason: maybe(reasons, row),
            cause: owned(causes, row),
            group: owned(groups, row),
            expected: maybe(expected, row),
            actual: maybe(actual, row),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
