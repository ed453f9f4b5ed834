//! One shard: every layer, the ledger, and the exchanges that are ready.

mod connection;
mod mirrored;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use schema::{Completeness, Exchange, LedgerRow, Timestamp};

use crate::flow::{FlowKey, Origin, Slot, Sources, Stage, Table};
use crate::http::{Close, End};
use crate::ledger::Ledger;
use crate::redact::Tally;
use crate::selection::LeftOut;
use crate::tcp::Segment;
use crate::wire::{self, Content, Decoded, Fragment, Fragments, Inserted, Packet, Wrapping};
use crate::{Anomaly, Counters, Frame, Limits, Redaction, Selection, TlsServers, TunnelPorts};

use connection::{Connection, Surroundings};

/// How exchanges are to be recorded; policy, not bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most bytes of a body that are stored; the true length is kept beside.
    pub body_bytes_max: usize,
    /// Keep response bodies as they were on the wire, Content-Encoding and all.
    pub raw_bodies: bool,
    /// UDP ports that carry tunnels.
    pub tunnel_ports: TunnelPorts,
    /// Which exchanges are recorded.
    pub selection: Selection,
    /// What is taken out of them.
    pub redaction: Option<Redaction>,
}

impl Default for Options {
    /// What the program does without further flags.
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            raw_bodies: false,
            tunnel_ports: TunnelPorts::default(),
            selection: Selection::default(),
            redaction: None,
        }
    }
}

/// Frames in, exchanges and ledger rows out; owns everything it needs and shares nothing.
#[derive(Debug)]
pub struct Pipeline {
    limits: Limits,
    options: Options,
    sources: Sources,
    fragments: Fragments,
    table: Table<Connection>,
    /// When connections that wait for something are to be asked again. An entry may be out of date.
    wakes: BinaryHeap<Reverse<(Timestamp, Slot)>>,
    /// Cost of the segments that connections hold out of order.
    held: usize,
    ledger: Ledger,
    tls: TlsServers,
    ready: VecDeque<Box<Exchange>>,
    /// How many of those were admitted: counted in the ledger, and without what redaction takes out.
    admitted: usize,
    /// What redaction has done.
    tally: Tally,
    /// Packet time: the latest time seen, up to the horizon. A frame from before it moves nothing back.
    now: Timestamp,
    /// What packet time does not pass: frames from after it may be handled before some from before it.
    horizon: Timestamp,
    /// When idle connections, old fragments and the ledger are to be looked at again.
    sweep_at: Timestamp,
}

/// What a frame's counts belong to.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: Timestamp,
    origin: Origin,
}

impl Pipeline {
    /// An empty pipeline.
    #[must_use]
    pub fn new(limits: Limits, options: Options) -> Self {
        Self {
            limits,
            options,
            sources: Sources::new(),
            fragments: Fragments::default(),
            table: Table::new(),
            wakes: BinaryHeap::new(),
            held: 0,
            ledger: Ledger::default(),
            tls: TlsServers::default(),
            ready: VecDeque::new(),
            admitted: 0,
            tally: Tally::default(),
            now: Timestamp::MIN,
            horizon: Timestamp::MAX,
            sweep_at: Timestamp::MIN,
        }
    }

