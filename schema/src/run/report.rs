//! The aggregates of a run document: what a report is drawn from, bounded whatever the size of the run.

use serde::{Deserialize, Serialize};

use super::text;
use crate::time::Timestamp;

/// The aggregates of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// By endpoint, those with most differing exchanges first; what is beyond the bound is in one called `other`.
    pub endpoints: Vec<EndpointReport>,
    /// Latency over all endpoints.
    pub latency: Latency,
    /// How true the schedule was kept.
    pub schedule: ScheduleReport,
    /// What happened when, over the run.
    pub timeline: Timeline,
    /// What was seen and not compared, with the reason.
    pub not_compared: Vec<NotCompared>,
    /// The first thousand exchanges that were in doubt after a kill; the column `in_doubt` tells all.
    #[serde(default)]
    pub in_doubt: Vec<DoubtfulExchange>,
}

/// An exchange that a killed run may have sent, and has no answer of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtfulExchange {
    /// Its id.
    pub exchange: String,
    /// The pass over the window.
    pub pass: u32,
    /// Method and path.
    pub request: String,
    /// Whether it was sent again.
    pub sent_again: bool,
}

/// What happened at one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointReport {
    /// Method, host and path template.
    pub endpoint: String,
    /// Exchanges that were to be sent.
    pub planned: u64,
    /// Answered by the target.
    pub sent: u64,
    /// Tried without a whole answer.
    pub failed: u64,
    /// Not sent.
    pub skipped: u64,
    /// Without a difference.
    pub matched: u64,
    /// With at least one difference.
    pub differed: u64,
    /// Not judged.
    pub incomparable: u64,
    /// Why not judged.
    pub incomparable_by: Vec<ReasonCount>,
    /// Recorded and replayed latency.
    pub latency: Latency,
    /// Divergences, alike ones together, most exchanges first.
    pub groups: Vec<DivergenceGroup>,
    /// Divergences that are in no group, because there are too many groups.
    pub ungrouped: u64,
    /// The first few exchanges that differ, side by side.
    pub examples: Vec<Example>,
}

/// Divergences of one endpoint that are alike: same part, same place (list indices apart), same kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DivergenceGroup {
    /// `status`, `header`, `trailer` or `body`.
    pub part: String,
    /// Where in the part, with `*` for indices and ids: `$.items[*].price`.
    pub location: String,
    /// `missing`, `extra`, `type` or `value`.
    pub kind: String,
    /// Exchanges with such a divergence.
    pub exchanges: u64,
    /// Such divergences in all.
    pub divergences: u64,
    /// When the first of these exchanges was recorded.
    #[serde(with = "text::time")]
    pub first: Timestamp,
    /// When the last of these exchanges was recorded.
    #[serde(with = "text::time")]
    pub last: Timestamp,
    /// The first few.
    pub examples: Vec<GroupExample>,
}

/// One divergence, as an example of its group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupExample {
    /// Id of the exchange.
    pub exchange: String,
    /// Where exactly.
    pub location: String,
    /// What was expected, cut for printing; null where nothing was.
    pub expected: Option<String>,
    /// What came, cut for printing; null where nothing did.
    pub actual: Option<String>,
}

/// One exchange that differs, side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Id of the exchange.
    pub exchange: String,
    /// When it was recorded.
    #[serde(with = "text::time")]
    pub recorded_start: Timestamp,
    /// Method and request target.
    pub request: String,
    /// The recorded answer.
    pub expected: Answer,
    /// The target's answer.
    pub actual: Answer,
    /// Both answers line by line: lines that differ, with a few around them.
    pub rows: Vec<DiffRow>,
    /// Lines that were left out because there are too many.
    pub rows_left_out: u64,
    /// Divergences of this exchange.
    pub divergences: u64,
}

/// The head of an answer, in brief.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Content-Type, if any.
    pub content_type: Option<String>,
    /// Bytes of the body as compared.
    pub body_bytes: u64,
    /// From the request's first byte to the answer's last, microseconds.
    pub latency_us: u64,
}

