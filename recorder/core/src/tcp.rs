//! Two halves of a connection: segments in any order in, ordered bytes, gaps and ends out.
//!
//! Bytes are told in (sequence, acknowledgement) order over both halves: a segment goes out when everything before it in
//! its own half is out, and so is everything of the other half that it acknowledges, so that an answer never overtakes its
//! request. In order, which is nearly always, a segment goes straight through as the borrowed slice that it is; only what
//! comes early is copied and held.
//!
//! What is waited for comes, or is given up. A hole that the peer has acknowledged is the mirror's loss, since the peer has
//! the bytes: it gets a short grace, as mirrors reorder. A hole that is not acknowledged is the network's, and will be sent
//! again. Every wait ends by packet time or by a bound of [`Limits`].
//!
//! Checksums are never a reason to drop (mirrors cut packets, cards fill checksums in later), nor are window scale and
//! timestamps (a lossy mirror fails every such test).

mod deliver;
mod half;
mod handshake;
mod held;
mod join;
mod seq;

use schema::Timestamp;

use crate::http::{Chunk, Close, End};
use crate::wire::Flags;
use crate::{Anomaly, Counters, Limits};

use half::{Half, Mark, Start};
use held::Arrival;
use seq::Position;

/// How far before a stream's presumed beginning bytes may still come in, and a late SYN may lie.
const EARLIER_BYTES_MAX: u64 = 65_536;

/// A TCP packet of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) from: End,
    pub(crate) at: Timestamp,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) flags: Flags,
    pub(crate) payload: &'a [u8],
    /// Bytes after `payload` that the capture or the mirror cut off.
    pub(crate) missing: u32,
    /// Identification of the IP packet, 0 if it has none.
    pub(crate) ip_id: u16,
}

/// What a connection tells, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// The first bytes or gap are about to be told: the end that opened the connection, where that was seen, and the
    /// sequence number that tells this connection apart from others between the same endpoints.
    Open { initiator: Option<End>, origin: u32 },
    /// The next bytes of one half.
    Chunk(Chunk<'a>),
    /// The next bytes of one half are lost.
    Gap { from: End, at: Timestamp, len: u64 },
    /// One half has ended; told once a half.
    Close {
        from: End,
        at: Timestamp,
        how: Close,
    },
}

/// What a connection needs from outside.
pub(crate) struct Context<'c> {
    /// Packet time.
    pub(crate) now: Timestamp,
    pub(crate) limits: &'c Limits,
    pub(crate) counters: &'c mut Counters,
    /// Cost of the segments that all connections hold.
    pub(crate) held: &'c mut usize,
    /// Takes what the connection tells.
    pub(crate) sink: &'c mut dyn FnMut(Event<'_>, &mut Counters),
}

/// A reset that was believed; what comes late still counts until its grace is over.
#[derive(Clone, Copy, Debug)]
struct Reset {
    from: End,
    at: Timestamp,
    position: Position,
    deadline: Timestamp,
    frames: u16,
}

/// One TCP connection.
#[derive(Debug)]
pub(crate) struct Connection {
    halves: [Half; 2],
    /// The end that sent the SYN, or got the SYN-ACK.
    initiator: Option<End>,
    /// The first sequence number seen.
    first_sequence: u32,
    /// Capture time of the last frame.
    last_at: Timestamp,
    /// It was counted as opened or joined.
    counted: bool,
    /// [`Event::Open`] was told.
    identified: bool,
    /// One half was never seen, and is not waited for.
    one_sided: bool,
    /// Nothing is told any more.
    closed: bool,
    reset: Option<Box<Reset>>,
    /// The end that sent a SYN with another sequence number, and what a SYN-ACK to it acknowledges.
    ignored_syn: Option<(End, u32)>,
}

impl Connection {
    /// A connection whose first segment is about to be handled.
    pub(crate) fn new(first: &Segment<'_>) -> Self {
        Self {
            halves: [Half::new(), Half::new()],
            initiator: None,
            first_sequence: first.sequence,
            last_at: first.at,
            counted: false,
            identified: false,
            one_sided: false,
            closed: false,
            reset: None,
            ignored_syn: None,
        }
    }

