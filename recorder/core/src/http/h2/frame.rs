//! Frame headers (RFC 9113 section 4.1), and what tells them from other bytes.

/// Bytes of every frame header.
pub(super) const HEADER_BYTES: usize = 9;
/// The same where lengths of frames are counted.
pub(super) const HEADER_LEN: u32 = 9;
/// Bytes of a frame's payload that every receiver takes (RFC 9113 section 4.2).
pub(super) const PAYLOAD_BYTES_MAX: u32 = 16_384;

/// Flags, of which each type of frame has its own.
pub(super) mod flags {
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

use flags::{ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY};

/// Types of frames (RFC 9113 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// Any other: to be ignored (RFC 9113 section 5.5).
    Extension,
}

impl Kind {
    fn of(byte: u8) -> Self {
        match byte {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            _ => Self::Extension,
        }
    }
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the payload.
    pub(super) len: u32,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// The reserved bit is 0, as it must be sent.
    reserved: bool,
}

impl Header {
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = *bytes;
        let stream = u32::from_be_bytes(stream);
        Self {
            len: u32::from_be_bytes([0, a, b, c]),
            kind: Kind::of(kind),
            flags,
            stream: stream & (u32::MAX >> 1),
            reserved: stream >> 31 != 0,
        }
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether a sender that keeps to RFC 9113 may send such a frame: its length, flags and stream are those of its type.
    pub(super) fn is_plausible(&self, len_max: u32) -> bool {
        let only = |flags: u8| self.flags & !flags == 0;
        let fits = match self.kind {
            Kind::Data => only(END_STREAM | PADDED),
            Kind::Headers => only(END_STREAM | END_HEADERS | PADDED | PRIORITY) && self.len > 0,
            Kind::Priority => only(0) && self.len == 5,
            Kind::RstStream => only(0) && self.len == 4,
            Kind::Settings if self.has(ACK) => only(ACK) && self.len == 0,
            Kind::Settings => only(0) && self.len.is_multiple_of(6),
            Kind::PushPromise => only(END_HEADERS | PADDED) && self.len > 4,
            Kind::Ping => only(ACK) && self.len == 8,
            Kind::GoAway => only(0) && self.len >= 8,
            Kind::WindowUpdate => only(0) && self.len == 4,
            Kind::Continuation => only(END_HEADERS),
            Kind::Extension => true,
        };
        let on_stream = match self.kind {
            Kind::Settings | Kind::Ping | Kind::GoAway => self.stream == 0,
            Kind::WindowUpdate | Kind::Extension => true,
            _ => self.stream != 0,
        };
        fits && on_stream && !self.reserved && self.len <= len_max
    }
}

/// The fragment of a header block in the payload of HEADERS or PUSH_PROMISE: without padding, and without the fields before
/// it, of which the second part is what they say. `None` if the payload is too short for what its flags promise.
pub(super) fn fragment<'a>(header: &Header, payload: &'a [u8]) -> Option<(u32, &'a [u8])> {
    let (padding, rest) = match header.has(PADDED) {
        true => payload
            .split_first()
            .map(|(&len, rest)| (usize::from(len), rest))?,
        false => (0, payload),
    };
    let (promised, rest) = match header.kind {
        Kind::PushPromise => {
            let (promised, rest) = rest.split_first_chunk()?;
            (u32::from_be_bytes(*promised) & (u32::MAX >> 1), rest)
        }
        Kind::Headers if header.has(PRIORITY) => (0, rest.get(5..)?),
        _ => (0, rest),
    };
    let len = rest.len().checked_sub(padding)?;
    Some((promised, &rest[..len]))
}