/// One line of a side-by-side view. A line that is on one side only has null on the other; both null is a leap over lines
/// that are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffRow {
    /// The recorded answer's line.
    pub expected: Option<String>,
    /// The target's line.
    pub actual: Option<String>,
}

/// A reason and how many exchanges it holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The reason, of a bounded set.
    pub reason: String,
    /// Exchanges.
    pub count: u64,
}

/// Latency of the same exchanges, recorded and replayed: from the request's first byte to the answer's last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// As recorded.
    pub recorded: Percentiles,
    /// As replayed.
    pub replayed: Percentiles,
}

/// A distribution of microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Measurements.
    pub count: u64,
    /// Mean.
    pub mean_us: f64,
    /// Median.
    pub p50_us: u64,
    /// 90 of 100 are at most this.
    pub p90_us: u64,
    /// 99 of 100 are at most this.
    pub p99_us: u64,
    /// 999 of 1,000 are at most this.
    pub p999_us: u64,
    /// The largest.
    pub max_us: u64,
    /// The curve, for drawing; empty where it is not kept.
    #[serde(default)]
    pub curve: Vec<Quantile>,
}

/// One point of a distribution's curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// Share of the measurements, 0 to 1.
    pub share: f64,
    /// They are at most this, microseconds.
    pub us: u64,
}

/// How true the schedule was kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScheduleReport {
    /// Sent time minus due time.
    pub lag: Percentiles,
    /// The part of the lag that was a wait for an earlier answer of the same connection or session.
    pub order_wait: Percentiles,
    /// Exchanges sent before they were due: always 0.
    pub early: u64,
    /// Exchanges that waited for an earlier answer.
    pub order_waited: u64,
    /// Exchanges that were late because too many were in flight.
    #[serde(default)]
    pub held_back: u64,
    /// Exchanges whose lag without the wait forced by order was above the gate `lag_max_us`.
    #[serde(default)]
    pub late: u64,
    /// The largest lag without the wait forced by order, microseconds.
    #[serde(default)]
    pub lag_own_max_us: u64,
    /// From when each answered request should have been sent (due, and free to go by its order) to its answer's last byte:
    /// what a user would have waited for a target that is behind.
    #[serde(default)]
    pub latency_from_due: Percentiles,
    /// Mean lag without order waits in the first tenth of the run, microseconds.
    pub lag_first_tenth_us: f64,
    /// Likewise in the last tenth: a schedule that drifts has a larger one.
    pub lag_last_tenth_us: f64,
}

/// What happened when: buckets of equal width over the run, by due time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Start of the first bucket; null for an empty run.
    #[serde(default, with = "text::time_option")]
    pub start: Option<Timestamp>,
    /// Width of a bucket, microseconds.
    pub bucket_us: u64,
    /// The buckets, without holes.
    pub buckets: Vec<TimeBucket>,
}

/// What happened in one bucket of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeBucket {
    /// Exchanges that were due.
    pub due: u64,
    /// Exchanges whose request went out in this bucket, whenever they were due.
    pub sent: u64,
    /// Of those due here: tried without a whole answer.
    pub failed: u64,
    /// Of those due here: answered with a difference.
    pub differed: u64,
    /// Of those due here: not judged.
    pub incomparable: u64,
    /// Of those due here: exchanges with a lag.
    pub lag_count: u64,
    /// Sum of their lags without order waits, microseconds.
    pub lag_sum_us: i64,
    /// Largest of their lags, microseconds.
    pub lag_max_us: i64,
}

/// Something that was seen and not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCompared {
    /// `header` or `trailer`.
    pub part: String,
    /// Name of the field, in lower case; `*` stands for any end.
    pub name: String,
    /// Which aspect is not compared: `all`, or for example `value`.
    pub aspect: String,
    /// Why.
    pub reason: String,
    /// Judged exchanges where it was present.
    pub seen: u64,
    /// Those among them where the two sides were not the same.
    pub differed: u64,
}
