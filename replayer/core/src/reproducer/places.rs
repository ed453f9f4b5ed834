//! Values that are the whole of something in a request: a segment, a parameter, a cookie, a field, a JSON value.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use schema::Request;

use crate::correlate::{self, Of, Place, is_kept_header};

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

/// The whole values of a part that say something.
pub(super) fn wholes(text: &str, place: Place) -> Vec<Whole<'_>> {
    let wholes = correlate::wholes(text.as_bytes(), place).into_iter();
    let texts = wholes.filter_map(|whole| {
        Some(Whole {
            range: whole.range,
            text: match whole.value {
                Cow::Borrowed(value) => std::str::from_utf8(value).ok()?.into(),
                Cow::Owned(value) => String::from_utf8(value).ok()?.into(),
            },
            cookie: match whole.of {
                Of::Cookie(name) => std::str::from_utf8(name).ok(),
                _ => None,
            },
        })
    });
    texts.filter(|whole| !whole.text.is_empty()).collect()
}
