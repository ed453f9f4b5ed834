//! Messages become exchanges.
//!
//! On one HTTP/1 connection responses come in the order of their requests (RFC 9112 section 9.3), so the first request that
//! waits is the one that is answered, as long as no message was lost. A loss that may have hidden messages starts a new
//! *epoch*: requests of an epoch that is not *settled* are paired by acknowledgements instead. A response cannot answer a
//! request that its sender had not received, nor one that was sent after its own first byte had been; and if it
//! acknowledges exactly the last byte of one request, which itself acknowledged everything before the response, the two
//! belong together for certain, and the epoch is settled. Where only the order could decide, the pairing is assumed.
//!
//! Messages are addressed by the index of their exchange, so that HTTP/2 can feed the same machine by its streams.

mod finish;
mod matching;
mod slot;
mod streams;

use std::collections::VecDeque;
use std::sync::Arc;

use schema::{Certainty, Charset, ConnectionInfo, Exchange, Headers, Response, Timestamp};

use crate::Anomaly;
use crate::http::head::{RequestHead, ResponseHead};
use crate::http::message::{Asked, Ending, Place, Start};
use crate::http::{Context, Side};

pub(crate) use matching::Match;

use slot::{PartState, Slot};

/// Bytes reserved for a body whose length is known; longer ones grow as they come.
const BODY_RESERVED_MAX: u64 = 256 << 10;

/// Places for exchanges that a connection keeps while it has none.
const IDLE_CAPACITY_MAX: usize = 4;

/// The exchanges of one connection that are under way, and those that are done.
#[derive(Debug)]
pub(crate) struct Pairer {
    /// Under way, by index.
    slots: VecDeque<Box<Slot>>,
    /// Done and not polled.
    done: VecDeque<Box<Slot>>,
    /// Index of the next exchange.
    next: u32,
    /// Counts the losses that may have hidden messages.
    epoch: u32,
    /// The epoch whose requests are answered in order.
    settled: u32,
    /// A request was sent while an earlier one waited, so that the order within what was lost is not known.
    pipelined: bool,
    /// The server will send no more.
    server_closed: bool,
    /// Bytes lost between messages and not yet told of in a row, by [`Side`].
    lost: [u64; 2],
    /// Statuses of interim responses to no request that was seen.
    interim: Vec<u16>,
    /// Bytes of bodies in `slots`.
    held: usize,
}

impl Pairer {
    /// An empty pairer; `joined` if the connection was under way when it was first seen.
    pub(crate) fn new(joined: bool) -> Self {
        Self {
            slots: VecDeque::new(),
            done: VecDeque::new(),
            next: 0,
            epoch: u32::from(joined),
            settled: 0,
            pipelined: false,
            server_closed: false,
            lost: [0; 2],
            interim: Vec::new(),
            held: 0,
        }
    }

    /// A request begins; gives the index of its exchange.
    pub(crate) fn handle_request(
        &mut self,
        connection: &Arc<ConnectionInfo>,
        head: RequestHead,
        place: Place,
        start: Start,
        context: &mut Context<'_>,
    ) -> u32 {
        let limits = context.limits;
        while self.slots.len() >= limits.http_pipeline_depth_max
            || (self.held > limits.http_pending_bytes_max && !self.slots.is_empty())
        {
            self.give_up_oldest(context);
        }
        self.pipelined |= self.slots.iter().any(|slot| slot.waits_in(self.settled));
        self.begin_request(connection, head, place, start)
    }

    fn begin_request(
        &mut self,
        connection: &Arc<ConnectionInfo>,
        head: RequestHead,
        place: Place,
        start: Start,
    ) -> u32 {
        let mut slot = self.slot(connection, head.protocol, head.charset);
        slot.place = place;
        slot.asked = Asked::of(&head.method);
        slot.provable = start == Start::Border;
        if start != Start::Due {
            slot.exchange.framing = Certainty::Assumed;
        }
        slot.parts[Side::Client as usize].state = PartState::Open;
        slot.exchange.request = Some(head.into_request(place.at));
        self.push(slot)
    }

    /// An interim response (RFC 9110 section 15.2); it answers nothing.
    pub(crate) fn handle_interim(&mut self, matched: Match, status: u16, context: &Context<'_>) {
        let statuses = match matched.index.and_then(|index| self.slot_mut(index)) {
            Some(slot) => &mut slot.exchange.interim_statuses,
            None => &mut self.interim,
        };
        if statuses.len() < context.limits.http_pipeline_depth_max {
            statuses.push(status);
        }
    }

    /// Whether a request that was not seen was told to send its body (RFC 9110 section 15.2.1), so that what comes next from
    /// the client may be that, whatever it looks like.
    pub(crate) fn expects_lost_body(&self) -> bool {
        self.interim.contains(&100)
    }

