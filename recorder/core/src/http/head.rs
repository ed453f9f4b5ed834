//! Message heads: from the bytes of one whole head to what a row needs of it.
//!
//! [`Scan`] finds where a head ends, [`read`] reads it. Well-formed heads take the fast path through
//! `httparse`; what that rejects is read by [`lenient`], which takes anything with a start line.

mod fields;
mod lenient;
mod scan;
mod start_line;

use std::borrow::Cow;
use std::mem::MaybeUninit;

use schema::{Charset, Headers, Protocol, Request, Timestamp};

use crate::{Anomaly, Counters, Limits};

pub(crate) use fields::{ContentLength, Fields, Transfer};
pub(crate) use scan::{Expected, Kind, METHOD_BYTES_MAX, Scan, Scanned, Trust};
pub(crate) use start_line::{METHODS, is_usual_in_method, is_whole, split_target};

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

impl RequestHead {
    /// The row's form of a request whose first byte came at `at`, without its body.
    pub(crate) fn into_request(self, at: Timestamp) -> Request {
        Request {
            start: at,
            end: at,
            method: self.method,
            host: self.headers.get("host").map(str::to_owned),
            path: self.path,
            query: self.query,
            target: self.target,
            headers: self.headers,
            body: schema::Body::default(),
            trailers: None,
        }
    }
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

/// A whole head.
#[derive(Debug)]
pub(crate) enum Head {
    Request(RequestHead),
    Response(ResponseHead),
}

/// Reads the head that `bytes` begin with if it is whole and well-formed; gives its length too. What it takes, [`Scan`]
/// takes as the same head.
pub(crate) fn read_well_formed(
    bytes: &[u8],
    expected: Expected,
    limits: &Limits,
    counters: &mut Counters,
) -> Option<(Head, usize)> {
    let kind = match bytes.starts_with(b"HTTP/") {
        true => Kind::Response,
        false => Kind::Request,
    };
    if !expected.allows(kind) {
        return None;
    }
    parse(kind, bytes, limits, counters).ok()
}

/// Reads a whole head that [`Scan`] found.
pub(crate) fn read(
    kind: Kind,
    head: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> Option<Head> {
    let odd = match parse(kind, head, limits, counters) {
        Ok((parsed, len)) if len == head.len() => return Some(parsed),
        Ok(_) => true,
        Err(error) => error != Some(httparse::Error::TooManyHeaders),
    };
    if odd {
        counters.count(Anomaly::HttpHeadOdd);
    }
    match kind {
        Kind::Request => lenient::request(head, limits, counters).map(Head::Request),
        Kind::Response => lenient::response(head, limits, counters).map(Head::Response),
    }
}

/// Reads a well-formed head off the front of `bytes`; fails without an error where it is not whole or too long.
fn parse(
    kind: Kind,
    bytes: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> Result<(Head, usize), Option<httparse::Error>> {
    let mut fields = [const { MaybeUninit::uninit() }; FAST_FIELDS];
    let whole = |status| match status {
        httparse::Status::Complete(len) if len <= limits.http_head_bytes_max => Ok(len),
        _ => Err(None),
    };
    let protocol = |version| match version {
        Some(0) => Protocol::Http10,
        _ => Protocol::Http11,
    };
    match kind {
        Kind::Request => {
            let mut parsed = httparse::Request::new(&mut []);
            let len = whole(parsed.parse_with_uninit_headers(bytes, &mut fields)?)?;
            let (method, target) = parsed.method.zip(parsed.path).ok_or(None)?;
            if method.len() > METHOD_BYTES_MAX {
                return Err(None);
            }
            let text = Text::of(&bytes[..len]);
            let (headers, fields) = text.fields(parsed.headers, limits, counters);
            let line = StartLine {
                protocol: protocol(parsed.version),
                method,
                target: &text.part(target.as_bytes()),
            };
            let head = line.with(headers, fields, text.charset());
            Ok((Head::Request(head), len))
        }
        Kind::Response => {
            let mut parsed = httparse::Response::new(&mut []);
            let config = httparse::ParserConfig::default();
            let status =
                config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields)?;
            let len = whole(status)?;
            let text = Text::of(&bytes[..len]);
            let (headers, fields) = text.fields(parsed.headers, limits, counters);
            let head = ResponseHead {
                protocol: protocol(parsed.version),
                status: parsed.code.ok_or(None)?,
                headers,
                fields,
                charset: text.charset(),
            };
            Ok((Head::Response(head), len))
        }
    }
}

/// Reads a trailer section: field lines and an empty line (RFC 9112 section 7.1.2).
pub(crate) fn trailers(
    section: &[u8],
    limits: &Limits,
    counters: &mut Counters,
) -> (Headers, Charset) {
    let text = Text::of(section);
    let (headers, _) = lenient::fields(&text, section, limits, counters);
    (headers, text.charset())
}

/// A request's start line, taken apart but for the target.
struct StartLine<'a> {
    protocol: Protocol,
    method: &'a str,
    target: &'a str,
}

impl StartLine<'_> {
    fn with(self, headers: Headers, fields: Fields, charset: Charset) -> RequestHead {
        let connect = self.method == "CONNECT";
        let (path, query, target) = split_target(connect, self.target);
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
enum Text<'a> {
    Utf8(&'a str),
    Latin1,
}

impl<'a> Text<'a> {
    fn of(head: &'a [u8]) -> Self {
        std::str::from_utf8(head).map_or(Self::Latin1, Self::Utf8)
    }

    fn charset(&self) -> Charset {
        match self {
            Self::Utf8(_) => Charset::Utf8,
            Self::Latin1 => Charset::Latin1,
        }
    }

    /// The text of `part`. What the parsers cut at is ASCII, so that a part of UTF-8 text is itself UTF-8.
    fn part<'b>(&self, part: &'b [u8]) -> Cow<'b, str>
    where
        'a: 'b,
    {
        let Self::Utf8(head) = self else {
            return latin1(part).into();
        };
        // A part that lies in the head needs no second check, only to be found there.
        let start = (part.as_ptr().addr()).wrapping_sub(head.as_ptr().addr());
        match head.get(start..start.wrapping_add(part.len())) {
            Some(text) if text.as_ptr() == part.as_ptr() => text.into(),
            _ => String::from_utf8_lossy(part),
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

/// A part of a head whose charset is known.
pub(crate) fn text(part: &[u8], charset: Charset) -> Cow<'_, str> {
    match charset {
        Charset::Utf8 => String::from_utf8_lossy(part),
        Charset::Latin1 => latin1(part).into(),
    }
}

/// Each byte as the code point of the same number.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}
