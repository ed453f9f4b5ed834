//! One end's machine: from bytes to frames, and the ways in which frames are lost sight of.

use schema::Timestamp;

use super::Conn;
use super::blocks::HeaderBlock;
use super::frame::{HEADER_BYTES, HEADER_LEN, Header, Kind, PAYLOAD_BYTES_MAX, flags};
use super::hpack::Decoder;
use super::search::Search;
use crate::http::buffer::{Buffer, Input};
use crate::http::message::Place;
use crate::http::{Context, End};
use crate::{Anomaly, Limits};

/// The client's connection preface (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Settings that are read: a payload that has more is passed over.
const SETTINGS_BYTES_MAX: u32 = 64 * 6;

/// What an end's next byte is.
#[derive(Debug)]
pub(super) enum State {
    /// One of the preface, after so many.
    Preface(usize),
    /// One of a frame header, after those held.
    Header(Option<Buffer>),
    /// One of a frame's payload.
    Payload(Payload),
    /// Anything: the beginning of a frame is searched.
    Search(Box<Search>),
    /// Nothing that is looked at any more.
    Passed,
}

/// A frame's payload on its way.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) header: Header,
    /// The place of its header.
    pub(super) place: Place,
    /// Bytes that are to come.
    pub(super) left: u32,
    pub(super) part: Part,
}

/// What of a payload is looked at.
#[derive(Debug)]
pub(super) enum Part {
    /// The length of a body's padding.
    PadLength,
    /// A body, and so much padding after it.
    Data { padding: u32 },
    /// The first bytes, as soon as there are so many; those that came already.
    Collect { wanted: u32, held: Vec<u8> },
    /// Nothing.
    Skip,
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) state: State,
    /// Where the stream goes on.
    pub(super) next: Place,
    pub(super) hpack: Decoder,
    /// A header block whose end is to come.
    pub(super) block: Option<Box<HeaderBlock>>,
    /// The next frame is the first: SETTINGS, on pain of not being the first.
    pub(super) first: bool,
    /// Bytes of the longest payload that it may send: what the other end said, as far as that was seen.
    pub(super) payload_bytes_max: Option<u32>,
    /// Bytes through which frames must still follow one another before it is believed that they are none inside a body that
    /// holds such bytes; 0 if they are known to be frames.
    pub(super) doubt: u32,
    /// Bytes of the frame before, header included.
    pub(super) last_bytes: u32,
    /// How often frames were lost sight of.
    pub(super) sync: u32,
    pub(super) closed: bool,
}

impl Half {
    /// An end of which every byte of HTTP/2 was seen; with `whole` unset, frames are to be found first.
    pub(super) fn new(state: State, whole: bool, next: Place) -> Self {
        Self {
            state,
            next,
            hpack: Decoder::new(whole),
            block: None,
            first: whole,
            payload_bytes_max: whole.then_some(PAYLOAD_BYTES_MAX),
            doubt: if whole { 0 } else { PAYLOAD_BYTES_MAX },
            last_bytes: 0,
            sync: 0,
            closed: false,
        }
    }

    /// Bytes of the longest payload that is a frame's.
    pub(super) fn payload_limit(&self, limits: &Limits) -> u32 {
        let known = self.payload_bytes_max;
        known.unwrap_or(limits.http2_frame_bytes_max)
    }

    /// Frames begin where the search ended.
    fn resume(&mut self) {
        let may_be = self.payload_bytes_max.unwrap_or(PAYLOAD_BYTES_MAX);
        self.doubt = may_be + HEADER_LEN;
        self.last_bytes = 0;
        self.state = State::Header(None);
    }
}

impl Conn {
    /// Runs an end's machine over bytes, to the last one.
    pub(super) fn drive(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        while !input.bytes.is_empty() {
            match &self.halves[end.index()].state {
                State::Preface(_) => self.step_preface(end, input, context),
                State::Header(_) => self.step_header(end, input, context),
                State::Payload(_) => self.step_payload(end, input, context),
                State::Search(_) => self.step_search(end, input, context),
                State::Passed => {
                    let passed = input.take(input.bytes.len());
                    context.counters.ledger.bytes_not_http += passed.len() as u64;
                }
            }
        }
    }

    fn step_preface(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        let half = &mut self.halves[end.index()];
        let State::Preface(seen) = &mut half.state else {
            return;
        };
        let due = PREFACE[*seen..].iter().zip(input.bytes);
        let len = due.take_while(|(due, byte)| due == byte).count();
        *seen += len;
        let whole = *seen == PREFACE.len();
        input.take(len);
        context.counters.bytes_http += len as u64;
        if whole {
            half.state = State::Header(None);
        } else if !input.bytes.is_empty() {
            context.counters.count(Anomaly::Http2FrameMalformed);
            self.lose(end, 0, context);
        }
    }

