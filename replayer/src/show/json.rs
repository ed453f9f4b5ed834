//! One exchange as JSON, for programs.

use std::fmt::Write as _;

use replayer_core::endpoint;
use schema::{DivergenceKind, Exchange, Headers, Response};
use serde::Serialize;

use super::Shown;
use super::text::curl;

/// What `replayer show --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    run: &'a str,
    exchange: String,
    endpoint: String,
    verdict: &'static str,
    reason: Option<&'a str>,
    outcome: Option<&'static str>,
    outcome_reason: Option<&'a str>,
    lag_us: Option<i64>,
    recorded_start: String,
    replayed_start: String,
    curl: Option<String>,
    request: Option<Message<'a>>,
    expected: Option<Message<'a>>,
    actual: Option<Message<'a>>,
    divergences_found: u64,
    divergences: Vec<Row<'a>>,
}

/// A request or an answer.
#[derive(Debug, Serialize)]
struct Message<'a> {
    /// `GET /path?query`, or the status.
    start: String,
    headers: Vec<(&'a str, &'a str)>,
    /// Content-Encoding that the body still has.
    body_encoding: Option<&'a str>,
    body_bytes: usize,
    /// The body, if it is text.
    body: Option<&'a str>,
    /// The body in hexadecimal digits, if it is not.
    body_hex: Option<String>,
}

/// One divergence.
#[derive(Debug, Serialize)]
struct Row<'a> {
    part: &'a str,
    location: &'a str,
    kind: &'static str,
    expected: Option<&'a str>,
    actual: Option<&'a str>,
}

pub(super) fn document(shown: &Shown) -> Document<'_> {
    let Shown {
        document,
        recorded,
        actual,
        comparison,
    } = shown;
    let replay = actual.replay.as_deref();
    Document {
        run: &document.run,
        exchange: recorded.id().to_string(),
        endpoint: endpoint::of(recorded),
        verdict: comparison.verdict.as_str(),
        reason: comparison.reason.as_deref(),
        outcome: replay.map(|replay| replay.outcome.as_str()),
        outcome_reason: replay.and_then(|replay| replay.outcome_reason.as_deref()),
        lag_us: replay.map(|replay| replay.lag_us),
        recorded_start: recorded.start().to_string(),
        replayed_start: actual.start().to_string(),
        curl: actual
            .request
            .as_ref()
            .map(|request| curl(request, &document.target.url)),
        request: request(actual),
        expected: recorded.response.as_ref().map(answer),
        actual: actual.response.as_ref().map(answer),
        divergences_found: comparison.found,
        divergences: comparison
            .divergences
            .iter()
            .map(|divergence| Row {
                part: &divergence.part,
                location: &divergence.location,
                kind: match divergence.kind {
                    DivergenceKind::Missing => "missing",
                    DivergenceKind::Extra => "extra",
                    DivergenceKind::Type => "type",
                    DivergenceKind::Value => "value",
                    DivergenceKind::Order => "order",
                },
                expected: divergence.expected.as_deref(),
                actual: divergence.actual.as_deref(),
            })
            .collect(),
    }
}

fn request(exchange: &Exchange) -> Option<Message<'_>> {
    let request = exchange.request.as_ref()?;
    let query = request
        .query
        .as_ref()
        .map_or_else(String::new, |query| format!("?{query}"));
    let start = format!("{} {}{query}", request.method, request.path);
    Some(message(start, &request.headers, None, &request.body.bytes))
}

fn answer(response: &Response) -> Message<'_> {
    message(
        response.status.to_string(),
        &response.headers,
        response.body_encoding.as_deref(),
        &response.body.bytes,
    )
}

fn message<'a>(
    start: String,
    headers: &'a Headers,
    body_encoding: Option<&'a str>,
    bytes: &'a [u8],
) -> Message<'a> {
    let body = std::str::from_utf8(bytes).ok();
    let body_hex = body.is_none().then(|| {
        bytes.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    });
    Message {
        start,
        headers: headers.iter().collect(),
        body_encoding,
        body_bytes: bytes.len(),
        body,
        body_hex,
    }
}
