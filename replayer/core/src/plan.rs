//! What a window holds, counted before anything is sent.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use schema::{Exchange, Timestamp};
use serde::Serialize;

use crate::endpoint;
use crate::permission;
use crate::rewrite::skip_reason;

/// Endpoints that are told apart; the rest is counted together, so that a scan of paths cannot exhaust memory.
const ENDPOINTS_MAX: usize = 10_000;
/// What those beyond are counted as.
const ENDPOINTS_REST: &str = "(more endpoints)";

/// What a replay of the window would send.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Exchanges of the window.
    pub read: u64,
    /// Those that the filters left out.
    pub filtered_out: u64,
    /// Those that are meant: sent or skipped.
    pub planned: u64,
    /// Those that would be sent.
    pub sendable: u64,
    /// Those among them that may change something: sent only with `--allow-writes`, or a policy that allows them.
    pub writes: u64,
    /// Those that cannot be replayed, by reason.
    pub skipped_by: BTreeMap<String, u64>,
    /// Those meant, by method.
    pub methods: BTreeMap<String, u64>,
    /// By recorded status; `none` where no answer was seen.
    pub statuses: BTreeMap<String, u64>,
    /// By how whole they are.
    pub completeness: BTreeMap<String, u64>,
    /// By endpoint, most frequent first.
    pub endpoints: Vec<EndpointCount>,
    /// Bytes of the bodies of requests that would be sent.
    pub request_body_bytes: u64,
    /// Bytes of the bodies of recorded answers.
    pub response_body_bytes: u64,
    /// Start of the first exchange that is meant, RFC 3339.
    pub first: Option<String>,
    /// Start of the last, RFC 3339.
    pub last: Option<String>,
    /// Seconds from the first to the last.
    pub span_s: f64,
    /// Requests a second over the span.
    pub rate_mean: f64,
    /// Requests in the busiest second of the clock.
    pub rate_peak: u64,
    /// The beginning of that second, the first of several, RFC 3339.
    pub rate_peak_at: Option<String>,
}

/// How often an endpoint is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointCount {
    /// Method, host and path template.
    pub endpoint: String,
    /// How many exchanges.
    pub requests: u64,
}

/// Counts a window, exchange by exchange in time order.
#[derive(Clone, Debug, Default)]
pub struct Planner {
    plan: Plan,
    endpoints: FxHashMap<String, u64>,
    methods: FxHashMap<String, u64>,
    span: Option<(Timestamp, Timestamp)>,
    /// The second that is being counted, and how many are in it.
    second: (u64, u64),
    /// The busiest second.
    busiest: u64,
}

impl Planner {
    /// Counts an exchange that the filters left out.
    pub fn handle_filtered_out(&mut self) {
        self.plan.read += 1;
        self.plan.filtered_out += 1;
    }

    /// Counts an exchange that is meant.
    pub fn handle_exchange(&mut self, exchange: &Exchange) {
        let plan = &mut self.plan;
        plan.read += 1;
        plan.planned += 1;
        match (skip_reason(exchange), &exchange.request) {
            (Some(reason), _) => *plan.skipped_by.entry(reason.to_string()).or_default() += 1,
            (None, request) => {
                plan.sendable += 1;
                let is_write = |request: &schema::Request| permission::writes(&request.method);
                plan.writes += u64::from(request.as_ref().is_some_and(is_write));
                plan.request_body_bytes += request
                    .as_ref()
                    .map_or(0, |request| request.body.wire_bytes);
            }
        }
        let status = match &exchange.response {
            Some(response) => {
                plan.response_body_bytes += response.body.wire_bytes;
                response.status.to_string()
            }
            None => "none".to_owned(),
        };
        *plan.statuses.entry(status).or_default() += 1;
        *plan
            .completeness
            .entry(exchange.completeness.to_string())
            .or_default() += 1;
        if let Some(request) = &exchange.request {
            count(&mut self.methods, &request.method);
        }
        let endpoint = endpoint::of(exchange);
        let known = self.endpoints.len() < ENDPOINTS_MAX || self.endpoints.contains_key(&endpoint);
        count(
            &mut self.endpoints,
            if known { &endpoint } else { ENDPOINTS_REST },
        );
        self.count_time(exchange.start());
    }

    /// The plan.
    #[must_use]
    pub fn finish(self) -> Plan {
        let mut plan = self.plan;
        let mut endpoints: Vec<EndpointCount> = self
            .endpoints
            .into_iter()
            .map(|(endpoint, requests)| EndpointCount { endpoint, requests })
            .collect();
        endpoints.sort_by(|a, b| (b.requests, &a.endpoint).cmp(&(a.requests, &b.endpoint)));
        plan.endpoints = endpoints;
        plan.methods = self.methods.into_iter().collect();
        if let Some((first, last)) = self.span {
            plan.first = Some(first.to_string());
            plan.last = Some(last.to_string());
            plan.rate_peak_at =
                Some(Timestamp::from_nanos(self.busiest * 1_000_000_000).to_string());
            plan.span_s = last.since(first).as_secs_f64();
            // A single burst has no span to divide by; it is then all in one second.
            plan.rate_mean = plan.planned as f64 / plan.span_s.max(1.0);
        }
        debug_assert_eq!(plan.read, plan.filtered_out + plan.planned);
        debug_assert_eq!(
            plan.planned,
            plan.sendable + plan.skipped_by.values().sum::<u64>()
        );
        plan
    }

    fn count_time(&mut self, start: Timestamp) {
        let first = self.span.map_or(start, |(first, _)| first);
        self.span = Some((first, start));
        let second = start.as_nanos() / 1_000_000_000;
        if self.second.0 == second {
            self.second.1 += 1;
        } else {
            self.second = (second, 1);
        }
        if self.second.1 > self.plan.rate_peak {
            (self.busiest, self.plan.rate_peak) = self.second;
        }
    }
}

/// Adds 1 without allocating for what is known.
fn count(counts: &mut FxHashMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}

#[cfg(test)]
mod tests;
