//! Times in requests, moved from the recorded window to the time of the replay, each in the shape that it had.
//!
//! | shape | example |
//! |---|---|
//! | Unix time: seconds (with or without a fraction), milliseconds, microseconds | `1795352400`, `1795352400000` |
//! | RFC 3339, with the digits, the signs and the offset that it has, also without one | `2026-11-22T15:00:00.250+02:00` |
//! | a date: moved by whole days, as the day of the request is | `2026-11-22` |
//! | HTTP-date (RFC 9110 section 5.6.7) | `Sun, 22 Nov 2026 13:00:00 GMT` |

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use schema::{TimeWindow, Timestamp};

const SECOND_US: i64 = 1_000_000;

/// How times are moved in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The recorded window: what lies in it is moved.
    pub window: TimeWindow,
    /// By how much: the run's start minus the first request's recorded time; a window's length more in each later pass.
    pub by: TimeDelta,
    /// When this request was recorded.
    pub recorded: Timestamp,
}

/// Which times are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those in the recorded window.
    InWindow,
    /// All.
    All,
}

/// What became of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shifted {
    /// It is this now.
    To(String),
    /// It lies outside of the window.
    Outside,
    /// It is no time.
    NoTime,
}

/// A time, and how it is written.
struct Written {
    at: DateTime<Utc>,
    shape: Shape,
}

enum Shape {
    /// A number whose last digit is so many microseconds; with so many digits behind the point.
    Unix {
        unit_us: i64,
        decimals: usize,
    },
    /// Behind the day: a sign, whether there are seconds, digits of a fraction with their sign, and the offset as written.
    Rfc3339 {
        separator: char,
        seconds: bool,
        fraction: Option<(char, usize)>,
        zone: String,
        offset: FixedOffset,
    },
    Date,
    Imf,
}

impl Shift {
    /// Moves `text`, if it is a time.
    pub(super) fn apply(&self, text: &str, which: Which) -> Shifted {
        let Some(Written { at, shape }) = read(text) else {
            return Shifted::NoTime;
        };
        // Of a date, the day counts.
        let end = if matches!(shape, Shape::Date) {
            at + TimeDelta::days(1) - TimeDelta::microseconds(1)
        } else {
            at
        };
        let (from, to) = (self.window.start.to_utc(), self.window.end.to_utc());
        if which == Which::InWindow && (end < from || at >= to) {
            return Shifted::Outside;
        }
        let moved = if matches!(shape, Shape::Date) {
            let recorded = self.recorded.to_utc();
            let days = recorded
                .checked_add_signed(self.by)
                .map(|now| now.date_naive() - recorded.date_naive());
            days.and_then(|days| at.checked_add_signed(days))
        } else {
            at.checked_add_signed(self.by)
        };
        moved
            .and_then(|moved| shape.write(moved))
            .map_or(Shifted::NoTime, Shifted::To)
    }
}

impl Shape {
    fn write(&self, at: DateTime<Utc>) -> Option<String> {
        Some(match self {
            Self::Unix { unit_us, decimals } => {
                let us = at.timestamp_micros();
                let whole = us.div_euclid(*unit_us);
                if *decimals == 0 {
                    whole.to_string()
                } else {
                    // Only seconds have a fraction.
                    let nanos = us.rem_euclid(*unit_us) * 1_000;
                    format!("{whole}.{}", digits(nanos, *decimals))
                }
            }
            Self::Rfc3339 {
                separator,
                seconds,
                fraction,
                zone,
                offset,
            } => {
                let local = at.with_timezone(offset);
                let clock = if *seconds { "%H:%M:%S" } else { "%H:%M" };
                let mut text = format!(
                    "{}{separator}{}",
                    local.format("%Y-%m-%d"),
                    local.format(clock)
                );
                if let Some((sign, count)) = fraction {
                    let nanos = i64::from(local.timestamp_subsec_nanos());
                    text.push(*sign);
                    text.push_str(&digits(nanos, *count));
                }
                text + zone
            }
            Self::Date => at.format("%Y-%m-%d").to_string(),
            Self::Imf => at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        })
    }
}

