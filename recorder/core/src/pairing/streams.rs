//! What HTTP/2 needs beside: an exchange is a stream, so that nothing is paired by order.

use std::sync::Arc;

use schema::{Certainty, ConnectionInfo, Protocol, Timestamp};

use super::{Match, Pairer};
use crate::Anomaly;
use crate::http::head::{RequestHead, ResponseHead};
use crate::http::message::{Asked, Place, Start};
use crate::http::{Context, Side};

impl Match {
    /// The request of a response's own stream; `None` if it was not seen.
    pub(crate) fn stream(index: Option<u32>) -> Self {
        Self {
            index,
            asked: Asked::Unknown,
            certainty: Certainty::Exact,
            proven: false,
        }
    }
}

impl Pairer {
    /// A request begins on a stream of its own; gives the index of its exchange. `authority` is its host.
    pub(crate) fn handle_stream(
        &mut self,
        connection: &Arc<ConnectionInfo>,
        stream: u32,
        head: RequestHead,
        authority: Option<String>,
        place: Place,
        start: Start,
    ) -> u32 {
        let index = self.begin_request(connection, head, place, start);
        if let Some(slot) = self.slot_mut(index) {
            slot.exchange.stream_id = Some(stream);
            if let (Some(request), Some(_)) = (&mut slot.exchange.request, &authority) {
                request.host = authority;
            }
        }
        index
    }

    /// The request of an exchange goes on as that of stream 1 (RFC 7540 section 3.2).
    pub(crate) fn handle_stream_upgrade(&mut self, index: u32) {
        if let Some(slot) = self.slot_mut(index) {
            slot.exchange.stream_id = Some(1);
            slot.exchange.protocol = Protocol::Http2;
        }
    }

    /// A final response begins on a stream; gives the index of its exchange. With `proven`, it shows that its request was
    /// found where it begins.
    pub(crate) fn handle_stream_response(
        &mut self,
        connection: &Arc<ConnectionInfo>,
        (stream, index): (u32, Option<u32>),
        head: ResponseHead,
        place: Place,
        (framing, proven): (Certainty, bool),
        context: &mut Context<'_>,
    ) -> u32 {
        let index = match index {
            Some(index) => index,
            None => self.begin_unasked(connection, &head, context),
        };
        if let Some(slot) = self.slot_mut(index) {
            slot.exchange.stream_id = Some(stream);
            if proven {
                slot.prove();
            }
        }
        self.begin_response(index, Certainty::Exact, head, place, framing);
        index
    }

    /// Bytes of a body. What all unfinished exchanges of the connection hold together is bounded: beyond, bodies are cut.
    pub(crate) fn handle_stream_data(
        &mut self,
        index: u32,
        side: Side,
        at: Timestamp,
        bytes: &[u8],
        context: &mut Context<'_>,
    ) {
        let room = (context.limits.http_pending_bytes_max).saturating_sub(self.held);
        let Some(slot) = self.slot_mut(index) else {
            return;
        };
        if bytes.len() <= room || slot.parts[side as usize].cut {
            return self.handle_data(index, side, at, bytes, context);
        }
        let (kept, left_out) = bytes.split_at(room);
        self.handle_data(index, side, at, kept, context);
        if let Some(slot) = self.slot_mut(index) {
            slot.parts[side as usize].cut = true;
        }
        context.counters.count(Anomaly::Http2BodiesFull);
        self.handle_data(index, side, at, left_out, context);
    }

    /// Whether an exchange's request is CONNECT.
    pub(crate) fn is_connect(&self, index: u32) -> bool {
        self.position(index)
            .is_some_and(|at| self.slots[at].asked == Asked::Connect)
    }

    /// Nothing more will come of an exchange.
    pub(crate) fn give_up(&mut self, index: u32, context: &mut Context<'_>) {
        if let Some(at) = self.position(index) {
            self.finish(at, context);
        }
    }
}