    /// A final response begins; gives the index of its exchange. `framing` is assumed where its length or place is.
    pub(crate) fn handle_response(
        &mut self,
        connection: &Arc<ConnectionInfo>,
        matched: Match,
        head: ResponseHead,
        place: Place,
        framing: Certainty,
        context: &mut Context<'_>,
    ) -> u32 {
        let index = match matched.index {
            Some(index) => {
                self.give_up_before(index, context);
                if matched.proven
                    && let Some(slot) = self.slot_mut(index)
                {
                    self.settled = slot.prove();
                    self.interim.clear();
                }
                index
            }
            None => self.begin_unasked(connection, &head, context),
        };
        self.begin_response(index, matched.certainty, head, place, framing);
        index
    }

    /// A response to no request that was seen.
    fn begin_unasked(
        &mut self,
        connection: &Arc<ConnectionInfo>,
        head: &ResponseHead,
        context: &mut Context<'_>,
    ) -> u32 {
        context.counters.count(Anomaly::ResponseUnasked);
        let mut slot = self.slot(connection, head.protocol, head.charset);
        slot.parts[Side::Client as usize].state = PartState::Ended;
        slot.exchange.interim_statuses = std::mem::take(&mut self.interim);
        slot.exchange.request_missing_bytes = std::mem::take(&mut self.lost[Side::Client as usize]);
        self.push(slot)
    }

    fn begin_response(
        &mut self,
        index: u32,
        pairing: Certainty,
        head: ResponseHead,
        place: Place,
        framing: Certainty,
    ) {
        let Some(slot) = self.slot_mut(index) else {
            return;
        };
        slot.exchange.pairing = pairing;
        if framing == Certainty::Assumed {
            slot.exchange.framing = framing;
        }
        slot.answer = Some((place, place.offset));
        slot.agree_on(head.charset);
        slot.parts[Side::Server as usize].state = PartState::Open;
        slot.transfer_codings = head.fields.transfer_codings;
        let headers = slot.adopt(head.headers, head.charset);
        slot.exchange.response = Some(Response {
            start: place.at,
            end: place.at,
            status: head.status,
            headers,
            body: schema::Body::default(),
            body_encoding: None,
            body_digest: None,
            trailers: None,
        });
    }

    /// The body of a message will have `len` bytes.
    pub(crate) fn handle_length(
        &mut self,
        index: u32,
        side: Side,
        len: u64,
        context: &Context<'_>,
    ) {
        let len = len.min(BODY_RESERVED_MAX);
        if let (Some(slot), Ok(len)) = (self.slot_mut(index), usize::try_from(len)) {
            let len = len.min(context.options.body_bytes_max);
            slot.parts[side as usize].body.reserve_exact(len);
        }
    }

    /// Bytes of a body.
    pub(crate) fn handle_data(
        &mut self,
        index: u32,
        side: Side,
        at: Timestamp,
        bytes: &[u8],
        context: &Context<'_>,
    ) {
        let Some(slot) = self.slot_mut(index) else {
            return;
        };
        let stored = slot.append(side, bytes, context.options.body_bytes_max);
        slot.touch(side, at);
        self.held += stored;
    }

    /// `lost` bytes of a message are missing, `of_body` of which are the body's.
    pub(crate) fn handle_gap(&mut self, index: u32, side: Side, lost: u64, of_body: u64) {
        if let Some(slot) = self.slot_mut(index) {
            slot.parts[side as usize].body_bytes += of_body;
            *slot.missing(side) += lost;
        }
    }

    /// The trailer fields of a message.
    pub(crate) fn handle_trailers(
        &mut self,
        index: u32,
        side: Side,
        trailers: Headers,
        charset: Charset,
    ) {
        let Some(slot) = self.slot_mut(index) else {
            return;
        };
        slot.agree_on(charset);
        let trailers = Some(slot.adopt(trailers, charset));
        match (side, &mut *slot.exchange) {
            (
                Side::Client,
                Exchange {
                    request: Some(request),
                    ..
                },
            ) => request.trailers = trailers,
            (
                Side::Server,
                Exchange {
                    response: Some(response),
                    ..
                },
            ) => response.trailers = trailers,
            _ => {}
        }
    }

    /// The end of a message's framing had to be assumed.
    pub(crate) fn assume_framing(&mut self, index: u32) {
        if let Some(slot) = self.slot_mut(index) {
            slot.exchange.framing = Certainty::Assumed;
            slot.provable = false;
        }
    }

    /// The connection speaks something else after this exchange.
    pub(crate) fn handle_upgrade(&mut self, index: u32) {
        if let Some(slot) = self.slot_mut(index) {
            slot.upgraded = true;
        }
    }

