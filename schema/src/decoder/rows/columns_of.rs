//! Columns of a record batch by name and type: what is missing or of another type is a named error.

use std::str::FromStr;

use arrow::array::{
    Array, ArrayAccessor, BinaryArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray,
};

use crate::columns;
use crate::{Error, Headers, ParseIdError};

/// One column.
pub(super) struct Column<'a, A> {
    name: &'static str,
    array: &'a A,
}

pub(super) type Texts<'a> = Column<'a, StringArray>;
pub(super) type Ints<'a> = Column<'a, Int32Array>;
pub(super) type Longs<'a> = Column<'a, Int64Array>;
pub(super) type Times<'a> = Column<'a, TimestampMicrosecondArray>;

impl<'a, A: Array + 'static> Column<'a, A> {
    fn of(batch: &'a RecordBatch, name: &'static str) -> Result<Self, Error> {
        let found = Self::maybe(batch, name)?;
        found.ok_or_else(|| problem(name, "missing".to_owned()))
    }

    fn maybe(batch: &'a RecordBatch, name: &'static str) -> Result<Option<Self>, Error> {
        let Some(column) = batch.column_by_name(name) else {
            return Ok(None);
        };
        match column.as_any().downcast_ref() {
            Some(array) => Ok(Some(Self { name, array })),
            None => Err(problem(name, format!("of type {}", column.data_type()))),
        }
    }
}

impl<'a, A> Column<'a, A>
where
    &'a A: ArrayAccessor,
{
    /// The value of a column that is never null.
    pub(super) fn value(&self, row: usize) -> <&'a A as ArrayAccessor>::Item {
        self.array.value(row)
    }

    pub(super) fn get(&self, row: usize) -> Option<<&'a A as ArrayAccessor>::Item> {
        (!self.array.is_null(row)).then(|| self.array.value(row))
    }

    /// The value of a column that is null only where others say so.
    pub(super) fn required(&self, row: usize) -> Result<<&'a A as ArrayAccessor>::Item, Error> {
        self.get(row)
            .ok_or_else(|| problem(self.name, "null where it may not be".to_owned()))
    }
}

impl Texts<'_> {
    pub(super) fn owned(&self, row: usize) -> Option<String> {
        self.get(row).map(str::to_owned)
    }

    /// A word of a closed set, or an id.
    pub(super) fn word<T: FromStr<Err = ParseIdError>>(&self, row: usize) -> Result<T, Error> {
        let text = self.value(row);
        text.parse()
            .map_err(|error: ParseIdError| problem(self.name, format!("wrong: {error}")))
    }
}

/// The columns of `exchanges`.
pub(super) struct ExchangeColumns<'a> {
    pub(super) connection_id: Texts<'a>,
    pub(super) connection_index: Ints<'a>,
    pub(super) stream_id: Ints<'a>,
    pub(super) request_start: Times<'a>,
    pub(super) request_end: Times<'a>,
    pub(super) response_start: Times<'a>,
    pub(super) response_end: Times<'a>,
    pub(super) source: Texts<'a>,
    pub(super) vni: Ints<'a>,
    pub(super) client_ip: Texts<'a>,
    pub(super) client_port: Ints<'a>,
    pub(super) server_ip: Texts<'a>,
    pub(super) server_port: Ints<'a>,
    pub(super) protocol: Texts<'a>,
    pub(super) method: Texts<'a>,
    pub(super) host: Texts<'a>,
    pub(super) path: Texts<'a>,
    pub(super) query: Texts<'a>,
    pub(super) target: Texts<'a>,
    pub(super) request: MessageColumns<'a>,
    pub(super) status: Ints<'a>,
    pub(super) interim_statuses: Statuses<'a>,
    pub(super) response: MessageColumns<'a>,
    pub(super) response_body_encoding: Texts<'a>,
    /// Files from before it was added have none.
    pub(super) response_body_digest: Option<Texts<'a>>,
    pub(super) completeness: Texts<'a>,
    pub(super) request_missing_bytes: Longs<'a>,
    pub(super) response_missing_bytes: Longs<'a>,
    pub(super) framing: Texts<'a>,
    pub(super) pairing: Texts<'a>,
    pub(super) head_charset: Texts<'a>,
    /// Sequence number, the one after the end, acknowledgement; files from before they were added have none.
    pub(super) tcp: [Option<Longs<'a>>; 3],
    /// Those of a run.
    pub(super) replay: Option<ReplayColumns<'a>>,
}

