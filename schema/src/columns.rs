//! The Arrow schema of each table: names, types and nullability, in the order of the specification (`README.md`).
//!
//! Only types that every reader has: strings, binary, signed integers, UTC microseconds, lists and structs. Columns are only
//! ever added, at the end of their group; a reader ignores those it does not know.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// `exchanges`: identity of the exchange.
pub const EXCHANGE_ID: &str = "exchange_id";
/// `exchanges`: identity of the connection.
pub const CONNECTION_ID: &str = "connection_id";
/// `exchanges`: order of the exchange in its connection.
pub const CONNECTION_INDEX: &str = "connection_index";
/// `exchanges`: HTTP/2 stream.
pub const STREAM_ID: &str = "stream_id";
/// `exchanges`: first byte of the request.
pub const REQUEST_START: &str = "request_start";
/// `exchanges`: last byte of the request.
pub const REQUEST_END: &str = "request_end";
/// `exchanges`: first byte of the response.
pub const RESPONSE_START: &str = "response_start";
/// `exchanges`: last byte of the response.
pub const RESPONSE_END: &str = "response_end";
/// `exchanges`, `capture`: mirrored interface or capture file.
pub const SOURCE: &str = "source";
/// `exchanges`, `capture`: network id.
pub const VNI: &str = "vni";
/// `exchanges`: inner address of the client.
pub const CLIENT_IP: &str = "client_ip";
/// `exchanges`: port of the client.
pub const CLIENT_PORT: &str = "client_port";
/// `exchanges`: inner address of the server.
pub const SERVER_IP: &str = "server_ip";
/// `exchanges`: port of the server.
pub const SERVER_PORT: &str = "server_port";
/// `exchanges`: version of the protocol.
pub const PROTOCOL: &str = "protocol";
/// `exchanges`, `divergences`: method.
pub const METHOD: &str = "method";
/// `exchanges`, `divergences`: host.
pub const HOST: &str = "host";
/// `exchanges`, `divergences`: path without the query.
pub const PATH: &str = "path";
/// `exchanges`: query, undecoded.
pub const QUERY: &str = "query";
/// `exchanges`: request target, where it is not `path?query`.
pub const TARGET: &str = "target";
/// `exchanges`: header fields of the request.
pub const REQUEST_HEADERS: &str = "request_headers";
/// `exchanges`: stored body of the request.
pub const REQUEST_BODY: &str = "request_body";
/// `exchanges`: true length of the request's body.
pub const REQUEST_BODY_BYTES: &str = "request_body_bytes";
/// `exchanges`: trailer fields of the request.
pub const REQUEST_TRAILERS: &str = "request_trailers";
/// `exchanges`: final status.
pub const STATUS: &str = "status";
/// `exchanges`: statuses of interim responses.
pub const INTERIM_STATUSES: &str = "interim_statuses";
/// `exchanges`: header fields of the response.
pub const RESPONSE_HEADERS: &str = "response_headers";
/// `exchanges`: stored body of the response.
pub const RESPONSE_BODY: &str = "response_body";
/// `exchanges`: Content-Encoding that the stored body still has.
pub const RESPONSE_BODY_ENCODING: &str = "response_body_encoding";
/// `exchanges`: true length of the response's body.
pub const RESPONSE_BODY_BYTES: &str = "response_body_bytes";
/// `exchanges`: trailer fields of the response.
pub const RESPONSE_TRAILERS: &str = "response_trailers";
/// `exchanges`: digest of a response's body that is not stored whole.
pub const RESPONSE_BODY_DIGEST: &str = "response_body_digest";
/// `exchanges`: how whole the exchange is.
pub const COMPLETENESS: &str = "completeness";
/// `exchanges`: bytes of the request that the mirror lost.
pub const REQUEST_MISSING_BYTES: &str = "request_missing_bytes";
/// `exchanges`: bytes of the response that the mirror lost.
pub const RESPONSE_MISSING_BYTES: &str = "response_missing_bytes";
/// `exchanges`: whether the ends of the messages are known.
pub const FRAMING: &str = "framing";
/// `exchanges`: whether it is known that the response answers the request.
pub const PAIRING: &str = "pairing";
/// `exchanges`: how text of heads was read from bytes.
pub const HEAD_CHARSET: &str = "head_charset";
/// `exchanges`: of a one-sided exchange, the sequence number of its message's first byte.
pub const TCP_SEQUENCE: &str = "tcp_sequence";
/// `exchanges`: of a one-sided exchange, the sequence number after its message's last byte.
pub const TCP_SEQUENCE_END: &str = "tcp_sequence_end";
/// `exchanges`: of a one-sided exchange, how far its sender had acknowledged the other end.
pub const TCP_ACKNOWLEDGEMENT: &str = "tcp_acknowledgement";

