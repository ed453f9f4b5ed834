//! Values that are the whole of something in a request: a segment, a parameter, a cookie, a field, a JSON value.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use schema::Request;

use crate::correlate::{Place, is_kept_header};
use crate::percent::percent_decoded;

/// A part of a request in which values are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Path,
    Query,
    /// The field of this number.
    Header(usize),
    Body,
}

/// A value that is the whole of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whole<'a> {
    /// Where in the part.
    pub(super) range: Range<usize>,
    /// Its text, decoded.
    pub(super) text: Cow<'a, str>,
    /// The cookie's name.
    pub(super) cookie: Option<&'a str>,
}

/// The parts of a request that have values, each with its text.
pub(super) fn parts(request: &Request) -> Vec<(Field, Place, &str)> {
    let mut parts = vec![(Field::Path, Place::Path, &*request.path)];
    if let Some(query) = &request.query {
        parts.push((Field::Query, Place::Query, query));
    }
    for (number, (name, value)) in request.headers.iter().enumerate() {
        if is_kept_header(name) {
            continue;
        }
        let is_cookie = name.eq_ignore_ascii_case("cookie");
        let place = if is_cookie {
            Place::Cookie
        } else {
            Place::Header
        };
        parts.push((Field::Header(number), place, value));
    }
    if let Some(text) = body(request) {
        parts.push((Field::Body, place_of_body(request, text), text));
    }
    parts
}

/// The body, if it is text that values can be put into.
pub(super) fn body(request: &Request) -> Option<&str> {
    let is_coded = request.headers.get("content-encoding").is_some();
    let text = std::str::from_utf8(&request.body.bytes).ok()?;
    (!text.is_empty() && !is_coded).then_some(text)
}

fn place_of_body(request: &Request, text: &str) -> Place {
    let content_type = request.headers.get("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let begins_json = text.trim_start().starts_with(['{', '[']);
    if essence.ends_with("json") || (essence.is_empty() && begins_json) {
        Place::Json
    } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Place::Form
    } else {
        Place::Body
    }
}

/// The texts of all whole values of a request.
pub(super) fn whole_texts(request: Option<&Request>) -> BTreeSet<String> {
    let parts = request.map(parts).unwrap_or_default().into_iter();
    parts
        .flat_map(|(_, place, text)| wholes(text, place))
        .map(|whole| whole.text.into_owned())
        .collect()
}

/// The whole values of a part.
pub(super) fn wholes(text: &str, place: Place) -> Vec<Whole<'_>> {
    match place {
        Place::Path => between(text, '/', place, |_| 0),
        Place::Query | Place::Form => between(text, '&', place, |part| {
            part.find('=').map_or(part.len(), |at| at + 1)
        }),
        Place::Cookie => cookies(text),
        Place::Header => header(text),
        Place::Json => scalars(text),
        Place::Body => Vec::new(),
    }
}

fn between(
    text: &str,
    separator: char,
    place: Place,
    value_at: impl Fn(&str) -> usize,
) -> Vec<Whole<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.split(separator) {
        let range = start + value_at(part)..start + part.len();
        start += part.len() + 1;
        let decoded = percent_decoded(text[range.clone()].as_bytes(), place != Place::Path);
        if let Ok(text) = String::from_utf8(decoded.into_owned())
            && !text.is_empty()
        {
            found.push(Whole {
                range,
                text: text.into(),
                cookie: None,
            });
        }
    }
    found
}

fn cookies(text: &str) -> Vec<Whole<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    for part in text.split(';') {
        let begin = start;
        start += part.len() + 1;
        let Some((name, value)) = part.split_once('=') else {
            continue;
        };
        let inner = value.trim();
        let inner = inner
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'))
            .unwrap_or(inner);
        let at = begin + name.len() + 1 + value.find(inner).unwrap_or(0);
        found.push(Whole {
            range: at..at + inner.len(),
            text: inner.into(),
            cookie: Some(name.trim()),
        });
    }
    found
}

/// The value, and what is behind its first word (`Bearer 42`), and between quotes (`"42"`).
fn header(text: &str) -> Vec<Whole<'_>> {
    let trimmed = text.trim();
    let start = text.len() - text.trim_start().len();
    let whole = |from: usize, inner: &'_ str| Whole {
        range: start + from..start + from + inner.len(),
        text: Cow::Owned(inner.to_owned()),
        cookie: None,
    };
    let mut found = vec![whole(0, trimmed)];
    if let Some(blank) = trimmed.find(' ') {
        found.push(whole(blank + 1, &trimmed[blank + 1..]));
    }
    if let Some(inner) = trimmed
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
    {
        found.push(whole(1, inner));
    }
    found
}

/// Strings and numbers of JSON, but not names of members.
fn scalars(text: &str) -> Vec<Whole<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += 1 + usize::from(bytes[at] == b'\\');
                }
                let end = at.min(bytes.len());
                at = end + 1;
                let behind = text.get(at..).unwrap_or_default().trim_start();
                if !behind.starts_with(':')
                    && let Some(inner) = text.get(start + 1..end)
                {
                    found.push(Whole {
                        range: start + 1..end,
                        text: inner.into(),
                        cookie: None,
                    });
                }
            }
            b'-' | b'0'..=b'9' => {
                let is_number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                at += bytes[at..]
                    .iter()
                    .take_while(|byte| is_number(byte))
                    .count();
                found.push(Whole {
                    range: start..at,
                    text: text[start..at].into(),
                    cookie: None,
                });
            }
            _ => at += 1,
        }
    }
    found
}
