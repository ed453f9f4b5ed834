//! Finding where a frame begins: after a loss, and where the beginning of a connection was not seen.
//!
//! No byte sequence marks a frame. What does is that headers which a sender may write (RFC 9113 section 6) follow one
//! another at the distances that they give. Each such frame is evidence, more of it the fewer bytes its type leaves free;
//! header blocks must besides be readable and begin as the messages of one side do.

use super::frame::{HEADER_BYTES, Header, Kind, flags, fragment};
use super::hpack::{Bounds, Decoder};
use crate::http::Side;
use crate::http::buffer::Buffer;
use crate::http::message::Place;

/// Evidence that suffices where HTTP/2 is known to be spoken: three frames of any type, or one that hardly can be anything
/// else.
pub(super) const ENOUGH: u32 = 3;
/// Evidence of both ends together that suffices to take a connection for HTTP/2.
pub(super) const ENOUGH_FOR_BOTH: u32 = 6;

/// What is searched for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Who sends, if that is known.
    pub(super) side: Option<Side>,
    /// Bytes of the longest payload.
    pub(super) payload_bytes_max: u32,
    /// Evidence that suffices.
    pub(super) enough: u32,
    /// Bytes that may be held while the evidence does not suffice.
    pub(super) held_bytes_max: usize,
    /// For the header blocks that are evidence.
    pub(super) bounds: Bounds,
}

/// The search in the bytes of one end.
#[derive(Debug)]
pub(super) struct Search {
    /// The bytes since the place where a frame may begin.
    buffer: Buffer,
    /// For that place.
    evidence: Evidence,
}

/// How much speaks for it that frames begin at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) points: u32,
    /// Who sends, if a header block told.
    pub(super) side: Option<Side>,
    /// The bytes that it takes, from that place on.
    bytes: usize,
}

impl Search {
    pub(super) fn new(place: Place) -> Self {
        Self {
            buffer: Buffer::new(place),
            evidence: Evidence::default(),
        }
    }

    pub(super) fn held(&self) -> usize {
        self.buffer.bytes().len()
    }

    pub(super) fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// How many of the last `len` bytes held the evidence takes, at least one.
    pub(super) fn evidence_takes(&self, len: usize) -> usize {
        let after = self.held().saturating_sub(self.evidence.bytes);
        len.saturating_sub(after).max(1)
    }

    /// The bytes from the place on where frames seem to begin.
    pub(super) fn into_buffer(self) -> Buffer {
        self.buffer
    }

    /// Goes on with more bytes; gives how many of those held are none of any frame.
    pub(super) fn extend(&mut self, bytes: &[u8], place: Place, wanted: &Wanted) -> u64 {
        self.buffer.extend(bytes, place);
        let held = self.buffer.bytes();
        let mut start = 0;
        self.evidence = loop {
            match follow(&held[start..], wanted) {
                Some(evidence)
                    if evidence.points >= wanted.enough
                        || held.len() - start <= wanted.held_bytes_max =>
                {
                    break evidence;
                }
                _ => {}
            }
            let high_max = wanted.payload_bytes_max >> 16;
            let next = held[start + 1..]
                .iter()
                .position(|&byte| u32::from(byte) <= high_max);
            match next {
                Some(next) => start += 1 + next,
                None => {
                    start = held.len();
                    break Evidence::default();
                }
            }
        };
        if start > 0 {
            self.buffer.drop_front(start);
        }
        start as u64
    }
}

/// Follows frames from the first byte on, as long as the evidence does not suffice; `None` if none begins there.
fn follow(bytes: &[u8], wanted: &Wanted) -> Option<Evidence> {
    let mut evidence = Evidence {
        points: 0,
        side: wanted.side,
        bytes: 0,
    };
    let mut rest = bytes;
    while evidence.points < wanted.enough {
        let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() else {
            return may_begin(rest, wanted).then_some(evidence);
        };
        let header = Header::parse(header);
        if !header.is_plausible(wanted.payload_bytes_max) || header.kind == Kind::Extension {
            return None;
        }
        let Some((payload, next)) = after.split_at_checked(header.len as usize) else {
            // A header block may still turn out to be none.
            if !matches!(header.kind, Kind::Headers | Kind::PushPromise) {
                evidence.points += points(&header);
                evidence.bytes = bytes.len() - after.len();
            }
            return Some(evidence);
        };
        evidence.points += match judge_block(&header, payload, wanted.bounds) {
            Judgement::None => points(&header),
            Judgement::Head(side) if evidence.side.is_none_or(|known| known == side) => {
                evidence.side = Some(side);
                ENOUGH
            }
            Judgement::Head(_) | Judgement::Unreadable => return None,
        };
        evidence.bytes = match header.kind {
            Kind::Headers | Kind::PushPromise => bytes.len() - next.len(),
            _ => bytes.len() - after.len(),
        };
        rest = next;
    }
    Some(evidence)
}

/// Whether the first bytes of a header, fewer than it has, leave it possible.
fn may_begin(bytes: &[u8], wanted: &Wanted) -> bool {
    let mut len = [0; 4];
    for (to, from) in len[1..].iter_mut().zip(bytes) {
        *to = *from;
    }
    let kind = bytes.get(3).is_none_or(|&kind| kind <= 9);
    let reserved = bytes.get(5).is_some_and(|byte| byte >> 7 != 0);
    u32::from_be_bytes(len) <= wanted.payload_bytes_max && kind && !reserved
}

/// The evidence that a header is by itself.
fn points(header: &Header) -> u32 {
    match header.kind {
        Kind::Settings | Kind::Ping | Kind::GoAway => ENOUGH,
        Kind::Priority | Kind::RstStream | Kind::WindowUpdate => 2,
        Kind::Data if header.len == 0 && !header.has(flags::END_STREAM) => 0,
        Kind::Data | Kind::Headers | Kind::PushPromise | Kind::Continuation => 1,
        Kind::Extension => 0,
    }
}

enum Judgement {
    /// It tells nothing.
    None,
    /// It begins as a message of this side does.
    Head(Side),
    /// It is no header block.
    Unreadable,
}

/// What the header block of a whole HEADERS or PUSH_PROMISE frame tells.
fn judge_block(header: &Header, payload: &[u8], bounds: Bounds) -> Judgement {
    if !matches!(header.kind, Kind::Headers | Kind::PushPromise) {
        return Judgement::None;
    }
    let Some((_, block)) = fragment(header, payload) else {
        return Judgement::Unreadable;
    };
    if !header.has(flags::END_HEADERS) {
        return Judgement::None;
    }
    let Ok(block) = Decoder::new(false).decode(block, bounds) else {
        return Judgement::Unreadable;
    };
    let first = block.iter().find_map(|field| field.name);
    match first {
        Some(b":status") => Judgement::Head(Side::Server),
        Some(b":method" | b":path" | b":scheme" | b":authority") => match header.kind {
            Kind::PushPromise => Judgement::Head(Side::Server),
            _ => Judgement::Head(Side::Client),
        },
        _ => Judgement::None,
    }
}
