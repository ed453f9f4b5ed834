//! Telling what is in order, and giving up what was waited for long enough.

use schema::Timestamp;

use crate::http::{Chunk, Close, End};
use crate::{Anomaly, Counters};

use super::half::{Blocked, Start};
use super::held::Arrival;
use super::seq::Position;
use super::{Connection, Context, Event};

const ENDS: [End; 2] = [End::A, End::B];

impl Connection {
    /// Tells everything that can be told, gives up what is due, and notes what is waited for. `frame` says that a frame of
    /// the connection came.
    pub(super) fn settle(&mut self, frame: bool, cx: &mut Context<'_>) {
        if self.reset.is_none() && self.halves.iter().all(|half| half.front().is_none()) {
            for half in &mut self.halves {
                half.wait = None;
            }
            return self.close_if_done(cx);
        }
        self.drain(cx);
        self.note_waits(frame, cx);
        while let Some(end) = self.due(cx) {
            self.resolve(end, cx);
            self.drain(cx);
            self.note_waits(false, cx);
        }
        if let Some(reset) = &mut self.reset {
            reset.frames += u16::from(frame);
            if cx.now >= reset.deadline
                || (reset.frames > cx.limits.gap_grace_frames && cx.now >= reset.at)
            {
                return self.finish(Close::Reset, cx);
            }
        }
        self.close_if_done(cx);
    }

    /// Tells what is left, with gaps between, and the end.
    pub(crate) fn finish(&mut self, how: Close, cx: &mut Context<'_>) {
        if self.closed {
            return;
        }
        let how = if self.reset.is_some() {
            Close::Reset
        } else {
            how
        };
        let at = self.reset.as_ref().map_or(self.last_at, |reset| reset.at);
        self.drain(cx);
        while let Some(end) = self.earliest(|half| half.front().is_some()) {
            self.resolve(end, cx);
            self.drain(cx);
        }
        for end in ENDS {
            self.tell_lost_tail(end, cx);
        }
        for end in ENDS {
            let presumed = self.half(end).fin_presumed && how == Close::Unknown;
            self.tell_close(end, at, if presumed { Close::Fin } else { how }, cx);
        }
        self.closed = true;
        self.reset = None;
    }

    /// Ends the connection once both halves have ended, or the one that is seen.
    fn close_if_done(&mut self, cx: &mut Context<'_>) {
        let done = |end: End| {
            let half = self.half(end);
            half.closed || (self.one_sided && !half.seen)
        };
        if done(End::A) && done(End::B) {
            self.finish(Close::Unknown, cx);
        }
    }

    /// Tells a segment whose turn it is, and that its tail is lost if the mirror cut it off.
    pub(super) fn deliver(&mut self, from: End, arrival: &Arrival<'_>, cx: &mut Context<'_>) {
        self.identify(cx);
        if self.half(from).fin_presumed {
            // More came, so what was presumed to be the FIN was a byte.
            self.half_mut(from).fin_presumed = false;
            tell_gap(from, arrival.at, 1, cx);
        }
        let peer = self.half_mut(from.peer());
        if !peer.seen && matches!(peer.start, Start::Joined | Start::Syn) {
            peer.next = peer.next.max(arrival.acked);
        }
        let half = self.half_mut(from);
        half.next = arrival.position.plus(arrival.bytes.len() as u64);
        half.begun = true;
        half.wait = None;
        let next_held = half.held.front().map(|piece| piece.position);
        if !arrival.bytes.is_empty() {
            cx.counters.bytes_delivered += arrival.bytes.len() as u64;
            let chunk = Chunk {
                from,
                at: arrival.at,
                offset: arrival.position.number(),
                acked: arrival.acked.number(),
                bytes: arrival.bytes,
            };
            (cx.sink)(Event::Chunk(chunk), cx.counters);
        }
        if arrival.missing > 0 {
            let end = self.half(from).next.plus(u64::from(arrival.missing));
            let to = next_held.map_or(end, |held| held.min(end));
            self.tell_gap_to(from, arrival.at, to, cx);
        }
    }

