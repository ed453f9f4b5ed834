//! Ordered bytes and gaps of one connection in, exchanges out.
//!
//! The connection's two ends are told apart by content (a request line or a status line), with the handshake's direction as
//! a hint: ports mean nothing. Everything here is fed by `tcp` in (sequence, acknowledgement) order.
//!
//! A connection is taken for HTTP/1 ([`h1`]) until its bytes say otherwise: TLS and HTTP/2 ([`h2`]) say so in their first
//! bytes or, joined later, by what theirs look like; anything else by showing no message within a bounded search. [`head`]
//! reads heads of HTTP/1; [`h1`] and [`h2`] find where messages begin and end, and [`Pairer`](crate::pairing::Pairer) makes
//! exchanges of them.

mod buffer;
pub(crate) mod h1;
mod h2;
pub(crate) mod head;
pub(crate) mod message;
mod records;

use std::net::SocketAddr;
use std::sync::Arc;

use schema::{ConnectionId, Exchange, Timestamp, Vni};

use crate::{Counters, Limits, Options};

/// One of the two ends of a connection, before it is known which is the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The end that `Identity::ends[0]` names.
    A,
    /// The end that `Identity::ends[1]` names.
    B,
}

impl End {
    /// The end's place in arrays of two.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// The other end.
    pub(crate) const fn peer(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Who sends: the client requests, the server responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// What a connection is, told once by `tcp` when its first payload is delivered.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) id: ConnectionId,
    pub(crate) source: Option<Arc<str>>,
    pub(crate) vni: Option<Vni>,
    pub(crate) ends: [SocketAddr; 2],
    /// The end that sent the SYN (or got the SYN-ACK), where the handshake was seen.
    pub(crate) initiator: Option<End>,
}

/// Ordered bytes from one end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) from: End,
    /// Capture time of the frame that carried them.
    pub(crate) at: Timestamp,
    /// Place of the first byte in this end's stream: it counts bytes, and its low 32 bits are the sequence number.
    pub(crate) offset: u64,
    /// How far the sender had acknowledged the other end's stream, as a place there.
    pub(crate) acked: u64,
    pub(crate) bytes: &'a [u8],
}

/// How one end's stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// FIN, and every byte before it was delivered or declared a gap.
    Fin,
    /// RST from either end.
    Reset,
    /// Nobody said so: idle expiry, port reuse, eviction, or the capture's end.
    Unknown,
}

/// The pipeline's bounds, policy and counts, lent for one call.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) options: &'a Options,
    pub(crate) counters: &'a mut Counters,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1, or nothing else so far.
    Http1,
    /// HTTP/2, see [`h2`].
    Http2,
    /// TLS.
    Tls,
    /// Anything else.
    Opaque,
}

/// One connection's HTTP: both directions, because the framing of an answer depends on its request.
#[derive(Debug)]
pub(crate) struct Conn {
    protocol: Protocol,
    parser: Parser,
    /// The end that did not open the connection; where that was not seen, the one with the lower port.
    server: End,
}

/// The parser of a connection.
#[derive(Debug)]
enum Parser {
    Http1(Box<h1::Conn>),
    Http2(Box<h2::Conn>),
    /// The connection speaks something else, and every exchange was polled.
    Done,
}

impl Conn {
    pub(crate) fn new(identity: Identity) -> Self {
        let [a, b] = identity.ends.map(|end| end.port());
        let lower = if a < b { End::A } else { End::B };
        Self {
            protocol: Protocol::Http1,
            server: identity.initiator.map_or(lower, End::peer),
            parser: Parser::Http1(Box::new(h1::Conn::new(identity))),
        }
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.protocol == Protocol::Tls
    }

    /// The end that is the server, if the connection is no HTTP that tells.
    pub(crate) fn server(&self) -> End {
        self.server
    }

    /// Takes the next bytes of one end; `limits` and `options` are the pipeline's.
    pub(crate) fn handle_chunk(
        &mut self,
        chunk: Chunk<'_>,
        limits: &Limits,
        options: &Options,
        counters: &mut Counters,
    ) {
        if matches!(self.protocol, Protocol::Tls | Protocol::Opaque) {
            return count_passed(self.protocol, chunk.bytes.len() as u64, counters);
        }
        let mut context = Context {
            limits,
            options,
            counters,
        };
        match &mut self.parser {
            Parser::Http1(h1) => {
                self.protocol = h1.handle_chunk(chunk, &mut context);
                if self.protocol == Protocol::Http2 {
                    self.change(&mut context);
                }
            }
            Parser::Http2(h2) => h2.handle_chunk(chunk, &mut context),
            Parser::Done => {}
        }
    }

    /// `len` bytes of one end's stream are lost; the next chunk starts after them.
    pub(crate) fn handle_gap(
        &mut self,
        from: End,
        _at: Timestamp,
        len: u64,
        limits: &Limits,
        options: &Options,
        counters: &mut Counters,
    ) {
        let mut context = Context {
            limits,
            options,
            counters,
        };
        match (self.protocol, &mut self.parser) {
            (Protocol::Http1, Parser::Http1(h1)) => h1.handle_gap(from, len, &mut context),
            (_, Parser::Http2(h2)) => h2.handle_gap(from, len, &mut context),
            _ => {}
        }
    }

    /// One end's stream has ended; called at most once an end. After both ends, every exchange is out.
    pub(crate) fn handle_close(
        &mut self,
        from: End,
        _at: Timestamp,
        how: Close,
        limits: &Limits,
        options: &Options,
        counters: &mut Counters,
    ) {
        let mut context = Context {
            limits,
            options,
            counters,
        };
        match (self.protocol, &mut self.parser) {
            (Protocol::Http1, Parser::Http1(h1)) => h1.handle_close(from, how, &mut context),
            (_, Parser::Http2(h2)) => h2.handle_close(from, &mut context),
            _ => {}
        }
    }

    /// The next exchange that is done; call until `None` after each `handle_*`.
    #[must_use]
    pub(crate) fn poll_exchange(&mut self) -> Option<Box<Exchange>> {
        let exchange = match &mut self.parser {
            Parser::Http1(h1) => h1.poll_exchange(),
            Parser::Http2(h2) => h2.poll_exchange(),
            Parser::Done => None,
        };
        if exchange.is_none() && matches!(self.protocol, Protocol::Tls | Protocol::Opaque) {
            self.parser = Parser::Done;
        }
        exchange
    }

    /// What began as HTTP/1 goes on as HTTP/2.
    fn change(&mut self, context: &mut Context<'_>) {
        if let Parser::Http1(h1) = std::mem::replace(&mut self.parser, Parser::Done) {
            self.parser = Parser::Http2(Box::new(h1.into_http2(context)));
        }
    }
}

/// Counts bytes that are no HTTP message.
fn count_passed(protocol: Protocol, bytes: u64, counters: &mut Counters) {
    match protocol {
        Protocol::Tls => counters.ledger.bytes_tls += bytes,
        Protocol::Http1 | Protocol::Http2 | Protocol::Opaque => {
            counters.ledger.bytes_not_http += bytes;
        }
    }
}

#[cfg(test)]
mod tests;
