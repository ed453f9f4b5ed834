//! HTTP/1: both directions of one connection, from bytes and gaps to messages.
//!
//! Each [`Half`] is a machine over the bytes of one end: a head ([`Scan`]), then a body as [`framing`] says, then the next
//! head. What it finds goes to the [`Pairer`] at once. A head that is whole in its chunk and a body are read where they lie;
//! only a head that is cut is copied. How the bytes are cut into chunks makes no difference to what is found.
//!
//! After a loss that may have hidden a message start, and where bytes are none, the half [searches](search) for the next
//! plausible one. A body of known length is no such place: lost bytes inside it are passed over.

mod chunked;
mod framing;
mod half;
mod handover;
mod messages;
mod requests;
mod search;

use std::sync::Arc;

use schema::{ConnectionInfo, Exchange};

use super::buffer::{Buffer, Input};
use super::h2::Sniff;
use super::head::{self, Expected, Scan, Scanned, Trust};
use super::message::{Ending, Place};
use super::records::Records;
use super::{Chunk, Close, Context, End, Identity, Protocol, Side, count_passed};
use crate::Anomaly;
use crate::pairing::Pairer;

pub use requests::NotRequest;
pub(crate) use requests::{Found, Requests, Whole};

use half::{Body, Half, Partial, State};
use search::Search;

/// How well it is known which end is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// Not at all.
    Unknown,
    /// From a message that was found by searching, or from one side alone.
    Assumed,
    /// From a request and its response, or a request from the end that opened the connection.
    Certain,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    /// What its exchanges share; `client` is provisional until `ends` says otherwise.
    info: Arc<ConnectionInfo>,
    client: End,
    ends: Ends,
    /// The handshake was seen, and `client` opened the connection.
    opened: bool,
    /// Bytes were lost.
    lossy: bool,
    /// The first byte of the connection, or of the tunnel in it, was seen or is yet to come.
    from_start: bool,
    /// A tunnel began with the last byte that was taken.
    entered: bool,
    /// A message was seen since the connection, or the tunnel in it, began.
    proven: bool,
    /// By [`End`].
    halves: [Half; 2],
    pairer: Pairer,
    /// What the connection was found to speak.
    protocol: Protocol,
    /// What was seen while there was no message of HTTP/1.
    sniff: Option<Box<Sniff>>,
    /// By [`End`], what may be TLS as long as there was no message.
    records: Option<Box<[Watched; 2]>>,
}

/// What may be TLS in the bytes of one end.
#[derive(Clone, Copy, Debug, Default)]
struct Watched {
    records: Records,
    /// Offset of the first byte that was not looked at.
    next: u64,
}

impl Conn {
    pub(crate) fn new(identity: Identity) -> Self {
        let client = identity.initiator.unwrap_or(End::A);
        let opened = identity.initiator.is_some();
        Self {
            info: Arc::new(ConnectionInfo {
                id: identity.id,
                source: identity.source,
                vni: identity.vni,
                client: identity.ends[client.index()],
                server: identity.ends[client.peer().index()],
            }),
            client,
            ends: Ends::Unknown,
            opened,
            proven: false,
            halves: [Half::new(!opened), Half::new(!opened)],
            lossy: false,
            from_start: opened,
            entered: false,
            pairer: Pairer::new(!opened),
            protocol: Protocol::Http1,
            sniff: None,
            records: None,
        }
    }

    /// Takes the next bytes of one end; says what the connection speaks.
    pub(crate) fn handle_chunk(&mut self, chunk: Chunk<'_>, context: &mut Context<'_>) -> Protocol {
        let end = chunk.from;
        self.half(end).first.get_or_insert(chunk.offset);
        let mut input = Input {
            bytes: chunk.bytes,
            place: Place {
                at: chunk.at,
                offset: chunk.offset,
                acked: chunk.acked,
            },
        };
        while !input.bytes.is_empty() {
            let (len, tls) = self.look_for_records(end, input);
            let place = input.place;
            let mut piece = Input {
                bytes: &input.bytes[..len],
                place,
            };
            match self.sniff(end, piece, context) {
                Some(shown) => self.drive_sniffed(end, &mut piece, shown, context),
                None => self.drive(end, &mut piece, context),
            }
            let whole = piece.bytes.is_empty();
            input.take(len - piece.bytes.len());
            if tls && whole && !self.proven && !self.entered && self.protocol == Protocol::Http1 {
                self.leave(Protocol::Tls, context);
            }
        }
        self.half(end).next = Place {
            offset: chunk.offset + chunk.bytes.len() as u64,
            ..input.place
        };
        self.protocol
    }