    /// Whether everything was told.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether it ever carried payload.
    pub(crate) fn has_payload(&self) -> bool {
        self.halves
            .iter()
            .any(|half| half.begun || !half.held.is_empty())
    }

    /// Takes the next segment; what it makes known goes to the sink.
    pub(crate) fn handle_segment(&mut self, segment: &Segment<'_>, cx: &mut Context<'_>) {
        self.last_at = segment.at;
        cx.counters.bytes_payload += segment.payload.len() as u64;
        if self.closed {
            return self.handle_late(segment, cx);
        }
        if segment.flags.rst() {
            // A reset may carry text that explains it (RFC 9293 section 3.5.3); it is never the stream's.
            discard(segment, cx.counters);
            self.handle_reset(segment, cx);
            return self.settle(true, cx);
        }
        let half = self.half(segment.from);
        if half.is_far(segment.sequence, cx.limits) {
            if segment.flags.syn() {
                self.ignore_syn(segment, cx);
            } else {
                cx.counters.count(Anomaly::TcpOutOfWindow);
            }
            return discard(segment, cx.counters);
        }
        if segment.flags.syn() && !self.handle_syn(segment, cx) {
            return discard(segment, cx.counters);
        }
        self.reappear(segment, cx);
        let acked = self.handle_acknowledgement(segment, cx);
        let sequence = segment
            .sequence
            .wrapping_add(u32::from(segment.flags.syn()));
        if !segment.payload.is_empty() || segment.missing > 0 {
            self.handle_payload(segment, sequence, acked, cx);
        } else if !segment.flags.syn() {
            self.handle_bare(segment, sequence);
        }
        if segment.flags.fin() {
            self.handle_fin(segment, sequence, acked);
        }
        self.settle(true, cx);
    }

