//! What happened when, in a bounded number of buckets: when they are too many, two become one.

use std::collections::BTreeMap;

use schema::comparison::{ComparedBucket, ComparedTimeline};
use schema::{Blame, Timestamp};

use crate::blame::Judged;

/// The narrowest bucket, microseconds.
const BUCKET_US_MIN: i64 = 1_000_000;

/// Buckets by number since 1970.
#[derive(Debug)]
pub(super) struct Timeline {
    bucket_us: i64,
    buckets_max: usize,
    buckets: BTreeMap<i64, ComparedBucket>,
}

impl Timeline {
    pub(super) fn new(buckets_max: usize) -> Self {
        Self {
            bucket_us: BUCKET_US_MIN,
            buckets_max,
            buckets: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, at: Timestamp, judged: &Judged) {
        let bucket = self
            .buckets
            .entry(at.as_micros().div_euclid(self.bucket_us))
            .or_default();
        bucket.requests += 1;
        bucket.judged += u64::from(judged.incomparable.is_none());
        bucket.refactor += u64::from(judged.worst() == Some(Blame::Refactor));
        while self.span() > self.buckets_max as i64 {
            self.bucket_us *= 2;
            let mut wider: BTreeMap<i64, ComparedBucket> = BTreeMap::new();
            for (number, bucket) in std::mem::take(&mut self.buckets) {
                let into = wider.entry(number.div_euclid(2)).or_default();
                into.requests += bucket.requests;
                into.judged += bucket.judged;
                into.refactor += bucket.refactor;
            }
            self.buckets = wider;
        }
    }

    pub(super) fn written(&self) -> ComparedTimeline {
        let (Some((&first, _)), Some((&last, _))) = (
            self.buckets.first_key_value(),
            self.buckets.last_key_value(),
        ) else {
            return ComparedTimeline::default();
        };
        ComparedTimeline {
            start: Some(Timestamp::from_micros(first * self.bucket_us)),
            bucket_us: self.bucket_us.unsigned_abs(),
            buckets: (first..=last)
                .map(|number| self.buckets.get(&number).copied().unwrap_or_default())
                .collect(),
        }
    }

    /// Buckets from the first to the last.
    fn span(&self) -> i64 {
        match (
            self.buckets.first_key_value(),
            self.buckets.last_key_value(),
        ) {
            (Some((first, _)), Some((last, _))) => last - first + 1,
            _ => 0,
        }
    }
}
