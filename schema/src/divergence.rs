//! One difference between an expected and an actual answer: a row of a run's `divergences`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;

use crate::columns::{self, divergences_schema};
use crate::exchange::words;
use crate::{Error, ExchangeId, Keyring, Timestamp, properties, table};

const TABLE: &str = "divergences";

words! {
    /// What kind of difference.
    DivergenceKind, "missing, extra, type, value or order", {
        /// Expected and not there.
        Missing = "missing",
        /// There and not expected.
        Extra = "extra",
        /// Of another type.
        Type = "type",
        /// Of another value.
        Value = "value",
        /// The same elements in another order.
        Order = "order",
    }
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

/// Encodes rows as one Parquet file, in their order.
///
/// # Errors
/// If Parquet refuses.
pub fn encode_divergences(
    rows: &[Divergence],
    zstd_level: i32,
    keys: &Keyring,
) -> Result<Bytes, Error> {
    let text = |get: fn(&Divergence) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(get)))
    };
    let maybe = |get: fn(&Divergence) -> Option<&str>| -> ArrayRef {
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
        maybe(|row| row.expected.as_deref()),
        maybe(|row| row.actual.as_deref()),
    ];
    let properties = properties::common(zstd_level, table::footer(TABLE), keys).build();
    table::encode(divergences_schema(), arrays, properties)
}

/// Decodes a whole file of divergences.
///
/// # Errors
/// If it is not one.
pub fn decode_divergences(file: Bytes, keys: &Keyring) -> Result<Vec<Divergence>, Error> {
    let mut rows = Vec::new();
    for batch in table::decode(file, keys, TABLE)? {
        decode_batch(&batch, &mut rows)?;
    }
    Ok(rows)
}

fn decode_batch(batch: &RecordBatch, into: &mut Vec<Divergence>) -> Result<(), Error> {
    let texts = |name| table::column::<StringArray>(batch, name);
    let exchanges = texts(columns::EXCHANGE_ID)?;
    let starts: &TimestampMicrosecondArray = table::column(batch, columns::RECORDED_START)?;
    let (methods, hosts) = (texts(columns::METHOD)?, texts(columns::HOST)?);
    let (paths, endpoints) = (texts(columns::PATH)?, texts(columns::ENDPOINT)?);
    let (parts, locations) = (texts(columns::PART)?, texts(columns::LOCATION)?);
    let kinds = texts(columns::KIND)?;
    let (expected, actual) = (texts(columns::EXPECTED)?, texts(columns::ACTUAL)?);
    let owned = |column: &StringArray, row: usize| column.value(row).to_owned();
    let maybe = |column: &StringArray, row: usize| {
        (!column.is_null(row)).then(|| column.value(row).to_owned())
    };
    for row in 0..batch.num_rows() {
        into.push(Divergence {
            exchange: table::word(exchanges, columns::EXCHANGE_ID, row)?,
            recorded_start: Timestamp::from_micros(starts.value(row)),
            method: owned(methods, row),
            host: maybe(hosts, row),
            path: owned(paths, row),
            endpoint: owned(endpoints, row),
            part: owned(parts, row),
            location: owned(locations, row),
            kind: table::word(kinds, columns::KIND, row)?,
            expected: maybe(expected, row),
            actual: maybe(actual, row),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