impl<'a> ExchangeColumns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        Ok(Self {
            connection_id: Column::of(batch, columns::CONNECTION_ID)?,
            connection_index: Column::of(batch, columns::CONNECTION_INDEX)?,
            stream_id: Column::of(batch, columns::STREAM_ID)?,
            request_start: Column::of(batch, columns::REQUEST_START)?,
            request_end: Column::of(batch, columns::REQUEST_END)?,
            response_start: Column::of(batch, columns::RESPONSE_START)?,
            response_end: Column::of(batch, columns::RESPONSE_END)?,
            source: Column::of(batch, columns::SOURCE)?,
            vni: Column::of(batch, columns::VNI)?,
            client_ip: Column::of(batch, columns::CLIENT_IP)?,
            client_port: Column::of(batch, columns::CLIENT_PORT)?,
            server_ip: Column::of(batch, columns::SERVER_IP)?,
            server_port: Column::of(batch, columns::SERVER_PORT)?,
            protocol: Column::of(batch, columns::PROTOCOL)?,
            method: Column::of(batch, columns::METHOD)?,
            host: Column::of(batch, columns::HOST)?,
            path: Column::of(batch, columns::PATH)?,
            query: Column::of(batch, columns::QUERY)?,
            target: Column::of(batch, columns::TARGET)?,
            request: MessageColumns {
                headers: FieldLists::maybe(batch, columns::REQUEST_HEADERS)?,
                body: Column::maybe(batch, columns::REQUEST_BODY)?,
                body_bytes: Column::of(batch, columns::REQUEST_BODY_BYTES)?,
                trailers: FieldLists::maybe(batch, columns::REQUEST_TRAILERS)?,
            },
            status: Column::of(batch, columns::STATUS)?,
            interim_statuses: Statuses::of(batch)?,
            response: MessageColumns {
                headers: FieldLists::maybe(batch, columns::RESPONSE_HEADERS)?,
                body: Column::maybe(batch, columns::RESPONSE_BODY)?,
                body_bytes: Column::of(batch, columns::RESPONSE_BODY_BYTES)?,
                trailers: FieldLists::maybe(batch, columns::RESPONSE_TRAILERS)?,
            },
            response_body_encoding: Column::of(batch, columns::RESPONSE_BODY_ENCODING)?,
            response_body_digest: Column::maybe(batch, columns::RESPONSE_BODY_DIGEST)?,
            completeness: Column::of(batch, columns::COMPLETENESS)?,
            request_missing_bytes: Column::of(batch, columns::REQUEST_MISSING_BYTES)?,
            response_missing_bytes: Column::of(batch, columns::RESPONSE_MISSING_BYTES)?,
            framing: Column::of(batch, columns::FRAMING)?,
            pairing: Column::of(batch, columns::PAIRING)?,
            head_charset: Column::of(batch, columns::HEAD_CHARSET)?,
            tcp: [
                Column::maybe(batch, columns::TCP_SEQUENCE)?,
                Column::maybe(batch, columns::TCP_SEQUENCE_END)?,
                Column::maybe(batch, columns::TCP_ACKNOWLEDGEMENT)?,
            ],
            replay: match batch.column_by_name(columns::RECORDED_START) {
                Some(_) => Some(ReplayColumns::of(batch)?),
                None => None,
            },
        })
    }
}

/// The columns that a run adds.
pub(super) struct ReplayColumns<'a> {
    pub(super) recorded_start: Times<'a>,
    pub(super) due: Times<'a>,
    pub(super) lag_us: Longs<'a>,
    pub(super) order_wait_us: Longs<'a>,
    pub(super) outcome: Texts<'a>,
    pub(super) outcome_reason: Texts<'a>,
    pub(super) verdict: Texts<'a>,
    pub(super) verdict_reason: Texts<'a>,
    pub(super) divergences: Ints<'a>,
    /// Files from before these were added have none.
    pub(super) pass: Option<Ints<'a>>,
    pub(super) in_doubt: Option<Texts<'a>>,
}

