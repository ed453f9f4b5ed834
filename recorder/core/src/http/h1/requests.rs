//! Requests of a connection that was accepted, not captured: every byte comes, in order, and nobody answers but us. So what
//! is no request is not searched for the next one, as [`Conn`](super::Conn) does: it ends the connection.

use bytes::Bytes;
use schema::{Body, Certainty, Charset, Protocol, Request, Timestamp};

use super::chunked::{Decoder, Step};
use super::framing::{self, Length, Message};
use crate::http::head::{self, Expected, Head, Kind, RequestHead, Scan, Scanned, Trust};
use crate::{Anomaly, Counters, Limits, Options};

/// What the bytes so far come to.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing whole yet.
    More,
    /// The sender waits for consent before it sends the body (RFC 9110 section 10.1.1).
    Continue,
    /// A request ends here.
    Request(Box<Whole>),
    /// These bytes are none of a request's; where the next one would begin cannot be told.
    Broken(NotRequest),
}

/// Why bytes are none of a request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRequest {
    /// They begin with no request line, or their chunked coding is none.
    NotHttp,
    /// A head that is longer than the limit.
    HeadTooLong,
    /// The preface of HTTP/2.
    Http2,
    /// A record of TLS.
    Tls,
}

/// A request, with what a row says beside it.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) request: Request,
    pub(crate) protocol: Protocol,
    pub(crate) charset: Charset,
    pub(crate) framing: Certainty,
    /// Bytes that did not come before the connection ended.
    pub(crate) missing: u64,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Requests {
    state: State,
    /// The request whose body comes.
    open: Option<Box<Whole>>,
    /// What is stored of that body.
    body: Vec<u8>,
    /// Nothing was read yet.
    fresh: bool,
}

