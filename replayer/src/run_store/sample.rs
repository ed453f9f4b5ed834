//! Exchanges and a document for tests.

use std::sync::Arc;

use bytes::Bytes;
use schema::run::{RunDocument, RunSchedule, RunSource, RunTarget};
use schema::{
    Body, Certainty, Charset, Completeness, ConnectionId, ConnectionInfo, Exchange,
    ExchangeVerdict, Outcome, Protocol, Replay, Request, Response, Timestamp,
};

/// 2026-11-22T13:59:50Z, ten seconds before a new hour.
const START_US: i64 = 1_795_355_990_000_000;

/// The document of a run at ten times the recorded speed.
pub(crate) fn document(run: &str) -> RunDocument {
    RunDocument::new(
        run.to_owned(),
        "replayer test".to_owned(),
        Timestamp::from_micros(START_US),
        RunSource {
            archive: "memory".to_owned(),
            from: Timestamp::from_micros(START_US),
            to: Timestamp::from_micros(START_US + 1_000_000),
            filters: vec![],
            segments: 1,
        },
        RunTarget {
            url: "http://127.0.0.1:8080/base".to_owned(),
            label: None,
            host: "recorded".to_owned(),
            forwarded: false,
            proofs: Vec::new(),
            writes: "allowed".to_owned(),
            insecure: false,
        },
        RunSchedule {
            speed: Some(10.0),
            order: "connection".to_owned(),
            ..RunSchedule::default()
        },
    )
}

/// The `n`th recorded exchange, `n` milliseconds after the first: `POST /orders/n` with a JSON answer.
pub(crate) fn recorded(n: u32, answer: &str) -> Exchange {
    let at = |us: i64| Timestamp::from_micros(START_US + i64::from(n) * 1_000 + us);
    let body = |text: &str| Body {
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        wire_bytes: text.len() as u64,
    };
    Exchange {
        connection: Arc::new(ConnectionInfo {
            id: ConnectionId(u64::from(n)),
            source: None,
            vni: None,
            client: "10.0.0.1:40000".parse().expect("an address"),
            server: "10.0.0.2:80".parse().expect("an address"),
        }),
        index: 0,
        stream_id: None,
        protocol: Protocol::Http11,
        request: Some(Request {
            start: at(0),
            end: at(10),
            method: "POST".to_owned(),
            host: Some("shop.example".to_owned()),
            path: format!("/orders/{n}"),
            query: Some("a=b&c".to_owned()),
            target: None,
            headers: [("Host", "shop.example"), ("Content-Length", "4")]
                .into_iter()
                .collect(),
            body: body("it's"),
            trailers: None,
        }),
        response: Some(Response {
            start: at(400),
            end: at(500),
            status: 200,
            headers: [("Content-Type", "application/json")].into_iter().collect(),
            body: body(answer),
            body_encoding: None,
            body_digest: None,
            trailers: None,
        }),
        interim_statuses: vec![],
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

/// The exchange as it was replayed: sent when it was due, `n` seconds after the run's start.
pub(crate) fn replayed(recorded: &Exchange, n: u32, answer: &str) -> Exchange {
    let due = Timestamp::from_micros(START_US + i64::from(n) * 1_000_000);
    let mut exchange = recorded.clone();
    let recorded_start = recorded.start();
    let moved = |time: Timestamp| due.saturating_add(time.since(recorded_start));
    if let Some(request) = &mut exchange.request {
        (request.start, request.end) = (moved(request.start), moved(request.end));
    }
    if let Some(response) = &mut exchange.response {
        (response.start, response.end) = (moved(response.start), moved(response.end));
        response.body = Body {
            bytes: Bytes::copy_from_slice(answer.as_bytes()),
            wire_bytes: answer.len() as u64,
        };
    }
    exchange.replay = Some(Box::new(Replay {
        recorded_start,
        due,
        lag_us: 150,
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
