//! What the bytes that come back mean.

use schema::Headers;

use super::chunked::{self, Decoder};
use super::head::{self, ContentLength, Framing, Head, Parsed, Transfer};

/// What an answer's framing depends on besides itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method is HEAD: the answer has no body.
    pub head: bool,
    /// The request leaves the connection open.
    pub persistent: bool,
}

/// How long parts of an answer may get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all heads of one answer and its trailers together: interim answers are bounded by it as well.
    pub head_bytes_max: usize,
    /// Bytes of a line with a chunk's size.
    pub chunk_line_bytes_max: usize,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An interim answer of this status, 100 to 199 without 101.
    Interim(u16),
    /// The final answer's head.
    Head(Head),
    /// Bytes of its body.
    Data(&'a [u8]),
    /// Its trailer fields, and how their bytes became text.
    Trailers(Headers, schema::Charset),
    /// Its last byte.
    End {
        /// Whether another request may follow on the connection.
        reusable: bool,
    },
    /// Nothing yet.
    NeedsInput,
}

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The connection ended before the answer did.
    #[error("connection ended before the answer did")]
    Closed,
    /// Heads outgrew their bound.
    #[error("head of the answer is longer than the limit")]
    HeadTooLarge,
    /// The bytes are not HTTP/1, or a line of the chunked coding or the trailers outgrew their bound.
    #[error("answer is not HTTP/1")]
    Malformed,
}

#[derive(Debug)]
enum State {
    Head,
    Length(u64),
    Chunked(Decoder),
    /// Trailers were told; the end is next.
    ChunkedEnd,
    UntilClose,
    Done,
}

/// Reads one answer: its interim answers, its head, its body, its end.
#[derive(Debug)]
pub struct AnswerReader {
    asked: Asked,
    bounds: Bounds,
    /// Bytes of heads so far.
    head_bytes: usize,
    /// Bytes at the front of the input in which no end of the head was found.
    searched: usize,
    state: State,
    reusable: bool,
}

impl AnswerReader {
    /// A reader of the answer to a request.
    #[must_use]
    pub fn new(asked: Asked, bounds: Bounds) -> Self {
        Self {
            asked,
            bounds,
            head_bytes: 0,
            searched: 0,
            state: State::Head,
            reusable: asked.persistent,
        }
    }

    /// Whether an end of the connection now would leave nothing out.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Reads what is at the front of `input`: how many bytes of it are done with, and what they were. What is not done with
    /// has to be at the front of the next call's input. To be called again until it says [`Event::NeedsInput`] or
    /// [`Event::End`].
    ///
    /// # Errors
    /// If the bytes are no answer; nothing more can be read from the connection then.
    pub fn handle_input<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), ReadError> {
        match &mut self.state {
            State::Head => self.read_head(input),
            State::Length(0) | State::ChunkedEnd => {
                self.state = State::Done;
                let reusable = self.reusable;
                Ok((0, Event::End { reusable }))
            }
            State::Length(_) | State::Chunked(_) | State::UntilClose if input.is_empty() => {
                Ok((0, Event::NeedsInput))
            }
            State::Length(left) => {
                let len = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                *left -= len as u64;
                Ok((len, Event::Data(&input[..len])))
            }
            State::UntilClose => Ok((input.len(), Event::Data(input))),
            State::Chunked(_) => self.read_chunks(input),
            State::Done => Ok((0, Event::NeedsInput)),
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// If the answer had not (RFC 9112 section 8).
    pub fn finish(&mut self) -> Result<Event<'static>, ReadError> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(Event::End { reusable: false })
            }
            _ => Err(ReadError::Closed),
        }
    }

    fn read_head<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), ReadError> {
        // An empty line or two before the status line are left from a body that was longer than it said.
        let blank = input
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let rest = &input[blank..];
        if self.head_bytes + blank > self.bounds.head_bytes_max {
            return Err(ReadError::HeadTooLarge);
        }
        let bytes_left = self.bounds.head_bytes_max - self.head_bytes - blank;
        // What lies behind the bound is not judged, so that it makes no difference whether it is here already.
        if !head::may_begin(&rest[..rest.len().min(bytes_left)]) {
            return Err(ReadError::Malformed);
        }
        let Some(end) = head::end(rest, self.searched.min(rest.len())) else {
            if rest.len() > bytes_left {
                return Err(ReadError::HeadTooLarge);
            }
            // The last two bytes may begin the empty line.
            self.searched = rest.len().saturating_sub(2);
            self.head_bytes += blank;
            return Ok((blank, Event::NeedsInput));
        };
        if end > bytes_left {
            return Err(ReadError::HeadTooLarge);
        }
        self.head_bytes += blank + end;
        self.searched = 0;
        let parsed = head::parse(&rest[..end]).ok_or(ReadError::Malformed)?;
        let event = match parsed.status {
            100 | 102..200 => Event::Interim(parsed.status),
            _ => Event::Head(self.begin_body(parsed)?),
        };
        Ok((blank + end, event))
    }

    /// How the body ends: RFC 9112 section 6.3 in its order. Rule 2 is about CONNECT, which is not replayed.
    fn begin_body(&mut self, parsed: Parsed) -> Result<Head, ReadError> {
        let Framing {
            content_length,
            transfer,
            close,
            keep_alive,
        } = parsed.framing;
        self.reusable &= !close && (!parsed.is_http_10 || keep_alive);
        let status = parsed.status;
        let (state, length) = match (transfer, content_length) {
            // 1. No body whatever the fields say. After 101 the connection speaks something else.
            _ if self.asked.head || matches!(status, 101 | 204 | 304) => {
                self.reusable &= status != 101;
                (State::Length(0), None)
            }
            // 3. and 4. Transfer-Encoding wins over Content-Length, and the connection is not trusted any more.
            (Transfer::Chunked, length) => {
                self.reusable &= length == ContentLength::Absent && !parsed.is_http_10;
                let decoder = Decoder::new(self.bounds.chunk_line_bytes_max);
                (State::Chunked(decoder), None)
            }
            (Transfer::Other, _) => (State::UntilClose, None),
            // 5.
            (Transfer::Absent, ContentLength::Invalid) => return Err(ReadError::Malformed),
            // 6.
            (Transfer::Absent, ContentLength::Bytes(length)) => {
                (State::Length(length), Some(length))
            }
            // 8. Rule 7 is about requests.
            (Transfer::Absent, ContentLength::Absent) => (State::UntilClose, None),
        };
        self.state = state;
        Ok(Head {
            status,
            headers: parsed.headers,
            charset: parsed.charset,
            length,
        })
    }

    fn read_chunks<'a>(&mut self, input: &'a [u8]) -> Result<(usize, Event<'a>), ReadError> {
        let State::Chunked(decoder) = &mut self.state else {
            return Ok((0, Event::NeedsInput));
        };
        let trailer_bytes_max = self.bounds.head_bytes_max - self.head_bytes;
        let (taken, step) = decoder
            .step(input, trailer_bytes_max)
            .ok_or(ReadError::Malformed)?;
        match step {
            chunked::Step::NeedsInput => Ok((taken, Event::NeedsInput)),
            chunked::Step::Data(len) => Ok((taken + len, Event::Data(&input[taken..taken + len]))),
            chunked::Step::End => {
                let section = decoder.trailers();
                let trailers = (!section.is_empty()).then(|| head::fields(section));
                self.state = State::ChunkedEnd;
                match trailers {
                    Some((fields, charset, _)) => Ok((taken, Event::Trailers(fields, charset))),
                    None => {
                        self.state = State::Done;
                        let reusable = self.reusable;
                        Ok((taken, Event::End { reusable }))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
