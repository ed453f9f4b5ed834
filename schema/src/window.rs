//! Which span of time is meant.
//!
//! Spans such as "the last week" are counted from the newest recorded exchange, not from today: an archive of old captures
//! is as usable as one that is still growing.

use std::time::Duration;

use crate::{TimeWindow, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

/// A span of time as a user names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// From one time to another; what is missing is the archive's own first or last exchange.
    Between {
        /// The first instant inside.
        from: Option<Timestamp>,
        /// The first instant after.
        to: Option<Timestamp>,
    },
    /// This long, up to and with the newest exchange.
    Last(Duration),
    /// The newest calendar unit (UTC) that was over when the newest exchange was recorded.
    Newest(Calendar),
}

/// A unit of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calendar {
    /// From a Monday to the next.
    Week,
    /// From the first of a month to the next.
    Month,
}

impl Span {
    /// The window that is meant in an archive whose exchanges start from `first` to `last`, both included.
    ///
    /// # Errors
    /// If the window is empty, or the archive does not reach past any whole unit.
    pub fn resolve(self, first: Timestamp, last: Timestamp) -> Result<TimeWindow, WindowError> {
        // A window is half-open and files have microseconds: the newest exchange lies inside.
        let end = last.saturating_add(Duration::from_micros(1));
        let window = match self {
            Self::Between { from, to } => TimeWindow {
                start: from.unwrap_or(first),
                end: to.unwrap_or(end),
            },
            Self::Last(duration) => TimeWindow {
                start: end.saturating_sub(duration).max(first),
                end,
            },
            Self::Newest(unit) => {
                let window = unit.newest_whole(last);
                if !window.overlaps(first, last) {
                    return Err(WindowError::NoWholeUnit { unit, first, last });
                }
                window
            }
        };
        not_empty(window)
    }

    /// The window, if both of its ends were named: then it is the same in every archive. `None` if the archive has to be asked for
    /// its first and last exchange.
    ///
    /// # Errors
    /// If the window is empty.
    pub fn named(self) -> Result<Option<TimeWindow>, WindowError> {
        match self {
            Self::Between {
                from: Some(start),
                to: Some(end),
            } => not_empty(TimeWindow { start, end }).map(Some),
            Self::Between { .. } | Self::Last(_) | Self::Newest(_) => Ok(None),
        }
    }
}

fn not_empty(window: TimeWindow) -> Result<TimeWindow, WindowError> {
    if window.start < window.end {
        Ok(window)
    } else {
        Err(WindowError::Empty(window))
    }
}

impl Calendar {
    /// The newest unit that ended at or before `time`.
    fn newest_whole(self, time: Timestamp) -> TimeWindow {
        match self {
            Self::Week => {
                let days = time.as_nanos() / nanos(DAY);
                // 1970-01-01 was a Thursday: day 4 was the first Monday.
                let monday = days.saturating_sub((days + 3) % 7);
                TimeWindow {
                    start: day(monday.saturating_sub(7)),
                    end: day(monday),
                }
            }
            Self::Month => {
                let end = first_of_month(time);
                TimeWindow {
                    start: first_of_month(end.saturating_sub(DAY)),
                    end,
                }
            }
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn day(days: u64) -> Timestamp {
    Timestamp::from_nanos(days.saturating_mul(nanos(DAY)))
}

/// The start of the month that `time` lies in.
fn first_of_month(time: Timestamp) -> Timestamp {
    let today = time.as_nanos() / nanos(DAY);
    let day_of_month = time.partition()["date=YYYY-MM-".len()..]
        .get(..2)
        .and_then(|digits| digits.parse::<u64>().ok())
        .expect("a partition has the day of the month in two digits");
    day(today.saturating_sub(day_of_month - 1))
}

/// Why no window is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It ends before it starts.
    #[error("the window {0} is empty; --to has to be later than --from")]
    Empty(TimeWindow),
    /// The archive is too short.
    #[error(
        "the archive goes from {first} to {last} and has no whole {}; choose --from and --to, or --last", .unit.word()
    )]
    NoWholeUnit {
        /// What was asked for.
        unit: Calendar,
        /// The archive's first exchange.
        first: Timestamp,
        /// The archive's last exchange.
        last: Timestamp,
    },
}

#[cfg(test)]
mod tests;
