//! What frames do to streams: heads, bodies, trailers, ends (RFC 9113 section 8.1).

use schema::{Certainty, Timestamp};

use super::blocks::BlockOf;
use super::frame::{Header, Kind, PAYLOAD_BYTES_MAX, flags};
use super::heads::Section;
use super::streams::{Progress, Stream};
use super::{Conn, bounds};
use crate::Anomaly;
use crate::http::head::ContentLength;
use crate::http::message::{Ending, Place, Start};
use crate::http::{Context, End, Side};
use crate::pairing::Match;

/// SETTINGS_MAX_FRAME_SIZE (RFC 9113 section 6.5.2).
const SETTING_PAYLOAD_BYTES_MAX: u16 = 5;

impl Conn {
    /// A frame of which what matters is at hand.
    pub(super) fn handle_frame(
        &mut self,
        end: End,
        header: &Header,
        place: Place,
        payload: &[u8],
        next: Place,
        context: &mut Context<'_>,
    ) {
        match header.kind {
            Kind::Headers | Kind::PushPromise => {
                self.handle_fragment(end, header, place, payload, next, context);
            }
            Kind::Continuation => self.handle_continuation(end, header, payload, next, context),
            Kind::RstStream => self.handle_reset(header.stream, context),
            Kind::Settings if !header.has(flags::ACK) => self.handle_settings(end, payload),
            Kind::GoAway => {
                if let Some(last) = payload.first_chunk() {
                    self.handle_go_away(end, u32::from_be_bytes(*last), context);
                }
            }
            _ => {}
        }
    }

    pub(super) fn handle_block(
        &mut self,
        end: End,
        of: BlockOf,
        coded: &[u8],
        next: Place,
        context: &mut Context<'_>,
    ) {
        let block = self.half(end).hpack.decode(coded, bounds(context.limits));
        let Ok(block) = block else {
            context.counters.count(Anomaly::Http2BlockMalformed);
            return self.lose_block(end, of, 0, next, context);
        };
        if block.table_cut {
            context.counters.count(Anomaly::Http2TableFull);
        }
        let section = Section::of(&block, context.counters);
        self.learn_ends(end, of.promised != 0, &section, context);
        let side = self.side(end);
        match side {
            _ if of.promised != 0 => {
                if side == Side::Server {
                    self.open(of.promised, section, of.place, end, context);
                    self.end_side(of.promised, Side::Client, next, context);
                }
                return;
            }
            Side::Client => self.handle_client_block(end, of, section, context),
            Side::Server => self.handle_server_block(end, of, section, context),
        }
        if of.end_stream {
            self.end_side(of.stream, side, next, context);
        }
    }

    fn handle_client_block(
        &mut self,
        end: End,
        of: BlockOf,
        section: Section,
        context: &mut Context<'_>,
    ) {
        let Some(stream) = self.streams.get(of.stream) else {
            // Without a pseudo-header field they are trailers, of a request whose head was lost.
            let begins = section.is_head() || section.lacking > 0;
            if begins && !self.streams.was_given_up(of.stream) {
                self.open(of.stream, section, of.place, end, context);
            }
            return;
        };
        let index = stream.index;
        if section.is_head() {
            // A second head is none, or the first was.
            context.counters.count(Anomaly::Http2FrameMalformed);
            self.pairer.assume_framing(index);
        } else if stream.half(Side::Client).progress == Progress::Open {
            self.handle_trailers(index, Side::Client, section);
        }
    }

    fn handle_server_block(
        &mut self,
        end: End,
        of: BlockOf,
        section: Section,
        context: &mut Context<'_>,
    ) {
        let known = self.streams.get(of.stream);
        let progress = known
            .as_ref()
            .map(|stream| stream.halves[Side::Server as usize].progress);
        let index = known.map(|stream| stream.index);
        match (progress, section.status()) {
            (None, _) if self.streams.was_given_up(of.stream) => {}
            (Some(Progress::Awaited) | None, Some(status @ 100..=199)) => {
                self.pairer
                    .handle_interim(Match::stream(index), status, context);
            }
            // An unknown status: taken for the final one.
            (Some(Progress::Awaited), None) if section.lacking == 0 => {}
            (None, None) => {}
            (Some(Progress::Awaited) | None, _) => self.answer(end, of, section, context),
            (Some(Progress::Open), None) => {
                if let Some(index) = index {
                    self.handle_trailers(index, Side::Server, section);
                }
            }
            (Some(Progress::Open | Progress::Ended), _) => {
                context.counters.count(Anomaly::Http2FrameMalformed);
            }
        }
    }