/// What the next byte is.
#[derive(Debug)]
enum State {
    /// The first of a head, or of an empty line before one.
    Start,
    Head {
        bytes: Vec<u8>,
        scan: Scan,
        at: Timestamp,
    },
    /// So many bytes of a body are left.
    Bytes(u64),
    Chunked(Box<Decoder>),
    Ended,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Start,
            open: None,
            body: Vec::new(),
            fresh: true,
        }
    }

    /// Whether the next byte begins a request.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self.state, State::Start)
    }

    /// Whether a head has begun that is not whole.
    pub(crate) fn is_in_head(&self) -> bool {
        matches!(self.state, State::Head { .. })
    }

    /// Bytes held of a request that is not whole.
    pub(crate) fn held(&self) -> usize {
        self.head_held() + self.body.len()
    }

    /// Takes bytes off the front of `bytes` until something is found, or all are taken.
    pub(crate) fn handle_bytes(
        &mut self,
        at: Timestamp,
        bytes: &mut &[u8],
        limits: &Limits,
        options: &Options,
        counters: &mut Counters,
    ) -> Found {
        counters.bytes_payload += bytes.len() as u64;
        counters.bytes_delivered += bytes.len() as u64;
        while !bytes.is_empty() {
            let found = match &mut self.state {
                State::Start => self.step_start(at, bytes, counters),
                State::Head { .. } => self.step_head(at, bytes, limits, counters),
                State::Bytes(_) | State::Chunked(_) => {
                    self.step_body(at, bytes, limits, options, counters)
                }
                State::Ended => Some(Found::Broken(NotRequest::NotHttp)),
            };
            match found {
                Some(Found::Broken(why)) => return self.give_up(why, bytes, counters),
                Some(found) => {
                    // What is left is given again.
                    counters.bytes_payload -= bytes.len() as u64;
                    counters.bytes_delivered -= bytes.len() as u64;
                    return found;
                }
                None => {}
            }
        }
        Found::More
    }

    /// No more bytes come: a request that has not ended is given as it is. One of unknown length lacks at least a byte.
    pub(crate) fn finish(&mut self, counters: &mut Counters) -> Option<Box<Whole>> {
        let held = self.head_held() as u64;
        let missing = match std::mem::replace(&mut self.state, State::Ended) {
            State::Bytes(left) => left,
            State::Chunked(decoder) => decoder.left().max(1),
            State::Head { .. } => {
                counters.count(Anomaly::HttpHeadLost);
                counters.ledger.bytes_not_http += held;
                0
            }
            State::Start | State::Ended => 0,
        };
        let mut whole = self.take()?;
        whole.missing = missing;
        whole.request.body.wire_bytes += missing;
        Some(whole)
    }

    /// Empty lines before a request are passed over (RFC 9112 section 2.2).
    fn step_start(
        &mut self,
        at: Timestamp,
        bytes: &mut &[u8],
        counters: &mut Counters,
    ) -> Option<Found> {
        let blank = bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let blank = blank.count();
        counters.bytes_http += blank as u64;
        *bytes = &bytes[blank..];
        if !bytes.is_empty() {
            let fresh = std::mem::take(&mut self.fresh);
            self.state = State::Head {
                bytes: Vec::new(),
                scan: Scan::new(Expected::Request, fresh, Trust::Due),
                at,
            };
        }
        None
    }

    fn step_head(
        &mut self,
        now: Timestamp,
        input: &mut &[u8],
        limits: &Limits,
        counters: &mut Counters,
    ) -> Option<Found> {
        let State::Head { bytes, scan, at } = &mut self.state else {
            return None;
        };
        let before = bytes.len();
        let room = (limits.http_head_bytes_max + 1)
            .saturating_sub(before)
            .max(1);
        let added = input.len().min(room);
        bytes.extend_from_slice(&input[..added]);
        let all = *input;
        *input = &all[added..];
        let len = match scan.advance(bytes, limits) {
            Scanned::More => return None,
            Scanned::Head { len, .. } => len,
            Scanned::NotHead { .. } => return Some(Found::Broken(NotRequest::NotHttp)),
            Scanned::TooLong { .. } => return Some(Found::Broken(NotRequest::HeadTooLong)),
            Scanned::Tls => return Some(Found::Broken(NotRequest::Tls)),
            Scanned::Http2 => return Some(Found::Broken(NotRequest::Http2)),
        };
        *input = &all[len - before..];
        bytes.truncate(len);
        let at = *at;
        let head = head::read(Kind::Request, bytes, limits, counters);
        let Some(Head::Request(head)) = head else {
            return Some(Found::Broken(NotRequest::NotHttp));
        };
        counters.bytes_http += len as u64;
        self.begin(head, at, now, input.is_empty(), counters)
    }

    /// A head that began at `at` says how long its body is. A sender that waits for consent has sent `nothing` more.
    fn begin(
        &mut self,
        head: RequestHead,
        at: Timestamp,
        now: Timestamp,
        nothing: bool,
        counters: &mut Counters,
    ) -> Option<Found> {
        let (length, framing) = framing::length(Message::Request, &head.fields, counters);
        let (protocol, charset) = (head.protocol, head.charset);
        let waits = head.fields.expects_continue && nothing;
        let mut request = head.into_request(at);
        request.end = now;
        self.open = Some(Box::new(Whole {
            request,
            protocol,
            charset,
            framing,
            missing: 0,
        }));
        self.state = match length {
            Length::Bytes(bytes) => State::Bytes(bytes),
            Length::Chunked => State::Chunked(Box::new(Decoder::new())),
            Length::Empty | Length::Tunnel | Length::UntilClose => return self.end(),
        };
        waits.then_some(Found::Continue)
    }

    fn step_body(
        &mut self,
        now: Timestamp,
        input: &mut &[u8],
        limits: &Limits,
        options: &Options,
        counters: &mut Counters,
    ) -> Option<Found> {
        let whole = self.open.as_mut()?;
        whole.request.end = now;
        let before = input.len();
        let mut store = |data: &[u8]| {
            let room = options.body_bytes_max.saturating_sub(self.body.len());
            self.body.extend_from_slice(&data[..data.len().min(room)]);
            whole.request.body.wire_bytes += data.len() as u64;
        };
        let (mut ended, mut malformed) = (false, false);
        match &mut self.state {
            State::Bytes(left) => {
                let len = usize::try_from(*left).map_or(before, |left| left.min(before));
                let (data, rest) = input.split_at(len);
                (*left, *input) = (*left - len as u64, rest);
                ended = *left == 0;
                store(data);
            }
            State::Chunked(decoder) => match decoder.step(input, limits) {
                Step::Data(data) => store(data),
                Step::Framing => {}
                Step::End => ended = true,
                Step::Malformed => malformed = true,
            },
            State::Start | State::Head { .. } | State::Ended => {}
        }
        counters.bytes_http += (before - input.len()) as u64;
        if malformed {
            counters.count(Anomaly::HttpChunkMalformed);
            return Some(Found::Broken(NotRequest::NotHttp));
        }
        if ended {
            self.end_body(limits, counters)
        } else {
            None
        }
    }

    /// The last byte of a body was taken: trailer fields go into the row, which has one charset.
    fn end_body(&mut self, limits: &Limits, counters: &mut Counters) -> Option<Found> {
        if let State::Chunked(decoder) = std::mem::replace(&mut self.state, State::Start) {
            let (section, cut) = decoder.into_trailers();
            if cut {
                counters.count(Anomaly::HttpTrailersCut);
            } else if let (Some(section), Some(whole)) = (section, &mut self.open) {
                let (mut trailers, charset) = head::trailers(&section, limits, counters);
                match (whole.charset, charset) {
                    (Charset::Utf8, Charset::Latin1) => {
                        whole.request.make_latin1();
                        whole.charset = charset;
                    }
                    (Charset::Latin1, Charset::Utf8) => trailers.make_latin1(),
                    _ => {}
                }
                whole.request.trailers = Some(trailers);
            }
        }
        self.end()
    }

    fn end(&mut self) -> Option<Found> {
        self.state = State::Start;
        self.take().map(Found::Request)
    }

    /// The open request with its body as far as it has come.
    fn take(&mut self) -> Option<Box<Whole>> {
        let mut whole = self.open.take()?;
        let wire_bytes = whole.request.body.wire_bytes;
        whole.request.body = Body {
            bytes: Bytes::from(std::mem::take(&mut self.body)),
            wire_bytes,
        };
        Some(whole)
    }

    /// The head so far and what is left of the bytes are no request.
    fn give_up(&mut self, why: NotRequest, bytes: &mut &[u8], counters: &mut Counters) -> Found {
        let passed = (self.head_held() + bytes.len()) as u64;
        match why {
            NotRequest::Tls => counters.ledger.bytes_tls += passed,
            NotRequest::NotHttp | NotRequest::HeadTooLong | NotRequest::Http2 => {
                counters.ledger.bytes_not_http += passed;
            }
        }
        match why {
            NotRequest::HeadTooLong => counters.count(Anomaly::HttpHeadTooLong),
            NotRequest::NotHttp if self.open.is_none() => {
                counters.count(Anomaly::HttpHeadMalformed);
            }
            NotRequest::NotHttp | NotRequest::Http2 | NotRequest::Tls => {}
        }
        *bytes = &[];
        if self.open.is_none() {
            self.state = State::Ended;
        }
        Found::Broken(why)
    }

    fn head_held(&self) -> usize {
        match &self.state {
            State::Head { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
