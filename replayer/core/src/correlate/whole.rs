//! Values that are the whole of something in a request: of a segment, a parameter, a cookie, a field, a JSON value.

use std::borrow::Cow;
use std::ops::Range;

use super::Place;
use crate::percent::percent_decoded;

/// A value that is the whole of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole<'a> {
    /// Where in the text.
    pub(crate) range: Range<usize>,
    /// What it says: decoded where it is percent-encoded, as it is written in JSON.
    pub(crate) value: Cow<'a, [u8]>,
    /// What it is the whole of.
    pub(crate) of: Of<'a>,
}

/// What a value is the whole of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of<'a> {
    /// A segment or a parameter, percent-encoded.
    Part,
    /// The cookie of this name; without quotes.
    Cookie(&'a [u8]),
    /// A field, or what is behind its first word (`Bearer 42`).
    Field,
    /// A field in quotes, without them.
    Quoted,
    /// A JSON string, between its quotes.
    String,
    /// A JSON number.
    Number,
}

/// The whole values of a text that stands in this place, in order; those of one field overlap, the longest first.
pub(crate) fn wholes(text: &[u8], place: Place) -> Vec<Whole<'_>> {
    match place {
        Place::Path => between(text, b'/', place, |_| 0),
        Place::Query | Place::Form => between(text, b'&', place, |part| {
            // Without a value there is nothing to look up.
            let equals = part.iter().position(|&byte| byte == b'=');
            equals.map_or(part.len(), |at| at + 1)
        }),
        Place::Cookie => cookies(text),
        Place::Header => field(text),
        Place::Json => scalars(text),
        Place::Body => Vec::new(),
    }
}

/// Percent-encoded values between separators; `value_at` says where in a part its value begins.
fn between(
    text: &[u8],
    separator: u8,
    place: Place,
    value_at: impl Fn(&[u8]) -> usize,
) -> Vec<Whole<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.split(|&byte| byte == separator) {
        let range = start + value_at(part)..start + part.len();
        start += part.len() + 1;
        if !range.is_empty() {
            found.push(Whole {
                value: percent_decoded(&text[range.clone()], place != Place::Path),
                range,
                of: Of::Part,
            });
        }
    }
    found
}

fn cookies(text: &[u8]) -> Vec<Whole<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.split(|&byte| byte == b';') {
        let part_start = start;
        start += part.len() + 1;
        let Some(equals) = part.iter().position(|&byte| byte == b'=') else {
            continue;
        };
        let (name, value) = (&part[..equals], &part[equals + 1..]);
        let blanks = value.len() - value.trim_ascii_start().len();
        let value = value.trim_ascii();
        let inner = quoted(value);
        let at = part_start + equals + 1 + blanks + usize::from(inner.is_some());
        let value = inner.unwrap_or(value);
        found.push(Whole {
            range: at..at + value.len(),
            value: value.into(),
            of: Of::Cookie(name.trim_ascii()),
        });
    }
    found
}

fn field(text: &[u8]) -> Vec<Whole<'_>> {
    let value = text.trim_ascii();
    let start = text.len() - text.trim_ascii_start().len();
    let whole = |from: usize, value: &'_ [u8], of| Whole {
        range: start + from..start + from + value.len(),
        value: Cow::Owned(value.to_owned()),
        of,
    };
    let mut found = vec![whole(0, value, Of::Field)];
    if let Some(blank) = value.iter().position(|&byte| byte == b' ') {
        found.push(whole(blank + 1, &value[blank + 1..], Of::Field));
    }
    if let Some(inner) = quoted(value) {
        found.push(whole(1, inner, Of::Quoted));
    }
    found
}

/// Strings and numbers of JSON, but not names of members.
fn scalars(text: &[u8]) -> Vec<Whole<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let start = at;
        let (range, of) = match byte {
            b'"' => {
                let Some(end) = string_end(text, start) else {
                    break;
                };
                at = end + 1;
                if text[at..].trim_ascii_start().first() == Some(&b':') {
                    continue;
                }
                (start + 1..end, Of::String)
            }
            b'-' | b'0'..=b'9' => {
                let is_number = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                at += text[at..].iter().take_while(is_number).count();
                (start..at, Of::Number)
            }
            _ => {
                at += 1;
                continue;
            }
        };
        found.push(Whole {
            value: text[range.clone()].into(),
            range,
            of,
        });
    }
    found
}

/// The closing quote of the string that begins at `start`.
fn string_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
    None
}

fn quoted(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}
