//! Ordered bytes and gaps of one connection in, exchanges out.
//!
//! The connection's two ends are told apart by content (a request line or a status line), with the handshake's direction as
//! a hint: ports mean nothing. Everything here is fed by `tcp` in (sequence, acknowledgement) order.
//!
//! A connection is taken for HTTP/1 ([`h1`]) until its bytes say otherwise: TLS and HTTP/2 say so in their first bytes,
//! anything else by showing no message within a bounded search. [`head`] reads heads, [`h1`] finds where messages begin and
//! end, and [`Pairer`](crate::pairing::Pairer) makes exchanges of them.

mod buffer;
pub(crate) mod h1;
mod h2;
pub(crate) mod head;
pub(crate) mod message;

use std::net::SocketAddr;
use std::sync::Arc;

use schema::{ConnectionId, Exchange, Timestamp, Vni};

use crate::{Anomaly, Counters, Limits, Options};

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
    /// Offset of the first byte in this end's stream (0 is the first byte after the SYN, or the first byte seen).
    pub(crate) offset: u64,
    /// How far the sender had acknowledged the other end's stream, as an offset there.
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
    /// The HTTP/1 parser; gone once the connection speaks something else and every exchange was polled.
    h1: Option<Box<h1::Conn>>,
}

impl Conn {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            protocol: Protocol::Http1,
            h1: Some(Box::new(h1::Conn::new(identity))),
        }
    }

    /// Takes the next bytes of one end; `limits` and `options` are the pipeline's.
    pub(crate) fn handle_chunk(
        &mut self,
        chunk: Chunk<'_>,
        limits: &Limits,
        options: &Options,
        counters: &mut Counters,
    ) {
        if self.protocol != Protocol::Http1 {
            return count_passed(self.protocol, chunk.bytes.len(), counters);
        }
        let Some(h1) = &mut self.h1 else { return };
        let mut context = Context {
            limits,
            options,
            counters,
        };
        let protocol = h1.handle_chunk(chunk, &mut context);
        if protocol == Protocol::Http2 {
            counters.count(Anomaly::Http2NotParsed);
        }
        self.settle(protocol);
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
        if let (Protocol::Http1, Some(h1)) = (self.protocol, &mut self.h1) {
            let mut context = Context {
                limits,
                options,
                counters,
            };
            h1.handle_gap(from, len, &mut context);
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
        if let (Protocol::Http1, Some(h1)) = (self.protocol, &mut self.h1) {
            let mut context = Context {
                limits,
                options,
                counters,
            };
            h1.handle_close(from, how, &mut context);
        }
    }

    /// The next exchange that is done; call until `None` after each `handle_*`.
    #[must_use]
    pub(crate) fn poll_exchange(&mut self) -> Option<Exchange> {
        let exchange = self.h1.as_mut()?.poll_exchange();
        if exchange.is_none() && self.protocol != Protocol::Http1 {
            self.h1 = None;
        }
        exchange
    }

    /// What the connection was found to speak.
    fn settle(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }
}

/// Counts bytes that are no HTTP message.
fn count_passed(protocol: Protocol, bytes: usize, counters: &mut Counters) {
    let bytes = bytes as u64;
    match protocol {
        Protocol::Tls => counters.ledger.bytes_tls += bytes,
        Protocol::Http1 | Protocol::Http2 | Protocol::Opaque => {
            counters.ledger.bytes_not_http += bytes;
        }
    }
}

/// Whether `bytes` begin with the header of a TLS record (RFC 8446 section 5.1); `None` if there are too few to tell.
fn is_tls_record(bytes: &[u8]) -> Option<bool> {
    const RECORD_BYTES_MAX: u16 = (1 << 14) + 2048;
    let likely = |at: usize, test: fn(u8) -> bool| bytes.get(at).is_none_or(|&byte| test(byte));
    let version = likely(0, |kind| matches!(kind, 20..=23))
        && likely(1, |major| major == 3)
        && likely(2, |minor| minor <= 4);
    let Some(&[_, _, _, high, low]) = bytes.first_chunk() else {
        return if version { None } else { Some(false) };
    };
    Some(version && (1..=RECORD_BYTES_MAX).contains(&u16::from_be_bytes([high, low])))
}

#[cfg(test)]
mod tests;
