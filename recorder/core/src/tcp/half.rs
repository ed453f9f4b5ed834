//! One direction of a connection: where its stream begins, how far it was delivered, and what it waits for.

use std::time::Duration;

use schema::Timestamp;

use crate::Limits;

use super::held::Held;
use super::seq::Position;

/// How sure it is where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing is known.
    Unknown,
    /// The peer has acknowledged up to [`Half::next`]; the first bytes seen may still begin elsewhere.
    Acked,
    /// Bytes are held, and earlier ones may still come in.
    Joining,
    /// In the middle of the stream, where its first byte was seen or its peer's request proves it to be.
    Joined,
    /// After the SYN.
    Syn,
}

/// Where something seen lies in a stream, and how far it acknowledges the peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) position: Position,
    pub(super) acked: Position,
}

/// Why a half's next bytes cannot be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// The stream's beginning is not settled.
    Joining,
    /// Bytes before them were not seen, and the peer has acknowledged those: the mirror lost them, or they are late.
    Lost,
    /// Bytes before them were not seen, and the peer has not acknowledged those: the network lost them, and they will be
    /// sent again.
    Hole,
    /// As `Hole`, and the peer is not seen at all.
    HoleOneSided,
    /// They acknowledge bytes of the peer that were not delivered.
    Peer,
}

/// Since when a half is blocked, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) why: Blocked,
    since: Timestamp,
    /// Frames of the connection since.
    frames: u16,
}

#[derive(Debug)]
pub(super) struct Half {
    pub(super) start: Start,
    /// A frame of this direction was seen.
    pub(super) seen: bool,
    /// Its end was told.
    pub(super) closed: bool,
    /// A byte or a gap was delivered.
    pub(super) begun: bool,
    /// The peer has acknowledged one number more than there are bytes: the FIN, which was not seen, or one lost byte.
    pub(super) fin_presumed: bool,
    /// Identification of the IP packet that carried the last payload.
    pub(super) ip_id: u16,
    /// Offset 0 of the stream.
    pub(super) origin: Position,
    /// Everything before was delivered, or declared a gap.
    pub(super) next: Position,
    /// The end of the furthest byte seen.
    pub(super) high: Position,
    /// How far the peer has acknowledged.
    pub(super) acked: Position,
    /// Where it ends; boxed, because an open connection has none and there may be a million of them.
    pub(super) fin: Option<Box<Mark>>,
    pub(super) held: Held,
    pub(super) wait: Option<Wait>,
}

impl Half {
    pub(super) fn new() -> Self {
        let nowhere = Position::first(0);
        Self {
            start: Start::Unknown,
            seen: false,
            closed: false,
            begun: false,
            fin_presumed: false,
            ip_id: 0,
            origin: nowhere,
            next: nowhere,
            high: nowhere,
            acked: nowhere,
            fin: None,
            held: Held::default(),
            wait: None,
        }
    }

    /// Settles that the stream begins at `position`.
    pub(super) fn begin(&mut self, start: Start, position: Position) {
        if self.start == Start::Unknown {
            (self.high, self.acked) = (position, position);
        }
        (self.start, self.origin, self.next) = (start, position, position);
        self.high = self.high.max(position);
    }

    /// Whether it is known where the stream stands.
    pub(super) fn is_anchored(&self) -> bool {
        self.start != Start::Unknown
    }

    /// Whether a sequence number is too far away to be of this stream.
    pub(super) fn is_far(&self, sequence: u32, limits: &Limits) -> bool {
        self.is_anchored()
            && self.next.distance(sequence) > limits.sequence_jump_max
            && self.high.distance(sequence) > limits.sequence_jump_max
    }

    /// The next bytes, or the end, that were seen: capture time, place, and how far they acknowledge the peer.
    pub(super) fn front(&self) -> Option<Mark> {
        match self.held.front() {
            Some(piece) => Some(Mark {
                at: piece.at,
                position: piece.position,
                acked: piece.acked,
            }),
            None if self.closed => None,
            None => self.fin.as_deref().copied(),
        }
    }

    /// Starts, keeps or ends the wait; `frame` says that a frame of the connection came.
    pub(super) fn wait_for(&mut self, why: Option<Blocked>, frame: bool, now: Timestamp) {
        match (&mut self.wait, why) {
            (Some(wait), Some(why)) if wait.why == why => {
                wait.frames = wait.frames.saturating_add(u16::from(frame));
            }
            (wait, why) => {
                *wait = why.map(|why| Wait {
                    why,
                    since: now,
                    frames: 0,
                });
            }
        }
    }

    /// Whether what it waits for is not waited for any longer.
    pub(super) fn is_due(&self, now: Timestamp, limits: &Limits) -> bool {
        self.wait.is_some_and(|wait| {
            let early = match wait.why {
                Blocked::Joining | Blocked::Lost | Blocked::Peer => {
                    wait.frames >= limits.gap_grace_frames
                }
                Blocked::HoleOneSided => self.held.cost() >= limits.gap_bytes_one_sided,
                Blocked::Hole => false,
            };
            // Not while packet time, which has a horizon, is behind: what is waited for may be on another way.
            (early && now >= wait.since) || now >= wait.deadline(limits)
        })
    }
}

impl Wait {
    pub(super) fn deadline(&self, limits: &Limits) -> Timestamp {
        let wait: Duration = match self.why {
            Blocked::Joining | Blocked::Lost | Blocked::Peer => limits.gap_grace,
            Blocked::HoleOneSided => limits.gap_wait_one_sided,
            Blocked::Hole => limits.gap_wait,
        };
        self.since.saturating_add(wait)
    }
}
