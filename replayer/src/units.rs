//! Values with units, as typed on the command line.

use std::str::FromStr;
use std::time::Duration;

/// Text that is no value of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct ParseUnitError {
    text: String,
    expected: &'static str,
}

fn error(text: &str, expected: &'static str) -> ParseUnitError {
    ParseUnitError {
        text: text.to_owned(),
        expected,
    }
}

/// Splits `text` into its number and its unit. The number is finite and not negative.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// A length of time: `250ms`, `90s`, `15m`, `12h`, `7d`, `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let span = || {
            let (number, unit) = number_and_unit(text)?;
            let seconds = match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return None,
            };
            let span = Duration::try_from_secs_f64(number * seconds).ok()?;
            (!span.is_zero()).then_some(Self(span))
        };
        span().ok_or_else(|| {
            error(
                text,
                "a length of time such as 250ms, 90s, 15m, 12h, 7d or 2w",
            )
        })
    }
}

/// A number of bytes: `16MiB`, `64kB`, `512`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = || {
            let (number, unit) = number_and_unit(text)?;
            let bytes = match unit {
                "" | "B" => 1.0,
                "kB" => 1e3,
                "MB" => 1e6,
                "GB" => 1e9,
                "KiB" => 1024.0,
                "MiB" => 1024.0 * 1024.0,
                "GiB" => 1024.0 * 1024.0 * 1024.0,
                _ => return None,
            };
            let bytes = number * bytes;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "below 2^53, not negative"
            )]
            (bytes <= 9e15).then_some(Self(bytes as usize))
        };
        size().ok_or_else(|| error(text, "a size such as 512, 64KiB or 16MiB"))
    }
}

/// Events a second: `500/s`, `30/m`, `500`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub f64);

impl FromStr for Rate {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = || {
            let (number, unit) = number_and_unit(text)?;
            let per_second = match unit {
                "" | "/s" => number,
                "/m" | "/min" => number / 60.0,
                "/h" => number / 3_600.0,
                _ => return None,
            };
            // Above a billion a second the interval is no whole nanosecond.
            (per_second > 0.0 && per_second <= 1e9).then_some(Self(per_second))
        };
        rate().ok_or_else(|| error(text, "a rate such as 500/s or 30/m"))
    }
}

/// How much faster than recorded: `1`, `0.5`, `10`, `10x`, or `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// Recorded times divided by this.
    Factor(f64),
    /// As fast as possible.
    Max,
}

impl FromStr for Speed {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match number_and_unit(text) {
            Some((factor, "" | "x")) if factor > 0.0 => Ok(Self::Factor(factor)),
            _ => Err(error(text, "a speed such as 1, 10, 0.5 or max")),
        }
    }
}

/// How often a window is replayed: `3`, or how long: `10m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loop {
    /// So many times, 1 or more.
    Count(u64),
    /// Until this much of the schedule is over.
    For(Duration),
}

impl FromStr for Loop {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(0) => None,
            Ok(count) => Some(Self::Count(count)),
            Err(_) => text.parse().ok().map(|span: Span| Self::For(span.0)),
        }
        .ok_or_else(|| {
            error(
                text,
                "a number of times such as 3, or a length of time such as 10m",
            )
        })
    }
}

#[cfg(test)]
mod tests;
