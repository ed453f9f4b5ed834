//! Points and spans of time: UTC, nanoseconds in memory, microseconds in files.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};

/// Nanoseconds since the Unix epoch, UTC.
///
/// Packet time and schedule time are both of this type; nothing in the core crates reads a clock. Files store whole
/// microseconds, so a value that went through a segment has lost its last three digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The earliest representable time, 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// The latest time that fits a segment key, in the year 2286.
    pub const MAX: Self = Self(9_999_999_999_999_999_000);

    /// A time from nanoseconds since the epoch, cut at [`Timestamp::MAX`].
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        if nanos > Self::MAX.0 {
            Self::MAX
        } else {
            Self(nanos)
        }
    }

    /// A time from microseconds since the epoch; negative ones become [`Timestamp::MIN`].
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < 0 {
            Self::MIN
        } else {
            Self::from_nanos((micros as u64).saturating_mul(1_000))
        }
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the epoch, as files store them.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        (self.0 / 1_000) as i64
    }

    /// This time without its last three digits: what a segment gives back.
    #[must_use]
    pub const fn to_micros_precision(self) -> Self {
        Self(self.0 / 1_000 * 1_000)
    }

    /// The time `duration` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self::from_nanos(self.0.saturating_add(nanos))
    }

    /// The time `duration` earlier, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The start of this time's minute.
    #[must_use]
    pub const fn minute(self) -> Self {
        Self(self.0 - self.0 % 60_000_000_000)
    }

    /// The start of this time's hour.
    #[must_use]
    pub const fn hour(self) -> Self {
        Self(self.0 - self.0 % 3_600_000_000_000)
    }

    /// The Hive partition of this time: `date=YYYY-MM-DD/hour=HH`, UTC.
    #[must_use]
    pub fn partition(self) -> String {
        let utc = self.to_utc();
        format!("date={}/hour={:02}", utc.format("%Y-%m-%d"), utc.hour())
    }

    /// This time as a calendar value, for printing.
    #[must_use]
    pub fn to_utc(self) -> DateTime<Utc> {
        let seconds = i64::try_from(self.0 / 1_000_000_000).unwrap_or(i64::MAX);
        let nanos = u32::try_from(self.0 % 1_000_000_000).unwrap_or(0);
        DateTime::from_timestamp(seconds, nanos).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with microseconds, `2026-11-22T13:05:07.000250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_utc().format("%Y-%m-%dT%H:%M:%S%.6fZ"))
    }
}

/// Text that is not an RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time such as 2026-11-22T13:00:00Z or 2026-11-22T15:00:00+02:00")]
pub struct ParseTimestampError(String);

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Reads RFC 3339 with any offset (RFC 3339 section 5.6).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseTimestampError(text.to_owned());
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| error())?;
        let nanos = time.timestamp_nanos_opt().ok_or_else(error)?;
        Ok(Self::from_nanos(u64::try_from(nanos).map_err(|_| error())?))
    }
}

/// A half-open span of time, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeWindow {
    /// The first instant inside.
    pub start: Timestamp,
    /// The first instant after.
    pub end: Timestamp,
}

impl TimeWindow {
    /// All of time that an archive can hold.
    pub const ALL: Self = Self {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };

    /// Whether `time` lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether any instant from `first` to `last`, both included, lies inside.
    #[must_use]
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        first < self.end && self.start <= last
    }

    /// How long the window is; zero if it ends before it starts.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }
}

impl fmt::Display for TimeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

#[cfg(test)]
mod tests;
