//! The groups of columns, in the order of the schema.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::error::ArrowError;

use super::Parts;
use super::bodies::BodyColumns;
use super::headers::{HeadersBuilder, StatusesBuilder};
use crate::columns;
use crate::{ConnectionInfo, Exchange, ExchangeId, InDoubt, Replay, Timestamp, Vni};

pub(super) struct IdColumns {
    exchange: StringBuilder,
    connection: StringBuilder,
    index: Int32Builder,
    stream: Int32Builder,
    /// Of the row at hand.
    text: String,
}

impl IdColumns {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            exchange: texts(rows, 20),
            connection: texts(rows, 16),
            index: Int32Builder::with_capacity(rows),
            stream: Int32Builder::with_capacity(rows),
            text: String::new(),
        }
    }

    pub(super) fn append(&mut self, exchange: &Exchange) {
        let ExchangeId { connection, index } = exchange.id();
        self.text.clear();
        print(&mut self.text, connection);
        self.connection.append_value(&self.text);
        self.text.push('-');
        print(&mut self.text, index);
        self.exchange.append_value(&self.text);
        self.index.append_value(int(exchange.index));
        self.stream.append_option(exchange.stream_id.map(int));
    }

    pub(super) fn finish(mut self) -> [ArrayRef; 4] {
        [
            Arc::new(self.exchange.finish()),
            Arc::new(self.connection.finish()),
            Arc::new(self.index.finish()),
            Arc::new(self.stream.finish()),
        ]
    }
}

pub(super) struct TimeColumns {
    request_start: TimestampMicrosecondBuilder,
    request_end: TimestampMicrosecondBuilder,
    response_start: TimestampMicrosecondBuilder,
    response_end: TimestampMicrosecondBuilder,
}

impl TimeColumns {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            request_start: times(rows),
            request_end: times(rows),
            response_start: times(rows),
            response_end: times(rows),
        }
    }

    pub(super) fn append(&mut self, exchange: &Exchange) {
        let request = exchange.request.as_ref();
        let response = exchange.response.as_ref();
        let micros = Timestamp::as_micros;
        self.request_start.append_value(micros(exchange.start()));
        self.request_end
            .append_option(request.map(|request| micros(request.end)));
        self.response_start
            .append_option(response.map(|response| micros(response.start)));
        self.response_end
            .append_option(response.map(|response| micros(response.end)));
    }

    pub(super) fn finish(mut self) -> [ArrayRef; 4] {
        [
            Arc::new(self.request_start.finish()),
            Arc::new(self.request_end.finish()),
            Arc::new(self.response_start.finish()),
            Arc::new(self.response_end.finish()),
        ]
    }
}

pub(super) struct ConnectionColumns {
    source: StringBuilder,
    vni: Int32Builder,
    client: AddressColumns,
    server: AddressColumns,
}

impl ConnectionColumns {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            source: texts(rows, 12),
            vni: Int32Builder::with_capacity(rows),
            client: AddressColumns::new(rows),
            server: AddressColumns::new(rows),
        }
    }

    pub(super) fn append(&mut self, connection: &ConnectionInfo) {
        self.source.append_option(connection.source.as_deref());
        self.vni
            .append_option(connection.vni.map(|vni| int(Vni::get(vni))));
        self.client.append(connection.client);
        self.server.append(connection.server);
    }

    pub(super) fn finish(mut self) -> [ArrayRef; 6] {
        let [client_ip, client_port] = self.client.finish();
        let [server_ip, server_port] = self.server.finish();
        [
            Arc::new(self.source.finish()),
            Arc::new(self.vni.finish()),
            client_ip,
            client_port,
            server_ip,
            server_port,
        ]
    }
}

struct AddressColumns {
    ip: StringBuilder,
    port: Int32Builder,
    /// The address of the row before, and its text: many rows in a row have the same.
    last: Option<IpAddr>,
    text: String,
}

impl AddressColumns {
    fn new(rows: usize) -> Self {
        Self {
            ip: texts(rows, 12),
            port: Int32Builder::with_capacity(rows),
            last: None,
            text: String::new(),
        }
    }

    fn append(&mut self, address: SocketAddr) {
        if self.last.replace(address.ip()) != Some(address.ip()) {
            self.text.clear();
            print_ip(&mut self.text, address.ip());
        }
        self.ip.append_value(&self.text);
        self.port.append_value(i32::from(address.port()));
    }

    fn finish(mut self) -> [ArrayRef; 2] {
        [Arc::new(self.ip.finish()), Arc::new(self.port.finish())]
    }
}

pub(super) struct RequestColumns {
    wanted: Parts,
    protocol: StringBuilder,
    method: StringBuilder,
    host: StringBuilder,
    path: StringBuilder,
    query: StringBuilder,
    target: StringBuilder,
    headers: HeadersBuilder,
    body: BodyColumns,
    trailers: HeadersBuilder,
}

