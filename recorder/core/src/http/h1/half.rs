//! One end's machine, and the ways in which it leaves the in-order path: bodies, searches, losses, tunnels.

use schema::Timestamp;

use super::chunked::{Decoder, Step};
use super::search::{Outcome, Search};
use super::{Conn, Ends};
use crate::Anomaly;
use crate::http::buffer::{Buffer, Input};
use crate::http::head::{self, Expected, Scan, Trust};
use crate::http::message::{Ending, Place};
use crate::http::{Context, End, Protocol, Side, count_passed};

/// What an end's next byte is.
#[derive(Debug)]
pub(super) enum State {
    /// The first of a head, or of an empty line before one.
    Start,
    /// In a head that came in part.
    Partial(Box<Partial>),
    /// In a body.
    Body(Body),
    /// Anywhere: the next message start is searched.
    Search(Box<Search>),
    /// Nothing that is looked at any more.
    Passed,
}

/// A body on its way.
#[derive(Debug)]
pub(super) enum Body {
    /// So many bytes are left.
    Bytes(u64),
    Chunked(Box<Decoder>),
    UntilClose,
}

/// A head that came in part.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) buffer: Buffer,
    pub(super) scan: Scan,
    /// What the bytes belong to if they are no head after all.
    pub(super) otherwise: Option<Body>,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) state: State,
    /// Index of the exchange that the body belongs to.
    pub(super) index: u32,
    /// Where the stream goes on.
    pub(super) next: Place,
    /// Where the first chunk began; 0 after a gap before it.
    pub(super) first: Option<u64>,
    /// Nothing was read yet since the connection, or the tunnel in it, began.
    pub(super) fresh: bool,
    /// The body may be missing, and the next message begin in its place.
    pub(super) peek: bool,
    /// The last message was found by searching, or follows one that was, and no pair has proven it since.
    pub(super) guessed: bool,
    /// The next head was found by searching.
    pub(super) sought: bool,
    pub(super) closed: bool,
    /// Bytes searched while no message was seen on the connection.
    searched: u64,
}

impl Half {
    /// `joined` if the connection was under way when it was first seen.
    pub(super) fn new(joined: bool) -> Self {
        Self {
            state: State::Start,
            index: 0,
            next: Place {
                at: Timestamp::MIN,
                offset: 0,
                acked: 0,
            },
            first: None,
            fresh: true,
            peek: false,
            guessed: joined,
            sought: false,
            closed: false,
            searched: 0,
        }
    }
}

impl Conn {
    /// Bytes of a body.
    pub(super) fn step_body(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        let side = self.side(end);
        let expected = match side {
            Side::Client => Expected::Request,
            Side::Server => Expected::Response,
        };
        let half = &mut self.halves[end.index()];
        if std::mem::take(&mut half.peek)
            && (side == Side::Server || self.pairer.is_answered(half.index))
        {
            let State::Body(body) = std::mem::replace(&mut half.state, State::Start) else {
                return;
            };
            half.state = State::Partial(Box::new(Partial {
                buffer: Buffer::new(input.place),
                scan: Scan::new(expected, false, Trust::InsteadOfBody),
                otherwise: Some(body),
            }));
            return;
        }
        let index = half.index;
        let State::Body(body) = &mut half.state else {
            return;
        };
        let before = input.bytes.len();
        let at = input.place.at;
        let mut ended = false;
        match body {
            Body::Bytes(left) => {
                let len = usize::try_from(*left).map_or(before, |left| left.min(before));
                *left -= len as u64;
                ended = *left == 0;
                let data = input.take(len);
                self.pairer.handle_data(index, side, at, data, context);
            }
            Body::UntilClose => {
                let data = input.take(before);
                self.pairer.handle_data(index, side, at, data, context);
            }
            Body::Chunked(decoder) => {
                let mut rest = input.bytes;
                let step = decoder.step(&mut rest, context.limits);
                let taken = before - rest.len();
                input.take(taken);
                match step {
                    Step::Data(data) => self.pairer.handle_data(index, side, at, data, context),
                    Step::Framing => {}
                    Step::End => ended = true,
                    Step::Malformed => {
                        context.counters.bytes_http += taken as u64;
                        return self.break_chunked(end, input, context);
                    }
                }
            }
        }
        context.counters.bytes_http += (before - input.bytes.len()) as u64;
        if ended {
            self.end_trailers(end, side, context);
            self.end_message(end, input.place, Ending::Whole, context);
        }
    }

    /// The trailers of a chunked message that has ended.
    fn end_trailers(&mut self, end: End, side: Side, context: &mut Context<'_>) {
        let half = self.half(end);
        let State::Body(Body::Chunked(decoder)) = std::mem::replace(&mut half.state, State::Start)
        else {
            return;
        };
        let index = half.index;
        match decoder.into_trailers() {
            (_, true) => context.counters.count(Anomaly::HttpTrailersCut),
            (Some(section), false) => {
                let (trailers, charset) =
                    head::trailers(&section, context.limits, context.counters);
                self.pairer.handle_trailers(index, side, trailers, charset);
            }
            (None, false) => {}
        }
    }