    /// Holds a segment that came early.
    pub(super) fn hold(
        &mut self,
        from: End,
        arrival: &Arrival<'_>,
        copy: bool,
        cx: &mut Context<'_>,
    ) {
        let half = self.half_mut(from);
        let early = half.start != Start::Joining
            && half
                .held
                .front()
                .is_none_or(|held| held.position > half.next);
        let before = half.held.cost();
        let kept = half.held.insert(arrival);
        *cx.held += half.held.cost() - before;
        cx.counters.bytes_repeated += kept.repeated as u64;
        if kept.repeated < arrival.bytes.len() && early {
            cx.counters.count(Anomaly::TcpOutOfOrder);
        }
        if kept.repeated > 0 {
            cx.counters.count(match (kept.conflict, copy) {
                (true, _) => Anomaly::TcpConflict,
                (false, true) => Anomaly::TcpDuplicate,
                (false, false) => Anomaly::TcpRetransmission,
            });
        }
    }

    /// A reset after which its sender goes on was none of its own.
    pub(super) fn cancel_reset(&mut self, from: End, end: Position, counters: &mut Counters) {
        let forged = self
            .reset
            .as_ref()
            .is_some_and(|reset| reset.from == from && end > reset.position);
        if forged {
            self.reset = None;
            counters.count(Anomaly::TcpResetIgnored);
        }
    }

    /// Tells everything whose turn it is.
    fn drain(&mut self, cx: &mut Context<'_>) {
        let mut told = true;
        while told {
            told = false;
            for end in ENDS {
                while self.blocked(end).is_none() && self.tell_front(end, cx) {
                    told = true;
                }
            }
        }
    }

    /// Why a half's front cannot be told; `None` if it can, or if there is none.
    fn blocked(&self, end: End) -> Option<Blocked> {
        let (half, peer) = (self.half(end), self.half(end.peer()));
        let front = half.front()?;
        if half.start == Start::Joining {
            Some(Blocked::Joining)
        } else if front.position > half.next {
            Some(if half.acked >= front.position {
                Blocked::Lost
            } else if peer.seen {
                Blocked::Hole
            } else {
                Blocked::HoleOneSided
            })
        } else if self.has_told(end.peer(), front.acked) {
            None
        } else {
            Some(Blocked::Peer)
        }
    }

    /// Tells a half's front, come what may; false if there is none.
    fn tell_front(&mut self, end: End, cx: &mut Context<'_>) -> bool {
        let half = self.half_mut(end);
        let before = half.held.cost();
        if let Some(piece) = half.held.pop() {
            *cx.held -= before - half.held.cost();
            let arrival = Arrival {
                at: piece.at,
                position: piece.position,
                acked: piece.acked,
                bytes: &piece.bytes,
                missing: piece.missing,
            };
            self.deliver(end, &arrival, cx);
            return true;
        }
        let Some(fin) = half.front() else {
            return false;
        };
        half.next = fin.position.plus(1);
        self.tell_close(end, fin.at, Close::Fin, cx);
        true
    }

    fn note_waits(&mut self, frame: bool, cx: &Context<'_>) {
        let since = self.since(cx);
        for end in ENDS {
            let why = self.blocked(end);
            self.half_mut(end).wait_for(why, frame, since);
        }
    }

    /// The half whose front is to be waited for no longer.
    fn due(&self, cx: &mut Context<'_>) -> Option<End> {
        let (now, limits) = (cx.now, cx.limits);
        if let Some(end) = self.earliest(|half| half.is_due(now, limits)) {
            return Some(end);
        }
        let crowded = *cx.held > limits.held_bytes_max;
        let full = self.earliest(|half| {
            !half.held.is_empty() && (crowded || half.held.cost() > limits.held_bytes_half_max)
        })?;
        cx.counters.count(Anomaly::TcpBufferFull);
        Some(full)
    }