    /// Runs an end's machine over bytes, to the last one or to the beginning of a tunnel.
    fn drive(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        self.entered = false;
        while !input.bytes.is_empty() && self.protocol == Protocol::Http1 {
            if self.entered {
                return;
            }
            match &mut self.halves[end.index()].state {
                State::Start => self.step_start(end, input, context),
                State::Partial(_) => self.step_partial(end, input, context),
                State::Body(_) => self.step_body(end, input, context),
                State::Search(_) => self.step_search(end, input, context),
                State::Passed => {
                    let passed = input.take(input.bytes.len()).len();
                    self.pass(end, passed, context);
                }
            }
        }
        match self.sniff.as_mut().and_then(|sniff| sniff.rest.as_mut()) {
            Some((_, rest)) => rest.extend(input.bytes, input.place),
            None => count_passed(self.protocol, input.bytes.len() as u64, context.counters),
        }
        input.take(input.bytes.len());
    }

    /// `len` bytes of one end are lost.
    pub(crate) fn handle_gap(&mut self, end: End, len: u64, context: &mut Context<'_>) {
        self.release_body(end, context);
        self.lossy = true;
        if !self.proven {
            self.sniff.get_or_insert_default().handle_gap(end);
            if let Some(records) = &mut self.records {
                records[end.index()] = Watched::default();
            }
        }
        let side = self.side(end);
        let half = &mut self.halves[end.index()];
        half.fresh = false;
        half.first.get_or_insert(0);
        half.next.offset += len;
        let (index, place) = (half.index, half.next);
        let State::Body(body) = &mut half.state else {
            self.lose(end, len, context);
            return;
        };
        match body {
            Body::Bytes(left) if len < *left => {
                *left -= len;
                self.pairer.handle_gap(index, side, len, len);
            }
            Body::Bytes(left) => {
                let left = *left;
                self.pairer.handle_gap(index, side, left, left);
                self.end_message(end, place, Ending::Whole, context);
                if len > left {
                    self.lose(end, len - left, context);
                }
            }
            Body::UntilClose => self.pairer.handle_gap(index, side, len, len),
            Body::Chunked(decoder) => {
                let left = decoder.left();
                if decoder.skip(len) {
                    return self.pairer.handle_gap(index, side, len, len);
                }
                // The sizes of the chunks that follow are not known, so that neither is where they end.
                self.pairer.handle_gap(index, side, len, left);
                self.pairer.assume_framing(index);
                self.end_message(end, place, Ending::Broken, context);
                self.lose(end, 0, context);
            }
        }
    }

    /// One end has ended.
    pub(crate) fn handle_close(&mut self, end: End, how: Close, context: &mut Context<'_>) {
        self.release_body(end, context);
        let side = self.side(end);
        let half = &mut self.halves[end.index()];
        half.closed = true;
        let place = half.next;
        if let State::Body(body) = &half.state {
            let whole = how == Close::Fin && matches!(body, Body::UntilClose);
            let ending = if whole { Ending::Whole } else { Ending::Broken };
            self.end_message(end, place, ending, context);
        }
        if self.drop_held(end, context) && self.proven {
            context.counters.count(Anomaly::HttpHeadLost);
        }
        self.half(end).state = State::Passed;
        if side == Side::Server && self.ends != Ends::Unknown {
            self.pairer.handle_server_close(context);
        }
        if self.halves.iter().all(|half| half.closed) {
            self.count_sniffed(context);
            self.pairer.finish_all(context);
        }
    }

    /// The next exchange that is done.
    pub(crate) fn poll_exchange(&mut self) -> Option<Box<Exchange>> {
        self.pairer.poll_exchange()
    }

    fn half(&mut self, end: End) -> &mut Half {
        &mut self.halves[end.index()]
    }

    fn side(&self, end: End) -> Side {
        if end == self.client {
            Side::Client
        } else {
            Side::Server
        }
    }

    /// What the next message of an end may be.
    fn expected(&self, end: End) -> Expected {
        // Where the beginning is lost, what is found may be quoted: then the handshake is the better witness.
        let hinted = self.ends == Ends::Unknown && self.opened && self.lossy;
        match self.side(end) {
            _ if self.ends != Ends::Certain && !hinted => Expected::Either,
            Side::Client => Expected::Request,
            Side::Server => Expected::Response,
        }
    }

