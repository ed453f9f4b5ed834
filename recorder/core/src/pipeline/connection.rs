//! A connection in the table: its TCP, and its HTTP once there is payload.

use std::collections::VecDeque;
use std::sync::Arc;

use schema::{ConnectionId, Exchange, Timestamp};

use crate::flow::{FlowKey, Origin, Sources, Stage};
use crate::http::{self, Close, End, Identity};
use crate::tcp::{self, Event, Segment};
use crate::wire::Endpoint;
use crate::{Counters, Limits, Options, TlsServers, TlsTraffic};

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    tcp: tcp::Connection,
    http: Option<http::Conn>,
    origin: Origin,
    /// When it is asked again, if it is.
    wake_at: Option<Timestamp>,
}

/// What a connection needs to work.
#[derive(Debug)]
pub(super) struct Surroundings<'p> {
    /// The connection's endpoints, in the order of [`End`].
    pub(super) key: &'p FlowKey,
    /// Packet time.
    pub(super) now: Timestamp,
    pub(super) limits: &'p Limits,
    pub(super) options: &'p Options,
    pub(super) counters: &'p mut Counters,
    /// Cost of the segments that all connections hold.
    pub(super) held: &'p mut usize,
    pub(super) sources: &'p Sources,
    /// Counts TLS by server.
    pub(super) tls: &'p mut TlsServers,
    /// Takes the exchanges that are done.
    pub(super) ready: &'p mut VecDeque<Box<Exchange>>,
}

impl Connection {
    /// A connection whose first segment is about to be handled.
    pub(super) fn new(origin: Origin, first: &Segment<'_>) -> Self {
        Self {
            tcp: tcp::Connection::new(first),
            http: None,
            origin,
            wake_at: None,
        }
    }

    /// Where its first frame came from.
    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn stage(&self) -> Stage {
        if self.tcp.is_closed() {
            Stage::Closed
        } else if self.tcp.has_payload() {
            Stage::Established
        } else {
            Stage::Handshake
        }
    }

    /// Whether the end of its TCP connection was seen.
    pub(super) fn has_ended(&self) -> bool {
        self.tcp.has_ended()
    }

    /// Whether a segment begins another connection between the same endpoints.
    pub(super) fn is_over_for(
        &self,
        segment: &Segment<'_>,
        now: Timestamp,
        limits: &Limits,
    ) -> bool {
        self.tcp.is_over_for(segment, now, limits)
    }

    pub(super) fn handle_segment(&mut self, segment: &Segment<'_>, around: &mut Surroundings<'_>) {
        self.run(around, |tcp, cx| tcp.handle_segment(segment, cx));
    }

    /// Packet time has reached a time that [`Connection::next_wake`] gave; false if that is out of date.
    pub(super) fn handle_timeout(&mut self, at: Timestamp, around: &mut Surroundings<'_>) -> bool {
        if self.wake_at != Some(at) {
            return false;
        }
        self.wake_at = None;
        self.run(around, tcp::Connection::handle_timeout);
        true
    }

    /// Tells what is left, and the end.
    pub(super) fn finish(&mut self, how: Close, around: &mut Surroundings<'_>) {
        self.run(around, |tcp, cx| tcp.finish(how, cx));
    }

    /// When to call [`Connection::handle_timeout`], if there is no earlier call to come already.
    pub(super) fn next_wake(&mut self, limits: &Limits) -> Option<Timestamp> {
        let deadline = self.tcp.deadline(limits)?;
        if self.wake_at.is_some_and(|at| at <= deadline) {
            return None;
        }
        self.wake_at = Some(deadline);
        Some(deadline)
    }

    /// Does something to the TCP, and passes what it tells on to the HTTP.
    fn run(
        &mut self,
        around: &mut Surroundings<'_>,
        act: impl FnOnce(&mut tcp::Connection, &mut tcp::Context<'_>),
    ) {
        let (limits, options) = (around.limits, around.options);
        let (http, key, origin, sources) =
            (&mut self.http, around.key, self.origin, around.sources);
        let mut told = false;
        let was_tls = http.as_ref().is_some_and(http::Conn::is_tls);
        let tls_before = around.counters.ledger.bytes_tls;
        let mut sink = |event: Event<'_>, counters: &mut Counters| {
            told = true;
            if let Event::Open {
                initiator,
                origin: sequence,
            } = event
            {
                let identity = identify(key, origin, sources, initiator, sequence);
                *http = Some(http::Conn::new(identity));
            }
            let Some(http) = http else { return };
            match event {
                Event::Open { .. } => {}
                Event::Chunk(chunk) => http.handle_chunk(chunk, limits, options, counters),
                Event::Gap { from, at, len } => {
                    http.handle_gap(from, at, len, limits, options, counters);
                }
                Event::Close { from, at, how } => {
                    http.handle_close(from, at, how, limits, options, counters);
                }
            }
        };
        let mut cx = tcp::Context {
            now: around.now,
            limits,
            counters: around.counters,
            held: around.held,
            sink: &mut sink,
        };
        act(&mut self.tcp, &mut cx);
        if told && let Some(http) = &mut self.http {
            if http.is_tls() {
                let traffic = TlsTraffic {
                    connections: u64::from(!was_tls),
                    bytes: around.counters.ledger.bytes_tls - tls_before,
                };
                let server = key.endpoints()[http.server().index()].socket();
                around.tls.add(server, traffic, limits.tls_servers_max);
            }
            around
                .ready
                .extend(std::iter::from_fn(|| http.poll_exchange()));
        }
        if self.tcp.is_closed() {
            self.http = None;
        }
    }
}

fn identify(
    key: &FlowKey,
    origin: Origin,
    sources: &Sources,
    initiator: Option<End>,
    sequence: u32,
) -> Identity {
    let source = sources.name(origin.source);
    let [a, b] = key.endpoints().map(Endpoint::socket);
    Identity {
        id: ConnectionId::derive(Some(source), origin.vni, a, b, sequence),
        source: Some(Arc::clone(source)),
        vni: origin.vni,
        ends: [a, b],
        initiator,
    }
}