    /// Chunked coding that is none. A response that never had a chunk is taken as it comes, as its client may have done;
    /// else the message ends here, and the next one is searched.
    fn break_chunked(&mut self, end: End, input: &Input<'_>, context: &mut Context<'_>) {
        context.counters.count(Anomaly::HttpChunkMalformed);
        let side = self.side(end);
        let half = &mut self.halves[end.index()];
        let begun = match &half.state {
            State::Body(Body::Chunked(decoder)) => decoder.has_begun(),
            _ => true,
        };
        self.pairer.assume_framing(half.index);
        if side == Side::Server && !begun {
            half.state = State::Body(Body::UntilClose);
            return;
        }
        self.end_message(end, input.place, Ending::Broken, context);
        self.pairer.handle_loss(side, 0);
        self.half(end).state = State::Search(Box::new(Search::new(Buffer::new(input.place))));
    }

    /// Gives a body the bytes that were taken for the beginning of a head.
    pub(super) fn feed_body(&mut self, end: End, buffer: &Buffer, context: &mut Context<'_>) {
        // Each piece is an input as it was; what is told from a head in one is not looked at again, so that this goes no
        // deeper than there are pieces.
        for mut input in buffer.pieces() {
            while !input.bytes.is_empty() {
                self.drive(end, &mut input, context);
            }
        }
    }

    /// Before a gap or an end: what waits to be told from a head is the body's after all.
    pub(super) fn release_body(&mut self, end: End, context: &mut Context<'_>) {
        let half = self.half(end);
        if !matches!(&half.state, State::Partial(partial) if partial.otherwise.is_some()) {
            return;
        }
        if let State::Partial(partial) = std::mem::replace(&mut half.state, State::Start)
            && let Some(body) = partial.otherwise
        {
            half.state = State::Body(body);
            self.feed_body(end, &partial.buffer, context);
        }
    }

    /// The next message start is looked for.
    pub(super) fn step_search(
        &mut self,
        end: End,
        input: &mut Input<'_>,
        context: &mut Context<'_>,
    ) {
        let expected = self.expected(end);
        let proven = self.proven;
        let half = &mut self.halves[end.index()];
        let State::Search(search) = &mut half.state else {
            return;
        };
        let (before, held) = (input.bytes.len(), search.held());
        let mut passed = 0;
        let outcome = search.advance(input, expected, &mut passed, context.limits);
        let taken = before - input.bytes.len();
        if !proven {
            // A start that lies behind the bound is not found, however the bytes were cut.
            half.searched += passed;
            if half.searched > context.limits.http_probe_bytes_max {
                half.state = State::Passed;
                self.pass(end, held + taken, context);
                return self.settle_opaque(context);
            }
        }
        if !matches!(outcome, Outcome::Nothing) {
            half.guessed = true;
            half.sought = true;
            half.fresh = false;
        }
        match outcome {
            Outcome::Nothing => {}
            Outcome::Found => half.state = State::Start,
            Outcome::FoundEarlier(buffer) => {
                half.state = State::Partial(Box::new(Partial {
                    buffer,
                    scan: Scan::new(expected, false, Trust::Found),
                    otherwise: None,
                }));
            }
        }
        self.pass(end, usize::try_from(passed).unwrap_or(usize::MAX), context);
    }

    /// `len` bytes are lost where a message may have begun, or the bytes before no longer tell where the next one does.
    pub(super) fn lose(&mut self, end: End, len: u64, context: &mut Context<'_>) {
        if self.drop_held(end, context) && self.proven {
            context.counters.count(Anomaly::HttpHeadLost);
        }
        self.pairer.handle_loss(self.side(end), len);
        let half = self.half(end);
        if !matches!(half.state, State::Passed) {
            half.state = State::Search(Box::new(Search::new(Buffer::new(half.next))));
        }
    }

    /// Forgets the beginning of a head that will not go on; says whether there was one.
    pub(super) fn drop_held(&mut self, end: End, context: &mut Context<'_>) -> bool {
        let (held, head) = match &self.half(end).state {
            State::Partial(partial) => (partial.buffer.bytes().len(), true),
            State::Search(search) => (search.held(), false),
            _ => (0, false),
        };
        self.pass(end, held, context);
        head
    }

    /// The connection speaks something else from here on.
    pub(super) fn leave(&mut self, protocol: Protocol, context: &mut Context<'_>) {
        for end in [End::A, End::B] {
            let held = match &self.half(end).state {
                State::Partial(partial) => partial.buffer.bytes().len(),
                State::Search(search) => search.held(),
                _ => 0,
            };
            count_passed(protocol, held as u64, context.counters);
            self.half(end).state = State::Passed;
        }
        self.protocol = protocol;
        self.count_sniffed(context);
        self.pairer.finish_all(context);
    }

    /// With both ends given up, nothing is left to look at.
    fn settle_opaque(&mut self, context: &mut Context<'_>) {
        if self
            .halves
            .iter()
            .all(|half| matches!(half.state, State::Passed))
        {
            self.leave(Protocol::Opaque, context);
        }
    }

    /// After 101, or 2xx to CONNECT: a WebSocket is nothing that is looked at; anything else may be TLS, HTTP/2, or HTTP/1
    /// again, in which the client is still the client.
    pub(super) fn enter_tunnel(&mut self, websocket: bool, context: &mut Context<'_>) {
        if websocket {
            return self.leave(Protocol::Opaque, context);
        }
        for end in [End::A, End::B] {
            self.drop_held(end, context);
        }
        self.proven = false;
        self.from_start = true;
        self.entered = true;
        self.ends = Ends::Certain;
        for end in [End::A, End::B] {
            let half = self.half(end);
            if !half.closed && !matches!(half.state, State::Body(_)) {
                half.state = State::Start;
                half.fresh = true;
                half.searched = 0;
            }
        }
    }
}
