//! Exchanges for tests.

use std::sync::Arc;
use std::time::Duration;

use schema::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange, Headers,
    Protocol, Request, Response, Timestamp,
};

/// 2026-11-22T13:00:00Z, a Sunday.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_795_352_400_000_000);

/// `START` and so many milliseconds.
pub(crate) fn at(millis: u64) -> Timestamp {
    START.saturating_add(Duration::from_millis(millis))
}

/// A whole exchange: `GET /` of shop.test, answered with 200.
pub(crate) fn exchange(connection: u64, index: u32, millis: u64) -> Exchange {
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(connection),
            source: None,
            vni: None,
            client: "10.0.1.7:40000".parse().unwrap(),
            server: "10.0.0.2:8080".parse().unwrap(),
        }),
        index,
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(Request {
            start: at(millis),
            end: at(millis),
            method: "GET".to_owned(),
            host: Some("shop.test".to_owned()),
            path: "/".to_owned(),
            query: None,
            target: None,
            headers: [("Host", "shop.test")].into_iter().collect(),
            body: Body::default(),
            trailers: None,
        }),
        response: Some(Response {
            start: at(millis + 1),
            end: at(millis + 1),
            status: 200,
            headers: Headers::default(),
            body: Body::default(),
            body_encoding: None,
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

/// The same with another request.
pub(crate) fn with_request(mut exchange: Exchange, change: impl FnOnce(&mut Request)) -> Exchange {
    change(exchange.request.as_mut().unwrap());
    exchange
}