/// The first digits of nanoseconds behind a point.
fn digits(nanos: i64, count: usize) -> String {
    let all = format!("{nanos:09}");
    all.chars()
        .chain(std::iter::repeat('0'))
        .take(count)
        .collect()
}

fn read(text: &str) -> Option<Written> {
    unix(text)
        .or_else(|| rfc3339(text))
        .or_else(|| date(text))
        .or_else(|| imf(text))
}

fn unix(text: &str) -> Option<Written> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 || text.ends_with('.') {
        return None;
    }
    let unit_us = match whole.len() {
        10 => SECOND_US,
        13 if fraction.is_empty() => 1_000,
        16 if fraction.is_empty() => 1,
        _ => return None,
    };
    let mut us = whole.parse::<i64>().ok()?.checked_mul(unit_us)?;
    if !fraction.is_empty() {
        us += format!("{fraction:0<6}")[..6].parse::<i64>().ok()?;
    }
    let shape = Shape::Unix {
        unit_us,
        decimals: fraction.len(),
    };
    Some(Written {
        at: DateTime::from_timestamp_micros(us)?,
        shape,
    })
}

fn rfc3339(text: &str) -> Option<Written> {
    if !text.is_ascii() || text.len() < 16 {
        return None;
    }
    let day = NaiveDate::parse_from_str(&text[..10], "%Y-%m-%d").ok()?;
    let separator = char::from(text.as_bytes()[10]);
    if !matches!(separator, 'T' | 't' | ' ') {
        return None;
    }
    let rest = &text[11..];
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let (hms, fraction) = match clock.find(['.', ',']) {
        Some(at) => {
            let sign = char::from(clock.as_bytes()[at]);
            (&clock[..at], Some((sign, &clock[at + 1..])))
        }
        None => (clock, None),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !fraction.is_none_or(|(_, digits)| is_number(digits) && digits.len() <= 9) {
        return None;
    }
    let seconds = hms.len() == 8;
    let format = if seconds { "%H:%M:%S" } else { "%H:%M" };
    let time = chrono::NaiveTime::parse_from_str(hms, format).ok()?;
    let offset = offset(zone)?;
    let nanos = fraction.map_or(0, |(_, digits)| {
        format!("{digits:0<9}").parse().unwrap_or(0)
    });
    let local = NaiveDateTime::new(day, time) + TimeDelta::nanoseconds(nanos);
    Some(Written {
        at: local.and_local_timezone(offset).single()?.to_utc(),
        shape: Shape::Rfc3339 {
            separator,
            seconds,
            fraction: fraction.map(|(sign, digits)| (sign, digits.len())),
            zone: zone.to_owned(),
            offset,
        },
    })
}

/// An offset; none is UTC.
fn offset(zone: &str) -> Option<FixedOffset> {
    let sign = match zone.as_bytes().first() {
        None => return FixedOffset::east_opt(0),
        Some(b'Z' | b'z') if zone.len() == 1 => return FixedOffset::east_opt(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return None,
    };
    let digits: String = zone[1..].chars().filter(|sign| *sign != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = match digits.len() {
        2 => (digits.parse().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    FixedOffset::east_opt(sign * (hours * 3_600 + minutes * 60))
}

fn date(text: &str) -> Option<Written> {
    if text.len() != 10 {
        return None;
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(Written {
        at: day.and_hms_opt(0, 0, 0)?.and_utc(),
        shape: Shape::Date,
    })
}

fn imf(text: &str) -> Option<Written> {
    let local = NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok()?;
    Some(Written {
        at: local.and_utc(),
        shape: Shape::Imf,
    })
}

#[cfg(test)]
mod tests;
