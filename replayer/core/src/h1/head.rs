//! Heads of answers, read as the recorder reads them.
//!
//! A recorded answer and the target's must not differ because two readers differ. So what the recorder takes is taken here:
//! bare LF, folded lines (RFC 9112 section 5.2; joined by one space), blanks before the colon, lines without a colon (a name
//! without value), any byte in a value, any number of fields.

use std::borrow::Cow;
use std::ops::Range;

use schema::{Charset, Headers};

/// The head of a final answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its status.
    pub status: u16,
    /// Its fields, in order and case of the wire.
    pub headers: Headers,
    /// How the fields' bytes became text.
    pub charset: Charset,
    /// How many bytes of body follow, where the head says so.
    pub length: Option<u64>,
}

/// A head as read, with what its fields say of the framing.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) status: u16,
    /// HTTP/1.0: nothing persists unless it says so.
    pub(super) is_http_10: bool,
    pub(super) headers: Headers,
    pub(super) charset: Charset,
    pub(super) framing: Framing,
}

/// What fields say of framing and of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) content_length: ContentLength,
    pub(super) transfer: Transfer,
    /// `Connection: close`.
    pub(super) close: bool,
    /// `Connection: keep-alive`.
    pub(super) keep_alive: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ContentLength {
    #[default]
    Absent,
    Bytes(u64),
    /// No number, or several that differ.
    Invalid,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transfer {
    #[default]
    Absent,
    /// The last coding is chunked.
    Chunked,
    Other,
}

/// Where the head at the front of `input` ends, if it does; looked for from `from`, before which there is no end.
///
/// # Errors
/// Not at all: what is no head has an end as well, or none.
pub(super) fn end(input: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memchr::memchr(b'\n', &input[at..]) {
        at += found + 1;
        match input[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Whether `input` can be the beginning of an answer.
pub(super) fn may_begin(input: &[u8]) -> bool {
    const BEGIN: &[u8] = b"HTTP/1.";
    let len = input.len().min(BEGIN.len());
    input[..len] == BEGIN[..len]
}

/// Reads a whole head, with its empty line.
pub(super) fn parse(head: &[u8]) -> Option<Parsed> {
    let (line, rest) = split_line(head);
    let (is_http_10, status) = status_line(line)?;
    let (headers, charset, framing) = fields(rest);
    Some(Parsed {
        status,
        is_http_10,
        headers,
        charset,
        framing,
    })
}

/// Reads field lines up to the empty line.
pub(super) fn fields(bytes: &[u8]) -> (Headers, Charset, Framing) {
    let whole = std::str::from_utf8(bytes).ok();
    let charset = if whole.is_some() {
        Charset::Utf8
    } else {
        Charset::Latin1
    };
    // A piece of what is UTF-8 as a whole is not looked at a second time.
    let piece = |range: Range<usize>| match whole {
        Some(text) => Cow::Borrowed(&text[range]),
        None => text(&bytes[range], charset),
    };
    let mut headers = Headers::with_capacity(16, bytes.len());
    let mut framing = Framing::default();
    let mut at = 0;
    loop {
        let (line, rest) = split_line(&bytes[at..]);
        if line.is_empty() {
            return (headers, charset, framing);
        }
        let line_end = at + line.len();
        let name_end = memchr::memchr(b':', line).map_or(line_end, |colon| at + colon);
        let name = piece(trimmed(bytes, at..name_end));
        let value = trimmed(bytes, line_end.min(name_end + 1)..line_end);
        at = bytes.len() - rest.len();
        if let [b' ' | b'\t', ..] = rest {
            let mut rest = rest;
            let value = unfold(&bytes[value], &mut rest);
            at = bytes.len() - rest.len();
            framing.note(&name, &value);
            headers.push(&name, &text(&value, charset));
        } else {
            framing.note(&name, &bytes[value.clone()]);
            headers.push(&name, &piece(value));
        }
    }
}

/// `range` of `bytes` without the blanks at its ends.
fn trimmed(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let part = &bytes[range.clone()];
    let start = range.end - part.trim_ascii_start().len();
    start..start + part.trim_ascii().len()
}

/// A value whose lines go on in `rest`.
fn unfold(first: &[u8], rest: &mut &[u8]) -> Vec<u8> {
    let mut value = first.to_vec();
    while let [b' ' | b'\t', ..] = *rest {
        let (line, after) = split_line(rest);
        *rest = after;
        if !value.is_empty() {
            value.push(b' ');
        }
        value.extend_from_slice(line.trim_ascii());
    }
    value
}

/// `HTTP/1.x`, blanks, three digits, and a reason that may be missing: whether it is HTTP/1.0, and the status.
fn status_line(line: &[u8]) -> Option<(bool, u16)> {
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let (minor, rest) = rest
        .split_first()
        .filter(|(minor, _)| minor.is_ascii_digit())?;
    let code = rest.trim_ascii_start();
    if code.len() == rest.len() {
        return None;
    }
    let (digits, reason) = code.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(reason, [] | [b' ' | b'\t', ..]) {
        return None;
    }
    let status = digits
        .iter()
        .fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    (status >= 100).then_some((*minor == b'0', status))
}

/// The first line without its end, and what follows.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr::memchr(b'\n', bytes) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &b""[..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

fn text(bytes: &[u8], charset: Charset) -> Cow<'_, str> {
    match (charset, std::str::from_utf8(bytes)) {
        (Charset::Utf8, Ok(text)) => text.into(),
        (Charset::Latin1, Ok(text)) if text.is_ascii() => text.into(),
        _ => bytes.iter().copied().map(char::from).collect(),
    }
}

impl Framing {
    fn note(&mut self, name: &str, value: &[u8]) {
        // By length first: most fields are settled without comparing text.
        match name.len() {
            10 if name.eq_ignore_ascii_case("connection") => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case("content-length") => {
                for length in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    self.content_length = self.content_length.and(length);
                }
            }
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                if let Some(last) = list(value).last() {
                    self.transfer = if last.eq_ignore_ascii_case(b"chunked") {
                        Transfer::Chunked
                    } else {
                        Transfer::Other
                    };
                }
            }
            _ => {}
        }
    }
}

impl ContentLength {
    /// One more length: the same one again says nothing new (RFC 9112 section 6.3, rule 5).
    fn and(self, text: &[u8]) -> Self {
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        let length = digits
            .then(|| std::str::from_utf8(text).ok()?.parse().ok())
            .flatten();
        match (self, length) {
            (Self::Absent, Some(length)) => Self::Bytes(length),
            (Self::Bytes(first), Some(length)) if first == length => self,
            _ => Self::Invalid,
        }
    }
}

/// The elements of a list (RFC 9110 section 5.6.1), empty ones left out.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}