    fn step_header(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        let half = &mut self.halves[end.index()];
        let State::Header(held) = &mut half.state else {
            return;
        };
        let before = held.as_ref().map_or(0, |held| held.bytes().len());
        let (bytes, place) = match input.bytes.first_chunk::<HEADER_BYTES>() {
            Some(bytes) if before == 0 => (*bytes, input.place),
            _ => {
                let held = held.get_or_insert_with(|| Buffer::new(input.place));
                let len = input.bytes.len().min(HEADER_BYTES - before);
                held.extend(&input.bytes[..len], input.place);
                let Some(bytes) = held.bytes().first_chunk::<HEADER_BYTES>() else {
                    input.take(len);
                    return;
                };
                (*bytes, held.place(0))
            }
        };
        let header = Header::parse(&bytes);
        if !self.is_taken(end, &header, context.limits) {
            if let State::Header(Some(held)) = &mut self.half(end).state {
                held.truncate(before);
            }
            return self.lose_header(end, context);
        }
        input.take(HEADER_BYTES - before);
        context.counters.bytes_http += HEADER_BYTES as u64;
        self.begin_payload(end, header, place, input.place, context);
    }

    /// Whether a header is one, as far as that must still be shown.
    fn is_taken(&mut self, end: End, header: &Header, limits: &Limits) -> bool {
        let half = self.half(end);
        let len_max = match half.doubt {
            0 => half.payload_limit(limits),
            _ => half.payload_bytes_max.unwrap_or(PAYLOAD_BYTES_MAX),
        };
        if half.doubt > 0 && !header.is_plausible(len_max) {
            return false;
        }
        if std::mem::take(&mut half.first)
            && (header.kind != Kind::Settings || header.has(flags::ACK))
        {
            // Something came before it after all.
            half.hpack.forget();
            half.payload_bytes_max = None;
            half.doubt = PAYLOAD_BYTES_MAX;
        }
        half.doubt = half.doubt.saturating_sub(half.last_bytes);
        half.last_bytes = header.len.saturating_add(HEADER_LEN);
        header.len <= len_max
    }

    fn begin_payload(
        &mut self,
        end: End,
        header: Header,
        place: Place,
        next: Place,
        context: &mut Context<'_>,
    ) {
        self.check_block(end, &header, next, context);
        let head_bytes_max = context.limits.http_head_bytes_max as u64;
        let part = match header.kind {
            Kind::Data if header.has(flags::PADDED) && header.len > 0 => Part::PadLength,
            Kind::Data => Part::Data { padding: 0 },
            Kind::Headers | Kind::PushPromise | Kind::Continuation
                if u64::from(header.len) > head_bytes_max =>
            {
                self.give_up_block(end, &header, place, context);
                Part::Skip
            }
            Kind::Headers | Kind::PushPromise | Kind::Continuation => collect(header.len),
            Kind::Settings if header.len <= SETTINGS_BYTES_MAX => collect(header.len),
            Kind::RstStream => collect(header.len.min(4)),
            Kind::GoAway => collect(header.len.min(8)),
            _ => Part::Skip,
        };
        let half = self.half(end);
        half.state = State::Payload(Payload {
            header,
            place,
            left: header.len,
            part,
        });
        if header.len == 0 {
            let collected = matches!(
                self.half(end).state,
                State::Payload(Payload {
                    part: Part::Collect { .. },
                    ..
                })
            );
            self.end_payload(end, &header, next, context);
            if collected {
                self.handle_frame(end, &header, place, &[], next, context);
            }
        }
    }

