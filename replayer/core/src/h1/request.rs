//! What goes on the wire for a request.

use std::io::Write as _;

use bytes::Bytes;
use schema::{Charset, Headers, Protocol, Request};

use super::Asked;

/// A body up to this size goes out with the head, in one write and one packet.
const INLINE_BYTES_MAX: usize = 8 << 10;
/// Bytes of a chunk; how the recorded body was cut into chunks is not in the archive.
const CHUNK_BYTES: usize = 64 << 10;
/// A buffer that grew beyond this is not kept for the next request.
const BUFFER_BYTES_KEPT: usize = 32 << 10;

/// The request cannot be put on the wire as it was recorded: its head would not be read as what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("request cannot be put on the wire as it was recorded")]
pub struct NotSendable;

/// A request as slices to write, one after the other. It is used for one request after the other, so that its buffer is.
///
/// The head is the given fields in their order and case, and the target's bytes. A request with `Transfer-Encoding`, or with
/// trailers, is chunked where the protocol knows that (RFC 9112 section 7.1); any other body is as long as its
/// `Content-Length` says.
#[derive(Debug, Default)]
pub struct RequestWriter {
    /// Head, framing, and small bodies.
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are written.
    written: usize,
    /// A body that is not in `buffer`.
    body: Bytes,
    /// Bytes of `body` that may be written before more framing is due.
    piece: usize,
    chunked: bool,
    /// The line end after a chunk is due.
    in_chunk: bool,
    /// What follows the body.
    tail: Vec<u8>,
    /// The body waits for the target's consent.
    waits: bool,
    /// Something was written.
    touched: bool,
}

impl RequestWriter {
    /// Begins with `request`, as HTTP/1.0 or HTTP/1.1: what its answer's framing depends on.
    ///
    /// # Errors
    /// If a line of the head would end where it does not, or the request line would have other words.
    pub fn begin(
        &mut self,
        request: &Request,
        charset: Charset,
        protocol: Protocol,
    ) -> Result<Asked, NotSendable> {
        self.reset();
        let version: &[u8] = match protocol {
            Protocol::Http10 => b" HTTP/1.0\r\n",
            Protocol::Http11 | Protocol::Http2 => b" HTTP/1.1\r\n",
        };
        self.request_line(request, charset, version)?;
        let fields = Fields::of(&request.headers, protocol);
        let has_trailers = request.trailers.as_ref().is_some_and(|t| !t.is_empty());
        self.chunked = protocol != Protocol::Http10 && (fields.chunked || has_trailers);
        let mut coding_due = self.chunked && !fields.chunked;
        let mut cookie_due = true;
        let text = request.headers.text();
        // One look at all fields instead of one at each: nearly every head can be copied as it is.
        let is_plain = memchr::memchr2(b'\r', b'\n', text.as_bytes()).is_none()
            && (charset == Charset::Utf8 || text.is_ascii());
        self.buffer.reserve(text.len() + 4 * request.headers.len());
        for (name, value) in request.headers.iter() {
            if coding_due && name.eq_ignore_ascii_case("content-length") {
                coding_due = false;
                self.buffer
                    .extend_from_slice(b"transfer-encoding: chunked\r\n");
            } else if self.chunked && name.eq_ignore_ascii_case("content-length") {
                // The coding says where the body ends.
            } else if protocol == Protocol::Http2 && name.eq_ignore_ascii_case("cookie") {
                // RFC 9113 section 8.2.3: HTTP/1.1 has one field.
                if std::mem::take(&mut cookie_due) {
                    let crumbs: Vec<&str> = request.headers.get_all("cookie").collect();
                    push_field(&mut self.buffer, name, &crumbs.join("; "), charset)?;
                }
            } else if is_plain && is_name(name) {
                for part in [name, ": ", value, "\r\n"] {
                    self.buffer.extend_from_slice(part.as_bytes());
                }
            } else {
                push_field(&mut self.buffer, name, value, charset)?;
            }
        }
        if coding_due {
            self.buffer
                .extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        self.buffer.extend_from_slice(b"\r\n");
        let has_body = self.chunked || !request.body.bytes.is_empty();
        self.waits = fields.expects_continue && protocol != Protocol::Http10 && has_body;
        self.begin_body(request, charset)?;
        Ok(Asked {
            head: request.method == "HEAD",
            persistent: fields.persistent,
        })
    }

    /// What has to be written next; `None` where nothing is left, or the body waits for the target's consent.
    #[must_use]
    pub fn poll_bytes(&mut self) -> Option<&[u8]> {
        if self.written == self.buffer.len() && !self.waits && self.piece == 0 {
            self.next_piece();
        }
        if self.written < self.buffer.len() {
            Some(&self.buffer[self.written..])
        } else if self.piece > 0 && !self.waits {
            Some(&self.body[..self.piece])
        } else {
            None
        }
    }

    /// So many bytes of what [`RequestWriter::poll_bytes`] gave are written.
    pub fn handle_written(&mut self, bytes: usize) {
        self.touched = true;
        if self.written < self.buffer.len() {
            self.written += bytes;
        } else {
            self.piece -= bytes;
            // The archive's batch is kept alive by what is left only.
            let _written = self.body.split_to(bytes);
        }
    }

    /// Whether the body waits for an interim answer of 100 (RFC 9110 section 10.1.1).
    #[must_use]
    pub fn waits_for_continue(&self) -> bool {
        self.waits && self.written == self.buffer.len()
    }

    /// The body may go: the target said so, or has said nothing for long enough.
    pub fn handle_continue(&mut self) {
        self.waits = false;
    }

    /// Whether nothing has been written yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        !self.touched
    }

