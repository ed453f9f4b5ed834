//! Where a stream begins, if its SYN was not seen: learnt from acknowledgements, from segments without payload, and from the
//! first payload.

use super::half::Start;
use super::seq::Position;
use super::{Connection, Context, EARLIER_BYTES_MAX, Segment};

impl Connection {
    /// Notes that a half is seen; one that was given up as unseen is joined anew. What its peer had acknowledged meanwhile
    /// is lost up to where it is seen now: messages were there that what comes next must not be taken for.
    pub(super) fn reappear(&mut self, segment: &Segment<'_>, cx: &mut Context<'_>) {
        let (end, one_sided) = (segment.from, self.one_sided);
        let half = self.half_mut(end);
        if half.seen {
            return;
        }
        half.seen = true;
        if !one_sided {
            return;
        }
        self.one_sided = false;
        let half = self.half_mut(end);
        if half.is_anchored() {
            let passed = half.next;
            half.next = half.origin;
            let lost_to = passed.min(half.origin.near(segment.sequence));
            self.tell_gap_to(end, segment.at, lost_to, cx);
        }
        self.half_mut(end).start = Start::Acked;
    }

    /// A segment without payload tells where its half stands. It may be a keep-alive probe, one before that.
    pub(super) fn handle_bare(&mut self, segment: &Segment<'_>, sequence: u32) {
        let half = self.half_mut(segment.from);
        if half.start == Start::Unknown {
            half.begin(Start::Joined, Position::first(sequence));
        } else if half.start == Start::Acked && !half.begun {
            let position = half.next.near(sequence);
            if position >= half.next {
                half.begin(Start::Joined, position);
            }
        }
    }

    /// Settles where a stream begins at its first payload, or puts that off for a moment.
    pub(super) fn join(&mut self, segment: &Segment<'_>, sequence: u32) {
        let half = self.half_mut(segment.from);
        let position = half.next.near(sequence);
        match half.start {
            Start::Unknown => half.begin(Start::Joining, Position::first(sequence)),
            Start::Acked if position == half.next => half.start = Start::Joined,
            Start::Acked => half.start = Start::Joining,
            // The beginning came from a segment without payload. If the peer expects one more, that was a keep-alive
            // probe; earlier bytes were overtaken by it.
            Start::Joined if !half.begun && half.held.is_empty() => {
                let probe = position == half.next.plus(1) && half.acked == position;
                let earlier =
                    position < half.next && half.next.since(position) <= EARLIER_BYTES_MAX;
                if probe || earlier {
                    half.begin(Start::Joined, position);
                }
            }
            Start::Joined | Start::Joining | Start::Syn => {}
        }
    }
}
