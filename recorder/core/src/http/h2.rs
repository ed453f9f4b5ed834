//! HTTP/2 in clear text (RFC 9113): both directions of one connection, from bytes and gaps to messages.
//!
//! Each [`Half`] is a machine over the bytes of one end: frames, one after the other. What they say of a stream goes to the
//! [`Pairer`] at once, by the index of the stream's exchange; bodies are read where they lie. Header blocks are read by a
//! [`hpack::Decoder`] that goes on where it has missed a part.
//!
//! Lost bytes inside a frame whose header was seen are passed over. Any others may have hidden frames: then the half
//! [searches](search) for the next ones; what its header tables held before is unknown; and every stream that was under way
//! on its side may lack a part, and says so. Frames that were found by searching could be a body's content, as long as no
//! more bytes were followed than the longest payload has: until then, what they say is assumed. A request among them is
//! certain once it is answered, because a body's frame is sent whole before anything can answer what follows it.

mod blocks;
mod frame;
mod half;
mod heads;
mod hpack;
mod messages;
mod search;
mod sniff;
mod streams;

use std::sync::Arc;

use schema::{ConnectionInfo, Exchange};

use super::buffer::{Buffer, Input};
use super::message::{Ending, Place};
use super::{Chunk, Context, End, Side};
use crate::pairing::Pairer;
use crate::{Anomaly, Limits};

use frame::PAYLOAD_BYTES_MAX;
use half::{Half, State};
use heads::Section;
use search::{ENOUGH, Search, Wanted};
use streams::{Progress, Stream, Streams};

pub(crate) use sniff::Sniff;

/// The start line of the client's connection preface (RFC 9113 section 3.4): made so that an HTTP/1 parser sees a request.
pub(crate) const PREFACE_LINE: &[u8] = b"PRI * HTTP/2.0";

/// What is known of a connection when it turns out to speak HTTP/2.
#[derive(Debug)]
pub(crate) struct Beginning {
    pub(crate) info: Arc<ConnectionInfo>,
    pub(crate) client: End,
    /// Whether it is certain which end is the client.
    pub(crate) certain: bool,
    pub(crate) pairer: Pairer,
    /// Index of the exchange whose HTTP/1 request is that of stream 1 (RFC 7540 section 3.2).
    pub(crate) upgraded: Option<u32>,
    /// By [`End`].
    pub(crate) ends: [BeginningOf; 2],
}

/// What is known of one end.
#[derive(Debug)]
pub(crate) struct BeginningOf {
    /// Its bytes so far.
    pub(crate) bytes: Buffer,
    /// Whether its first byte of HTTP/2 is among them, or is yet to come.
    pub(crate) whole: bool,
    pub(crate) closed: bool,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    info: Arc<ConnectionInfo>,
    client: End,
    /// Whether it is certain which end is the client.
    certain: bool,
    /// By [`End`].
    halves: [Half; 2],
    streams: Streams,
    pairer: Pairer,
}

impl Conn {
    /// Goes on with what was an HTTP/1 connection so far.
    pub(crate) fn begin(beginning: Beginning, context: &mut Context<'_>) -> Self {
        let Beginning {
            info,
            client,
            certain,
            pairer,
            upgraded,
            ends: [a, b],
        } = beginning;
        let half = |of: &BeginningOf, end: End| {
            let state = match (of.whole, end == client) {
                (true, true) => State::Preface(0),
                (true, false) => State::Header(None),
                (false, _) => State::Search(Box::new(Search::new(of.bytes.place(0)))),
            };
            Half::new(state, of.whole, of.bytes.place(0))
        };
        let mut conn = Self {
            info,
            client,
            certain,
            halves: [half(&a, End::A), half(&b, End::B)],
            streams: Streams::default(),
            pairer,
        };
        if let Some(index) = upgraded {
            let mut stream = Stream::new(index, 0);
            stream.half(Side::Client).progress = Progress::Ended;
            conn.streams.insert(1, stream);
        }
        for (end, mut piece) in in_order(client, [&a.bytes, &b.bytes]) {
            conn.drive(end, &mut piece, context);
            conn.half(end).next = piece.place;
        }
        for end in [client, client.peer()] {
            if [&a, &b][end.index()].closed {
                conn.handle_close(end, context);
            }
        }
        conn
    }

    /// Takes the next bytes of one end.
    pub(crate) fn handle_chunk(&mut self, chunk: Chunk<'_>, context: &mut Context<'_>) {
        let mut input = Input {
            bytes: chunk.bytes,
            place: Place {
                at: chunk.at,
                offset: chunk.offset,
                acked: chunk.acked,
            },
        };
        self.drive(chunk.from, &mut input, context);
        self.half(chunk.from).next = input.place;
    }

