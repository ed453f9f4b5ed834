//! Exchanges for the unit tests of this crate.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Error, Exchange, Headers,
    Keyring, Projection, Protocol, RecorderId, Request, Response, SealedSegment, SegmentBuilder,
    SegmentDecoder, SegmentOptions, Step, TimeWindow, Timestamp,
};

/// 2026-11-22T13:00:00Z.
pub(crate) const HOUR: u64 = 1_795_352_400_000_000;

/// A time `micros` after [`HOUR`].
pub(crate) fn at(micros: u64) -> Timestamp {
    Timestamp::from_micros(i64::try_from(HOUR + micros).unwrap())
}

/// Options of a segment of a recording.
pub(crate) fn options() -> SegmentOptions {
    SegmentOptions {
        recorder: recorder(),
        writer: "test 1".to_owned(),
        zstd_level: 1,
        spool: Some("spool-1".to_owned()),
        sampling: None,
        redaction: None,
        replayed: false,
        keys: Keyring::default(),
    }
}

pub(crate) fn recorder() -> RecorderId {
    "recorder-1".parse().unwrap()
}

/// A usual exchange, told apart by `number`, that starts `micros` after [`HOUR`].
pub(crate) fn exchange(number: u64, micros: u64) -> Exchange {
    let mut headers = Headers::default();
    headers.push("Host", "shop.example");
    headers.push("Cookie", &format!("session=s{}; theme=dark", number % 7));
    let mut answer = Headers::default();
    answer.push("Content-Type", "application/json");
    let body = Bytes::from(format!("{{\"item\":{number}}}"));
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(0xc0ffee + number / 4),
            source: Some("10.0.3.7".into()),
            vni: Some(crate::Vni::new(7)),
            client: "192.0.2.1:40000".parse().unwrap(),
            server: "[2001:db8::1]:80".parse().unwrap(),
        }),
        index: u32::try_from(number % 4).unwrap(),
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(Request {
            start: at(micros),
            end: at(micros + 10),
            method: "GET".to_owned(),
            host: Some("shop.example".to_owned()),
            path: format!("/items/{number}"),
            query: None,
            target: None,
            headers,
            body: Body::default(),
            trailers: None,
        }),
        response: Some(Response {
            start: at(micros + 500),
            end: at(micros + 600),
            status: 200,
            headers: answer,
            body: Body {
                wire_bytes: body.len() as u64,
                bytes: body,
            },
            body_encoding: None,
            body_digest: None,
            trailers: None,
        }),
        interim_statuses: Vec::new(),
        request_missing_bytes: 0,
        response_missing_bytes: 0,
        completeness: Completeness::Complete,
        framing: Certainty::Exact,
        pairing: Certainty::Exact,
        charset: Charset::Utf8,
        tcp: None,
        replay: None,
    }
}

/// As [`exchange`] every 10 microseconds, with an answer of `bytes` bytes that do not compress.
pub(crate) fn noisy(number: u64, bytes: usize) -> Exchange {
    let mut exchange = exchange(number, number * 10);
    let mut state = number;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    let body: Bytes = noise.take(bytes).collect();
    exchange.response.as_mut().unwrap().body = Body {
        wire_bytes: body.len() as u64,
        bytes: body,
    };
    exchange
}

/// A segment of `exchanges`, none of which may be late.
pub(crate) fn seal(exchanges: impl IntoIterator<Item = Exchange>) -> SealedSegment {
    let mut builder = SegmentBuilder::new(options());
    for exchange in exchanges {
        let pushed = builder.push(exchange).unwrap();
        assert!(matches!(pushed, crate::Pushed::Stored), "late");
    }
    builder.seal(3).unwrap().unwrap()
}

/// What reading a file took.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// What each step gave.
    pub(crate) steps: Vec<Vec<Exchange>>,
    /// What was asked for.
    pub(crate) ranges: Vec<Range<u64>>,
}

impl Read {
    pub(crate) fn exchanges(self) -> Vec<Exchange> {
        self.steps.into_iter().flatten().collect()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }
}

/// Decodes a file.
pub(crate) fn read(
    file: &Bytes,
    window: TimeWindow,
    projection: Projection,
) -> Result<Read, Error> {
    let mut decoder =
        SegmentDecoder::new(file.len() as u64, &Keyring::default(), window, projection);
    let mut read = Read::default();
    loop {
        match decoder.step()? {
            Step::NeedsData(ranges) => {
                let slice = |range: &Range<u64>| {
                    let index = |offset: u64| usize::try_from(offset).unwrap();
                    file.slice(index(range.start)..index(range.end))
                };
                let data = ranges.iter().map(slice).collect();
                read.ranges.extend(ranges.iter().cloned());
                decoder.push(ranges, data)?;
            }
            Step::Exchanges(exchanges) => read.steps.push(exchanges),
            Step::Finished => return Ok(read),
        }
    }
}

/// Decodes all of a file.
pub(crate) fn read_all(file: &Bytes) -> Vec<Exchange> {
    read(file, TimeWindow::ALL, Projection::All)
        .unwrap()
        .exchanges()
}
