//! The script language of these tests, and how exchanges are written down.

use std::fmt::Write;

use schema::{Certainty, ConnectionId, Exchange, Headers, Timestamp};

use crate::http::{Chunk, Close, Conn, End, Identity};
use crate::{Anomaly, Counters, Limits, Options};

pub(super) const BODY_BYTES_MAX: usize = 64;

/// One step of a script.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Bytes(End, Vec<u8>),
    /// Bytes of an end that had not yet acknowledged more than this of the other's.
    BytesAcking(End, Vec<u8>, u64),
    Gap(End, u64),
    Close(End, Close),
}

/// A script with the policy under which it runs.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) ops: Vec<Op>,
    pub(super) initiator: Option<End>,
    pub(super) raw_bodies: bool,
    pub(super) body_bytes_max: usize,
    pub(super) limits: Limits,
}

impl Script {
    /// A connection that A opened.
    pub(super) fn new() -> Self {
        Self {
            ops: Vec::new(),
            initiator: Some(End::A),
            raw_bodies: false,
            body_bytes_max: BODY_BYTES_MAX,
            limits: Limits::default(),
        }
    }

    /// A connection that was under way when it was first seen.
    pub(super) fn joined() -> Self {
        Self {
            initiator: None,
            ..Self::new()
        }
    }

    pub(super) fn a(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.ops.push(Op::Bytes(End::A, bytes.as_ref().to_vec()));
        self
    }

    pub(super) fn b(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.ops.push(Op::Bytes(End::B, bytes.as_ref().to_vec()));
        self
    }

    pub(super) fn b_acking(mut self, acked: usize, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_vec();
        self.ops.push(Op::BytesAcking(End::B, bytes, acked as u64));
        self
    }

    pub(super) fn gap(mut self, end: End, len: u64) -> Self {
        self.ops.push(Op::Gap(end, len));
        self
    }

    pub(super) fn close(mut self, end: End, how: Close) -> Self {
        self.ops.push(Op::Close(end, how));
        self
    }

    /// Runs the script with the bytes of each step cut into pieces of the lengths that `piece` gives.
    pub(super) fn run(&self, mut piece: impl FnMut() -> usize) -> Played {
        let ends = ["10.0.0.1:1111", "10.0.0.2:80"].map(|text| text.parse().unwrap());
        let mut conn = Conn::new(Identity {
            id: ConnectionId(0xc0ffee),
            source: None,
            vni: None,
            ends,
            initiator: self.initiator,
        });
        let options = Options {
            body_bytes_max: self.body_bytes_max,
            raw_bodies: self.raw_bodies,
            ..Options::default()
        };
        let mut played = Played::default();
        let mut offsets = [0_u64; 2];
        let mut open = [true; 2];
        let counters = &mut played.counters;
        let mut exchanges = Vec::new();
        for (number, op) in self.ops.iter().enumerate() {
            let at = Timestamp::from_micros(1_000 * (number as i64 + 1));
            match op {
                Op::Bytes(end, bytes) | Op::BytesAcking(end, bytes, _) => {
                    let acked = match op {
                        Op::BytesAcking(_, _, acked) => *acked,
                        _ => offsets[end.peer().index()],
                    };
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let (bytes, after) = rest.split_at(piece().clamp(1, rest.len()));
                        rest = after;
                        let chunk = Chunk {
                            from: *end,
                            at,
                            offset: offsets[end.index()],
                            acked,
                            bytes,
                        };
                        offsets[end.index()] += bytes.len() as u64;
                        played.given += bytes.len() as u64;
                        conn.handle_chunk(chunk, &self.limits, &options, counters);
                        exchanges.extend(std::iter::from_fn(|| conn.poll_exchange().map(|it| *it)));
                    }
                }
                Op::Gap(end, len) => {
                    offsets[end.index()] += len;
                    conn.handle_gap(*end, at, *len, &self.limits, &options, counters);
                }
                Op::Close(end, how) => {
                    open[end.index()] = false;
                    conn.handle_close(*end, at, *how, &self.limits, &options, counters);
                }
            }
            exchanges.extend(std::iter::from_fn(|| conn.poll_exchange().map(|it| *it)));
        }
        for end in [End::A, End::B] {
            if open[end.index()] {
                let at = Timestamp::from_micros(900_000);
                conn.handle_close(end, at, Close::Unknown, &self.limits, &options, counters);
            }
        }
        exchanges.extend(std::iter::from_fn(|| conn.poll_exchange().map(|it| *it)));
        exchanges.sort_by_key(|exchange| exchange.index);
        played.exchanges = exchanges;
        played
    }

    /// The outcome, after making sure that cutting the bytes otherwise changes nothing.
    pub(super) fn play(&self) -> Played {
        let whole = self.run(|| usize::MAX);
        let mut seed = 0x9e37_79b9_u32;
        let mut random = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as usize % 23 + 1
        };
        for (name, other) in [
            ("byte by byte", self.run(|| 1)),
            ("two by two", self.run(|| 2)),
            ("in random pieces", self.run(&mut random)),
            ("in other random pieces", self.run(&mut random)),
        ] {
            assert_eq!(whole.render(), other.render(), "{name}");
            assert_eq!(whole.exchanges, other.exchanges, "{name}");
        }
        whole
    }

    /// Compares the written-down outcome with `expected`.
    pub(super) fn check(&self, expected: expect_test::Expect) {
        let played = self.play();
        played.assert_accounted();
        expected.assert_eq(&played.render());
    }
}

