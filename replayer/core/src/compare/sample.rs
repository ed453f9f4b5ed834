//! Exchanges for tests.

use std::sync::Arc;

use bytes::Bytes;
use schema::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange,
    ExchangeVerdict, Headers, Outcome, Protocol, Replay, Request, Response, Timestamp,
};

use super::{Comparison, Rules, compare};

/// When the samples were recorded, microseconds: 2026-11-22T13:00:00Z.
pub(crate) const RECORDED_US: i64 = 1_795_352_400_000_000;

/// A complete exchange: `GET shop.example PATH`, answered after 5 ms.
pub(crate) fn exchange(path: &str, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
    let at = |us: i64| Timestamp::from_micros(RECORDED_US + us);
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(0xc0ffee),
            source: None,
            vni: None,
            client: "10.0.0.1:40000".parse().unwrap(),
            server: "10.0.0.2:80".parse().unwrap(),
        }),
        index: 0,
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(Request {
            start: at(0),
            end: at(100),
            method: "GET".to_owned(),
            host: Some("shop.example".to_owned()),
            path: path.to_owned(),
            query: None,
            target: None,
            headers: [("Host", "shop.example")].into_iter().collect(),
            body: Body::default(),
            trailers: None,
        }),
        response: Some(Response {
            start: at(4_000),
            end: at(5_000),
            status,
            headers: headers.iter().copied().collect::<Headers>(),
            body: Body {
                bytes: Bytes::copy_from_slice(body),
                wire_bytes: body.len() as u64,
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

/// The same exchange as it was replayed ten days later, sent `lag_us` after it was due.
pub(crate) fn replayed(mut exchange: Exchange, lag_us: i64) -> Exchange {
    let recorded_start = exchange.start();
    let due = recorded_start.saturating_add(std::time::Duration::from_secs(864_000));
    let sent = Timestamp::from_micros(due.as_micros() + lag_us);
    let move_to = |time: Timestamp| sent.saturating_add(time.since(recorded_start));
    if let Some(request) = &mut exchange.request {
        (request.start, request.end) = (move_to(request.start), move_to(request.end));
    }
    if let Some(response) = &mut exchange.response {
        (response.start, response.end) = (move_to(response.start), move_to(response.end));
    }
    exchange.replay = Some(Box::new(Replay {
        recorded_start,
        due,
        lag_us,
        order_wait_us: 0,
        outcome: Outcome::Sent,
        outcome_reason: None,
        verdict: ExchangeVerdict::Incomparable,
        verdict_reason: None,
        divergences: 0,
        pass: 0,
        in_doubt: None,
    }));
    exchange
}

/// An exchange that was not answered.
pub(crate) fn unanswered(recorded: &Exchange, outcome: Outcome, reason: &str) -> Exchange {
    let mut exchange = replayed(recorded.clone(), 0);
    exchange.response = None;
    exchange.completeness = Completeness::NoResponse;
    if let Some(replay) = &mut exchange.replay {
        replay.outcome = outcome;
        replay.outcome_reason = Some(reason.to_owned());
    }
    exchange
}

/// Compares with the default rules.
pub(crate) fn compared(recorded: &Exchange, actual: &Exchange) -> Comparison {
    compare(recorded, actual, &Rules::default())
}

/// `part location kind expected|actual` for each difference.
pub(crate) fn found(comparison: &Comparison) -> Vec<String> {
    let text = |side: &Option<String>| side.as_deref().unwrap_or("-").to_owned();
    comparison
        .divergences
        .iter()
        .map(|d| {
            let (expected, actual) = (text(&d.expected), text(&d.actual));
            format!("{} {} {:?} {expected}|{actual}", d.part, d.location, d.kind)
        })
        .collect()
}