    /// A message ends; the next of its side begins at `place`.
    pub(crate) fn handle_end(
        &mut self,
        index: u32,
        side: Side,
        place: Place,
        ending: Ending,
        context: &mut Context<'_>,
    ) {
        let Some(at) = self.position(index) else {
            return;
        };
        let slot = &mut self.slots[at];
        slot.touch(side, place.at);
        let part = &mut slot.parts[side as usize];
        part.state = PartState::Ended;
        part.broken = ending == Ending::Broken;
        match (side, &mut slot.answer) {
            (Side::Client, _) => slot.end = Some(place.offset),
            (Side::Server, Some((_, end))) => *end = place.offset,
            (Side::Server, None) => {}
        }
        if slot.is_ended() || (self.server_closed && slot.is_unanswered()) {
            self.finish(at, context);
        }
    }

    /// Whether a final response to the exchange's request has begun.
    pub(crate) fn is_answered(&self, index: u32) -> bool {
        self.position(index)
            .is_some_and(|at| !self.slots[at].is_waiting())
    }

    /// `len` bytes of one side are lost, or are no messages, and may have hidden some.
    pub(crate) fn handle_loss(&mut self, side: Side, len: u64) {
        self.epoch += 1;
        self.lost[side as usize] += len;
        if side == Side::Server {
            for slot in self.slots.iter_mut().filter(|slot| slot.is_waiting()) {
                slot.epoch = self.epoch;
            }
        }
    }

    /// The server will send no more: requests that are over get no response.
    pub(crate) fn handle_server_close(&mut self, context: &mut Context<'_>) {
        self.server_closed = true;
        while let Some(at) = self.slots.iter().position(|slot| slot.is_unanswered()) {
            self.finish(at, context);
        }
    }

    /// Nothing more will come: everything is done, with what it has.
    pub(crate) fn finish_all(&mut self, context: &mut Context<'_>) {
        while !self.slots.is_empty() {
            self.finish(0, context);
        }
    }

    /// The next exchange that is done.
    pub(crate) fn poll_exchange(&mut self) -> Option<Box<Exchange>> {
        let slot = self.done.pop_front();
        if slot.is_none() {
            // An idle connection keeps nothing of a burst.
            for queue in [&mut self.slots, &mut self.done] {
                if queue.is_empty() && queue.capacity() > IDLE_CAPACITY_MAX {
                    *queue = VecDeque::new();
                }
            }
        }
        slot.map(|slot| slot.exchange)
    }

    fn slot(
        &mut self,
        connection: &Arc<ConnectionInfo>,
        protocol: schema::Protocol,
        charset: Charset,
    ) -> Box<Slot> {
        let index = self.next;
        self.next += 1;
        Box::new(Slot::new(
            Arc::clone(connection),
            index,
            protocol,
            charset,
            self.epoch,
        ))
    }

    fn push(&mut self, slot: Box<Slot>) -> u32 {
        let index = slot.exchange.index;
        self.slots.push_back(slot);
        index
    }

    /// Slots are in the order of their indexes.
    fn position(&self, index: u32) -> Option<usize> {
        let (first, last) = (self.slots.front()?, self.slots.back()?);
        if last.exchange.index == index {
            return Some(self.slots.len() - 1);
        }
        if first.exchange.index == index {
            return Some(0);
        }
        self.slots
            .binary_search_by_key(&index, |slot| slot.exchange.index)
            .ok()
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot> {
        let at = self.position(index)?;
        Some(&mut self.slots[at])
    }

    /// A later request was answered: what waits before it never will be.
    fn give_up_before(&mut self, index: u32, context: &mut Context<'_>) {
        let mut at = 0;
        while at < self.slots.len() && self.slots[at].exchange.index < index {
            if self.slots[at].is_waiting() {
                self.finish(at, context);
            } else {
                at += 1;
            }
        }
    }

    /// A bound is reached: the oldest exchange is done as it is, and the order of those after it is in doubt.
    fn give_up_oldest(&mut self, context: &mut Context<'_>) {
        context.counters.count(Anomaly::PipelineFull);
        if self.slots.front().is_some_and(|slot| slot.is_waiting()) {
            self.handle_loss(Side::Server, 0);
        }
        self.finish(0, context);
    }

    /// Makes the slot at `at` an exchange that is done.
    fn finish(&mut self, at: usize, context: &mut Context<'_>) {
        let Some(mut slot) = self.slots.remove(at) else {
            return;
        };
        self.held -= slot.held();
        if slot.is_waiting() && slot.epoch != self.settled {
            slot.exchange.response_missing_bytes =
                std::mem::take(&mut self.lost[Side::Server as usize]);
        }
        slot.finish(context);
        self.done.push_back(slot);
    }
}
