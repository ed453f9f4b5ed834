//! Which exchanges of a window are meant.
//!
//! Every condition that is given has to hold; within one condition any of its values suffices. A condition on something
//! that an exchange does not have (the path where the request was not seen) does not hold.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};
use rustc_hash::FxHashSet;
use schema::{Exchange, ExchangeId, Sample};

/// The conditions; an empty one lets everything through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These exchanges.
    pub exchanges: FxHashSet<ExchangeId>,
    /// Methods, in any case.
    pub methods: Vec<String>,
    /// Hosts, in any case.
    pub hosts: Vec<Pattern>,
    /// Paths without the query.
    pub paths: Vec<Pattern>,
    /// Paths that are left out.
    pub excluded_paths: Vec<Pattern>,
    /// Recorded statuses.
    pub statuses: Vec<StatusRange>,
    /// Request headers.
    pub headers: Vec<HeaderPattern>,
    /// A share of the traffic.
    pub sample: Option<Sample>,
}

impl Filter {
    /// Whether `exchange` is meant.
    #[must_use]
    pub fn keeps(&self, exchange: &Exchange) -> bool {
        let request = exchange.request.as_ref();
        let method = request.map(|request| request.method.as_str());
        let host = request.and_then(|request| request.host.as_deref());
        let path = request.map(|request| request.path.as_str());
        let status = exchange.response.as_ref().map(|response| response.status);
        (self.exchanges.is_empty() || self.exchanges.contains(&exchange.id()))
            && any(&self.methods, method, |a, b| a.eq_ignore_ascii_case(b))
            && any(&self.hosts, host, Pattern::matches)
            && any(&self.paths, path, Pattern::matches)
            && !self
                .excluded_paths
                .iter()
                .any(|pattern| path.is_some_and(|path| pattern.matches(path)))
            && any(&self.statuses, status, |range, status| {
                range.contains(status)
            })
            && self.headers.iter().all(|pattern| {
                request.is_some_and(|request| {
                    request
                        .headers
                        .get_all(&pattern.name)
                        .any(|value| pattern.value.matches(value))
                })
            })
            && self
                .sample
                .as_ref()
                .is_none_or(|sample| sample.keeps(exchange))
    }

    /// Whether heads are needed to decide, beside the columns of a summary.
    #[must_use]
    pub fn needs_headers(&self) -> bool {
        use schema::SampleBy::{Cookie, Header};
        let by = self.sample.as_ref().map(|sample| &sample.by);
        !self.headers.is_empty() || matches!(by, Some(Header(_) | Cookie(_)))
    }
}

/// Whether there is no condition, or one that holds for the value.
fn any<C, T>(conditions: &[C], value: Option<T>, holds: impl Fn(&C, T) -> bool) -> bool
where
    T: Copy,
{
    conditions.is_empty() || value.is_some_and(|value| conditions.iter().any(|c| holds(c, value)))
}

/// A glob: `*` and `?` within one path segment, `**` across segments, `{a,b}` and `[ab]`.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

impl Pattern {
    /// A pattern for paths, where `*` stops at `/`.
    ///
    /// # Errors
    /// If `glob` is none.
    pub fn path(glob: &str) -> Result<Self, ParseFilterError> {
        Self::new(glob, true, false)
    }

    /// A pattern for hosts, in any case.
    ///
    /// # Errors
    /// If `glob` is none.
    pub fn host(glob: &str) -> Result<Self, ParseFilterError> {
        Self::new(glob, false, true)
    }

    /// Whether all of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    fn new(glob: &str, separator: bool, any_case: bool) -> Result<Self, ParseFilterError> {
        GlobBuilder::new(glob)
            .literal_separator(separator)
            .case_insensitive(any_case)
            .build()
            .map(|glob| Self(glob.compile_matcher()))
            .map_err(|error| ParseFilterError {
                text: glob.to_owned(),
                expected: format!("a glob such as /api/**: {}", error.kind()),
            })
    }
}

/// A header whose value matches: `NAME=GLOB`.
#[derive(Clone, Debug)]
pub struct HeaderPattern {
    name: String,
    value: Pattern,
}

impl fmt::Display for HeaderPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value.0.glob())
    }
}

impl FromStr for HeaderPattern {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, glob) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| ParseFilterError {
                text: text.to_owned(),
                expected: "NAME=GLOB such as user-agent=*Mobile*".to_owned(),
            })?;
        Ok(Self {
            name: name.to_owned(),
            value: Pattern::new(glob, false, false)?,
        })
    }
}

/// Statuses: `404`, `5xx` or `200-299`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    first: u16,
    last: u16,
}

impl StatusRange {
    /// Whether `status` is one of them.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl FromStr for StatusRange {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let status = |text: &str| -> Option<u16> {
            let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let range = if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"))
        {
            status(&format!("{class}00")).map(|first| (first, first + 99))
        } else if let Some((first, last)) = text.split_once('-') {
            status(first)
                .zip(status(last))
                .filter(|(first, last)| first <= last)
        } else {
            status(text).map(|status| (status, status))
        };
        let (first, last) = range.ok_or_else(|| ParseFilterError {
            text: text.to_owned(),
            expected: "a status such as 404, 5xx or 200-299".to_owned(),
        })?;
        Ok(Self { first, last })
    }
}

/// Text that is no condition of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFilterError {
    text: String,
    expected: String,
}

impl fmt::Display for ParseFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not {}", self.text, self.expected)
    }
}

impl std::error::Error for ParseFilterError {}

#[cfg(test)]
mod tests;
