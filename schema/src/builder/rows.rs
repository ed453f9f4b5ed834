//! Exchanges become the Arrow columns of one batch, row by row; each text and body is copied once.

mod groups;
mod headers;

use arrow::array::RecordBatch;

use self::groups::{ConnectionColumns, IdColumns, QualityColumns, ReplayColumns, TimeColumns};
use self::groups::{RequestColumns, ResponseColumns};
use crate::columns::exchanges_schema;
use crate::{Body, Error, Exchange};

/// How large the bodies of a batch are: growing a column of them by doubling would copy them twice over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BodyBytes {
    request: usize,
    response: usize,
}

impl BodyBytes {
    /// Counts an exchange.
    pub(crate) fn add(&mut self, exchange: &Exchange) {
        let stored = |body: &Body| body.bytes.len();
        let request = exchange.request.as_ref();
        let response = exchange.response.as_ref();
        self.request += request.map_or(0, |request| stored(&request.body));
        self.response += response.map_or(0, |response| stored(&response.body));
    }
}

/// Which columns of a message that cost much are wanted. What is not is left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The fields of its head.
    pub(crate) headers: bool,
    /// The bytes of its body.
    pub(crate) body: bool,
}

impl Parts {
    /// All.
    pub(crate) const ALL: Self = Self {
        headers: true,
        body: true,
    };
}

/// The columns of a batch in the making, in groups that follow one another as in the schema.
pub(crate) struct RowBuilder {
    ids: IdColumns,
    times: TimeColumns,
    connection: ConnectionColumns,
    request: RequestColumns,
    response: ResponseColumns,
    quality: QualityColumns,
    replay: Option<ReplayColumns>,
}

impl RowBuilder {
    /// Columns with room for `rows` rows and their bodies, with or without the columns of a run.
    pub(crate) fn new(rows: usize, body_bytes: BodyBytes, replayed: bool) -> Self {
        Self::with_parts(rows, body_bytes, replayed, [Parts::ALL; 2])
    }

    /// The same for a batch of which only some columns are used: of request and response, these parts.
    pub(crate) fn with_parts(
        rows: usize,
        body_bytes: BodyBytes,
        replayed: bool,
        [request, response]: [Parts; 2],
    ) -> Self {
        Self {
            ids: IdColumns::new(rows),
            times: TimeColumns::new(rows),
            connection: ConnectionColumns::new(rows),
            request: RequestColumns::new(rows, body_bytes.request, request),
            response: ResponseColumns::new(rows, body_bytes.response, response),
            quality: QualityColumns::new(rows),
            replay: replayed.then(|| ReplayColumns::new(rows)),
        }
    }

    /// Adds a row.
    pub(crate) fn append(&mut self, exchange: &Exchange) {
        self.ids.append(exchange);
        self.times.append(exchange);
        self.connection.append(&exchange.connection);
        self.request.append(exchange);
        self.response.append(exchange);
        self.quality.append(exchange);
        if let (Some(columns), Some(replay)) = (&mut self.replay, &exchange.replay) {
            columns.append(replay);
        }
    }

    /// The rows as the batch that Parquet takes.
    pub(crate) fn finish(self) -> Result<RecordBatch, Error> {
        let schema = exchanges_schema(self.replay.is_some());
        let mut columns = Vec::with_capacity(schema.fields().len());
        columns.extend(self.ids.finish());
        columns.extend(self.times.finish());
        columns.extend(self.connection.finish());
        columns.extend(self.request.finish()?);
        columns.extend(self.response.finish()?);
        columns.extend(self.quality.finish());
        if let Some(replay) = self.replay {
            columns.extend(replay.finish());
        }
        Ok(RecordBatch::try_new(schema, columns)?)
    }
}
