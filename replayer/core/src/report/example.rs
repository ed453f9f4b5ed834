//! One exchange that differs, side by side.

use schema::Exchange;
use schema::run::{Answer, Example};

use super::lines::{Lines, answer_lines};
use super::side_by_side::{CONTEXT, side_by_side};
use super::{ReportLimits, latency};
use crate::compare::excerpt;

/// Bytes of a request target that are shown.
const REQUEST_BYTES_MAX: usize = 400;

/// The example that these two exchanges make; none if one has no answer.
pub(super) fn example(
    recorded: &Exchange,
    actual: &Exchange,
    divergences: u64,
    limits: &ReportLimits,
) -> Option<Example> {
    if divergences == 0 {
        return None;
    }
    let (expected_response, actual_response) =
        (recorded.response.as_ref()?, actual.response.as_ref()?);
    let request = recorded
        .request
        .as_ref()
        .map_or_else(String::new, |request| {
            let query = request
                .query
                .as_ref()
                .map_or_else(String::new, |query| format!("?{query}"));
            format!("{} {}{query}", request.method, request.path)
        });
    let Lines {
        expected,
        actual: actual_lines,
    } = answer_lines(expected_response, actual_response);
    let (rows, rows_left_out) =
        side_by_side(&expected, &actual_lines, CONTEXT, limits.example_rows_max);
    let answer = |exchange: &Exchange| {
        let response = exchange.response.as_ref();
        Answer {
            status: response.map_or(0, |response| response.status),
            content_type: response
                .and_then(|response| response.headers.get("content-type"))
                .map(str::to_owned),
            body_bytes: response.map_or(0, |response| response.body.bytes.len() as u64),
            latency_us: latency::of(exchange).unwrap_or(0),
        }
    };
    Some(Example {
        exchange: recorded.id().to_string(),
        recorded_start: recorded.start().to_micros_precision(),
        request: excerpt::beginning(&request, REQUEST_BYTES_MAX),
        expected: answer(recorded),
        actual: answer(actual),
        rows,
        rows_left_out,
        divergences,
    })
}