    fn step_payload(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        let half = &mut self.halves[end.index()];
        let State::Payload(payload) = &mut half.state else {
            return;
        };
        let (header, place) = (payload.header, payload.place);
        let at_hand = u32::try_from(input.bytes.len()).unwrap_or(u32::MAX);
        let len = at_hand.min(payload.left);
        match &mut payload.part {
            Part::PadLength => {
                let padding = u32::from(input.take(1)[0]);
                payload.left -= 1;
                let padding = padding.min(payload.left);
                payload.part = Part::Data { padding };
                context.counters.bytes_http += 1;
            }
            Part::Data { padding } => {
                let len = len.min(payload.left.saturating_sub(*padding));
                if len > 0 {
                    let data = input.take(len as usize);
                    payload.left -= len;
                    let at = input.place.at;
                    self.handle_data(end, header.stream, at, data, context);
                } else {
                    payload.part = Part::Skip;
                }
            }
            Part::Collect { wanted, held } => {
                let missing = *wanted - u32::try_from(held.len()).unwrap_or(u32::MAX);
                let len = len.min(missing);
                let bytes = input.take(len as usize);
                payload.left -= len;
                context.counters.bytes_http += u64::from(len);
                if len < missing {
                    return held.extend_from_slice(bytes);
                }
                let mut held = std::mem::take(held);
                payload.part = Part::Skip;
                let whole = match held.is_empty() {
                    true => bytes,
                    false => {
                        held.extend_from_slice(bytes);
                        &held
                    }
                };
                if payload.left == 0 {
                    half.state = State::Header(None);
                }
                return self.handle_frame(end, &header, place, whole, input.place, context);
            }
            Part::Skip => {
                input.take(len as usize);
                payload.left -= len;
                context.counters.bytes_http += u64::from(len);
            }
        }
        if matches!(&self.half(end).state, State::Payload(payload) if payload.left == 0) {
            self.end_payload(end, &header, input.place, context);
        }
    }

    /// A payload is over; what was collected of it was handled before.
    fn end_payload(&mut self, end: End, header: &Header, next: Place, context: &mut Context<'_>) {
        self.half(end).state = State::Header(None);
        if header.kind == Kind::Data && header.has(flags::END_STREAM) {
            self.end_side(header.stream, self.side(end), next, context);
        }
    }

    fn step_search(&mut self, end: End, input: &mut Input<'_>, context: &mut Context<'_>) {
        let wanted = self.wanted(end, context.limits);
        let half = &mut self.halves[end.index()];
        let State::Search(search) = &mut half.state else {
            return;
        };
        let passed = search.extend(input.bytes, input.place, &wanted);
        context.counters.ledger.bytes_not_http += passed;
        input.take(input.bytes.len());
        if search.evidence().points < wanted.enough {
            return;
        }
        context.counters.count(Anomaly::HttpResynchronised);
        let search = std::mem::replace(search, Box::new(Search::new(input.place)));
        let buffer = search.into_buffer();
        half.resume();
        // What is held was bounded; it is read again as frames, and searched again only if they end in it.
        for mut piece in buffer.pieces() {
            self.drive(end, &mut piece, context);
        }
    }

    /// `len` bytes of one end are lost.
    pub(crate) fn handle_gap(&mut self, end: End, len: u64, context: &mut Context<'_>) {
        let half = &mut self.halves[end.index()];
        half.next.offset += len;
        let next = half.next;
        let State::Payload(payload) = &mut half.state else {
            return self.lose(end, len, context);
        };
        let header = payload.header;
        let known = len.min(u64::from(payload.left));
        let lost = u32::try_from(known).unwrap_or(payload.left);
        let body = match payload.part {
            Part::Data { padding } => Some(lost.min(payload.left.saturating_sub(padding))),
            // How much of it would have been padding is not known.
            Part::PadLength => Some(0),
            Part::Collect { .. } | Part::Skip => None,
        };
        let unsure = matches!(payload.part, Part::PadLength);
        let collected = matches!(payload.part, Part::Collect { .. });
        payload.left -= lost;
        let over = payload.left == 0;
        if body.is_none() || unsure {
            payload.part = Part::Skip;
        }
        if let Some(body) = body {
            self.handle_data_gap(end, header.stream, u64::from(body), unsure);
        }
        if over {
            let unseen = Place {
                at: Timestamp::MIN,
                ..next
            };
            self.end_payload(end, &header, unseen, context);
        }
        if collected {
            self.handle_frame_lost(end, &header, known, next, context);
        }
        if len > known {
            self.lose(end, len - known, context);
        }
    }

    /// What is held as a frame's header is none.
    fn lose_header(&mut self, end: End, context: &mut Context<'_>) {
        if self.half(end).doubt == 0 {
            context.counters.count(Anomaly::Http2FrameMalformed);
        }
        let state = std::mem::replace(&mut self.half(end).state, State::Passed);
        self.lose(end, 0, context);
        if let State::Header(Some(held)) = state {
            for mut piece in held.pieces() {
                self.drive(end, &mut piece, context);
            }
        }
    }

    /// Bytes that are held and belong to nothing.
    pub(super) fn drop_held(&mut self, end: End, context: &mut Context<'_>) {
        let held = match &self.half(end).state {
            State::Header(Some(held)) => held.bytes().len(),
            State::Search(search) => search.held(),
            _ => 0,
        };
        context.counters.ledger.bytes_not_http += held as u64;
    }
}

fn collect(wanted: u32) -> Part {
    Part::Collect {
        wanted,
        held: Vec::new(),
    }
}