    /// Of the halves that a test picks, the one whose front was captured first.
    fn earliest(&self, picks: impl Fn(&super::Half) -> bool) -> Option<End> {
        let picked = ENDS.into_iter().filter(|&end| picks(self.half(end)));
        picked.min_by_key(|&end| self.half(end).front().map(|front| front.at))
    }

    /// Gives up what a half's front waits for, so that something can be told.
    fn resolve(&mut self, end: End, cx: &mut Context<'_>) {
        let Some(front) = self.half(end).front() else {
            return;
        };
        match self.blocked(end) {
            Some(Blocked::Joining) => self.half_mut(end).begin(Start::Joined, front.position),
            Some(Blocked::Lost | Blocked::Hole | Blocked::HoleOneSided) => {
                self.tell_gap_to(end, front.at, front.position, cx);
            }
            Some(Blocked::Peer) => self.resolve_peer(end, front.acked, cx),
            None => {
                self.tell_front(end, cx);
            }
        }
    }

    /// Gives up bytes of the peer, up to `acked`, that a half's front acknowledges.
    fn resolve_peer(&mut self, end: End, acked: Position, cx: &mut Context<'_>) {
        let peer = self.half(end.peer());
        if !peer.seen {
            self.one_sided = true;
            return cx.counters.count(Anomaly::TcpOneSided);
        }
        match peer.front() {
            Some(first) if peer.start == Start::Joining => {
                self.half_mut(end.peer())
                    .begin(Start::Joined, first.position);
            }
            Some(first) if first.position > peer.next => {
                self.tell_gap_to(end.peer(), first.at, first.position.min(acked), cx);
            }
            // Each waits for the other: one was sent again with a newer acknowledgement than at first, and so was captured
            // after what it came before.
            Some(first) => {
                let own_is_later = self.half(end).front().is_some_and(|own| own.at > first.at);
                self.tell_front(if own_is_later { end } else { end.peer() }, cx);
            }
            None if acked.since(peer.next) == 1 => {
                let peer = self.half_mut(end.peer());
                peer.next = acked;
                peer.fin_presumed = true;
            }
            None => {
                let at = self
                    .half(end)
                    .front()
                    .map_or(self.last_at, |front| front.at);
                self.tell_gap_to(end.peer(), at, acked, cx);
            }
        }
    }

    /// At the end: bytes that the peer has acknowledged and that never came.
    fn tell_lost_tail(&mut self, end: End, cx: &mut Context<'_>) {
        let (half, peer) = (self.half(end), self.half(end.peer()));
        let settled = matches!(half.start, Start::Joined | Start::Syn) && half.seen && !half.closed;
        let lost = half.acked.since(half.next);
        // The last number that was acknowledged is the FIN's, if there was one.
        let fin = half.fin.is_none() && (lost == 1 || peer.fin.is_some());
        if settled && lost > u64::from(fin) {
            let to = half.next.plus(lost - u64::from(fin));
            self.tell_gap_to(end, self.last_at, to, cx);
        } else if settled && lost == 1 {
            self.half_mut(end).fin_presumed = true;
        }
    }

    pub(super) fn tell_gap_to(
        &mut self,
        from: End,
        at: Timestamp,
        to: Position,
        cx: &mut Context<'_>,
    ) {
        self.identify(cx);
        let half = self.half_mut(from);
        let len = to.since(half.next);
        half.wait = None;
        if len > 0 {
            half.next = to;
            half.begun = true;
            tell_gap(from, at, len, cx);
        }
    }

    fn tell_close(&mut self, from: End, at: Timestamp, how: Close, cx: &mut Context<'_>) {
        let half = self.half_mut(from);
        if !half.closed {
            half.closed = true;
            half.wait = None;
            (cx.sink)(Event::Close { from, at, how }, cx.counters);
        }
    }
}

fn tell_gap(from: End, at: Timestamp, len: u64, cx: &mut Context<'_>) {
    cx.counters.ledger.gaps += 1;
    cx.counters.ledger.gap_bytes += len;
    (cx.sink)(Event::Gap { from, at, len }, cx.counters);
}
