//! Segments that came before their predecessors.

use std::collections::VecDeque;

use schema::Timestamp;

use super::seq::Position;

/// What holding one segment costs beside its bytes, for bounds: many small segments must not go for free.
const SEGMENT_OVERHEAD: usize = 64;

/// A held piece of a segment.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) at: Timestamp,
    pub(super) position: Position,
    /// How far the sender had acknowledged the other half.
    pub(super) acked: Position,
    pub(super) bytes: Box<[u8]>,
    /// Bytes after `bytes` that the mirror cut off: lost, unless another copy has them.
    pub(super) missing: u32,
}

impl Piece {
    fn end(&self) -> Position {
        self.position.plus(self.bytes.len() as u64)
    }
}

/// A segment on its way into [`Held`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) at: Timestamp,
    pub(super) position: Position,
    pub(super) acked: Position,
    pub(super) bytes: &'a [u8],
    pub(super) missing: u32,
}

/// What became of a segment that was to be held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Bytes that are held already; the first copy wins.
    pub(super) repeated: usize,
    /// Some of those differ from the copy that is held.
    pub(super) conflict: bool,
}

/// Pieces ordered by position, none overlapping another. Empty, it has allocated nothing.
#[derive(Debug, Default)]
pub(super) struct Held {
    pieces: VecDeque<Piece>,
    /// Bytes and overhead of all pieces.
    cost: usize,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    pub(super) fn front(&self) -> Option<&Piece> {
        self.pieces.front()
    }

    pub(super) fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.cost -= piece.bytes.len() + SEGMENT_OVERHEAD;
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
        Some(piece)
    }

    /// Holds the parts of a segment that are not held yet.
    pub(super) fn insert(&mut self, arrival: &Arrival<'_>) -> Kept {
        let mut kept = Kept::default();
        let end = arrival.position.plus(arrival.bytes.len() as u64);
        let mut index = self
            .pieces
            .partition_point(|piece| piece.end() <= arrival.position);
        let mut at = arrival.position;
        while at < end {
            let to = match self.pieces.get(index) {
                Some(piece) if piece.position <= at => {
                    let to = end.min(piece.end());
                    let same = slice(arrival.bytes, arrival.position, at, to)
                        == slice(&piece.bytes, piece.position, at, to);
                    kept.conflict |= !same;
                    kept.repeated += len(at, to);
                    at = to;
                    index += 1;
                    continue;
                }
                Some(piece) => end.min(piece.position),
                None => end,
            };
            let bytes = slice(arrival.bytes, arrival.position, at, to);
            self.put(
                index,
                arrival,
                at,
                bytes,
                if to == end { arrival.missing } else { 0 },
            );
            at = to;
            index += 1;
        }
        // Only the header of the segment was captured: what it says is missing is news where nothing is held.
        let covered = self
            .pieces
            .get(index)
            .is_some_and(|piece| piece.position <= at);
        if arrival.bytes.is_empty() && arrival.missing > 0 && !covered {
            self.put(index, arrival, at, &[], arrival.missing);
        }
        kept
    }

    fn put(
        &mut self,
        index: usize,
        arrival: &Arrival<'_>,
        position: Position,
        bytes: &[u8],
        missing: u32,
    ) {
        self.cost += bytes.len() + SEGMENT_OVERHEAD;
        let piece = Piece {
            at: arrival.at,
            position,
            acked: arrival.acked,
            bytes: bytes.into(),
            missing,
        };
        self.pieces.insert(index, piece);
    }
}

/// The part `from..to` of bytes that begin at `start`.
fn slice(bytes: &[u8], start: Position, from: Position, to: Position) -> &[u8] {
    bytes
        .get(len(start, from)..len(start, to))
        .unwrap_or_default()
}

fn len(from: Position, to: Position) -> usize {
    usize::try_from(to.since(from)).unwrap_or(usize::MAX)
}