/// What a script gave.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) exchanges: Vec<Exchange>,
    pub(super) counters: Counters,
    /// Bytes that were handed in.
    pub(super) given: u64,
}

impl Played {
    /// Every byte is in a message, not HTTP, or TLS.
    pub(super) fn assert_accounted(&self) {
        let ledger = &self.counters.ledger;
        let accounted = self.counters.bytes_http + ledger.bytes_not_http + ledger.bytes_tls;
        assert_eq!(self.given, accounted, "bytes given and accounted for");
    }

    /// A line for each message, and the anomalies.
    pub(super) fn render(&self) -> String {
        let mut out = String::new();
        for exchange in &self.exchanges {
            render(&mut out, exchange);
        }
        for (name, bytes) in [
            ("not http", self.counters.ledger.bytes_not_http),
            ("tls", self.counters.ledger.bytes_tls),
        ] {
            if bytes > 0 {
                writeln!(out, "{name}: {bytes} B").unwrap();
            }
        }
        for &anomaly in Anomaly::ALL {
            let count = self.counters.anomaly(anomaly);
            if count > 0 {
                writeln!(out, "{count} x {}", anomaly.as_str()).unwrap();
            }
        }
        out
    }
}

fn render(out: &mut String, exchange: &Exchange) {
    let word = |certainty, what| match certainty {
        Certainty::Exact => String::new(),
        Certainty::Assumed => format!(", {what} assumed"),
    };
    write!(
        out,
        "#{} {} {}",
        exchange.index, exchange.protocol, exchange.completeness
    )
    .unwrap();
    if let Some(stream) = exchange.stream_id {
        write!(out, ", stream {stream}").unwrap();
    }
    write!(out, "{}", word(exchange.framing, "framing")).unwrap();
    write!(out, "{}", word(exchange.pairing, "pairing")).unwrap();
    if exchange.charset == schema::Charset::Latin1 {
        write!(out, ", latin-1").unwrap();
    }
    let missing = [
        exchange.request_missing_bytes,
        exchange.response_missing_bytes,
    ];
    if missing != [0, 0] {
        write!(out, ", missing {} + {} B", missing[0], missing[1]).unwrap();
    }
    if exchange.connection.client.port() != 1111 {
        write!(out, ", client is B").unwrap();
    }
    writeln!(out).unwrap();
    if let Some(request) = &exchange.request {
        write!(out, "  > {} {}", request.method, request.path).unwrap();
        if let Some(query) = &request.query {
            write!(out, " ? {query}").unwrap();
        }
        if let Some(target) = &request.target {
            write!(out, " = {target}").unwrap();
        }
        write!(out, " @ {}", request.host.as_deref().unwrap_or("-")).unwrap();
        render_body(
            out,
            (request.start, request.end),
            &request.headers,
            &request.body,
        );
        render_trailers(out, request.trailers.as_ref());
    }
    if !exchange.interim_statuses.is_empty() {
        writeln!(out, "  < {:?}", exchange.interim_statuses).unwrap();
    }
    if let Some(response) = &exchange.response {
        write!(out, "  < {}", response.status).unwrap();
        if let Some(encoding) = &response.body_encoding {
            write!(out, " ({encoding})").unwrap();
        }
        render_body(
            out,
            (response.start, response.end),
            &response.headers,
            &response.body,
        );
        render_trailers(out, response.trailers.as_ref());
    }
}

fn render_body(
    out: &mut String,
    (start, end): (Timestamp, Timestamp),
    headers: &Headers,
    body: &schema::Body,
) {
    let millis = |time: Timestamp| time.as_micros() / 1_000;
    write!(
        out,
        " [{}..{} ms] {} fields",
        millis(start),
        millis(end),
        headers.len()
    )
    .unwrap();
    if body.wire_bytes > 0 {
        write!(out, ", {} B {:?}", body.wire_bytes, body.bytes).unwrap();
    }
    writeln!(out).unwrap();
}

fn render_trailers(out: &mut String, trailers: Option<&Headers>) {
    if let Some(trailers) = trailers {
        writeln!(out, "    trailers {trailers:?}").unwrap();
    }
}
