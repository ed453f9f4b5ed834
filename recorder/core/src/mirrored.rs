//! Requests that a proxy copies to us: nginx's `mirror`, Envoy's `request_mirror_policies`, and others that do alike.
//!
//! The shell accepts a connection and answers; here its bytes become exchanges without responses. What the proxy changed in
//! its copy is undone, and the client is the one that the proxy names ([`origin`]). Each request is a connection of its own:
//! how they came to the proxy is not known, and a proxy sends requests of many clients over one connection.

mod origin;

use std::net::SocketAddr;
use std::sync::Arc;

use schema::{
    Certainty, Completeness, ConnectionId, ConnectionInfo, Exchange, Protocol, Timestamp,
};

use crate::http::h1::{Found, Requests, Whole};
use crate::{Counters, Limits, Options};

pub use crate::http::h1::NotRequest;

/// Multiplied with a number it gives numbers that differ in all bits, and none twice: 2^64 over the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A connection from a proxy: its bytes in, requests out.
#[derive(Debug)]
pub struct MirrorConnection {
    requests: Requests,
    /// The proxy.
    peer: SocketAddr,
    /// Of the connection; those of its requests are made from it.
    id: ConnectionId,
    /// Requests so far.
    number: u64,
    /// What was counted since the last request.
    counters: Counters,
}

/// What to do next for a connection from a proxy.
#[derive(Debug)]
pub enum MirrorStep {
    /// Wait for more bytes.
    Read,
    /// Say `100 Continue`: the body comes only then.
    Continue,
    /// Answer. The bytes that are left are the next request's.
    Answer(Box<Mirrored>),
    /// Refuse, and close: what came is no request, and where the next one begins cannot be told.
    Refuse(NotRequest),
}

/// A request that a proxy copied, or what was counted of bytes that were none.
#[derive(Debug)]
pub struct Mirrored {
    pub(crate) at: Timestamp,
    pub(crate) source: Arc<str>,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) counters: Counters,
}

impl MirrorConnection {
    /// A connection from `peer` that `local` accepted at `now`.
    #[must_use]
    pub fn new(peer: SocketAddr, local: SocketAddr, now: Timestamp) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the low bits tell the most"
        )]
        let origin = now.as_nanos() as u32;
        Self {
            requests: Requests::new(),
            peer,
            id: ConnectionId::derive(None, None, peer, local, origin),
            number: 0,
            counters: Counters::default(),
        }
    }

    /// Takes bytes off the front of `bytes`, which came at `at`; call until none is left or the connection is to be closed.
    #[must_use]
    pub fn handle_bytes(
        &mut self,
        at: Timestamp,
        bytes: &mut &[u8],
        limits: &Limits,
        options: &Options,
    ) -> MirrorStep {
        let found = self
            .requests
            .handle_bytes(at, bytes, limits, options, &mut self.counters);
        match found {
            Found::More => MirrorStep::Read,
            Found::Continue => MirrorStep::Continue,
            Found::Request(whole) => MirrorStep::Answer(Box::new(self.mirrored(*whole, at))),
            Found::Broken(why) => MirrorStep::Refuse(why),
        }
    }

    /// No more bytes come: a request that is not whole, and what else was counted; `None` if there is neither.
    #[must_use]
    pub fn finish(&mut self, at: Timestamp) -> Option<Mirrored> {
        if let Some(whole) = self.requests.finish(&mut self.counters) {
            return Some(self.mirrored(*whole, at));
        }
        let counters = std::mem::take(&mut self.counters);
        (counters != Counters::default()).then(|| Mirrored {
            at,
            source: origin::Proxy::Other.source(),
            exchange: None,
            counters,
        })
    }

    /// Whether the next byte begins a request.
    #[must_use]
    pub fn is_between_requests(&self) -> bool {
        self.requests.is_between()
    }

    /// Whether a head has begun that is not whole.
    #[must_use]
    pub fn is_in_head(&self) -> bool {
        self.requests.is_in_head()
    }

    /// Bytes held of a request that is not whole.
    #[must_use]
    pub fn held(&self) -> usize {
        self.requests.held()
    }

    fn mirrored(&mut self, whole: Whole, at: Timestamp) -> Mirrored {
        let Whole {
            mut request,
            protocol,
            charset,
            framing,
            missing,
        } = whole;
        let (proxy, client) = origin::restore(&mut request);
        let number = self.number;
        self.number += 1;
        let connection = ConnectionInfo {
            id: ConnectionId(self.id.0.wrapping_add(number.wrapping_mul(SPREAD))),
            source: Some(proxy.source()),
            vni: None,
            client: client.unwrap_or_else(|| SocketAddr::new(self.peer.ip(), 0)),
            // To the client, the proxy is the server. Its port there is not known.
            server: SocketAddr::new(self.peer.ip(), 0),
        };
        Mirrored {
            at,
            source: proxy.source(),
            exchange: Some(Exchange {
                connection: Arc::new(connection),
                index: 0,
                stream_id: None,
                protocol,
                request: Some(request),
                response: None,
                interim_statuses: Vec::new(),
                request_missing_bytes: missing,
                response_missing_bytes: 0,
                completeness: Completeness::NoResponse,
                framing,
                pairing: Certainty::Exact,
                charset,
                tcp: None,
                replay: None,
            }),
            counters: std::mem::take(&mut self.counters),
        }
    }
}

impl Mirrored {
    /// When its last byte came.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Where it counts in the ledger.
    #[must_use]
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Whether there is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.exchange.is_some()
    }

    /// About how many bytes of memory it holds, for bounds.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.exchange.as_ref().map_or(0, Exchange::memory)
    }

    /// Whether the proxy wants the connection kept for its next request (RFC 9112 section 9.3).
    #[must_use]
    pub fn keeps_connection(&self) -> bool {
        let Some(exchange) = &self.exchange else {
            return false;
        };
        let fields = exchange.request.as_ref().map(|request| &request.headers);
        let says = |word: &str| {
            fields.is_some_and(|fields| {
                let mut values = fields
                    .get_all("connection")
                    .flat_map(|value| value.split(','));
                values.any(|value| value.trim().eq_ignore_ascii_case(word))
            })
        };
        match exchange.protocol {
            Protocol::Http10 => says("keep-alive"),
            Protocol::Http11 | Protocol::Http2 => !says("close"),
        }
    }
}

#[cfg(test)]
mod tests;
