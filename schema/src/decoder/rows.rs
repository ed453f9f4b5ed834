//! Arrow columns become exchanges.

mod columns_of;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use arrow::array::RecordBatch;
use bytes::Bytes;

use self::columns_of::{ExchangeColumns, MessageColumns, ReplayColumns};
use crate::metadata::BatchSpan;
use crate::{
    Body, ConnectionId, ConnectionInfo, Error, Exchange, Replay, Request, Response, TcpSpan,
    TimeWindow, Timestamp, Vni,
};

/// Decodes the rows of `record_batch` that lie in `window` into `into`. All of them are rows of `batch`.
pub(super) fn decode(
    record_batch: &RecordBatch,
    batch: BatchSpan,
    window: TimeWindow,
    connections: &mut Connections,
    into: &mut Vec<Exchange>,
) -> Result<(), Error> {
    let columns = ExchangeColumns::of(record_batch)?;
    for row in 0..record_batch.num_rows() {
        let micros = columns.request_start.value(row);
        if micros < batch.1 || batch.2 < micros {
            return Err(Error::Format(format!(
                "a row starts at {micros} microseconds, outside of its batch"
            )));
        }
        let start = Timestamp::from_micros(micros);
        if window.contains(start) {
            into.push(exchange(&columns, row, start, connections)?);
        }
    }
    Ok(())
}

/// Decodes record batches of a stream, which have no place in a file.
#[derive(Debug, Default)]
pub(crate) struct RowDecoder {
    connections: Connections,
}

impl RowDecoder {
    /// The exchanges of a batch, in its order.
    pub(crate) fn decode(&mut self, batch: &RecordBatch) -> Result<Vec<Exchange>, Error> {
        self.connections.clear();
        let columns = ExchangeColumns::of(batch)?;
        let row = |row: usize| {
            let start = Timestamp::from_micros(columns.request_start.value(row));
            exchange(&columns, row, start, &mut self.connections)
        };
        (0..batch.num_rows()).map(row).collect()
    }
}

fn exchange(
    columns: &ExchangeColumns<'_>,
    row: usize,
    start: Timestamp,
    connections: &mut Connections,
) -> Result<Exchange, Error> {
    let replay = columns.replay.as_ref();
    Ok(Exchange {
        connection: connections.get(columns, row)?,
        index: count(columns.connection_index.value(row)),
        stream_id: columns.stream_id.get(row).map(count),
        protocol: columns.protocol.word(row)?,
        request: request(columns, row, start)?,
        response: response(columns, row)?,
        interim_statuses: columns.interim_statuses.get(row),
        request_missing_bytes: bytes(columns.request_missing_bytes.value(row)),
        response_missing_bytes: bytes(columns.response_missing_bytes.value(row)),
        completeness: columns.completeness.word(row)?,
        framing: columns.framing.word(row)?,
        pairing: columns.pairing.word(row)?,
        charset: columns.head_charset.word(row)?,
        tcp: tcp(columns, row),
        replay: replay
            .map(|columns| replay_of(columns, row).map(Box::new))
            .transpose()?,
    })
}

/// A row without all three numbers has no place in TCP; nor has one with a number that is none.
fn tcp(columns: &ExchangeColumns<'_>, row: usize) -> Option<TcpSpan> {
    let number = |index: usize| {
        let column = columns.tcp[index].as_ref()?;
        u32::try_from(column.get(row)?).ok()
    };
    Some(TcpSpan {
        sequence: number(0)?,
        sequence_end: number(1)?,
        acknowledgement: number(2)?,
    })
}

/// A row without a method has no request.
fn request(
    columns: &ExchangeColumns<'_>,
    row: usize,
    start: Timestamp,
) -> Result<Option<Request>, Error> {
    let Some(method) = columns.method.get(row) else {
        return Ok(None);
    };
    let message = &columns.request;
    Ok(Some(Request {
        start,
        end: Timestamp::from_micros(columns.request_end.required(row)?),
        method: method.to_owned(),
        host: columns.host.owned(row),
        path: columns.path.required(row)?.to_owned(),
        query: columns.query.owned(row),
        target: columns.target.owned(row),
        headers: message.headers(row),
        body: body(message, row)?,
        trailers: message.trailers(row),
    }))
}