    /// Whether every byte is written.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.written == self.buffer.len() && self.body.is_empty() && self.tail.is_empty()
    }

    fn reset(&mut self) {
        self.buffer.clear();
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        self.tail.clear();
        self.body = Bytes::new();
        (self.written, self.piece) = (0, 0);
        (self.chunked, self.in_chunk) = (false, false);
        (self.waits, self.touched) = (false, false);
    }

    fn request_line(
        &mut self,
        request: &Request,
        charset: Charset,
        version: &[u8],
    ) -> Result<(), NotSendable> {
        let blank = |byte: u8| matches!(byte, b' ' | b'\t');
        if request.method.is_empty() || request.method.bytes().any(blank) {
            return Err(NotSendable);
        }
        push(&mut self.buffer, &request.method, charset)?;
        self.buffer.push(b' ');
        let begin = self.buffer.len();
        match &request.target {
            Some(target) => push(&mut self.buffer, target, charset)?,
            None => {
                push(&mut self.buffer, &request.path, charset)?;
                if let Some(query) = &request.query {
                    self.buffer.push(b'?');
                    push(&mut self.buffer, query, charset)?;
                }
            }
        }
        if self.buffer.len() == begin {
            return Err(NotSendable);
        }
        self.buffer.extend_from_slice(version);
        Ok(())
    }

    /// Puts a small body into the buffer, any other beside it.
    fn begin_body(&mut self, request: &Request, charset: Charset) -> Result<(), NotSendable> {
        if self.chunked {
            self.tail.extend_from_slice(b"0\r\n");
            for (name, value) in request.trailers.iter().flat_map(Headers::iter) {
                push_field(&mut self.tail, name, value, charset)?;
            }
            self.tail.extend_from_slice(b"\r\n");
        }
        if self.waits || request.body.bytes.len() > INLINE_BYTES_MAX {
            self.body = request.body.bytes.clone();
            return Ok(());
        }
        if self.chunked && !request.body.bytes.is_empty() {
            self.begin_chunk(request.body.bytes.len());
        }
        self.buffer.extend_from_slice(&request.body.bytes);
        self.end_chunk();
        self.buffer.append(&mut self.tail);
        Ok(())
    }

    /// Readies more to write once all before it is written.
    fn next_piece(&mut self) {
        self.buffer.clear();
        self.written = 0;
        self.end_chunk();
        if self.body.is_empty() {
            self.buffer.append(&mut self.tail);
        } else if self.chunked {
            self.piece = self.body.len().min(CHUNK_BYTES);
            self.begin_chunk(self.piece);
        } else {
            self.piece = self.body.len();
        }
    }

    fn begin_chunk(&mut self, bytes: usize) {
        self.in_chunk = true;
        // A vector takes everything.
        let _taken = write!(self.buffer, "{bytes:x}\r\n");
    }

    fn end_chunk(&mut self) {
        if std::mem::take(&mut self.in_chunk) {
            self.buffer.extend_from_slice(b"\r\n");
        }
    }
}

/// What the fields ask for.
#[derive(Debug)]
struct Fields {
    chunked: bool,
    persistent: bool,
    expects_continue: bool,
}

impl Fields {
    fn of(headers: &Headers, protocol: Protocol) -> Self {
        let mut fields = Self {
            chunked: false,
            persistent: protocol != Protocol::Http10,
            expects_continue: false,
        };
        for (name, value) in headers.iter() {
            let has = |word: &str| {
                let mut options = value.split(',').map(str::trim);
                options.any(|option| option.eq_ignore_ascii_case(word))
            };
            match name.len() {
                6 if name.eq_ignore_ascii_case("expect") => {
                    fields.expects_continue |= has("100-continue");
                }
                10 if name.eq_ignore_ascii_case("connection") => match protocol {
                    Protocol::Http10 => fields.persistent |= has("keep-alive"),
                    Protocol::Http11 | Protocol::Http2 => fields.persistent &= !has("close"),
                },
                17 if name.eq_ignore_ascii_case("transfer-encoding") => fields.chunked = true,
                _ => {}
            }
        }
        fields
    }
}

/// Whether a field's name would be read as this name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.as_bytes().contains(&b':')
}

fn push_field(
    out: &mut Vec<u8>,
    name: &str,
    value: &str,
    charset: Charset,
) -> Result<(), NotSendable> {
    if !is_name(name) {
        return Err(NotSendable);
    }
    push(out, name, charset)?;
    out.extend_from_slice(b": ");
    push(out, value, charset)?;
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The text as the wire's bytes, none of which may end a line.
fn push(out: &mut Vec<u8>, text: &str, charset: Charset) -> Result<(), NotSendable> {
    if memchr::memchr2(b'\r', b'\n', text.as_bytes()).is_some() {
        return Err(NotSendable);
    }
    out.extend_from_slice(&charset.to_wire(text));
    Ok(())
}

#[cfg(test)]
mod tests;