    fn handle_trailers(&mut self, index: u32, side: Side, section: Section) {
        self.pairer.handle_gap(index, side, section.lacking, 0);
        self.pairer
            .handle_trailers(index, side, section.headers, section.charset);
    }

    /// A request begins, at the client or as a promise.
    fn open(
        &mut self,
        id: u32,
        section: Section,
        place: Place,
        end: End,
        context: &mut Context<'_>,
    ) {
        let limits = context.limits;
        let (lacking, length) = (section.lacking, length(&section));
        let Some((head, authority)) = section.into_request() else {
            context.counters.count(Anomaly::HttpHeadMalformed);
            self.streams.remember(id, limits.http2_resets_max);
            return;
        };
        while self.streams.len() >= limits.http2_streams_max.max(1)
            && let Some(oldest) = self.streams.oldest()
        {
            context.counters.count(Anomaly::Http2StreamsFull);
            self.give_up(oldest, context);
        }
        let half = self.half(end);
        let (doubted, sync) = (half.doubt > 0, half.sync);
        let start = if doubted { Start::Border } else { Start::Due };
        let is_head = head.method == "HEAD";
        let index = self
            .pairer
            .handle_stream(&self.info, id, head, authority, place, start);
        self.pairer.handle_gap(index, Side::Client, lacking, 0);
        let mut stream = Stream::new(index, sync);
        stream.head = is_head;
        let half = stream.half(Side::Client);
        half.progress = Progress::Open;
        half.length = length;
        self.streams.insert(id, stream);
    }

    /// A final response begins.
    fn answer(&mut self, end: End, of: BlockOf, section: Section, context: &mut Context<'_>) {
        let client_sync = self.half(self.client).sync;
        let doubted = self.half(end).doubt > 0;
        let framing = if doubted {
            Certainty::Assumed
        } else {
            Certainty::Exact
        };
        let (lacking, length) = (section.lacking, length(&section));
        let known = self.streams.get(of.stream);
        // An answer to a stream that is none would be a rare coincidence; frames that hold such bytes are sent whole before.
        let proven = known
            .as_ref()
            .is_some_and(|stream| stream.sync == client_sync);
        let index = known.as_ref().map(|stream| stream.index);
        let connect = index.is_some_and(|index| self.pairer.is_connect(index));
        let head = section.into_response();
        let tunnel = connect && matches!(head.status, 200..=299);
        let bodyless = head.status == 304;
        let index = self.pairer.handle_stream_response(
            &self.info,
            (of.stream, index),
            head,
            of.place,
            (framing, proven),
            context,
        );
        self.pairer.handle_gap(index, Side::Server, lacking, 0);
        if self.streams.get(of.stream).is_none() {
            let mut unasked = Stream::new(index, client_sync);
            unasked.half(Side::Client).progress = Progress::Ended;
            self.streams.insert(of.stream, unasked);
        }
        if let Some(stream) = self.streams.get(of.stream) {
            let head = stream.head;
            let half = stream.half(Side::Server);
            half.progress = Progress::Open;
            half.length = length.filter(|_| !head && !bodyless);
        }
        if tunnel {
            self.begin_tunnel(of.stream, of.place, context);
        }
    }

    /// CONNECT was answered (RFC 9113 section 8.5, RFC 8441): the exchange is over, what follows is none.
    fn begin_tunnel(&mut self, id: u32, place: Place, context: &mut Context<'_>) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        stream.tunnel = true;
        let index = stream.index;
        self.pairer.handle_upgrade(index);
        let unseen = Place {
            at: Timestamp::MIN,
            ..place
        };
        for side in [Side::Client, Side::Server] {
            self.pairer
                .handle_end(index, side, unseen, Ending::Whole, context);
        }
    }

    /// Bytes of a body.
    pub(super) fn handle_data(
        &mut self,
        end: End,
        id: u32,
        at: Timestamp,
        data: &[u8],
        context: &mut Context<'_>,
    ) {
        let side = self.side(end);
        match self.streams.get(id) {
            Some(stream) if stream.tunnel => {
                context.counters.ledger.bytes_not_http += data.len() as u64;
                return;
            }
            Some(stream) if stream.halves[side as usize].progress == Progress::Open => {
                stream.half(side).body_bytes += data.len() as u64;
                let index = stream.index;
                self.pairer
                    .handle_stream_data(index, side, at, data, context);
            }
            _ => {}
        }
        context.counters.bytes_http += data.len() as u64;
    }

