//! A whole head becomes a message: who sent it, how long its body is, and what it does to the connection.

use std::sync::Arc;

use schema::Certainty;

use super::chunked;
use super::framing::{self, Length, Message};
use super::half::{Body, State};
use super::search::Search;
use super::{Conn, Ends};
use crate::Anomaly;
use crate::http::buffer::Buffer;
use crate::http::head::{self, Head, Kind, RequestHead, ResponseHead};
use crate::http::message::{Asked, Ending, Place, Start};
use crate::http::{Context, End, Side};

impl Conn {
    /// The bytes of a whole head; the body begins at `next`.
    pub(super) fn read_head(
        &mut self,
        end: End,
        kind: Kind,
        bytes: &[u8],
        place: Place,
        next: Place,
        context: &mut Context<'_>,
    ) {
        match head::read(kind, bytes, context.limits, context.counters) {
            Some(head) => self.handle_head(end, head, bytes.len(), place, next, context),
            None => {
                self.pass(end, bytes.len(), context);
                context.counters.count(Anomaly::HttpHeadMalformed);
                self.pairer.handle_loss(self.side(end), 0);
                self.half(end).state = State::Search(Box::new(Search::new(Buffer::new(next))));
            }
        }
    }

    /// A head of `len` bytes; the body begins at `next`.
    pub(super) fn handle_head(
        &mut self,
        end: End,
        head: Head,
        len: usize,
        place: Place,
        next: Place,
        context: &mut Context<'_>,
    ) {
        context.counters.bytes_http += len as u64;
        match head {
            Head::Request(head) => self.handle_request(end, head, place, next, context),
            Head::Response(head) => self.handle_response(end, head, place, next, context),
        }
    }

    fn handle_request(
        &mut self,
        end: End,
        head: RequestHead,
        place: Place,
        next: Place,
        context: &mut Context<'_>,
    ) {
        self.learn_ends(end, Side::Client, context);
        let expects_continue = head.fields.expects_continue;
        let (length, framing) = framing::length(Message::Request, &head.fields, context.counters);
        let joined = !self.opened && self.half(end).first == Some(place.offset);
        // At a border the server had acknowledged all that is before the request, and no more.
        let border = (joined || self.half(end.peer()).next.acked == place.offset)
            && head::is_whole(&head.method)
            && !self.pairer.expects_lost_body();
        let start = match (self.half(end).guessed, border) {
            (false, _) => Start::Due,
            (true, true) => Start::Border,
            (true, false) => Start::Guessed,
        };
        let index = self
            .pairer
            .handle_request(&self.info, head, place, start, context);
        if framing == Certainty::Assumed {
            self.pairer.assume_framing(index);
        }
        self.begin_body(end, index, length, expects_continue, next, context);
    }

    fn handle_response(
        &mut self,
        end: End,
        head: ResponseHead,
        place: Place,
        next: Place,
        context: &mut Context<'_>,
    ) {
        self.learn_ends(end, Side::Server, context);
        let matched = self.pairer.match_response(place);
        let at_message_end = !matches!(self.half(end.peer()).state, State::Body(_));
        if head.status == 101 && head.fields.h2c && at_message_end {
            return self.upgrade_to_http2(end, matched, head.status, next, context);
        }
        let message = Message::Response {
            status: head.status,
            asked: matched.asked,
        };
        let (length, mut framing) = framing::length(message, &head.fields, context.counters);
        if matches!(head.status, 100..=199) && length == Length::Empty {
            self.pairer.handle_interim(matched, head.status, context);
            self.half(end).state = State::Start;
            return;
        }
        if matched.is_proven() {
            // The pair is right, and so both ends are read from where messages begin.
            self.halves.iter_mut().for_each(|half| half.guessed = false);
        } else if self.half(end).guessed {
            framing = Certainty::Assumed;
        }
        let websocket = head.fields.websocket;
        let asked = matched.asked;
        let index = self
            .pairer
            .handle_response(&self.info, matched, head, place, framing, context);
        if length == Length::Tunnel {
            self.pairer.handle_upgrade(index);
        }
        self.begin_body(end, index, length, asked == Asked::Unknown, next, context);
        if length == Length::Tunnel {
            self.enter_tunnel(websocket, context);
        }
    }

    /// A head has said how long its body is; with `peek`, the next message may begin in its place.
    fn begin_body(
        &mut self,
        end: End,
        index: u32,
        length: Length,
        peek: bool,
        next: Place,
        context: &mut Context<'_>,
    ) {
        let side = self.side(end);
        let half = self.half(end);
        half.index = index;
        half.peek = peek;
        let body = match length {
            Length::Empty | Length::Tunnel => {
                return self.end_message(end, next, Ending::Whole, context);
            }
            Length::Bytes(bytes) => Body::Bytes(bytes),
            Length::Chunked => Body::Chunked(Box::new(chunked::Decoder::new())),
            Length::UntilClose => Body::UntilClose,
        };
        half.state = State::Body(body);
        if let Length::Bytes(bytes) = length {
            self.pairer.handle_length(index, side, bytes, context);
        }
    }

    pub(super) fn end_message(
        &mut self,
        end: End,
        place: Place,
        ending: Ending,
        context: &mut Context<'_>,
    ) {
        let side = self.side(end);
        // A body that ends while the other end has begun a tunnel: what follows is looked at anew.
        self.entered |= !self.proven;
        let half = self.half(end);
        half.state = State::Start;
        let index = half.index;
        self.pairer.handle_end(index, side, place, ending, context);
    }

    /// A message tells which end is the client.
    fn learn_ends(&mut self, end: End, side: Side, context: &mut Context<'_>) {
        let half = self.half(end);
        half.fresh = false;
        let guessed = half.guessed;
        if std::mem::take(&mut half.sought) {
            context.counters.count(Anomaly::HttpResynchronised);
        }
        let client = match side {
            Side::Client => end,
            Side::Server => end.peer(),
        };
        let agrees = client == self.client;
        self.ends = match self.ends {
            Ends::Certain => Ends::Certain,
            Ends::Unknown if agrees && self.opened && !guessed => Ends::Certain,
            Ends::Assumed if agrees && side == Side::Server => Ends::Certain,
            _ => Ends::Assumed,
        };
        if !agrees {
            if self.proven {
                // What was taken for messages of the other kind stays as it was recorded, and waits for nothing more.
                context.counters.count(Anomaly::HttpEndsSwapped);
                self.pairer.finish_all(context);
                let peer = self.half(end.peer());
                if matches!(peer.state, State::Body(_)) {
                    peer.state = State::Search(Box::new(Search::new(Buffer::new(peer.next))));
                }
            }
            self.set_client(client);
        }
        if !self.proven {
            self.proven = true;
            self.count_sniffed(context);
            let peer = self.half(end.peer());
            if matches!(peer.state, State::Passed) && !peer.closed {
                peer.state = State::Search(Box::new(Search::new(Buffer::new(peer.next))));
            }
        }
    }

    pub(super) fn set_client(&mut self, client: End) {
        if client != self.client {
            self.client = client;
            let info = Arc::make_mut(&mut self.info);
            std::mem::swap(&mut info.client, &mut info.server);
        }
    }
}
