//! What happened when: a bounded number of buckets whose width doubles as the run gets longer.

use std::collections::BTreeMap;

use schema::run::{TimeBucket, Timeline};
use schema::{ExchangeVerdict, Outcome, Replay, Timestamp};
use serde::{Deserialize, Serialize};

/// Width of a bucket in a short run, microseconds.
const BUCKET_US_MIN: i64 = 100_000;

/// Buckets of a run, by number: time since the epoch over the width.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TimelineStats {
    width_us: i64,
    #[serde(with = "crate::report::pairs")]
    buckets: BTreeMap<i64, TimeBucket>,
    buckets_max: i64,
}

impl TimelineStats {
    pub(super) fn new(buckets_max: usize) -> Self {
        Self {
            width_us: BUCKET_US_MIN,
            buckets: BTreeMap::new(),
            buckets_max: i64::try_from(buckets_max).unwrap_or(i64::MAX).max(1),
        }
    }

    pub(super) fn add(&mut self, replay: &Replay, verdict: ExchangeVerdict) {
        if replay.due == Timestamp::MIN {
            return;
        }
        let due_us = replay.due.as_micros();
        let was_tried = replay.outcome != Outcome::Skipped;
        let bucket = self.at(due_us);
        bucket.due += 1;
        bucket.failed += u64::from(replay.outcome == Outcome::Failed);
        bucket.differed += u64::from(verdict == ExchangeVerdict::Differ);
        bucket.incomparable += u64::from(verdict == ExchangeVerdict::Incomparable);
        if was_tried {
            bucket.lag_count += 1;
            bucket.lag_sum_us += replay.lag_us - replay.order_wait_us;
            bucket.lag_max_us = bucket.lag_max_us.max(replay.lag_us);
            self.at(due_us.saturating_add(replay.lag_us)).sent += 1;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        while self.width_us < other.width_us {
            self.halve();
        }
        for (number, bucket) in &other.buckets {
            add(self.at(number * other.width_us), bucket);
        }
    }

    fn at(&mut self, us: i64) -> &mut TimeBucket {
        loop {
            let number = us.div_euclid(self.width_us);
            let first = self.buckets.keys().next().copied().unwrap_or(number);
            let last = self.buckets.keys().next_back().copied().unwrap_or(number);
            if last.max(number) - first.min(number) < self.buckets_max {
                return self.buckets.entry(number).or_default();
            }
            self.halve();
        }
    }

    /// Makes one bucket of each two.
    fn halve(&mut self) {
        self.width_us *= 2;
        for (number, bucket) in std::mem::take(&mut self.buckets) {
            add(
                self.buckets.entry(number.div_euclid(2)).or_default(),
                &bucket,
            );
        }
    }

    /// Mean lag in the first and in the last tenth of the run.
    pub(super) fn lag_at_ends_us(&self) -> (f64, f64) {
        let report = self.report();
        let buckets = &report.buckets;
        let tenth = buckets.len().div_ceil(10);
        let mean = |buckets: &[TimeBucket]| {
            let count: u64 = buckets.iter().map(|bucket| bucket.lag_count).sum();
            let sum: i64 = buckets.iter().map(|bucket| bucket.lag_sum_us).sum();
            if count == 0 {
                0.0
            } else {
                sum as f64 / count as f64
            }
        };
        (
            mean(&buckets[..tenth]),
            mean(&buckets[buckets.len() - tenth..]),
        )
    }

    /// The buckets without holes.
    pub(super) fn report(&self) -> Timeline {
        let (Some((&first, _)), Some((&last, _))) = (
            self.buckets.first_key_value(),
            self.buckets.last_key_value(),
        ) else {
            return Timeline::default();
        };
        Timeline {
            start: Some(Timestamp::from_micros(first * self.width_us)),
            bucket_us: self.width_us.unsigned_abs(),
            buckets: (first..=last)
                .map(|number| self.buckets.get(&number).copied().unwrap_or_default())
                .collect(),
        }
    }
}

fn add(into: &mut TimeBucket, bucket: &TimeBucket) {
    into.due += bucket.due;
    into.sent += bucket.sent;
    into.failed += bucket.failed;
    into.differed += bucket.differed;
    into.incomparable += bucket.incomparable;
    into.lag_count += bucket.lag_count;
    into.lag_sum_us += bucket.lag_sum_us;
    into.lag_max_us = into.lag_max_us.max(bucket.lag_max_us);
}