/// `exchanges` of a run, `divergences`: `request_start` of the recorded exchange.
pub const RECORDED_START: &str = "recorded_start";
/// `exchanges` of a run: when the schedule wanted it sent.
pub const DUE: &str = "due";
/// `exchanges` of a run: sent time minus due time.
pub const LAG_US: &str = "lag_us";
/// `exchanges` of a run: how much of the lag was a wait forced by order.
pub const ORDER_WAIT_US: &str = "order_wait_us";
/// `exchanges` of a run: how it ended.
pub const OUTCOME: &str = "outcome";
/// `exchanges` of a run: why it failed or was skipped.
pub const OUTCOME_REASON: &str = "outcome_reason";
/// `exchanges` of a run: what the comparison concluded.
pub const VERDICT: &str = "verdict";
/// `exchanges` of a run: why it could not be compared.
pub const VERDICT_REASON: &str = "verdict_reason";
/// `exchanges` of a run: how many divergences were found.
pub const DIVERGENCES: &str = "divergences";
/// `exchanges` of a run: which pass over the window it is of.
pub const PASS: &str = "pass";
/// `exchanges` of a run: what became of it after a kill that left it in doubt.
pub const IN_DOUBT: &str = "in_doubt";

/// `capture`: start of the minute.
pub const MINUTE: &str = "minute";
/// `capture`: who recorded.
pub const RECORDER: &str = "recorder";
/// `capture`: the counters, in the order of the table.
pub const COUNTERS: [&str; 19] = [
    "frames",
    "bytes",
    "frames_dropped",
    "frames_truncated",
    "bytes_truncated",
    "frames_undecodable",
    "connections_opened",
    "connections_joined_midstream",
    "gaps",
    "gap_bytes",
    "exchanges",
    "exchanges_incomplete",
    "exchanges_sampled_out",
    "bytes_not_http",
    "bytes_tls",
    "exchanges_filtered_out",
    "exchanges_shed",
    "interruptions",
    "bodies_masked",
];

/// `divergences`: method, host and path template.
pub const ENDPOINT: &str = "endpoint";
/// `divergences`: which part of the answer.
pub const PART: &str = "part";
/// `divergences`: where in the part.
pub const LOCATION: &str = "location";
/// `divergences`: what kind of difference.
pub const KIND: &str = "kind";
/// `divergences`: what was expected.
pub const EXPECTED: &str = "expected";
/// `divergences`, `findings`: what came.
pub const ACTUAL: &str = "actual";
/// `findings`: whose the difference is.
pub const BLAME: &str = "blame";
/// `findings`: what set it aside.
pub const REASON: &str = "reason";
/// `findings`: what changed, in a few words.
pub const CAUSE: &str = "cause";
/// `findings`: the group of alike findings.
pub const GROUP: &str = "group_id";

/// What a header or trailer field's struct calls its parts.
pub(crate) const FIELD_NAME: &str = "name";
/// See [`FIELD_NAME`].
pub(crate) const FIELD_VALUE: &str = "value";
/// What Parquet's specification calls the item of a list.
pub(crate) const LIST_ITEM: &str = "element";

/// Columns of `exchanges`, of a recording or (`replayed`) of a run, which has eleven more.
#[must_use]
pub fn exchanges_schema(replayed: bool) -> SchemaRef {
    let mut fields = exchange_fields();
    if replayed {
        fields.extend(replay_fields());
    }
    Arc::new(Schema::new(fields))
}

/// The same as rows are built: binaries are views, so that large ones need not be copied. Parquet has one type for both.
pub(crate) fn building_schema(replayed: bool) -> SchemaRef {
    let schema = exchanges_schema(replayed);
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Binary => Arc::new(Field::clone(field).with_data_type(DataType::BinaryView)),
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// Columns of `capture`, the completeness ledger.
#[must_use]
pub fn capture_schema() -> SchemaRef {
    let mut fields = vec![
        always(MINUTE, timestamp()),
        always(RECORDER, DataType::Utf8),
        maybe(SOURCE, DataType::Utf8),
        maybe(VNI, DataType::Int32),
    ];
    fields.extend(COUNTERS.map(|name| always(name, DataType::Int64)));
    Arc::new(Schema::new(fields))
}

/// Columns of `divergences`.
#[must_use]
pub fn divergences_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        always(EXCHANGE_ID, DataType::Utf8),
        always(RECORDED_START, timestamp()),
        always(METHOD, DataType::Utf8),
        maybe(HOST, DataType::Utf8),
        always(PATH, DataType::Utf8),
        always(ENDPOINT, DataType::Utf8),
        always(PART, DataType::Utf8),
        always(LOCATION, DataType::Utf8),
        always(KIND, DataType::Utf8),
        maybe(EXPECTED, DataType::Utf8),
        maybe(ACTUAL, DataType::Utf8),
    ]))
}

