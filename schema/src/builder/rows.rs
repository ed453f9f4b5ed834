//! Exchanges become the Arrow columns of one batch, row by row; each text is copied once, and so are small bodies. Large ones
//! stay where they are.

mod bodies;
mod groups;
mod headers;

use arrow::array::RecordBatch;

use self::groups::{ConnectionColumns, IdColumns, QualityColumns, ReplayColumns, TimeColumns};
use self::groups::{RequestColumns, ResponseColumns};
use crate::columns::building_schema;
use crate::{Error, Exchange};

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
    /// Columns with room for `rows` rows, with or without the columns of a run.
    pub(crate) fn new(rows: usize, replayed: bool) -> Self {
        Self::with_parts(rows, replayed, [Parts::ALL; 2])
    }

    /// The same for a batch of which only some columns are used: of request and response, these parts.
    pub(crate) fn with_parts(rows: usize, replayed: bool, [request, response]: [Parts; 2]) -> Self {
        Self {
            ids: IdColumns::new(rows),
            times: TimeColumns::new(rows),
            connection: ConnectionColumns::new(rows),
            request: RequestColumns::new(rows, request),
            response: ResponseColumns::new(rows, response),
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

    /// The rows as the batch that Parquet takes, with [`building_schema`].
    pub(crate) fn finish(self) -> Result<RecordBatch, Error> {
        let schema = building_schema(self.replay.is_some());
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
