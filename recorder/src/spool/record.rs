//! Exchanges and ledger rows as bytes of a frame: compact, and read back exactly.
//!
//! A record is a tag and its fields in the order of the structs; integers are LEB128, text and bytes carry their length, what
//! may be absent a byte that says so. Nothing is delta-coded: frames are compressed as a whole, which finds what repeats.

mod read;

use std::net::{IpAddr, SocketAddr};

use schema::{
    Body, BodyDigest, ConnectionInfo, Exchange, Headers, LedgerRow, Request, Response,
    SegmentOptions, Timestamp, Vni,
};

pub(super) use read::read_all;

/// What leaves a shard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// An exchange that is done.
    Exchange(Box<Exchange>),
    /// A row of the ledger.
    Ledger(Box<LedgerRow>),
    /// What the records behind it were recorded under.
    Policy(Box<Policy>),
}

/// What was left out and taken out when something was recorded: its segments say so, whoever makes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The sampling and the filters.
    pub(crate) sampling: Option<String>,
    /// The redaction.
    pub(crate) redaction: Option<String>,
}

impl Policy {
    /// The one that segments with `options` tell.
    pub(crate) fn of(options: &SegmentOptions) -> Self {
        Self {
            sampling: options.sampling.clone(),
            redaction: options.redaction.clone(),
        }
    }

    /// `options` for segments that tell this one.
    pub(crate) fn applied(&self, options: &SegmentOptions) -> SegmentOptions {
        let Self {
            sampling,
            redaction,
        } = self.clone();
        SegmentOptions {
            sampling,
            redaction,
            ..options.clone()
        }
    }
}

/// Tags of records.
const EXCHANGE: u8 = 1;
const LEDGER: u8 = 2;
/// Exchanges that no ledger row counts yet, at the beginning of a file.
const OPEN: u8 = 3;
/// What a frame's records were recorded under, before them.
const POLICY: u8 = 4;
/// The digest of the response's body of the exchange before.
const DIGEST: u8 = 5;

/// Appends an exchange to a frame.
///
/// # Panics
/// If it is of a run: those are never spooled.
pub(super) fn write_exchange(out: &mut Vec<u8>, exchange: &Exchange) {
    let Exchange {
        connection,
        index,
        stream_id,
        protocol,
        request,
        response,
        interim_statuses,
        request_missing_bytes,
        response_missing_bytes,
        completeness,
        framing,
        pairing,
        charset,
        replay,
        tcp,
    } = exchange;
    assert!(replay.is_none(), "a recorder records no runs");
    out.push(EXCHANGE);
    write_connection(out, connection);
    write_integer(out, u64::from(*index));
    write_optional(out, stream_id.as_ref(), |out, id| {
        write_integer(out, u64::from(*id));
    });
    out.extend([
        *protocol as u8,
        *completeness as u8,
        *framing as u8,
        *pairing as u8,
        *charset as u8,
    ]);
    write_integer(out, *request_missing_bytes);
    write_integer(out, *response_missing_bytes);
    write_integer(out, interim_statuses.len() as u64);
    for status in interim_statuses {
        write_integer(out, u64::from(*status));
    }
    write_optional(out, request.as_ref(), write_request);
    write_optional(out, response.as_ref(), write_response);
    write_optional(out, tcp.as_ref(), |out, tcp| {
        for number in [tcp.sequence, tcp.sequence_end, tcp.acknowledgement] {
            out.extend(number.to_le_bytes());
        }
    });
    let digest = response.as_ref().and_then(|response| response.body_digest);
    if let Some(BodyDigest(digest)) = digest {
        out.push(DIGEST);
        out.extend(digest.to_le_bytes());
    }
}

/// Appends a row of the ledger to a frame.
pub(super) fn write_ledger(out: &mut Vec<u8>, row: &LedgerRow) {
    out.push(LEDGER);
    write_row(out, row);
}

/// Appends a row of exchanges that no row of the ledger counts yet.
pub(super) fn write_open(out: &mut Vec<u8>, row: &LedgerRow) {
    out.push(OPEN);
    write_row(out, row);
}

/// Appends what the records that follow were recorded under.
pub(super) fn write_policy(out: &mut Vec<u8>, policy: &Policy) {
    out.push(POLICY);
    write_optional_text(out, policy.sampling.as_deref());
    write_optional_text(out, policy.redaction.as_deref());
}

fn write_row(out: &mut Vec<u8>, row: &LedgerRow) {
    write_time(out, row.minute);
    write_optional_text(out, row.source.as_deref());
    write_vni(out, row.vni);
    let counters = row.counters();
    write_integer(out, counters.len() as u64);
    for counter in counters {
        write_integer(out, counter);
    }
}

fn write_connection(out: &mut Vec<u8>, connection: &ConnectionInfo) {
    let ConnectionInfo {
        id,
        source,
        vni,
        client,
        server,
    } = connection;
    out.extend(id.0.to_le_bytes());
    write_optional_text(out, source.as_deref());
    write_vni(out, *vni);
    write_address(out, client);
    write_address(out, server);
}

fn write_request(out: &mut Vec<u8>, request: &Request) {
    let Request {
        start,
        end,
        method,
        host,
        path,
        query,
        target,
        headers,
        body,
        trailers,
    } = request;
    write_time(out, *start);
    write_time(out, *end);
    write_bytes(out, method.as_bytes());
    write_optional_text(out, host.as_deref());
    write_bytes(out, path.as_bytes());
    write_optional_text(out, query.as_deref());
    write_optional_text(out, target.as_deref());
    write_headers(out, headers);
    write_body(out, body);
    write_optional(out, trailers.as_ref(), write_headers);
}

fn write_response(out: &mut Vec<u8>, response: &Response) {
    let Response {
        start,
        end,
        status,
        headers,
        body,
        body_encoding,
        body_digest: _,
        trailers,
    } = response;
    write_time(out, *start);
    write_time(out, *end);
    write_integer(out, u64::from(*status));
    write_headers(out, headers);
    write_body(out, body);
    write_optional_text(out, body_encoding.as_deref());
    write_optional(out, trailers.as_ref(), write_headers);
}

fn write_headers(out: &mut Vec<u8>, headers: &Headers) {
    write_integer(out, headers.len() as u64);
    for (name, value) in headers.iter() {
        write_bytes(out, name.as_bytes());
        write_bytes(out, value.as_bytes());
    }
}

fn write_body(out: &mut Vec<u8>, body: &Body) {
    write_bytes(out, &body.bytes);
    write_integer(out, body.wire_bytes);
}

fn write_address(out: &mut Vec<u8>, address: &SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend(ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend(ip.octets());
        }
    }
    out.extend(address.port().to_le_bytes());
}

fn write_vni(out: &mut Vec<u8>, vni: Option<Vni>) {
    write_optional(out, vni.as_ref(), |out, vni| {
        write_integer(out, u64::from(vni.get()));
    });
}

fn write_time(out: &mut Vec<u8>, time: Timestamp) {
    out.extend(time.as_nanos().to_le_bytes());
}

fn write_optional_text(out: &mut Vec<u8>, text: Option<&str>) {
    write_optional(out, text, |out, text| write_bytes(out, text.as_bytes()));
}

fn write_optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl Fn(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(out, value);
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_integer(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// LEB128, as in DWARF version 4 section 7.6.
fn write_integer(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests;
