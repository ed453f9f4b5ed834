//! Which numbers of which recorders there are or were: segments are numbered, so that one that is missing is noticed.

use std::collections::BTreeMap;

use crate::Error;

/// Numbers from here on are those of a recorder without a spool: its first is the time of its start in milliseconds. A
/// recorder that starts again goes on elsewhere.
const BY_TIME: u64 = 1_000_000_000_000;
/// How many of such numbers may be missing between two that are there; where more are, the recorder was started again.
const BY_TIME_MISSING_MAX: u64 = 1_000;

/// Numbers of segments of one table, by recorder, as ranges with both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentNumbers(BTreeMap<String, BTreeMap<u64, u64>>);

impl SegmentNumbers {
    /// Adds the numbers from `first` to `last`, both included.
    pub fn insert(&mut self, recorder: &str, mut first: u64, mut last: u64) {
        let ranges = match self.0.get_mut(recorder) {
            Some(ranges) => ranges,
            None => self.0.entry(recorder.to_owned()).or_default(),
        };
        // Those that overlap or touch become one.
        while let Some((&start, &end)) = ranges.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            ranges.remove(&start);
            (first, last) = (first.min(start), last.max(end));
        }
        ranges.insert(first, last);
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: &Self) {
        for (recorder, first, last) in others.ranges() {
            self.insert(recorder, first, last);
        }
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn contains(&self, recorder: &str, number: u64) -> bool {
        let ranges = self.0.get(recorder);
        ranges.is_some_and(|ranges| {
            let before = ranges.range(..=number).next_back();
            before.is_some_and(|(_, last)| number <= *last)
        })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each range: recorder, first and last number.
    pub fn ranges(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.0.iter().flat_map(|(recorder, ranges)| {
            let ranges = ranges.iter();
            ranges.map(|(first, last)| (recorder.as_str(), *first, *last))
        })
    }

    /// The numbers that are missing between others of their recorder, or before them, as ranges.
    #[must_use]
    pub fn missing(&self) -> Vec<(&str, u64, u64)> {
        let mut missing = Vec::new();
        for (recorder, ranges) in &self.0 {
            let mut next = 0;
            for (&first, &last) in ranges {
                let restarted =
                    first >= BY_TIME && (next < BY_TIME || first - next > BY_TIME_MISSING_MAX);
                if first > next && !restarted {
                    missing.push((recorder.as_str(), next, first - 1));
                }
                next = last.saturating_add(1);
            }
        }
        missing
    }

    /// As JSON: a list of `[recorder, first, last]`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let ranges: Vec<_> = self.ranges().collect();
        serde_json::to_string(&ranges).expect("names and numbers are JSON")
    }

    /// Reads what [`SegmentNumbers::to_json`] wrote.
    ///
    /// # Errors
    /// If the text is something else.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let ranges: Vec<(String, u64, u64)> = serde_json::from_str(text)
            .map_err(|error| Error::Format(format!("numbers of segments: {error}")))?;
        let mut numbers = Self::default();
        for (recorder, first, last) in ranges {
            if first > last {
                return Err(Error::Format(format!(
                    "numbers of segments: {first} to {last}"
                )));
            }
            numbers.insert(&recorder, first, last);
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests;
