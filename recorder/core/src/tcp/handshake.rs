//! SYN and RST: where connections begin, and where they break off.

use schema::Timestamp;

use crate::{Anomaly, Limits};

use super::half::{Half, Start};
use super::seq::Position;
use super::{Connection, Context, EARLIER_BYTES_MAX, Reset, Segment};

impl Connection {
    /// Whether a segment begins another connection between the same endpoints.
    ///
    /// A SYN with another sequence number does, unless the connection is busy (then it may be forged): if its sender has
    /// not ended its stream, the peer's SYN-ACK must confirm it. That needs no distance: systems count initial sequence
    /// numbers up by the clock (RFC 6528), so that those of the same ports a moment later are near. Where the SYN was lost,
    /// payload far outside of both halves does: splitting is better than declaring a gap of a gigabyte.
    pub(crate) fn is_over_for(
        &self,
        segment: &Segment<'_>,
        now: Timestamp,
        limits: &Limits,
    ) -> bool {
        let (half, peer) = (self.half(segment.from), self.half(segment.from.peer()));
        let over = self.has_ended() || now.since(self.last_at) >= limits.reuse_idle;
        let acks_far = segment.flags.ack() && peer.is_far(segment.acknowledgement, limits);
        if segment.flags.rst() {
            false
        } else if segment.flags.syn() {
            let over = over || half.fin.is_some() || self.confirms_syn(segment);
            let first = half.origin.near(segment.sequence.wrapping_add(1));
            match half.start {
                Start::Unknown => (acks_far && over) || self.confirms_syn(segment),
                Start::Syn if first == half.origin => false,
                Start::Syn => over || acks_far || !self.has_payload(),
                // A SYN that comes after the segments that followed it.
                Start::Acked | Start::Joining | Start::Joined
                    if first <= half.next && half.next.since(first) <= EARLIER_BYTES_MAX =>
                {
                    false
                }
                Start::Acked | Start::Joining | Start::Joined => over || acks_far,
            }
        } else {
            let far = half.is_far(segment.sequence, limits);
            let carries = !segment.payload.is_empty() || segment.missing > 0;
            carries && far && (acks_far || over)
        }
    }

    /// Whether a segment is the SYN-ACK to a SYN that was ignored.
    fn confirms_syn(&self, segment: &Segment<'_>) -> bool {
        segment.flags.ack()
            && self.ignored_syn == Some((segment.from.peer(), segment.acknowledgement))
    }

    /// Notes a SYN that is none of this connection's, unless its peer confirms it.
    pub(super) fn ignore_syn(&mut self, segment: &Segment<'_>, cx: &mut Context<'_>) {
        cx.counters.count(Anomaly::TcpSynIgnored);
        if !segment.flags.ack() {
            self.ignored_syn = Some((segment.from, segment.sequence.wrapping_add(1)));
        }
    }

    /// Whether its end was seen: both ends said so, or one broke it off.
    pub(crate) fn has_ended(&self) -> bool {
        self.closed || self.reset.is_some() || self.halves.iter().all(|half| half.fin.is_some())
    }

    /// Believes a reset that is in the window of its half, and waits a moment for what it may have overtaken.
    pub(super) fn handle_reset(&mut self, segment: &Segment<'_>, cx: &mut Context<'_>) {
        let half = self.half(segment.from);
        let window = cx.limits.reset_window;
        // The answer to a refused SYN has no sequence number of its own, but acknowledges the SYN.
        let refusal = !half.seen
            && segment.flags.ack()
            && self.half(segment.from.peer()).origin.sequence() == segment.acknowledgement;
        let in_window = !half.is_anchored()
            || half.next.distance(segment.sequence) <= window
            || half.high.distance(segment.sequence) <= window;
        if !(refusal || in_window) {
            return cx.counters.count(Anomaly::TcpResetIgnored);
        }
        if self.reset.is_none() {
            self.reset = Some(Box::new(Reset {
                from: segment.from,
                at: segment.at,
                position: half.next.near(segment.sequence),
                deadline: self.since(cx).saturating_add(cx.limits.gap_grace),
                frames: 0,
            }));
        }
    }

    /// Learns both streams' beginnings; false if the SYN is none of this connection.
    pub(super) fn handle_syn(&mut self, segment: &Segment<'_>, cx: &mut Context<'_>) -> bool {
        let first = segment.sequence.wrapping_add(1);
        let half = self.half_mut(segment.from);
        if !half.begin_after_syn(first) {
            self.ignore_syn(segment, cx);
            return false;
        }
        if !segment.flags.ack() {
            self.initiator = self.initiator.or(Some(segment.from));
            return true;
        }
        let peer = segment.from.peer();
        self.initiator = self.initiator.or(Some(peer));
        // The SYN itself may have been lost, or come later; data that it carried is acknowledged here, too.
        if self.half(peer).start != Start::Syn {
            self.half_mut(peer).begin_after_syn(segment.acknowledgement);
        }
        self.count_opened(cx.counters);
        true
    }
}

impl Half {
    /// Settles that the stream begins at `first`, right after its SYN; false if it is known to begin elsewhere.
    fn begin_after_syn(&mut self, first: u32) -> bool {
        let position = match self.start {
            Start::Unknown => Position::first(first),
            _ => self.next.near(first),
        };
        match self.start {
            Start::Syn => return position == self.origin,
            _ if self.begun => {
                if position == self.origin {
                    self.start = Start::Syn;
                }
                return position <= self.next;
            }
            // Bytes from before the SYN are held: one of the two is none of this connection's.
            _ if self
                .held
                .front()
                .is_some_and(|held| held.position < position) =>
            {
                return false;
            }
            _ => self.begin(Start::Syn, position),
        }
        true
    }
}