/// Columns of a comparison's `findings`.
#[must_use]
pub fn findings_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        always(EXCHANGE_ID, DataType::Utf8),
        always(RECORDED_START, timestamp()),
        always(METHOD, DataType::Utf8),
        maybe(HOST, DataType::Utf8),
        always(PATH, DataType::Utf8),
        always(ENDPOINT, DataType::Utf8),
        always(PART, DataType::Utf8),
        always(LOCATION, DataType::Utf8),
        always(KIND, DataType::Utf8),
        always(BLAME, DataType::Utf8),
        maybe(REASON, DataType::Utf8),
        always(CAUSE, DataType::Utf8),
        always(GROUP, DataType::Utf8),
        maybe(EXPECTED, DataType::Utf8),
        maybe(ACTUAL, DataType::Utf8),
    ]))
}

fn exchange_fields() -> Vec<Field> {
    vec![
        always(EXCHANGE_ID, DataType::Utf8),
        always(CONNECTION_ID, DataType::Utf8),
        always(CONNECTION_INDEX, DataType::Int32),
        maybe(STREAM_ID, DataType::Int32),
        always(REQUEST_START, timestamp()),
        maybe(REQUEST_END, timestamp()),
        maybe(RESPONSE_START, timestamp()),
        maybe(RESPONSE_END, timestamp()),
        maybe(SOURCE, DataType::Utf8),
        maybe(VNI, DataType::Int32),
        always(CLIENT_IP, DataType::Utf8),
        always(CLIENT_PORT, DataType::Int32),
        always(SERVER_IP, DataType::Utf8),
        always(SERVER_PORT, DataType::Int32),
        always(PROTOCOL, DataType::Utf8),
        maybe(METHOD, DataType::Utf8),
        maybe(HOST, DataType::Utf8),
        maybe(PATH, DataType::Utf8),
        maybe(QUERY, DataType::Utf8),
        maybe(TARGET, DataType::Utf8),
        maybe(REQUEST_HEADERS, headers()),
        maybe(REQUEST_BODY, DataType::Binary),
        maybe(REQUEST_BODY_BYTES, DataType::Int64),
        maybe(REQUEST_TRAILERS, headers()),
        maybe(STATUS, DataType::Int32),
        always(INTERIM_STATUSES, DataType::List(Arc::new(status_item()))),
        maybe(RESPONSE_HEADERS, headers()),
        maybe(RESPONSE_BODY, DataType::Binary),
        maybe(RESPONSE_BODY_ENCODING, DataType::Utf8),
        maybe(RESPONSE_BODY_BYTES, DataType::Int64),
        maybe(RESPONSE_TRAILERS, headers()),
        maybe(RESPONSE_BODY_DIGEST, DataType::Utf8),
        always(COMPLETENESS, DataType::Utf8),
        always(REQUEST_MISSING_BYTES, DataType::Int64),
        always(RESPONSE_MISSING_BYTES, DataType::Int64),
        always(FRAMING, DataType::Utf8),
        always(PAIRING, DataType::Utf8),
        always(HEAD_CHARSET, DataType::Utf8),
        maybe(TCP_SEQUENCE, DataType::Int64),
        maybe(TCP_SEQUENCE_END, DataType::Int64),
        maybe(TCP_ACKNOWLEDGEMENT, DataType::Int64),
    ]
}

fn replay_fields() -> [Field; 11] {
    [
        always(RECORDED_START, timestamp()),
        always(DUE, timestamp()),
        always(LAG_US, DataType::Int64),
        always(ORDER_WAIT_US, DataType::Int64),
        always(OUTCOME, DataType::Utf8),
        maybe(OUTCOME_REASON, DataType::Utf8),
        always(VERDICT, DataType::Utf8),
        maybe(VERDICT_REASON, DataType::Utf8),
        always(DIVERGENCES, DataType::Int32),
        always(PASS, DataType::Int32),
        maybe(IN_DOUBT, DataType::Utf8),
    ]
}

/// The two parts of a header or trailer field.
pub(crate) fn header_fields() -> Fields {
    Fields::from([
        Arc::new(always(FIELD_NAME, DataType::Utf8)),
        Arc::new(always(FIELD_VALUE, DataType::Utf8)),
    ])
}

/// The item of a list of header or trailer fields.
pub(crate) fn header_item() -> Field {
    always(LIST_ITEM, DataType::Struct(header_fields()))
}

/// The item of the list of interim statuses.
pub(crate) fn status_item() -> Field {
    always(LIST_ITEM, DataType::Int32)
}

/// The one type of times in files. The zone is spelled as Arrow spells what Parquet calls adjusted to UTC.
pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn headers() -> DataType {
    DataType::List(Arc::new(header_item()))
}

fn always(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn maybe(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}
