//! Message heads: from the bytes of one whole head to what a row needs of it.
//!
//! [`Scan`] finds where a head ends, [`request`] and [`response`] read it. Well-formed heads take the fast path through
//! `httparse`; what that rejects is read by [`lenient`], which takes anything with a start line.

mod fields;
mod lenient;
mod scan;
mod start_line;

use std::borrow::Cow;
use std::mem::MaybeUninit;

use schema::{Charset, Headers, Protocol};

use crate::{Anomaly, Counters, Limits};

pub(crate) use fields::{ContentLength, Fields, Transfer};
pub(crate) use scan::{Expected, Kind, METHOD_BYTES_MAX, Scan, Scanned, Trust};
pub(crate) use start_line::{METHODS, is_usual_in_method};

/// Fields that the fast path has room for; heads with more take the lenient path.
const FAST_FIELDS: usize = 64;

/// A request's head.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) protocol: Protocol,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) fields: Fields,
    pub(crate) charset: Charset,
}

/// A response's head.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) protocol: Protocol,
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) fields: Fields,
    pub(crate) charset: Charset,
}

/// Reads a whole request head.
pub(crate) fn request(
    head: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> Option<RequestHead> {
    let mut fields = [const { MaybeUninit::uninit() }; FAST_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let whole = parsed.parse_with_uninit_headers(head, &mut fields);
    let (true, Some(method), Some(target)) = (is_whole(whole, head), parsed.method, parsed.path)
    else {
        return lenient::request(head, is_odd(whole), limits, counters);
    };
    let text = Text::of(head);
    let (headers, fields) = text.fields(parsed.headers, limits, counters);
    let protocol = match parsed.version {
        Some(0) => Protocol::Http10,
        _ => Protocol::Http11,
    };
    let line = StartLine {
        protocol,
        method,
        target: text.part(target.as_bytes()).into_owned(),
    };
    Some(line.with(headers, fields, text.0))
}

/// Reads a whole response head.
pub(crate) fn response(
    head: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> Option<ResponseHead> {
    let mut fields = [const { MaybeUninit::uninit() }; FAST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let whole = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        head,
        &mut fields,
    );
    let (true, Some(status)) = (is_whole(whole, head), parsed.code) else {
        return lenient::response(head, is_odd(whole), limits, counters);
    };
    let text = Text::of(head);
    let (headers, fields) = text.fields(parsed.headers, limits, counters);
    Some(ResponseHead {
        protocol: match parsed.version {
            Some(0) => Protocol::Http10,
            _ => Protocol::Http11,
        },
        status,
        headers,
        fields,
        charset: text.0,
    })
}

/// Whether `httparse` took the whole head, no more and no less.
fn is_whole(parsed: httparse::Result<usize>, head: &[u8]) -> bool {
    matches!(parsed, Ok(httparse::Status::Complete(len)) if len == head.len())
}

/// Whether `httparse` refused a head for more than its many fields.
fn is_odd(parsed: httparse::Result<usize>) -> bool {
    parsed != Err(httparse::Error::TooManyHeaders)
}

/// Reads a trailer section: field lines and an empty line (RFC 9112 section 7.1.2).
pub(crate) fn trailers(
    section: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> (Headers, Charset) {
    let text = Text::of(section);
    let (headers, _) = lenient::fields(&text, section, limits, counters);
    (headers, text.0)
}

/// A request's start line, taken apart but for the target.
struct StartLine<'a> {
    protocol: Protocol,
    method: &'a str,
    target: String,
}

impl StartLine<'_> {
    fn with(self, headers: Headers, fields: Fields, charset: Charset) -> RequestHead {
        let connect = self.method == "CONNECT";
        let (path, query, target) = start_line::split_target(connect, self.target);
        RequestHead {
            protocol: self.protocol,
            method: self.method.to_owned(),
            path,
            query,
            target,
            headers,
            fields,
            charset,
        }
    }
}

/// A head's bytes as text: UTF-8 if the whole head is, else each byte is the code point of the same number.
struct Text(Charset);

impl Text {
    fn of(head: &[u8]) -> Self {
        match std::str::from_utf8(head) {
            Ok(_) => Self(Charset::Utf8),
            Err(_) => Self(Charset::Latin1),
        }
    }

    /// The text of `part`, which lies inside the head. What the parsers cut at is ASCII, so that a part of UTF-8 text is
    /// itself UTF-8.
    fn part<'a>(&self, part: &'a [u8]) -> Cow<'a, str> {
        match (self.0, std::str::from_utf8(part)) {
            (Charset::Utf8, Ok(text)) => text.into(),
            _ => latin1(part).into(),
        }
    }

    /// The rows' form of parsed fields.
    fn fields(
        &self,
        parsed: &[httparse::Header<'_>],
        limits: &Limits,
        counters: &mut Counters,
    ) -> (Headers, Fields) {
        let bytes = parsed
            .iter()
            .map(|field| field.name.len() + field.value.len());
        let mut headers = Headers::with_capacity(parsed.len(), bytes.sum());
        let mut noted = Fields::default();
        if parsed.len() > limits.http_headers_max {
            counters.count(Anomaly::HttpHeadersCut);
        }
        for (number, field) in parsed.iter().enumerate() {
            noted.note(field.name, field.value);
            if number < limits.http_headers_max {
                headers.push(field.name, &self.part(field.value));
            }
        }
        (headers, noted)
    }
}

/// Each byte as the code point of the same number.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
