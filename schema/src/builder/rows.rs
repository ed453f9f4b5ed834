//! Exchanges become the Arrow columns of one batch, row by row; each text and body is copied once.

mod groups;
mod headers;

use arrow::array::RecordBatch;

use self::groups::{ConnectionColumns, IdColumns, QualityColumns, ReplayColumns, TimeColumns};
use self::groups::{RequestColumns, ResponseColumns};
use crate::columns::exchanges_schema;
use crate::{Error, Exchange};

/// The columns of a batch in the making, in groups that follow one another as in the schema.
pub(super) struct RowBuilder {
    ids: IdColumns,
    times: TimeColumns,
    connection: ConnectionColumns,
    request: RequestColumns,
    response: ResponseColumns,
    quality: QualityColumns,
    replay: Option<ReplayColumns>,
}

impl RowBuilder {
    /// Columns with room for `rows` rows, with or without those of a run.
    pub(super) fn new(rows: usize, replayed: bool) -> Self {
        Self {
            ids: IdColumns::new(rows),
            times: TimeColumns::new(rows),
            connection: ConnectionColumns::new(rows),
            request: RequestColumns::new(rows),
            response: ResponseColumns::new(rows),
            quality: QualityColumns::new(rows),
            replay: replayed.then(|| ReplayColumns::new(rows)),
        }
    }

    /// Adds a row.
    pub(super) fn append(&mut self, exchange: &Exchange) {
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
    pub(super) fn finish(self) -> Result<RecordBatch, Error> {
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