    /// Takes one captured frame; packet time moves to its time if that is later and not behind the horizon.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) {
        let until = frame.at.min(self.horizon);
        if until > self.now {
            self.handle_timeout(until);
        }
        let decoded = wire::decode(frame, &self.options.tunnel_ports, &self.limits);
        let capture = self.sources.capture(frame.source, self.limits.sources_max);
        let place = self.place(frame.at, &decoded.wrapping, capture);
        let counters = self.counters(place);
        counters.ledger.frames += 1;
        counters.ledger.bytes += frame.bytes.len() as u64;
        let cut = match decoded.content {
            Content::Tcp(packet) => u64::from(packet.missing),
            Content::Fragment(fragment) => u64::from(fragment.missing),
            _ => u64::from(frame.wire_len).saturating_sub(frame.bytes.len() as u64),
        };
        if cut > 0 {
            counters.ledger.frames_truncated += 1;
            counters.ledger.bytes_truncated += cut;
        }
        self.handle_content(&decoded, place);
    }

    /// Counts frames that the socket or the card dropped before anyone saw them.
    pub fn handle_drops(&mut self, at: Timestamp, source: &Arc<str>, frames: u64) {
        let capture = self.sources.capture(source, self.limits.sources_max);
        let place = self.place(at, &Wrapping::default(), capture);
        self.counters(place).ledger.frames_dropped += frames;
    }

    /// The line is watched from `now` on, and [`Pipeline::handle_timeout`] will tell of the time that passes: every minute
    /// has a ledger row, whether or not anything comes in it.
    pub fn watch(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.ledger.watch(now);
    }

    /// Sets what packet time does not pass until this is called again: the time up to which every frame was handled. Frames
    /// that come over several ways, of which one may lag, are given up by what is later on that way alone.
    ///
    /// Without a call there is no horizon: the frames of a capture come as they come.
    pub fn set_horizon(&mut self, horizon: Timestamp) {
        self.horizon = horizon;
    }

    /// Moves packet time on while the line is silent; the caller answers for the horizon.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        while let Some(&Reverse((at, slot))) = self.wakes.peek()
            && at <= now
        {
            self.wakes.pop();
            self.now = self.now.max(at);
            self.wake(slot, at);
        }
        self.now = self.now.max(now);
        if self.now < self.sweep_at {
            return;
        }
        while let Some(slot) = self.table.expired(self.now, &self.limits) {
            self.end(slot);
        }
        let given_up = self.fragments.expire(self.now, &self.limits);
        self.count_fragments(given_up);
        self.ledger
            .handle_timeout(self.now, &self.sources, &self.limits);
        // Looked at every frame, these would cost more than they are worth: none is exact to less than a second.
        self.sweep_at = self
            .now
            .saturating_add(std::time::Duration::from_millis(250));
    }

    /// When [`Pipeline::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let wake = self.wakes.peek().map(|Reverse((at, _))| *at);
        let swept = [
            self.table.next_expiry(&self.limits),
            self.ledger.next_timeout(&self.limits),
            self.fragments.next_expiry(&self.limits),
        ];
        let sweep = swept
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.max(self.sweep_at));
        wake.into_iter().chain(sweep).min()
    }

    /// The next exchange that is done, in order of completion; call until `None` after each `handle_*`.
    #[must_use]
    pub fn poll_exchange(&mut self) -> Option<Box<Exchange>> {
        let exchange = self.ready.pop_front()?;
        self.admitted = self.admitted.saturating_sub(1);
        Some(exchange)
    }

    /// The next ledger row whose minute lies far enough behind packet time to change no more.
    #[must_use]
    pub fn poll_ledger(&mut self) -> Option<LedgerRow> {
        self.ledger.poll()
    }

    /// The capture has ended: every open connection gives what it has, with its true completeness, and every ledger row is
    /// ready.
    pub fn finish(&mut self) {
        while let Some(slot) = self.table.victim() {
            self.end(slot);
        }
        self.wakes.clear();
        let given_up = self.fragments.finish();
        self.count_fragments(given_up);
        self.ledger.finish(self.now, &self.sources, &self.limits);
    }

    /// Sum over everything so far.
    #[must_use]
    pub fn totals(&self) -> Counters {
        self.ledger.totals()
    }

    /// TLS by server so far.
    #[must_use]
    pub fn tls_servers(&self) -> &TlsServers {
        &self.tls
    }

    /// How often each rule of the redaction has found something, in their order; empty before the first exchange.
    #[must_use]
    pub fn redaction_matches(&self) -> &[u64] {
        &self.tally.matches
    }

    /// Connections held, closed ones that linger included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.table.len()
    }

    /// Where a frame's counts belong.
    fn place(&mut self, at: Timestamp, wrapping: &Wrapping, capture: u32) -> Place {
        let max = self.limits.sources_max;
        let origin = self.sources.identify(wrapping, capture, max);
        let full = origin.is_none();
        let origin = origin.unwrap_or_else(|| Sources::unknown(capture));
        let place = Place { at, origin };
        if full {
            self.counters(place).count(Anomaly::SourcesFull);
        }
        place
    }

    fn counters(&mut self, place: Place) -> &mut Counters {
        let Origin { source, vni, .. } = place.origin;
        self.ledger.cell(place.at, source, vni, &self.limits)
    }

    fn handle_content(&mut self, decoded: &Decoded<'_>, place: Place) {
        if decoded.proxy_header {
            self.counters(place).count(Anomaly::ProxyHeader);
        }
        match decoded.content {
            Content::Tcp(packet) => self.handle_packet(&packet, place),
            Content::Fragment(fragment) => self.handle_fragment(&fragment, decoded.wrapping, place),
            Content::NotTcp => self.counters(place).frames_not_tcp += 1,
            Content::NotIp => self.counters(place).frames_not_ip += 1,
            Content::Undecodable(anomaly) => {
                let counters = self.counters(place);
                counters.ledger.frames_undecodable += 1;
                counters.count(anomaly);
            }
        }
    }

    /// Keeps a fragment; the one that completes a datagram is handled as what the datagram carries.
    fn handle_fragment(&mut self, fragment: &Fragment<'_>, wrapping: Wrapping, place: Place) {
        let mut given_up = 0;
        let inserted =
            self.fragments
                .insert(fragment, wrapping, self.now, &self.limits, &mut given_up);
        self.count_fragments(given_up);
        let counters = self.counters(place);
        match inserted {
            Inserted::Held => counters.frames_fragment += 1,
            Inserted::Dropped => {
                counters.frames_fragment += 1;
                counters.count(Anomaly::FragmentDropped);
            }
            // What is inside may be a fragment again (of an inner packet, in a fragmented tunnel): each takes a header.
            Inserted::Whole(datagram) => {
                let ports = &self.options.tunnel_ports;
                let decoded = wire::decode_datagram(&datagram, wrapping, ports, &self.limits);
                let capture = place.origin.source;
                let place = if decoded.wrapping == wrapping {
                    place
                } else {
                    self.place(place.at, &decoded.wrapping, capture)
                };
                self.handle_content(&decoded, place);
            }
        }
    }

    fn handle_packet(&mut self, packet: &Packet<'_>, place: Place) {
        let counters = self.counters(place);
        if packet.payload.is_empty() && packet.missing == 0 {
            counters.frames_no_payload += 1;
        } else {
            counters.frames_payload += 1;
        }
        let (key, swapped) = FlowKey::new(place.origin.scope, packet.from, packet.to);
        let segment = Segment {
            from: if swapped { End::B } else { End::A },
            at: place.at,
            sequence: packet.sequence,
            acknowledgement: packet.acknowledgement,
            flags: packet.flags,
            payload: packet.payload,
            missing: packet.missing,
            ip_id: packet.ip_id,
        };
        let slot = self.connection(&key, &segment, place);
        let Some((connection, mut surroundings)) = self.lend(slot, place) else {
            return;
        };
        connection.handle_segment(&segment, &mut surroundings);
        let (origin, stage) = (connection.origin(), connection.stage());
        let wake = connection.next_wake(surroundings.limits);
        self.table.touch(slot, stage, self.now);
        if let Some(at) = wake {
            self.wakes.push(Reverse((at, slot)));
        }
        self.admit_exchanges(origin);
    }

    /// The connection that a segment belongs to; a new one if there is none, or if the one there is over.
    fn connection(&mut self, key: &FlowKey, segment: &Segment<'_>, place: Place) -> Slot {
        if let Some(slot) = self.table.find(key) {
            let (over, ended) = self
                .table
                .get_mut(slot)
                .map_or((false, false), |(_, found)| {
                    let over = found.is_over_for(segment, self.now, &self.limits);
                    (over, found.has_ended())
                });
            if !over {
                return slot;
            }
            if !ended {
                self.counters(place).count(Anomaly::TcpPortReuse);
            }
            self.end(slot);
        }
        while self.table.len() >= self.limits.connections_max.max(1)
            && let Some(victim) = self.table.victim()
        {
            self.counters(place).count(Anomaly::ConnectionEvicted);
            self.end(victim);
        }
        let connection = Connection::new(place.origin, segment);
        self.table.insert(*key, connection, self.now)
    }

    /// A connection, and what it needs to work.
    fn lend(&mut self, slot: Slot, place: Place) -> Option<(&mut Connection, Surroundings<'_>)> {
        let Origin { source, vni, .. } = place.origin;
        let (key, connection) = self.table.get_mut(slot)?;
        let surroundings = Surroundings {
            key,
            now: self.now,
            limits: &self.limits,
            options: &self.options,
            counters: self.ledger.cell(place.at, source, vni, &self.limits),
            held: &mut self.held,
            sources: &self.sources,
            tls: &mut self.tls,
            ready: &mut self.ready,
        };
        Some((connection, surroundings))
    }

    /// What a connection waited for has come, or is due.
    fn wake(&mut self, slot: Slot, at: Timestamp) {
        let Some(place) = self.place_of(slot) else {
            return;
        };
        let Some((connection, mut surroundings)) = self.lend(slot, place) else {
            return;
        };
        if !connection.handle_timeout(at, &mut surroundings) {
            return;
        }
        let (stage, wake) = (
            connection.stage(),
            connection.next_wake(surroundings.limits),
        );
        if stage == Stage::Closed {
            self.table.touch(slot, stage, self.now);
        }
        if let Some(at) = wake {
            self.wakes.push(Reverse((at, slot)));
        }
        self.admit_exchanges(place.origin);
    }

    /// Takes a connection out of the table; what it has left comes out.
    fn end(&mut self, slot: Slot) {
        let Some(place) = self.place_of(slot) else {
            return;
        };
        if let Some((connection, mut surroundings)) = self.lend(slot, place) {
            connection.finish(Close::Unknown, &mut surroundings);
        }
        self.table.remove(slot);
        self.admit_exchanges(place.origin);
    }

    /// Where the counts of a connection belong while no frame of it is at hand: to the minute of packet time.
    fn place_of(&mut self, slot: Slot) -> Option<Place> {
        let origin = self.table.get_mut(slot)?.1.origin();
        Some(Place {
            at: self.now,
            origin,
        })
    }

    fn count_fragments(&mut self, given_up: u64) {
        if given_up > 0 {
            let (now, limits) = (self.now, &self.limits);
            let counters = self.ledger.cell(now, Sources::OTHER, None, limits);
            counters.count_many(Anomaly::FragmentsIncomplete, given_up);
        }
    }

    /// Counts the exchanges that a connection made ready, each in the minute of its start; takes those away that are not to
    /// be recorded, and out of the others what is marked: nothing after this sees either.
    fn admit_exchanges(&mut self, origin: Origin) {
        let Origin { source, vni, .. } = origin;
        while let Some(exchange) = self.ready.get_mut(self.admitted) {
            let masked = self.tally.bodies_masked;
            let left_out = admit(&self.options, exchange, &mut self.tally);
            let start = exchange.start();
            let row = &mut self.ledger.cell(start, source, vni, &self.limits).ledger;
            if let Some(why) = left_out {
                row.exchanges_sampled_out += 1;
                row.exchanges_filtered_out += u64::from(why == LeftOut::Filtered);
                self.ready.remove(self.admitted);
            } else {
                row.exchanges += 1;
                row.bodies_masked += self.tally.bodies_masked - masked;
                let whole = exchange.completeness == Completeness::Complete;
                row.exchanges_incomplete += u64::from(!whole);
                self.admitted += 1;
            }
        }
    }
}

/// Filters, redacts and samples. A sample by a header or cookie is decided by what redaction leaves of it, so that a replay
/// of the archive decides alike.
fn admit(options: &Options, exchange: &mut Exchange, tally: &mut Tally) -> Option<LeftOut> {
    let selection = &options.selection;
    if let Some(why) = selection.filter(exchange) {
        return Some(why);
    }
    let redact = |exchange: &mut Exchange, tally: &mut Tally| {
        if let Some(redaction) = &options.redaction {
            redaction.apply(exchange, tally, options.body_bytes_max);
        }
    };
    if selection.samples_redacted() {
        redact(exchange, tally);
        return selection.sample(exchange);
    }
    let left_out = selection.sample(exchange);
    if left_out.is_none() {
        redact(exchange, tally);
    }
    left_out
}

#[cfg(test)]
mod tests;
