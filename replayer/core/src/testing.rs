//! Exchanges and documents for tests.

use std::sync::Arc;
use std::time::Duration;

use schema::comparison::{
    COMPARISON_FORMAT, ComparedSide, ComparedTimeline, ComparedTotals, ComparisonDocument,
    FindingGroup,
};
use schema::run::RunVerdict;
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

/// The same with another request.
pub(crate) fn with_request(mut exchange: Exchange, change: impl FnOnce(&mut Request)) -> Exchange {
    change(exchange.request.as_mut().unwrap());
    exchange
}

fn side(run: &str) -> ComparedSide {
    ComparedSide {
        run: run.to_owned(),
        label: None,
        state: None,
        exchanges: 0,
        outside: 0,
        unjoined: 0,
        lag_us_max: None,
        sent_perhaps_twice: 0,
        sent_perhaps_twice_blamed: 0,
    }
}

/// A comparison of nothing.
pub(crate) fn comparison() -> ComparisonDocument {
    ComparisonDocument {
        format: COMPARISON_FORMAT,
        comparison: "0".to_owned(),
        program: "test".to_owned(),
        archive: "memory".to_owned(),
        from: Timestamp::from_micros(0),
        to: Timestamp::from_micros(1),
        filters: vec![],
        baseline: side("old"),
        candidate: side("new"),
        noise_runs: vec![],
        coverage: None,
        holes: vec![],
        holes_left_out: 0,
        verdict: RunVerdict::Fail,
        sentence: String::new(),
        reasons: vec![],
        gates: vec![],
        totals: ComparedTotals::default(),
        endpoints: vec![],
        groups: vec![],
        ungrouped: 0,
        noise: vec![],
        rules: vec![],
        templates: vec![],
        templates_overfull: false,
        fixed: vec![],
        timeline: ComparedTimeline::default(),
    }
}

/// A group of findings at `$.a` that the refactor is blamed for.
pub(crate) fn group(id: &str, endpoint: &str) -> FindingGroup {
    FindingGroup {
        group: id.to_owned(),
        endpoint: endpoint.to_owned(),
        part: "body".to_owned(),
        location: "$.a".to_owned(),
        kind: "value".to_owned(),
        cause: "another number".to_owned(),
        blame: "refactor".to_owned(),
        standing: Some("new".to_owned()),
        requests: 1,
        findings: 1,
        of: 1,
        first: START,
        last: START,
        examples: vec![],
        reproducer: vec![],
        script: String::new(),
        script_lacks: Vec::new(),
        accepted: None,
        sides: None,
    }
}
