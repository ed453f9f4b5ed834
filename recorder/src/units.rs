//! Values with units as people type and read them: sizes (`16MiB`), spans of time (`90s`, `5m`, `7d`).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Units of size: what may be typed, in lower case, and how many bytes it is.
const SIZES: [(&str, u64); 12] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1_000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
    ("tib", 1 << 40),
];

/// Units of time: what may be typed, and how many milliseconds it is.
const SPANS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Text that is no value of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseUnitError {
    /// Not a size.
    #[error("`{0}` is not a size; write a number and a unit, such as 512KiB, 16MiB or 1GiB")]
    Size(String),
    /// Not a span of time.
    #[error("`{0}` is not a span of time; write a number and a unit, such as 90s, 5m, 1h or 7d")]
    Span(String),
    /// Not an address.
    #[error(
        "`{0}` is not an address to listen at; write an address and a port, such as 0.0.0.0:4789 or [::]:4789"
    )]
    Address(String),
    /// Not a share.
    #[error("`{0}` is not a share; write a number from 0 to 100 and a percent sign, such as 1%")]
    Percent(String),
}

impl FromStr for ByteSize {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        scaled(&lower, &SIZES)
            .map(Self)
            .ok_or_else(|| ParseUnitError::Size(text.to_owned()))
    }
}

impl fmt::Display for ByteSize {
    /// Three digits with a binary unit: `999 B`, `1.50 KiB`, `31.9 MiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1_024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64;
        let mut unit = UNITS[0];
        for next in UNITS {
            value /= 1_024.0;
            unit = next;
            if value < 999.5 {
                break;
            }
        }
        let decimals = match value {
            v if v < 9.995 => 2,
            v if v < 99.95 => 1,
            _ => 0,
        };
        write!(f, "{value:.decimals$} {unit}")
    }
}

/// Reads a span of time such as `90s`, `5m`, `1.5h` or `7d`.
///
/// # Errors
/// If the text is not a number with one of the units ms, s, m, h, d or w.
pub fn parse_span(text: &str) -> Result<Duration, ParseUnitError> {
    scaled(text, &SPANS)
        .map(Duration::from_millis)
        .ok_or_else(|| ParseUnitError::Span(text.to_owned()))
}

/// Reads an address to listen at, such as `0.0.0.0:4789`, or only a port for all IPv4 addresses.
///
/// # Errors
/// If the text is neither.
pub fn parse_address(text: &str) -> Result<SocketAddr, ParseUnitError> {
    let port = text.strip_prefix(':').unwrap_or(text);
    let all = |port| SocketAddr::from(([0, 0, 0, 0], port));
    text.parse()
        .or_else(|_| port.parse().map(all))
        .map_err(|_| ParseUnitError::Address(text.to_owned()))
}

/// Reads a share such as `1%` or `0.1%`: 0 to 1.
///
/// # Errors
/// If the text is not a number from 0 to 100 with a percent sign.
pub fn parse_percent(text: &str) -> Result<f64, ParseUnitError> {
    text.strip_suffix('%')
        .and_then(|number| number.trim_end().parse::<f64>().ok())
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| ParseUnitError::Percent(text.to_owned()))
}

/// A span of time as people read it: `0.42 s`, `12.3 s`, `4 min 05 s`, `2 h 05 min`, `3 d 04 h`.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if span < Duration::from_secs(10) {
        format!("{:.2} s", span.as_secs_f64())
    } else if minutes < 2 {
        format!("{:.1} s", span.as_secs_f64())
    } else if hours < 2 {
        format!("{minutes} min {:02} s", seconds % 60)
    } else if days < 2 {
        format!("{hours} h {:02} min", minutes % 60)
    } else {
        format!("{days} d {:02} h", hours % 24)
    }
}

/// A count with its digits grouped: `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with a unit from `units`, such as `1.5h`, in the smallest unit; `None` if it is none, or too large.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim_start();
    let scale = units.iter().find(|(name, _)| *name == unit)?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale);
    }
    let fraction: f64 = number.parse().ok()?;
    let value = fraction * scale as f64;
    // Above 2^53 a fraction says nothing any more.
    (value < 9e15).then_some(value.round() as u64)
}

#[cfg(test)]
mod tests;