/// A row without a `response_start` has no response.
fn response(columns: &ExchangeColumns<'_>, row: usize) -> Result<Option<Response>, Error> {
    let Some(start) = columns.response_start.get(row) else {
        return Ok(None);
    };
    let message = &columns.response;
    let status = columns.status.required(row)?;
    Ok(Some(Response {
        start: Timestamp::from_micros(start),
        end: Timestamp::from_micros(columns.response_end.required(row)?),
        status: u16::try_from(status)
            .map_err(|_| Error::Format(format!("a row has status {status}")))?,
        headers: message.headers(row),
        body: body(message, row)?,
        body_encoding: columns.response_body_encoding.owned(row),
        body_digest: columns
            .response_body_digest
            .as_ref()
            .and_then(|column| column.get(row))
            .map(str::parse)
            .transpose()
            .map_err(|error| Error::Format(format!("a row's digest: {error}")))?,
        trailers: message.trailers(row),
    }))
}

/// The bytes are copied: a body that shared the column's memory would keep a whole record batch alive.
fn body(message: &MessageColumns<'_>, row: usize) -> Result<Body, Error> {
    Ok(Body {
        bytes: message
            .body(row)
            .map_or_else(Bytes::new, Bytes::copy_from_slice),
        wire_bytes: bytes(message.body_bytes.required(row)?),
    })
}

fn replay_of(columns: &ReplayColumns<'_>, row: usize) -> Result<Replay, Error> {
    Ok(Replay {
        recorded_start: Timestamp::from_micros(columns.recorded_start.value(row)),
        due: Timestamp::from_micros(columns.due.value(row)),
        lag_us: columns.lag_us.value(row),
        order_wait_us: columns.order_wait_us.value(row),
        outcome: columns.outcome.word(row)?,
        outcome_reason: columns.outcome_reason.owned(row),
        verdict: columns.verdict.word(row)?,
        verdict_reason: columns.verdict_reason.owned(row),
        divergences: count(columns.divergences.value(row)),
        pass: columns
            .pass
            .as_ref()
            .map_or(0, |column| count(column.value(row))),
        in_doubt: columns
            .in_doubt
            .as_ref()
            .filter(|column| column.get(row).is_some())
            .map(|column| column.word(row))
            .transpose()?,
    })
}

/// The connections of one batch, so that its rows share them.
#[derive(Debug, Default)]
pub(super) struct Connections {
    known: FxHashMap<ConnectionId, Known>,
    sources: FxHashSet<Arc<str>>,
}

/// A connection, with the texts of its addresses as the columns hold them.
#[derive(Debug)]
struct Known {
    client_ip: String,
    server_ip: String,
    connection: Arc<ConnectionInfo>,
}

impl Connections {
    /// Forgets the connections, but not their sources, of which there are few.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    fn get(
        &mut self,
        columns: &ExchangeColumns<'_>,
        row: usize,
    ) -> Result<Arc<ConnectionInfo>, Error> {
        let id = columns.connection_id.word(row)?;
        let (client_ip, server_ip) = (columns.client_ip.value(row), columns.server_ip.value(row));
        let ports = (
            columns.client_port.value(row),
            columns.server_port.value(row),
        );
        let source = columns.source.get(row);
        let vni = columns.vni.get(row).map(|vni| Vni::new(count(vni)));
        if let Some(known) = self.known.get(&id) {
            let info = &known.connection;
            let same = known.client_ip == client_ip
                && known.server_ip == server_ip
                && ports == (info.client.port().into(), info.server.port().into())
                && source == info.source.as_deref()
                && vni == info.vni;
            if same {
                return Ok(Arc::clone(&known.connection));
            }
        }
        let connection = Arc::new(ConnectionInfo {
            id,
            source: source.map(|source| self.source(source)),
            vni,
            client: address(client_ip, ports.0)?,
            server: address(server_ip, ports.1)?,
        });
        let known = Known {
            client_ip: client_ip.to_owned(),
            server_ip: server_ip.to_owned(),
            connection: Arc::clone(&connection),
        };
        self.known.insert(id, known);
        Ok(connection)
    }

    fn source(&mut self, text: &str) -> Arc<str> {
        if let Some(source) = self.sources.get(text) {
            return Arc::clone(source);
        }
        let source = Arc::<str>::from(text);
        self.sources.insert(Arc::clone(&source));
        source
    }
}

fn address(ip: &str, port: i32) -> Result<SocketAddr, Error> {
    let parsed = ip.parse::<IpAddr>().ok().zip(u16::try_from(port).ok());
    let (ip, port) =
        parsed.ok_or_else(|| Error::Format(format!("`{ip}` port {port} is no address")))?;
    Ok(SocketAddr::new(ip, port))
}

/// Counts are never negative in a sound file.
fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// As [`count`].
fn bytes(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
