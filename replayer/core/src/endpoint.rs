//! Endpoints: method, host and path template, so that `/orders/41` and `/orders/42` are one.
//!
//! The template is a function of the path alone, so it is the same in every run. A segment of the path becomes a
//! placeholder when it looks like a key:
//!
//! | segment | placeholder | example |
//! |---|---|---|
//! | digits only | `{id}` | `/orders/42` |
//! | a UUID | `{uuid}` | `/items/6f1c…-…` |
//! | a date, or a date with a time | `{date}` | `/days/2026-11-22` |
//! | 8 or more hexadecimal digits, with both a digit and a letter | `{hex}` | `/blobs/9f86d081` |
//! | 24 or more characters with a digit, or 48 or more | `{token}` | `/s/AbC…` |
//! | letters, `-`, `_` or `.`, and then 3 or more digits | `…{id}` | `/tickets/ORD-000123` |
//!
//! An extension stays (`/reports/42.pdf` is `/reports/{id}.pdf`), parameters of a segment (`;jsessionid=…`) do not, and
//! what is deeper than [`SEGMENTS_MAX`] segments is `…`. What looks like a word and is a value is for
//! [`template`](crate::template) to learn.

use std::borrow::Cow;
use std::fmt::Write as _;

use globset::{GlobBuilder, GlobMatcher};
use schema::{Exchange, Request};

/// Segments of a path that a template keeps.
pub const SEGMENTS_MAX: usize = 12;

/// Bytes of an endpoint's text; a longer one is cut.
pub const ENDPOINT_BYTES_MAX: usize = 240;

/// Longest extension that is kept.
const EXTENSION_MAX: usize = 5;

/// The endpoint of an exchange: `GET shop.example /orders/{id}`. An exchange without a request belongs to `no request`.
#[must_use]
pub fn of(exchange: &Exchange) -> String {
    let Some(request) = &exchange.request else {
        return "no request".to_owned();
    };
    let mut endpoint = beginning(request);
    write_template(&request.path, &mut endpoint);
    cut(endpoint)
}

/// The endpoint of an exchange with another template than its own.
pub(crate) fn with_template(exchange: &Exchange, template: &str) -> String {
    match &exchange.request {
        Some(request) => cut(beginning(request) + template),
        None => of(exchange),
    }
}

/// Method and host of an endpoint.
fn beginning(request: &Request) -> String {
    let mut endpoint = String::with_capacity(64);
    endpoint.push_str(&request.method);
    endpoint.push(' ');
    match &request.host {
        Some(host) => {
            let at = endpoint.len();
            endpoint.push_str(host);
            endpoint[at..].make_ascii_lowercase();
        }
        None => endpoint.push('-'),
    }
    endpoint.push(' ');
    endpoint
}

fn cut(mut endpoint: String) -> String {
    if endpoint.len() > ENDPOINT_BYTES_MAX {
        endpoint.truncate(endpoint.floor_char_boundary(ENDPOINT_BYTES_MAX));
        endpoint.push('…');
    }
    endpoint
}

/// The template of a path.
#[must_use]
pub fn template(path: &str) -> String {
    let mut template = String::with_capacity(path.len());
    write_template(path, &mut template);
    template
}

/// A glob over endpoints as they are printed: `*` stops at a slash, `**` does not, and `{id}` stands for itself.
///
/// # Errors
/// If it is none.
pub fn glob(text: &str) -> Result<GlobMatcher, globset::Error> {
    let glob = GlobBuilder::new(&literal_placeholders(text))
        .literal_separator(true)
        .build()?;
    Ok(glob.compile_matcher())
}

/// The glob that matches this endpoint and no other.
pub(crate) fn glob_of(endpoint: &str) -> String {
    // Only braces around several words mean anything.
    let braces_too = endpoint.contains(',');
    let mut glob = String::with_capacity(endpoint.len());
    for character in endpoint.chars() {
        match character {
            '*' | '?' | '[' | ']' | '\\' => glob.extend(['[', character, ']']),
            '{' | '}' if braces_too => glob.extend(['[', character, ']']),
            _ => glob.push(character),
        }
    }
    glob
}

/// Takes the meaning of an alternation from braces that hold one word, as those of a template do, or have no like.
pub(crate) fn literal_placeholders(glob: &str) -> String {
    let mut text = String::with_capacity(glob.len() + 8);
    let mut rest = glob;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        match from
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'))
        {
            Some((word, after)) if !word.contains(['{', ',']) => {
                text.extend(["[{]", word, "[}]"]);
                rest = after;
            }
            Some((words, after)) if !words.contains('{') => {
                text.extend(["{", words, "}"]);
                rest = after;
            }
            _ => {
                text.extend(["[", &from[..1], "]"]);
                rest = &from[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

fn write_template(path: &str, template: &mut String) {
    // Authority form and `*` are no paths; they stand as they are.
    if !path.starts_with('/') {
        template.push_str(path);
        return;
    }
    for (index, segment) in path[1..].split('/').enumerate() {
        template.push('/');
        if index == SEGMENTS_MAX {
            template.push('…');
            return;
        }
        let (segment, _parameters) = segment.split_once(';').unwrap_or((segment, ""));
        write_segment(segment, template);
    }
}

fn write_segment(segment: &str, template: &mut String) {
    let (stem, extension) = match segment.rsplit_once('.') {
        Some((stem, extension)) if is_extension(extension) => (stem, Some(extension)),
        _ => (segment, None),
    };
    match placeholder(stem) {
        Some(key) => {
            template.push_str(&key);
            if let Some(extension) = extension {
                // Writing to a string cannot fail.
                let _ = write!(template, ".{extension}");
            }
        }
        None => template.push_str(segment),
    }
}

fn is_extension(text: &str) -> bool {
    (1..=EXTENSION_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What a key is replaced by; `None` if the text does not look like one.
pub(crate) fn placeholder(text: &str) -> Option<Cow<'static, str>> {
    let bytes = text.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if bytes.is_empty() {
        return None;
    }
    if digits == bytes.len() {
        return Some("{id}".into());
    }
    if is_uuid(bytes) {
        return Some("{uuid}".into());
    }
    if is_date(bytes) {
        return Some("{date}".into());
    }
    let all_hex = bytes.iter().all(u8::is_ascii_hexdigit);
    if bytes.len() >= 8 && all_hex && digits > 0 {
        return Some("{hex}".into());
    }
    if bytes.len() >= 48 || (bytes.len() >= 24 && digits > 0) {
        return Some("{token}".into());
    }
    let prefix = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = bytes.len() - prefix.len();
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.');
    (number >= 3 && prefix.bytes().all(is_word)).then(|| format!("{prefix}{{id}}").into())
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562 section 4).
fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `YYYY-MM-DD`, alone or with a time behind it.
fn is_date(bytes: &[u8]) -> bool {
    let is_day = bytes.len() >= 10
        && bytes[..10]
            .iter()
            .enumerate()
            .all(|(place, byte)| match place {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
    is_day
        && bytes[10..]
            .iter()
            .all(|byte| byte.is_ascii_digit() || b"Tt:Zz.+-_% ".contains(byte))
}

#[cfg(test)]
mod tests;