    /// `len` bytes of a body are lost; if `unsure`, more may be.
    pub(super) fn handle_data_gap(&mut self, end: End, id: u32, len: u64, unsure: bool) {
        let side = self.side(end);
        let Some(stream) = self.streams.get(id).filter(|stream| !stream.tunnel) else {
            return;
        };
        let half = stream.half(side);
        half.torn |= unsure;
        if half.progress == Progress::Open {
            half.body_bytes += len;
            self.pairer.handle_gap(stream.index, side, len, len);
        }
    }

    /// One side of a stream is over.
    pub(super) fn end_side(&mut self, id: u32, side: Side, next: Place, context: &mut Context<'_>) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        let index = stream.index;
        if stream.tunnel {
            stream.half(side).progress = Progress::Ended;
        } else if stream.half(side).progress == Progress::Awaited {
            // Its head was lost, so that it is none.
            return self.give_up(id, context);
        } else {
            self.settle(id, side, context);
            self.pairer
                .handle_end(index, side, next, Ending::Whole, context);
            self.end_torn_request(id, side, next, context);
        }
        if self.streams.get(id).is_some_and(|stream| stream.is_ended()) {
            self.streams.remove(id);
        }
    }

    /// A request whose end may have been lost ends with its response.
    fn end_torn_request(&mut self, id: u32, side: Side, next: Place, context: &mut Context<'_>) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        let half = &stream.halves[Side::Client as usize];
        if side == Side::Server && half.torn && half.progress == Progress::Open {
            let index = stream.index;
            self.settle(id, Side::Client, context);
            let unseen = Place {
                at: Timestamp::MIN,
                ..next
            };
            self.pairer
                .handle_end(index, Side::Client, unseen, Ending::Whole, context);
        }
    }

    /// A side that is over is held against its Content-Length, which tells what it lacks; where there is none, a side of
    /// which frames may have been lost lacks at least a byte.
    pub(super) fn settle(&mut self, id: u32, side: Side, context: &mut Context<'_>) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        let index = stream.index;
        let half = stream.half(side);
        half.progress = Progress::Ended;
        match half
            .length
            .map(|length| length.checked_sub(half.body_bytes))
        {
            Some(Some(0)) => {}
            Some(Some(missing)) if half.torn => {
                self.pairer.handle_gap(index, side, missing, missing);
            }
            None if half.torn => self.pairer.handle_gap(index, side, 1, 0),
            None => {}
            Some(_) => context.counters.count(Anomaly::HttpFramingFaulty),
        }
    }

    pub(super) fn handle_reset(&mut self, id: u32, context: &mut Context<'_>) {
        context.counters.count(Anomaly::Http2StreamReset);
        if self.streams.get(id).is_none() {
            return;
        }
        for side in [Side::Client, Side::Server] {
            let torn = self.streams.get(id).is_some_and(|stream| {
                let half = stream.half(side);
                half.torn && half.progress == Progress::Open
            });
            if torn {
                self.settle(id, side, context);
            }
        }
        self.give_up(id, context);
    }

    /// A stream ends as it is; frames of it that still come are nothing.
    fn give_up(&mut self, id: u32, context: &mut Context<'_>) {
        let Some(stream) = self.streams.remove(id) else {
            return;
        };
        self.pairer.give_up(stream.index, context);
        if self.streams.remember(id, context.limits.http2_resets_max) {
            context.counters.count(Anomaly::Http2ResetsFull);
        }
    }

    fn handle_settings(&mut self, end: End, payload: &[u8]) {
        let peer = self.half(end.peer());
        if let Some(max) = &mut peer.payload_bytes_max {
            for setting in payload.as_chunks::<6>().0 {
                let [a, b, value @ ..] = *setting;
                let value = u32::from_be_bytes(value);
                if u16::from_be_bytes([a, b]) == SETTING_PAYLOAD_BYTES_MAX {
                    // What was sent before the setting arrived may be as long as it was allowed before.
                    *max = (*max).max(value.clamp(PAYLOAD_BYTES_MAX, (1 << 24) - 1));
                }
            }
        }
    }

    /// Streams of the peer beyond the last one that was looked at get no answer (RFC 9113 section 6.8).
    fn handle_go_away(&mut self, end: End, last: u32, context: &mut Context<'_>) {
        let last = last & (u32::MAX >> 1);
        let of_client = u32::from(self.side(end) == Side::Server);
        for id in self
            .streams
            .ids(|id, stream| id > last && id % 2 == of_client && !stream.tunnel)
        {
            self.give_up(id, context);
        }
    }
}

/// The length that a head says its body has.
fn length(section: &Section) -> Option<u64> {
    match section.fields.content_length {
        ContentLength::Bytes(length) => Some(length),
        ContentLength::Absent | ContentLength::Invalid(_) => None,
    }
}