impl RequestColumns {
    pub(super) fn new(rows: usize, wanted: Parts) -> Self {
        let fields = if wanted.headers { 10 } else { 0 };
        Self {
            wanted,
            protocol: texts(rows, 8),
            method: texts(rows, 4),
            host: texts(rows, 16),
            path: texts(rows, 24),
            query: texts(rows, 16),
            target: texts(rows, 0),
            headers: HeadersBuilder::new(rows, fields),
            body: BodyColumns::new(rows),
            trailers: HeadersBuilder::new(rows, 0),
        }
    }

    pub(super) fn append(&mut self, exchange: &Exchange) {
        let request = exchange.request.as_ref();
        self.protocol.append_value(exchange.protocol.as_str());
        self.method
            .append_option(request.map(|request| request.method.as_str()));
        self.host
            .append_option(request.and_then(|request| request.host.as_deref()));
        self.path
            .append_option(request.map(|request| request.path.as_str()));
        self.query
            .append_option(request.and_then(|request| request.query.as_deref()));
        self.target
            .append_option(request.and_then(|request| request.target.as_deref()));
        let headers = request.filter(|_| self.wanted.headers);
        self.headers.append(headers.map(|request| &request.headers));
        let body = request.map(|request| &request.body);
        self.body.append(body, self.wanted.body);
        self.trailers
            .append(request.and_then(|request| request.trailers.as_ref()));
    }

    pub(super) fn finish(mut self) -> Result<[ArrayRef; 10], ArrowError> {
        let [body, body_bytes] = self.body.finish();
        Ok([
            Arc::new(self.protocol.finish()),
            Arc::new(self.method.finish()),
            Arc::new(self.host.finish()),
            Arc::new(self.path.finish()),
            Arc::new(self.query.finish()),
            Arc::new(self.target.finish()),
            self.headers.finish()?,
            body,
            body_bytes,
            self.trailers.finish()?,
        ])
    }
}

pub(super) struct ResponseColumns {
    wanted: Parts,
    status: Int32Builder,
    interim_statuses: StatusesBuilder,
    headers: HeadersBuilder,
    body: BodyColumns,
    body_encoding: StringBuilder,
    trailers: HeadersBuilder,
    body_digest: StringBuilder,
}

impl ResponseColumns {
    pub(super) fn new(rows: usize, wanted: Parts) -> Self {
        let fields = if wanted.headers { 10 } else { 0 };
        Self {
            wanted,
            status: Int32Builder::with_capacity(rows),
            interim_statuses: StatusesBuilder::new(rows),
            headers: HeadersBuilder::new(rows, fields),
            body: BodyColumns::new(rows),
            body_encoding: texts(rows, 0),
            trailers: HeadersBuilder::new(rows, 0),
            body_digest: texts(rows, 0),
        }
    }

    pub(super) fn append(&mut self, exchange: &Exchange) {
        let response = exchange.response.as_ref();
        self.status
            .append_option(response.map(|response| i32::from(response.status)));
        self.interim_statuses.append(&exchange.interim_statuses);
        let headers = response.filter(|_| self.wanted.headers);
        self.headers
            .append(headers.map(|response| &response.headers));
        let body = response.map(|response| &response.body);
        self.body.append(body, self.wanted.body);
        self.body_encoding
            .append_option(response.and_then(|response| response.body_encoding.as_deref()));
        self.trailers
            .append(response.and_then(|response| response.trailers.as_ref()));
        let digest = response.and_then(|response| response.body_digest);
        self.body_digest
            .append_option(digest.map(|digest| digest.to_string()));
    }

    pub(super) fn finish(mut self) -> Result<[ArrayRef; 8], ArrowError> {
        let [body, body_bytes] = self.body.finish();
        Ok([
            Arc::new(self.status.finish()),
            self.interim_statuses.finish()?,
            self.headers.finish()?,
            body,
            Arc::new(self.body_encoding.finish()),
            body_bytes,
            self.trailers.finish()?,
            Arc::new(self.body_digest.finish()),
        ])
    }
}

pub(super) struct QualityColumns {
    completeness: StringBuilder,
    request_missing_bytes: Int64Builder,
    response_missing_bytes: Int64Builder,
    framing: StringBuilder,
    pairing: StringBuilder,
    head_charset: StringBuilder,
    /// Sequence number, the one after the end, acknowledgement.
    tcp: [Int64Builder; 3],
}

