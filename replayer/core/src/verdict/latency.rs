//! Latency of the same requests on both sides, from when each was due, and whether the candidate is slower.

use schema::Exchange;
use schema::comparison::Slower;
use schema::run::Latency;

use crate::report::LatencyStats;

/// Pairs below which nothing is said: the interval would rest on too few.
const PAIRS_MIN: u64 = 30;
/// Quantile of the normal distribution for a two-sided interval of 99 %.
const Z_99: f64 = 2.576;

/// Pairs of latencies: their distributions, and mean and variance of their differences (Welford's recurrence).
#[derive(Clone, Debug, Default)]
pub(super) struct PairedLatency {
    stats: LatencyStats,
    pairs: u64,
    mean_us: f64,
    squares: f64,
}

impl PairedLatency {
    pub(super) fn add(&mut self, baseline: &Exchange, candidate: &Exchange) {
        let (Some(left), Some(right)) = (latency_us(baseline), latency_us(candidate)) else {
            return;
        };
        self.stats.add(left, right);
        self.pairs += 1;
        let difference = right as f64 - left as f64;
        let from_mean = difference - self.mean_us;
        self.mean_us += from_mean / self.pairs as f64;
        self.squares += from_mean * (difference - self.mean_us);
    }

    pub(super) fn report(&self) -> Latency {
        self.stats.report_with_curve()
    }

    /// How much slower the candidate is, with its confidence interval; `None` for too few pairs.
    pub(super) fn slower(&self) -> Option<Slower> {
        (self.pairs >= PAIRS_MIN).then(|| {
            let variance = self.squares / (self.pairs - 1) as f64;
            let half = Z_99 * (variance / self.pairs as f64).sqrt();
            Slower {
                pairs: self.pairs,
                mean_us: self.mean_us,
                low_us: self.mean_us - half,
                high_us: self.mean_us + half,
            }
        })
    }
}

/// From when the request was due (of a recording: from its first byte) to the answer's last byte, microseconds.
fn latency_us(exchange: &Exchange) -> Option<u64> {
    let end = exchange.response.as_ref()?.end;
    let start = exchange
        .replay
        .as_ref()
        .map_or_else(|| exchange.start(), |replay| replay.due);
    u64::try_from(end.since(start).as_micros()).ok()
}
