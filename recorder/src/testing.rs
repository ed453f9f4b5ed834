//! Exchanges, and what segments are made with, for the unit tests of this crate.

use std::net::SocketAddr;
use std::sync::Arc;

use schema::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange, Headers,
    Keyring, Protocol, Request, SegmentOptions, Timestamp,
};

/// What segments and streams are made with.
pub(crate) fn options() -> SegmentOptions {
    SegmentOptions {
        recorder: "test".parse().unwrap(),
        writer: "test".to_owned(),
        zstd_level: 1,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: false,
        keys: Keyring::default(),
    }
}

/// An exchange without an answer that starts at `start`, with a body of `body` bytes.
pub(crate) fn exchange(start: Timestamp, body: usize) -> Exchange {
    let address: SocketAddr = "10.0.0.1:80".parse().unwrap();
    // Bytes that do not compress, so that size is known.
    let mut state = start.as_nanos() | 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(body)
    .collect();
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(start.as_nanos()),
            source: None,
            vni: None,
            client: address,
            server: address,
        }),
        index: 0,
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(Request {
            start,
            end: start,
            method: "PUT".to_owned(),
            host: None,
            path: "/".to_owned(),
            query: None,
            target: None,
            headers: Headers::default(),
            body: Body {
                wire_bytes: body as u64,
                bytes: bytes.into(),
            },
            trailers: None,
        }),
        response: None,
        interim_statuses: Vec::new(),
        request_missing_bytes: 0,
        response_missing_bytes: 0,
        completeness: Completeness::NoResponse,
        framing: Certainty::Exact,
        pairing: Certainty::Exact,
        charset: Charset::Utf8,
        tcp: None,
        replay: None,
    }
}
