//! Ordered bytes and gaps of one connection in, exchanges out.
//!
//! The connection's two ends are told apart by content (a request line or a status line), with the handshake's direction as
//! a hint: ports mean nothing. Everything here is fed by `tcp` in (sequence, acknowledgement) order.

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

/// One connection's HTTP: both directions, because the framing of an answer depends on its request.
#[derive(Debug)]
pub(crate) struct Conn {}

impl Conn {
    pub(crate) fn new(_identity: Identity) -> Self {
        todo!()
    }
    /// Takes the next bytes of one end; `limits` and `options` are the pipeline's.
    pub(crate) fn handle_chunk(
        &mut self,
        _chunk: Chunk<'_>,
        _limits: &Limits,
        _options: &Options,
        _counters: &mut Counters,
    ) {
        todo!()
    }
    /// `len` bytes of one end's stream are lost; the next chunk starts after them.
    pub(crate) fn handle_gap(
        &mut self,
        _from: End,
        _at: Timestamp,
        _len: u64,
        _limits: &Limits,
        _options: &Options,
        _counters: &mut Counters,
    ) {
        todo!()
    }
    /// One end's stream has ended; called at most once an end. After both ends, every exchange is out.
    pub(crate) fn handle_close(
        &mut self,
        _from: End,
        _at: Timestamp,
        _how: Close,
        _limits: &Limits,
        _options: &Options,
        _counters: &mut Counters,
    ) {
        todo!()
    }
    /// The next exchange that is done; call until `None` after each `handle_*`.
    #[must_use]
    pub(crate) fn poll_exchange(&mut self) -> Option<Exchange> {
        todo!()
    }
}
