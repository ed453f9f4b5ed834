//! Where a head begins and ends, byte for byte the same however the bytes are cut into chunks.

use memchr::memchr;

use super::start_line::{self, is_token};
use crate::Limits;
use crate::http::h2;
use crate::http::records::is_tls_record;

/// Bytes of the longest method that is taken for one.
pub(crate) const METHOD_BYTES_MAX: usize = 64;

/// What kind of message a head starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// What may come next from an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Request,
    Response,
    /// It is not known yet which end this is.
    Either,
}

impl Expected {
    pub(crate) fn allows(self, kind: Kind) -> bool {
        match self {
            Self::Request => kind == Kind::Request,
            Self::Response => kind == Kind::Response,
            Self::Either => true,
        }
    }
}

/// Why a head is expected at a place, and so how much it must prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// A message ended before it: any head with a start line will do.
    Due,
    /// It was found by searching, or follows such a one: every line must be well-formed.
    Found,
    /// A body is due, which may be missing: besides, the method must be one that is known.
    InsteadOfBody,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// The head goes on after the bytes that there are.
    More,
    /// A whole head of `len` bytes.
    Head { kind: Kind, len: usize },
    /// No head; the next one may start at `resume` or later.
    NotHead { resume: usize },
    /// A head longer than the limit.
    TooLong { resume: usize },
    /// No head but a TLS record.
    Tls,
    /// No head but HTTP/2's preface.
    Http2,
}

/// A search for the end of the head that starts at the first byte; each byte is looked at once.
#[derive(Debug)]
pub(crate) struct Scan {
    expected: Expected,
    /// Nothing came before from this end, so that it may be no HTTP/1 at all.
    fresh: bool,
    trust: Trust,
    /// Known once the start line is whole.
    kind: Option<Kind>,
    /// Where the start line ends.
    start_line_end: usize,
    /// Where the line begins that is not whole yet.
    line: usize,
    /// How far line ends were looked for.
    scanned: usize,
}

impl Scan {
    pub(crate) fn new(expected: Expected, fresh: bool, trust: Trust) -> Self {
        Self {
            expected,
            fresh,
            trust,
            kind: None,
            start_line_end: 0,
            line: 0,
            scanned: 0,
        }
    }

    /// Goes on with `bytes`, which begin with those of the call before and are not empty.
    pub(crate) fn advance(&mut self, bytes: &[u8], limits: &Limits) -> Scanned {
        if self.fresh && self.kind.is_none() && matches!(bytes[0], 20..=23) {
            return match is_tls_record(bytes) {
                Some(true) => Scanned::Tls,
                Some(false) => Scanned::NotHead { resume: 0 },
                None => Scanned::More,
            };
        }
        if self.kind.is_none() && !self.may_start(bytes) {
            return Scanned::NotHead { resume: 0 };
        }
        while let Some(at) = memchr(b'\n', &bytes[self.scanned..]) {
            let end = self.scanned + at;
            if end >= limits.http_head_bytes_max {
                return self.too_long(limits);
            }
            let line = &bytes[self.line..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            match self.kind {
                None => match self.start_line(line) {
                    Ok(kind) => {
                        self.kind = Some(kind);
                        self.start_line_end = end + 1;
                    }
                    Err(found) => return found,
                },
                Some(kind) if line.is_empty() => return Scanned::Head { kind, len: end + 1 },
                Some(_) if self.trust != Trust::Due && !is_field_line(line) => {
                    return Scanned::NotHead { resume: self.line };
                }
                Some(_) => {}
            }
            self.line = end + 1;
            self.scanned = end + 1;
        }
        if bytes.len() > limits.http_head_bytes_max {
            return self.too_long(limits);
        }
        self.scanned = bytes.len();
        Scanned::More
    }

    fn start_line(&self, line: &[u8]) -> Result<Kind, Scanned> {
        if self.fresh && line == h2::PREFACE_LINE {
            return Err(Scanned::Http2);
        }
        let trusted = |method: &[u8]| match self.trust {
            Trust::Due => true,
            Trust::Found => method.iter().all(start_line::is_usual_in_method),
            Trust::InsteadOfBody => start_line::METHODS.contains(&method),
        };
        if self.expected.allows(Kind::Request)
            && start_line::request(line).is_some_and(|line| trusted(line.method))
        {
            Ok(Kind::Request)
        } else if self.expected.allows(Kind::Response) && start_line::status(line).is_some() {
            Ok(Kind::Response)
        } else {
            Err(Scanned::NotHead { resume: 0 })
        }
    }

    /// Whether `bytes` may be the beginning of a start line; false only if no continuation is one.
    fn may_start(&self, bytes: &[u8]) -> bool {
        let method = bytes
            .iter()
            .take(METHOD_BYTES_MAX + 1)
            .position(|&byte| !is_token(byte));
        let request = match method {
            Some(end) => end > 0 && matches!(bytes[end], b' ' | b'\t'),
            None => bytes.len() <= METHOD_BYTES_MAX,
        };
        let method = &bytes[..method.unwrap_or(bytes.len())];
        let known = self.trust != Trust::InsteadOfBody
            || start_line::METHODS
                .iter()
                .any(|known| known.starts_with(method));
        let name = &bytes[..bytes.len().min(5)];
        let response = name.eq_ignore_ascii_case(&b"HTTP/"[..name.len()]);
        (request && known && self.expected.allows(Kind::Request))
            || (response && self.expected.allows(Kind::Response))
    }

    fn too_long(&self, limits: &Limits) -> Scanned {
        Scanned::TooLong {
            resume: match self.kind {
                Some(_) => self.start_line_end,
                None => limits.http_head_bytes_max,
            },
        }
    }
}

/// Whether a line is a field as RFC 9112 section 5 has it, or the continuation of one.
fn is_field_line(line: &[u8]) -> bool {
    if matches!(line, [b' ' | b'\t', ..]) {
        return true;
    }
    match memchr(b':', line) {
        Some(colon) if colon > 0 => line[..colon].iter().all(|&byte| is_token(byte)),
        _ => false,
    }
}
