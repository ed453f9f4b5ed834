//! Heads that are not as RFC 9112 wants them, but that real programs send and take.
//!
//! Read here: bare LF, folded lines (section 5.2; joined by one space), blanks before the colon, control characters and NULs,
//! lines without a colon (kept as a name without value), versions and blanks out of the ordinary, any number of fields.

use schema::Headers;

use super::{Fields, RequestHead, ResponseHead, StartLine, Text, start_line};
use crate::{Anomaly, Counters, Limits};

/// Reads a whole request head.
pub(super) fn request(
    head: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> Option<RequestHead> {
    let (line, rest) = split_line(head);
    let line = start_line::request(line)?;
    let text = Text::of(head);
    let (headers, fields) = fields(&text, rest, limits, counters);
    let line = StartLine {
        protocol: line.protocol,
        method: &text.part(line.method),
        target: &text.part(line.target),
    };
    Some(line.with(headers, fields, text.charset()))
}

/// Reads a whole response head.
pub(super) fn response(
    head: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> Option<ResponseHead> {
    let (line, rest) = split_line(head);
    let line = start_line::status(line)?;
    let text = Text::of(head);
    let (headers, fields) = fields(&text, rest, limits, counters);
    Some(ResponseHead {
        protocol: line.protocol,
        status: line.status,
        headers,
        fields,
        charset: text.charset(),
    })
}

/// Reads field lines up to the empty line.
pub(super) fn fields(
    text: &Text<'_>,
    mut rest: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> (Headers, Fields) {
    let mut headers = Headers::with_capacity(16, rest.len());
    let mut noted = Fields::default();
    let mut number = 0;
    while let Some((field, after)) = next_field(rest) {
        rest = after;
        noted.doubtful |= field.odd && decides_framing(field.name);
        let name = text.part(field.name);
        noted.note(&name, &field.value);
        if number < limits.http_headers_max {
            headers.push(&name, &text.part(&field.value));
        } else if number == limits.http_headers_max {
            counters.count(Anomaly::HttpHeadersCut);
        }
        number += 1;
    }
    (headers, noted)
}

/// A field as it is kept.
struct Field<'a> {
    name: &'a [u8],
    value: Vec<u8>,
    /// Folded, or with blanks before the colon.
    odd: bool,
}

/// The next field and what follows it; `None` at the empty line.
fn next_field(rest: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (line, mut rest) = split_line(rest);
    if line.is_empty() {
        return None;
    }
    let (name, value) = match memchr::memchr(b':', line) {
        Some(colon) => (&line[..colon], line[colon + 1..].trim_ascii()),
        None => (line, &b""[..]),
    };
    let mut field = Field {
        name: name.trim_ascii(),
        value: value.to_vec(),
        odd: name.trim_ascii().len() != name.len(),
    };
    while let [b' ' | b'\t', ..] = rest {
        let (line, after) = split_line(rest);
        rest = after;
        field.odd = true;
        if !field.value.is_empty() {
            field.value.push(b' ');
        }
        field.value.extend_from_slice(line.trim_ascii());
    }
    Some((field, rest))
}

fn decides_framing(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
}

/// The first line without its end, and what follows.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &b""[..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}