    /// Packet time has reached [`Connection::deadline`].
    pub(crate) fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        if !self.closed {
            self.settle(false, cx);
        }
    }

    /// Since when what begins now is waited for: a frame may be later than packet time, which has a horizon.
    fn since(&self, cx: &Context<'_>) -> Timestamp {
        cx.now.max(self.last_at)
    }

    /// When [`Connection::handle_timeout`] has something to do.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Timestamp> {
        let [a, b] = &self.halves;
        if a.wait.is_none() && b.wait.is_none() && self.reset.is_none() {
            return None;
        }
        let waits = [a, b]
            .into_iter()
            .filter_map(|half| Some(half.wait?.deadline(limits)));
        waits
            .chain(self.reset.as_ref().map(|reset| reset.deadline))
            .min()
    }

    fn half(&self, end: End) -> &Half {
        &self.halves[end.index()]
    }

    fn half_mut(&mut self, end: End) -> &mut Half {
        &mut self.halves[end.index()]
    }

    /// A segment after the end: a late copy, or what nobody can place.
    fn handle_late(&self, segment: &Segment<'_>, cx: &mut Context<'_>) {
        if segment.payload.is_empty() {
            return;
        }
        let half = self.half(segment.from);
        let end = half
            .next
            .near(segment.sequence)
            .plus(segment.payload.len() as u64);
        if half.is_anchored() && end <= half.next {
            cx.counters.count(Anomaly::TcpRetransmission);
            cx.counters.bytes_repeated += segment.payload.len() as u64;
        } else {
            cx.counters.count(Anomaly::TcpAfterClose);
            discard(segment, cx.counters);
        }
    }

    /// Counts the connection once, when there is something to it.
    fn count_opened(&mut self, counters: &mut Counters) {
        if self.counted {
            return;
        }
        self.counted = true;
        if self.initiator.is_some() {
            counters.ledger.connections_opened += 1;
        } else {
            counters.ledger.connections_joined_midstream += 1;
        }
    }

    /// Tells what the connection is, once, before its first bytes or gap.
    ///
    /// The sequence number is that of the client's first byte where the handshake was seen, else the first one seen.
    fn identify(&mut self, cx: &mut Context<'_>) {
        self.count_opened(cx.counters);
        if self.identified {
            return;
        }
        self.identified = true;
        let origin = match self.initiator {
            Some(end) => self.half(end).origin.sequence(),
            None => self.first_sequence,
        };
        let initiator = self.initiator;
        (cx.sink)(Event::Open { initiator, origin }, cx.counters);
        // An end may have ended without a byte before the other one began.
        for from in [End::A, End::B] {
            if self.half(from).closed {
                let (at, how) = (self.last_at, Close::Fin);
                (cx.sink)(Event::Close { from, at, how }, cx.counters);
            }
        }
    }

    /// Learns how far the peer's bytes arrived; returns the place there.
    fn handle_acknowledgement(&mut self, segment: &Segment<'_>, cx: &Context<'_>) -> Position {
        let number = segment.acknowledgement;
        let peer = self.half_mut(segment.from.peer());
        if !segment.flags.ack() || peer.is_far(number, cx.limits) {
            return peer.origin;
        }
        match peer.start {
            Start::Unknown => peer.begin(Start::Acked, Position::first(number)),
            Start::Acked if !peer.begun => {
                let acked = peer.next.near(number).max(peer.next);
                peer.begin(Start::Acked, acked);
            }
            _ => {}
        }
        let acked = peer.next.near(number);
        peer.acked = peer.acked.max(acked);
        acked
    }

    fn handle_fin(&mut self, segment: &Segment<'_>, sequence: u32, acked: Position) {
        let len = segment.payload.len() as u64 + u64::from(segment.missing);
        let half = self.half_mut(segment.from);
        let position = half.next.near(sequence).plus(len);
        // A retransmission may carry the FIN, too; one behind bytes that were seen is forged.
        if half.fin.is_none() && position >= half.next && position >= half.high {
            half.fin = Some(Box::new(Mark {
                at: segment.at,
                position,
                acked,
            }));
            // Where it is what the stream was first seen by, it may have overtaken bytes that the mirror has. Where the place
            // of the first byte was known before, bytes that are missing from there on are lost.
            if half.start == Start::Joined && !half.begun && half.next == position {
                half.start = Start::Joining;
            }
        }
    }

    fn handle_payload(
        &mut self,
        segment: &Segment<'_>,
        sequence: u32,
        acked: Position,
        cx: &mut Context<'_>,
    ) {
        if self.is_probe(segment, sequence) {
            cx.counters.count(Anomaly::TcpKeepAlive);
            return discard(segment, cx.counters);
        }
        self.join(segment, sequence);
        // A request is sent when the answers before it are in: what the peer sends next comes after them.
        let peer = self.half_mut(segment.from.peer());
        if peer.start == Start::Acked {
            peer.start = Start::Joined;
        }
        let half = self.half_mut(segment.from);
        let position = half.next.near(sequence);
        let mut arrival = Arrival {
            at: segment.at,
            position,
            acked,
            bytes: segment.payload,
            missing: segment.missing,
        };
        let copy = segment.ip_id != 0 && segment.ip_id == half.ip_id;
        half.ip_id = segment.ip_id;
        if let Some(fin) = &half.fin
            && arrival.cut_tail(fin.position, cx.counters)
        {
            return;
        }
        if half.start != Start::Joining && arrival.cut_head(half.next, copy, cx.counters) {
            return;
        }
        let end = arrival.end();
        half.high = half.high.max(end);
        let in_order = half.start != Start::Joining && arrival.position == half.next;
        if in_order && self.has_told(segment.from.peer(), acked) {
            let rest = self
                .half(segment.from)
                .held
                .front()
                .and_then(|held| arrival.split_off(held.position));
            self.deliver(segment.from, &arrival, cx);
            if let Some(rest) = rest {
                self.hold(segment.from, &rest, copy, cx);
            }
        } else {
            self.hold(segment.from, &arrival, copy, cx);
        }
        self.cancel_reset(segment.from, end, cx.counters);
    }

    /// Whether a segment is a keep-alive probe (RFC 9293 section 3.8.4): one byte at most, one before the next. Where the
    /// byte there was lost or is late, it is none if it is a zero that the peer had received before: nobody sends a single
    /// byte again that is acknowledged, but most systems probe with a zero.
    fn is_probe(&self, segment: &Segment<'_>, sequence: u32) -> bool {
        let half = self.half(segment.from);
        let len = segment.payload.len() as u64 + u64::from(segment.missing);
        len == 1
            && match half.start {
                // Nothing is known: most systems probe with a zero, and no text begins with one.
                Start::Unknown => segment.payload == [0],
                Start::Joining => {
                    segment.payload == [0] && half.next.near(sequence).plus(1) <= half.acked
                }
                Start::Acked | Start::Joined | Start::Syn if segment.flags.syn() => false,
                Start::Acked | Start::Joined | Start::Syn => {
                    let end = half.next.near(sequence).plus(1);
                    end == half.next
                        || (segment.payload == [0] && end > half.next && end <= half.acked)
                }
            }
    }

    /// Whether everything of a half up to `acked` was told, or need not be waited for.
    fn has_told(&self, end: End, acked: Position) -> bool {
        let half = self.half(end);
        match half.start {
            Start::Unknown | Start::Acked => true,
            Start::Joining => half.held.is_empty(),
            Start::Joined | Start::Syn => half.next >= acked || (self.one_sided && !half.seen),
        }
    }
}