impl<'a> ReplayColumns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        Ok(Self {
            recorded_start: Column::of(batch, columns::RECORDED_START)?,
            due: Column::of(batch, columns::DUE)?,
            lag_us: Column::of(batch, columns::LAG_US)?,
            order_wait_us: Column::of(batch, columns::ORDER_WAIT_US)?,
            outcome: Column::of(batch, columns::OUTCOME)?,
            outcome_reason: Column::of(batch, columns::OUTCOME_REASON)?,
            verdict: Column::of(batch, columns::VERDICT)?,
            verdict_reason: Column::of(batch, columns::VERDICT_REASON)?,
            divergences: Column::of(batch, columns::DIVERGENCES)?,
            pass: Column::maybe(batch, columns::PASS)?,
            in_doubt: Column::maybe(batch, columns::IN_DOUBT)?,
        })
    }
}

/// What request and response have alike. Lists and bodies are not there if they were not asked for.
pub(super) struct MessageColumns<'a> {
    headers: Option<FieldLists<'a>>,
    body: Option<Column<'a, BinaryArray>>,
    pub(super) body_bytes: Longs<'a>,
    trailers: Option<FieldLists<'a>>,
}

impl MessageColumns<'_> {
    pub(super) fn headers(&self, row: usize) -> Headers {
        let headers = self.headers.as_ref();
        headers.and_then(|lists| lists.get(row)).unwrap_or_default()
    }

    pub(super) fn trailers(&self, row: usize) -> Option<Headers> {
        self.trailers.as_ref().and_then(|lists| lists.get(row))
    }

    pub(super) fn body(&self, row: usize) -> Option<&[u8]> {
        self.body.as_ref().and_then(|body| body.get(row))
    }
}

/// A column of header or trailer fields.
struct FieldLists<'a> {
    lists: &'a ListArray,
    names: &'a StringArray,
    values: &'a StringArray,
}

impl<'a> FieldLists<'a> {
    fn maybe(batch: &'a RecordBatch, name: &'static str) -> Result<Option<Self>, Error> {
        let Some(Column { array: lists, .. }) = Column::<ListArray>::maybe(batch, name)? else {
            return Ok(None);
        };
        let part = |part: &str| {
            let fields = lists.values().as_any().downcast_ref::<StructArray>();
            fields
                .and_then(|fields| fields.column_by_name(part))
                .and_then(|column| column.as_any().downcast_ref::<StringArray>())
                .ok_or_else(|| problem(name, format!("of type {}", lists.data_type())))
        };
        Ok(Some(Self {
            lists,
            names: part(columns::FIELD_NAME)?,
            values: part(columns::FIELD_VALUE)?,
        }))
    }

    fn get(&self, row: usize) -> Option<Headers> {
        if self.lists.is_null(row) {
            return None;
        }
        let fields = range(self.lists, row);
        let bytes = |array: &StringArray| {
            let ends = array.value_offsets();
            usize::try_from(ends[fields.end] - ends[fields.start]).unwrap_or(0)
        };
        let text_bytes = bytes(self.names) + bytes(self.values);
        let mut headers = Headers::with_capacity(fields.len(), text_bytes);
        for field in fields {
            headers.push(self.names.value(field), self.values.value(field));
        }
        Some(headers)
    }
}

/// The column of interim statuses.
pub(super) struct Statuses<'a> {
    lists: &'a ListArray,
    statuses: &'a Int32Array,
}

impl<'a> Statuses<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, Error> {
        let name = columns::INTERIM_STATUSES;
        let lists: &ListArray = Column::of(batch, name)?.array;
        let statuses = lists.values().as_any().downcast_ref();
        Ok(Self {
            lists,
            statuses: statuses
                .ok_or_else(|| problem(name, format!("of type {}", lists.data_type())))?,
        })
    }

    pub(super) fn get(&self, row: usize) -> Vec<u16> {
        range(self.lists, row)
            .map(|item| u16::try_from(self.statuses.value(item)).unwrap_or(0))
            .collect()
    }
}

/// The items of a row. Offsets of a sound array are never negative.
fn range(lists: &ListArray, row: usize) -> std::ops::Range<usize> {
    let ends = lists.value_offsets();
    let index = |offset: i32| usize::try_from(offset).unwrap_or(0);
    index(ends[row])..index(ends[row + 1])
}

fn problem(name: &'static str, problem: String) -> Error {
    Error::Column { name, problem }
}