    /// One end has ended.
    pub(crate) fn handle_close(&mut self, end: End, context: &mut Context<'_>) {
        let side = self.side(end);
        self.drop_held(end, context);
        let half = self.half(end);
        half.state = State::Passed;
        half.closed = true;
        let unseen = Place {
            at: schema::Timestamp::MIN,
            ..half.next
        };
        let open = |_: u32, stream: &Stream| {
            !stream.tunnel && stream.halves[side as usize].progress == Progress::Open
        };
        for id in self.streams.ids(open) {
            let torn = self.streams.get(id).map(|stream| stream.half(side).torn);
            if torn == Some(true) {
                self.settle(id, side, context);
            }
            if let Some(stream) = self.streams.get(id) {
                stream.half(side).progress = Progress::Ended;
                let index = stream.index;
                self.pairer
                    .handle_end(index, side, unseen, Ending::Broken, context);
            }
        }
        if side == Side::Server {
            self.pairer.handle_server_close(context);
        }
        if self.halves.iter().all(|half| half.closed) {
            self.streams = Streams::default();
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

    /// `len` bytes of one end are lost where frames may have begun, or where the next one begins is no longer known.
    fn lose(&mut self, end: End, len: u64, context: &mut Context<'_>) {
        self.drop_held(end, context);
        let side = self.side(end);
        let half = self.half(end);
        if half.block.take().is_some() {
            context.counters.count(Anomaly::Http2BlockGivenUp);
        }
        half.hpack.forget();
        half.first = false;
        half.sync += 1;
        half.state = State::Search(Box::new(Search::new(half.next)));
        self.half(end.peer()).payload_bytes_max = None;
        self.pairer.handle_loss(side, len);
        for (_, stream) in self.streams.iter_mut() {
            let index = stream.index;
            let half = stream.half(side);
            if half.progress != Progress::Ended {
                half.torn |= half.progress == Progress::Open;
                self.pairer.assume_framing(index);
            }
        }
    }

    /// What is searched for.
    fn wanted(&self, end: End, limits: &Limits) -> Wanted {
        let known = self.halves[end.index()].payload_bytes_max;
        Wanted {
            side: self.certain.then(|| self.side(end)),
            payload_bytes_max: known.unwrap_or(PAYLOAD_BYTES_MAX),
            enough: ENOUGH,
            held_bytes_max: limits.http2_search_bytes_max,
            bounds: bounds(limits),
        }
    }

    /// A message tells which end is the client.
    fn learn_ends(
        &mut self,
        end: End,
        promise: bool,
        section: &Section,
        context: &mut Context<'_>,
    ) {
        if self.certain {
            return;
        }
        let client = match section.is_from_client() {
            Some(true) if !promise => end,
            Some(_) => end.peer(),
            None => return,
        };
        self.certain = true;
        if client != self.client {
            // Streams that began meanwhile were taken for the other side's.
            context.counters.count(Anomaly::HttpEndsSwapped);
            self.streams = Streams::default();
            self.pairer.finish_all(context);
            self.client = client;
            let info = Arc::make_mut(&mut self.info);
            std::mem::swap(&mut info.client, &mut info.server);
        }
    }
}

/// The bytes of both ends, given by [`End`], in the order in which they were sent: behind what their sender had acknowledged, and
/// where neither end had seen the other's, requests first.
fn in_order<'a>(
    client: End,
    bytes: [&'a Buffer; 2],
) -> impl Iterator<Item = (End, Input<'a>)> + use<'a> {
    let server = client.peer();
    let pieces = |end: End| bytes[end.index()].pieces().peekable();
    let (mut asked, mut answered) = (pieces(client), pieces(server));
    std::iter::from_fn(move || {
        let is_answer_first = match (asked.peek(), answered.peek()) {
            (Some(request), Some(answer)) => request.place.acked > answer.place.offset,
            (request, _) => request.is_none(),
        };
        match is_answer_first {
            true => Some((server, answered.next()?)),
            false => Some((client, asked.next()?)),
        }
    })
}

/// The bounds of header blocks.
fn bounds(limits: &Limits) -> hpack::Bounds {
    hpack::Bounds {
        table_bytes_max: limits.http2_table_bytes_max,
        list_bytes_max: limits.http_head_bytes_max,
        fields_max: limits.http_headers_max,
    }
}
