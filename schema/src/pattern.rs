//! Conditions on parts of an exchange as people write them: globs and ranges of statuses.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

/// A glob: `*` and `?` within one path segment, `**` across segments, `{a,b}` and `[ab]`.
#[derive(Clone, Debug)]
pub struct Pattern(GlobMatcher);

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.glob().glob())
    }
}

impl Pattern {
    /// A pattern for paths, where `*` stops at `/`.
    ///
    /// # Errors
    /// If `glob` is none.
    pub fn path(glob: &str) -> Result<Self, ParsePatternError> {
        Self::new(glob, true, false)
    }

    /// A pattern for hosts, in any case.
    ///
    /// # Errors
    /// If `glob` is none.
    pub fn host(glob: &str) -> Result<Self, ParsePatternError> {
        Self::new(glob, false, true)
    }

    /// A pattern for values of header fields, in the case that is given.
    ///
    /// # Errors
    /// If `glob` is none.
    pub fn value(glob: &str) -> Result<Self, ParsePatternError> {
        Self::new(glob, false, false)
    }

    /// Whether all of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    fn new(glob: &str, separator: bool, any_case: bool) -> Result<Self, ParsePatternError> {
        GlobBuilder::new(glob)
            .literal_separator(separator)
            .case_insensitive(any_case)
            .build()
            .map(|glob| Self(glob.compile_matcher()))
            .map_err(|error| {
                ParsePatternError::new(glob, format!("a glob such as /api/**: {}", error.kind()))
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
    type Err = ParsePatternError;

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
        let (first, last) = range
            .ok_or_else(|| ParsePatternError::new(text, "a status such as 404, 5xx or 200-299"))?;
        Ok(Self { first, last })
    }
}

/// Text that is no pattern of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct ParsePatternError {
    text: String,
    expected: String,
}

impl ParsePatternError {
    /// `text` is not what is `expected`.
    pub fn new(text: impl Into<String>, expected: impl Into<String>) -> Self {
        let (text, expected) = (text.into(), expected.into());
        Self { text, expected }
    }
}
