//! Text line by line: each hunk of lines that differ is one difference, and can be read.
//!
//! Lines are compared without white space at their ends. Where that differs, in however many lines, is one difference of its
//! own, at `white space`, so that a rule can set it aside and a reader can see it. Bytes become text by the charset that
//! Content-Type says, UTF-8 where it says none; what is none is compared by bytes.

use std::borrow::Cow;

use schema::{DivergenceKind, Response};

use super::excerpt::{beginning, pair};
use super::{Difference, Found, Part, Rules};
use crate::line_diff::pairs;

/// Lines of a text that are laid beside each other; texts with more are compared by bytes.
const LINES_MAX: usize = 200_000;

/// The text of a body, by its declared charset; `None` if it is none.
pub(super) fn decoded<'b>(response: &Response, bytes: &'b [u8]) -> Option<Cow<'b, str>> {
    let declared = response
        .headers
        .get("content-type")
        .and_then(|value| parameter(value, "charset"))
        .map(str::to_ascii_lowercase);
    let text = match declared.as_deref() {
        // Windows-1252 differs in 27 characters, but equal bytes stay equal and different ones different.
        Some("iso-8859-1" | "latin1" | "windows-1252") => {
            Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect())
        }
        None | Some("utf-8" | "utf8" | "us-ascii") => {
            Cow::Borrowed(std::str::from_utf8(bytes).ok()?)
        }
        Some(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    text.chars().all(is_text).then_some(text)
}

/// Compares two texts that differ; `false` if they have too many lines for that.
pub(super) fn compare(expected: &str, actual: &str, rules: &Rules, found: &mut Found) -> bool {
    let lines = |text: &str| -> Option<Vec<String>> {
        // One more than may be is enough to know.
        let lines = text.split('\n').take(LINES_MAX + 1);
        let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
        (lines.len() <= LINES_MAX).then_some(lines)
    };
    let (Some(left), Some(right)) = (lines(expected), lines(actual)) else {
        return false;
    };
    if left == right {
        found.add(|| {
            let (expected, actual) = pair(expected, actual, rules.excerpt_bytes_max);
            hunk("white space".to_owned(), Some(expected), Some(actual))
        });
        return true;
    }
    let place = |line: usize| format!("line {}", line + 1);
    let rows = pairs(&left, &right);
    for change in changes(&rows, &left, &right) {
        found.add(|| change.difference(&left, &right, place, rules));
    }
    if let Some((expected, actual)) = other_ends(&rows, (expected, &left), (actual, &right)) {
        found.add(|| {
            let (expected, actual) = pair(expected, actual, rules.excerpt_bytes_max);
            hunk("white space".to_owned(), Some(expected), Some(actual))
        });
    }
    true
}

/// The first two lines that stand for each other and differ in nothing but white space at their ends.
fn other_ends<'t>(
    rows: &[(Option<usize>, Option<usize>)],
    (expected, left): (&'t str, &[String]),
    (actual, right): (&'t str, &[String]),
) -> Option<(&'t str, &'t str)> {
    let whole: Vec<&str> = expected.split('\n').collect();
    let other: Vec<&str> = actual.split('\n').collect();
    rows.iter().find_map(|&(l, r)| {
        let (l, r) = l.zip(r)?;
        (left[l] == right[r] && whole[l] != other[r]).then(|| (whole[l], other[r]))
    })
}

/// Lines that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A line that became another.
    Became(usize, usize),
    /// Lines that are gone, one after the other.
    Gone(usize, usize),
    /// Lines that are new, one after the other.
    New(usize, usize),
}

/// What differs between two lists of lines, in order, of which `rows` says which stand for each other.
pub(super) fn changes(
    rows: &[(Option<usize>, Option<usize>)],
    left: &[String],
    right: &[String],
) -> Vec<Change> {
    let mut changes = Vec::new();
    for &row in rows {
        match (row, changes.last_mut()) {
            ((Some(l), Some(r)), _) if left[l] == right[r] => {}
            ((Some(l), Some(r)), _) => changes.push(Change::Became(l, r)),
            ((Some(l), None), Some(Change::Gone(_, end))) if *end == l => *end += 1,
            ((Some(l), None), _) => changes.push(Change::Gone(l, l + 1)),
            ((None, Some(r)), Some(Change::New(_, end))) if *end == r => *end += 1,
            ((None, Some(r)), _) => changes.push(Change::New(r, r + 1)),
            ((None, None), _) => {}
        }
    }
    changes
}

impl Change {
    /// The difference, at the place of its first line.
    pub(super) fn difference(
        &self,
        left: &[String],
        right: &[String],
        place: impl Fn(usize) -> String,
        rules: &Rules,
    ) -> Difference {
        let max = rules.excerpt_bytes_max;
        let all = |lines: &[String]| Some(beginning(&lines.join("\n"), max));
        match *self {
            Self::Became(l, r) => {
                let (expected, actual) = pair(&left[l], &right[r], max);
                hunk(place(l), Some(expected), Some(actual))
            }
            Self::Gone(from, to) => hunk(place(from), all(&left[from..to]), None),
            Self::New(from, to) => hunk(place(from), None, all(&right[from..to])),
        }
    }
}

/// A difference between texts; a side that has nothing there is `None`.
pub(super) fn hunk(
    location: String,
    expected: Option<String>,
    actual: Option<String>,
) -> Difference {
    let kind = match (&expected, &actual) {
        (Some(_), None) => DivergenceKind::Missing,
        (None, Some(_)) => DivergenceKind::Extra,
        _ => DivergenceKind::Value,
    };
    Difference {
        part: Part::Body,
        location,
        kind,
        expected,
        actual,
    }
}

/// A parameter of a media type (RFC 9110 section 8.3.1), without its quotes.
fn parameter<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (found, value) = parameter.split_once('=')?;
        found
            .trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests;