    /// Between messages: empty lines (RFC 9112 section 2.2), then a head.
    fn step_start(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        let blank = input
            .bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        if blank > 0 {
            input.take(blank);
            if self.proven {
                context.counters.bytes_http += blank as u64;
            } else {
                self.pass(end, blank, context);
            }
        }
        if input.bytes.is_empty() {
            return;
        }
        let expected = self.expected(end);
        let half = &mut self.halves[end.index()];
        let found = half.guessed && !half.fresh;
        let trust = if found { Trust::Found } else { Trust::Due };
        let (limits, counters) = (context.limits, &mut *context.counters);
        if trust == Trust::Due
            && let Some((head, len)) =
                head::read_well_formed(input.bytes, expected, limits, counters)
        {
            let place = input.place;
            input.take(len);
            return self.handle_head(end, head, len, place, input.place, context);
        }
        let mut scan = Scan::new(expected, half.fresh, trust);
        match scan.advance(input.bytes, context.limits) {
            Scanned::More => {
                let mut buffer = Buffer::new(input.place);
                buffer.extend(input.bytes, input.place);
                input.take(input.bytes.len());
                half.state = State::Partial(Box::new(Partial {
                    buffer,
                    scan,
                    otherwise: None,
                }));
            }
            Scanned::Head { kind, len } => {
                let place = input.place;
                let bytes = input.take(len);
                self.read_head(end, kind, bytes, place, input.place, context);
            }
            other => self.handle_no_head(end, other, None, input, context),
        }
    }

    /// A head goes on that began in an earlier chunk.
    fn step_partial(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        let half = &mut self.halves[end.index()];
        let State::Partial(partial) = &mut half.state else {
            return;
        };
        let before = partial.buffer.bytes().len();
        let room = (context.limits.http_head_bytes_max + 1).saturating_sub(before);
        let added = input.bytes.len().min(room.max(1));
        partial.buffer.extend(&input.bytes[..added], input.place);
        let scanned = partial.scan.advance(partial.buffer.bytes(), context.limits);
        if scanned == Scanned::More {
            input.take(added);
            return;
        }
        let State::Partial(mut partial) = std::mem::replace(&mut half.state, State::Start) else {
            return;
        };
        match scanned {
            Scanned::Head { kind, len } => {
                input.take(len - before);
                let place = partial.buffer.place(0);
                if partial.otherwise.is_some() {
                    // A head where a body was due: the message had none, and its last byte was seen before.
                    let index = half.index;
                    let at = schema::Timestamp::MIN;
                    self.pairer.assume_framing(index);
                    self.end_message(end, Place { at, ..place }, Ending::Whole, context);
                }
                let bytes = &partial.buffer.bytes()[..len];
                self.read_head(end, kind, bytes, place, input.place, context);
            }
            other => {
                partial.buffer.truncate(before);
                self.handle_no_head(end, other, Some(*partial), input, context);
            }
        }
    }

    /// The bytes in `partial`, and those at hand, begin no head.
    fn handle_no_head(
        &mut self,
        end: End,
        scanned: Scanned,
        partial: Option<Partial>,
        input: &mut Input<'_>,
        context: &mut Context<'_>,
    ) {
        let mut buffer = match partial {
            Some(Partial {
                buffer,
                otherwise: Some(body),
                ..
            }) => {
                self.half(end).state = State::Body(body);
                return self.feed_body(end, &buffer, context);
            }
            Some(Partial { buffer, .. }) => buffer,
            None => Buffer::new(input.place),
        };
        let held = buffer.bytes().len();
        let resume = match scanned {
            Scanned::Tls => {
                count_passed(Protocol::Tls, held as u64, context.counters);
                return self.leave(Protocol::Tls, context);
            }
            Scanned::Http2 => return self.begin_http2(end, buffer),
            Scanned::TooLong { resume } => {
                context.counters.count(Anomaly::HttpHeadTooLong);
                resume
            }
            Scanned::NotHead { resume } => {
                if self.proven {
                    context.counters.count(Anomaly::HttpHeadMalformed);
                }
                resume
            }
            Scanned::More | Scanned::Head { .. } => 0,
        };
        self.pass(end, resume, context);
        buffer.drop_front(resume.min(held));
        input.take(resume.saturating_sub(held));
        self.pairer.handle_loss(self.side(end), 0);
        let half = self.half(end);
        half.fresh = false;
        half.state = State::Search(Box::new(Search::new(buffer)));
    }
}