impl Arrival<'_> {
    fn end(&self) -> Position {
        self.position
            .plus(self.bytes.len() as u64 + u64::from(self.missing))
    }

    /// Cuts off what lies after `position`, if there is any.
    fn split_off(&mut self, position: Position) -> Option<Self> {
        let len = usize::try_from(position.since(self.position)).ok()?;
        let (bytes, rest) = self.bytes.split_at_checked(len)?;
        if rest.is_empty() {
            return None;
        }
        let rest = Self {
            position,
            bytes: rest,
            ..*self
        };
        (self.bytes, self.missing) = (bytes, 0);
        Some(rest)
    }

    /// Drops what lies after the end of the stream; true if nothing is left.
    fn cut_tail(&mut self, fin: Position, counters: &mut Counters) -> bool {
        if self.end() <= fin {
            return false;
        }
        let room = usize::try_from(fin.since(self.position)).unwrap_or(usize::MAX);
        let bytes = self.bytes.get(..room).unwrap_or(self.bytes);
        counters.count(Anomaly::TcpAfterClose);
        counters.bytes_discarded += (self.bytes.len() - bytes.len()) as u64;
        let missing = fin.since(self.position.plus(bytes.len() as u64));
        self.missing = self.missing.min(u32::try_from(missing).unwrap_or(u32::MAX));
        self.bytes = bytes;
        self.bytes.is_empty() && self.missing == 0
    }

    /// Drops what was told already; true if nothing is left. `copy` says that the packet is the last one again.
    fn cut_head(&mut self, next: Position, copy: bool, counters: &mut Counters) -> bool {
        if self.position >= next {
            return false;
        }
        let end = self.end();
        let old = usize::try_from(next.since(self.position)).unwrap_or(usize::MAX);
        let old = old.min(self.bytes.len());
        counters.count(if copy {
            Anomaly::TcpDuplicate
        } else {
            Anomaly::TcpRetransmission
        });
        counters.bytes_repeated += old as u64;
        self.bytes = self.bytes.get(old..).unwrap_or_default();
        self.position = next;
        let left = end.since(next).saturating_sub(self.bytes.len() as u64);
        self.missing = u32::try_from(left).unwrap_or(u32::MAX);
        end <= next
    }
}

fn discard(segment: &Segment<'_>, counters: &mut Counters) {
    counters.bytes_discarded += segment.payload.len() as u64;
}

#[cfg(test)]
mod tests;