impl QualityColumns {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            completeness: texts(rows, 8),
            request_missing_bytes: Int64Builder::with_capacity(rows),
            response_missing_bytes: Int64Builder::with_capacity(rows),
            framing: texts(rows, 5),
            pairing: texts(rows, 5),
            head_charset: texts(rows, 5),
            tcp: [(); 3].map(|()| Int64Builder::with_capacity(rows)),
        }
    }

    pub(super) fn append(&mut self, exchange: &Exchange) {
        self.completeness
            .append_value(exchange.completeness.as_str());
        self.request_missing_bytes
            .append_value(long(exchange.request_missing_bytes));
        self.response_missing_bytes
            .append_value(long(exchange.response_missing_bytes));
        self.framing.append_value(exchange.framing.as_str());
        self.pairing.append_value(exchange.pairing.as_str());
        self.head_charset.append_value(exchange.charset.as_str());
        let numbers = exchange
            .tcp
            .map(|span| [span.sequence, span.sequence_end, span.acknowledgement]);
        for (index, column) in self.tcp.iter_mut().enumerate() {
            column.append_option(numbers.map(|numbers| numbers[index].into()));
        }
    }

    pub(super) fn finish(mut self) -> [ArrayRef; 9] {
        let [sequence, sequence_end, acknowledgement] = &mut self.tcp;
        [
            Arc::new(self.completeness.finish()),
            Arc::new(self.request_missing_bytes.finish()),
            Arc::new(self.response_missing_bytes.finish()),
            Arc::new(self.framing.finish()),
            Arc::new(self.pairing.finish()),
            Arc::new(self.head_charset.finish()),
            Arc::new(sequence.finish()),
            Arc::new(sequence_end.finish()),
            Arc::new(acknowledgement.finish()),
        ]
    }
}

pub(super) struct ReplayColumns {
    recorded_start: TimestampMicrosecondBuilder,
    due: TimestampMicrosecondBuilder,
    lag_us: Int64Builder,
    order_wait_us: Int64Builder,
    outcome: StringBuilder,
    outcome_reason: StringBuilder,
    verdict: StringBuilder,
    verdict_reason: StringBuilder,
    divergences: Int32Builder,
    pass: Int32Builder,
    in_doubt: StringBuilder,
}

impl ReplayColumns {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            recorded_start: times(rows),
            due: times(rows),
            lag_us: Int64Builder::with_capacity(rows),
            order_wait_us: Int64Builder::with_capacity(rows),
            outcome: texts(rows, 8),
            outcome_reason: texts(rows, 0),
            verdict: texts(rows, 8),
            verdict_reason: texts(rows, 0),
            divergences: Int32Builder::with_capacity(rows),
            pass: Int32Builder::with_capacity(rows),
            in_doubt: texts(rows, 0),
        }
    }

    pub(super) fn append(&mut self, replay: &Replay) {
        self.recorded_start
            .append_value(replay.recorded_start.as_micros());
        self.due.append_value(replay.due.as_micros());
        self.lag_us.append_value(replay.lag_us);
        self.order_wait_us.append_value(replay.order_wait_us);
        self.outcome.append_value(replay.outcome.as_str());
        self.outcome_reason
            .append_option(replay.outcome_reason.as_deref());
        self.verdict.append_value(replay.verdict.as_str());
        self.verdict_reason
            .append_option(replay.verdict_reason.as_deref());
        self.divergences.append_value(int(replay.divergences));
        self.pass.append_value(int(replay.pass));
        self.in_doubt
            .append_option(replay.in_doubt.map(InDoubt::as_str));
    }

    pub(super) fn finish(mut self) -> [ArrayRef; 11] {
        [
            Arc::new(self.recorded_start.finish()),
            Arc::new(self.due.finish()),
            Arc::new(self.lag_us.finish()),
            Arc::new(self.order_wait_us.finish()),
            Arc::new(self.outcome.finish()),
            Arc::new(self.outcome_reason.finish()),
            Arc::new(self.verdict.finish()),
            Arc::new(self.verdict_reason.finish()),
            Arc::new(self.divergences.finish()),
            Arc::new(self.pass.finish()),
            Arc::new(self.in_doubt.finish()),
        ]
    }
}

fn texts(rows: usize, bytes: usize) -> StringBuilder {
    StringBuilder::with_capacity(rows, rows * bytes)
}

fn times(rows: usize) -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(columns::timestamp())
}

/// Adds a value as text.
fn print(into: &mut String, value: impl std::fmt::Display) {
    write!(into, "{value}").expect("memory takes any text");
}

/// Adds an address as text; one of IPv4, which most are, by hand: formatting it costs as much as the rest of a row's columns.
fn print_ip(into: &mut String, ip: IpAddr) {
    let IpAddr::V4(ip) = ip else {
        return print(into, ip);
    };
    for (place, octet) in ip.octets().into_iter().enumerate() {
        if place > 0 {
            into.push('.');
        }
        for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= least {
                into.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
}

/// Counts outgrow a column only where traffic is made to do so; then the largest value says "at least".
fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// As [`int`].
pub(super) fn long(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
