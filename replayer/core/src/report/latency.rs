//! Distributions of time: latency of both sides, lag of the schedule.

use hdrhistogram::Histogram;
use schema::run::{Latency, Percentiles, Quantile, ScheduleReport};
use schema::{Completeness, Exchange, Outcome, Replay};
use serde::{Deserialize, Serialize};

/// Longest time that is told apart, microseconds: an hour. Longer ones count as that.
const US_MAX: u64 = 3_600_000_000;

/// Significant digits that are kept: errors of at most 1 %.
const DIGITS: u8 = 2;

/// Shares at which a curve is drawn.
const CURVE: [f64; 18] = [
    0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995,
    0.9999, 1.0,
];

/// From the request's first byte to the answer's last, recorded and replayed, where both are whole.
pub(super) fn of_both(
    recorded: &Exchange,
    actual: &Exchange,
    outcome: Outcome,
) -> Option<(u64, u64)> {
    let is_whole = outcome == Outcome::Sent && recorded.completeness == Completeness::Complete;
    is_whole
        .then(|| Some((of(recorded)?, of(actual)?)))
        .flatten()
}

/// From the request's first byte to the answer's last, microseconds.
pub(super) fn of(exchange: &Exchange) -> Option<u64> {
    let (request, response) = (exchange.request.as_ref()?, exchange.response.as_ref()?);
    let latency = response.end.since(request.start);
    Some(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX))
}

/// A distribution of microseconds. Stored as its values and how often each was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "Vec<(u64, u64)>", from = "Vec<(u64, u64)>")]
struct Distribution(Histogram<u32>);

impl From<Distribution> for Vec<(u64, u64)> {
    fn from(distribution: Distribution) -> Self {
        let values = distribution.0.iter_recorded();
        values
            .map(|value| {
                (
                    value.value_iterated_to(),
                    value.count_since_last_iteration(),
                )
            })
            .collect()
    }
}

impl From<Vec<(u64, u64)>> for Distribution {
    fn from(values: Vec<(u64, u64)>) -> Self {
        let mut distribution = Self::default();
        for (us, count) in values {
            distribution.add_many(us, count);
        }
        distribution
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("the number of digits is legal"))
    }
}

impl Distribution {
    fn add(&mut self, us: u64) {
        // The histogram grows up to the bound, which saturates.
        self.0
            .record(us.min(US_MAX))
            .expect("the histogram grows by itself");
    }

    fn add_many(&mut self, us: u64, count: u64) {
        let mut left = count;
        while left > 0 {
            let part = u32::try_from(left).unwrap_or(u32::MAX);
            // A stored value may lie above the bound by the histogram's own grain.
            self.0
                .record_n(us, part)
                .expect("the histogram grows by itself");
            left -= u64::from(part);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the histogram grows by itself");
    }

    fn percentiles(&self) -> Percentiles {
        let at = |share| self.0.value_at_quantile(share);
        Percentiles {
            count: self.0.len(),
            mean_us: if self.0.is_empty() {
                0.0
            } else {
                self.0.mean()
            },
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.0.max(),
            curve: Vec::new(),
        }
    }

    fn percentiles_with_curve(&self) -> Percentiles {
        let point = |&share: &f64| Quantile {
            share,
            us: self.0.value_at_quantile(share),
        };
        let is_empty = self.0.is_empty();
        Percentiles {
            curve: CURVE.iter().filter(|_| !is_empty).map(point).collect(),
            ..self.percentiles()
        }
    }
}

/// Latency of the same exchanges on both sides.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct LatencyStats {
    recorded: Distribution,
    replayed: Distribution,
}

impl LatencyStats {
    pub(crate) fn add(&mut self, recorded_us: u64, replayed_us: u64) {
        self.recorded.add(recorded_us);
        self.replayed.add(replayed_us);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.recorded.merge(&other.recorded);
        self.replayed.merge(&other.replayed);
    }

    pub(crate) fn report(&self) -> Latency {
        Latency {
            recorded: self.recorded.percentiles(),
            replayed: self.replayed.percentiles(),
        }
    }

    pub(crate) fn report_with_curve(&self) -> Latency {
        Latency {
            recorded: self.recorded.percentiles_with_curve(),
            replayed: self.replayed.percentiles_with_curve(),
        }
    }
}

/// How true the schedule was kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ScheduleStats {
    lag: Distribution,
    order_wait: Distribution,
    early: u64,
    order_waited: u64,
    /// The gate; what is above it is late.
    lag_max_us: Option<u64>,
    late: u64,
    lag_own_max_us: u64,
    latency_from_due: Distribution,
}

impl ScheduleStats {
    /// Counts as late what has more lag than this, waits forced by order apart.
    pub(super) fn gated(lag_max_us: Option<u64>) -> Self {
        Self {
            lag_max_us,
            ..Self::default()
        }
    }

    /// Takes an exchange that was sent or tried.
    pub(super) fn add(&mut self, replay: &Replay, actual: &Exchange) {
        let own = u64::try_from(replay.lag_us - replay.order_wait_us).unwrap_or(0);
        self.lag_own_max_us = self.lag_own_max_us.max(own);
        self.late += u64::from(self.lag_max_us.is_some_and(|most| own > most));
        if replay.outcome == Outcome::Sent
            && let Some(latency) = of(actual)
        {
            self.latency_from_due.add(latency.saturating_add(own));
        }
        self.early += u64::from(replay.lag_us < 0);
        self.lag.add(u64::try_from(replay.lag_us).unwrap_or(0));
        let waited = u64::try_from(replay.order_wait_us).unwrap_or(0);
        self.order_waited += u64::from(waited > 0);
        self.order_wait.add(waited);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.lag.merge(&other.lag);
        self.order_wait.merge(&other.order_wait);
        self.early += other.early;
        self.order_waited += other.order_waited;
        self.late += other.late;
        self.lag_own_max_us = self.lag_own_max_us.max(other.lag_own_max_us);
        self.latency_from_due.merge(&other.latency_from_due);
    }

    pub(super) fn report(&self, lag_first_tenth_us: f64, lag_last_tenth_us: f64) -> ScheduleReport {
        ScheduleReport {
            lag: self.lag.percentiles_with_curve(),
            order_wait: self.order_wait.percentiles(),
            early: self.early,
            order_waited: self.order_waited,
            held_back: 0,
            late: self.late,
            lag_own_max_us: self.lag_own_max_us,
            latency_from_due: self.latency_from_due.percentiles(),
            lag_first_tenth_us,
            lag_last_tenth_us,
        }
    }
}
