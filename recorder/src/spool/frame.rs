//! Frames: what a spool file is made of. A frame says where it ends and whether it is whole, so that a torn or damaged one is
//! found and what follows is still read.
//!
//! ```text
//! magic 4 | crc32c of the header's rest 4 | crc32c of the payload 4 | payload bytes 4 | raw bytes 4 | generation 8
//!   | number 8 | rows before 8 | payload: records, zstd, sealed if there is a key
//! ```
//! Integers are little-endian. The header has a checksum of its own, so that a damaged length is not believed. A sealed payload
//! says so itself, and is bound to what its header says, so that no frame can be put in the place of another.

use std::borrow::Cow;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum};
use schema::{Keyring, Locked};

/// What a frame begins with.
const MAGIC: [u8; 4] = *b"RSF1";
/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 44;
/// Largest raw or compressed payload: an exchange is at most 1 GiB, and a frame ends with the record that fills it.
const PAYLOAD_BYTES_MAX: usize = (1 << 30) + (64 << 20);
/// Most bytes of room that are kept from one frame to the next.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// zstd level of frames. They live for minutes and are written while frames of the network wait: on generated JSON this
/// level takes a third of the first level's time, and leaves 1.8 times the bytes.
const ZSTD_LEVEL: i32 = -7;

/// A frame that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its number in the file, from 0.
    pub(super) number: u64,
    /// Exchanges in the file before it.
    pub(super) rows_before: u64,
    /// Encoded records.
    pub(super) records: Bytes,
}

/// What the scanner found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The next whole frame.
    Frame(Frame),
    /// A whole frame whose key was not given: it is found again and again.
    Locked(Locked),
    /// Bytes that are no whole frame, with a whole one after them.
    Damage {
        /// Where they begin in the file.
        at: u64,
        /// How many they are.
        bytes: u64,
    },
    /// Bytes at the end of the file that are no whole frame: what a crash cut off.
    TornTail {
        /// How many they are.
        bytes: u64,
    },
}

/// Encodes frames of one file; keeps its buffers.
pub(super) struct FrameWriter {
    compressor: zstd::bulk::Compressor<'static>,
    keys: Keyring,
    /// The last frame, and room for a larger one.
    frame: Vec<u8>,
    generation: u64,
    number: u64,
}

impl FrameWriter {
    /// A writer for the file of `generation`.
    pub(super) fn new(generation: u64, keys: Keyring) -> Self {
        let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL);
        Self {
            compressor: compressor.expect("zstd knows its fast levels"),
            keys,
            frame: Vec::new(),
            generation,
            number: 0,
        }
    }

    /// The next frame, with `records` as encoded.
    ///
    /// # Panics
    /// If the records are larger than a frame may be; the size of an exchange is bounded below that.
    pub(super) fn encode(&mut self, records: &[u8], rows_before: u64) -> &[u8] {
        assert!(records.len() <= PAYLOAD_BYTES_MAX, "a frame is bounded");
        let bound = HEADER_BYTES + zstd::zstd_safe::compress_bound(records.len());
        // Room for one large exchange is not kept for the small ones after it.
        if self.frame.len() < bound || self.frame.len() > bound.max(KEPT_BYTES_MAX) {
            self.frame = vec![0; bound];
        }
        let frame = &mut self.frame;
        let compressed = self
            .compressor
            .compress_to_buffer(records, &mut frame[HEADER_BYTES..])
            .expect("the buffer has room for the worst case");
        let mut end = HEADER_BYTES + compressed;
        if self.keys.writing().is_some() {
            let context = context(self.generation, self.number, rows_before, records.len());
            let payload = self.keys.seal(frame[HEADER_BYTES..end].to_vec(), &context);
            end = HEADER_BYTES + payload.len();
            frame.resize(frame.len().max(end), 0);
            frame[HEADER_BYTES..end].copy_from_slice(&payload);
        }
        let length = |length: usize| u32::try_from(length).expect("a frame is bounded");
        let payload_crc = crc32c(&frame[HEADER_BYTES..end]);
        let mut header = &mut frame[..HEADER_BYTES];
        put(&mut header, &MAGIC);
        put(&mut header, &[0; 4]);
        put(&mut header, &payload_crc.to_le_bytes());
        put(&mut header, &length(end - HEADER_BYTES).to_le_bytes());
        put(&mut header, &length(records.len()).to_le_bytes());
        put(&mut header, &self.generation.to_le_bytes());
        put(&mut header, &self.number.to_le_bytes());
        put(&mut header, &rows_before.to_le_bytes());
        let header_crc = crc32c(&frame[8..HEADER_BYTES]);
        frame[4..8].copy_from_slice(&header_crc.to_le_bytes());
        self.number += 1;
        &self.frame[..end]
    }

    /// The last frame was not written: its number is used again.
    pub(super) fn take_back(&mut self) {
        self.number -= 1;
    }
}

/// Finds the frames in the bytes of one file, which are pushed as they are read.
#[derive(Debug)]
pub(super) struct Scanner {
    keys: Keyring,
    generation: u64,
    buffer: Vec<u8>,
    /// Where in the buffer what was not looked at begins, and where that is in the file.
    at: usize,
    file_at: u64,
    /// Where bytes began that are no frame.
    bad_since: Option<u64>,
    /// A frame that waits for the damage before it to be told.
    held: Option<Frame>,
    next_number: u64,
    finished: bool,
}

/// What the header of a frame says.
struct Header {
    payload_crc: u32,
    payload_bytes: usize,
    raw_bytes: usize,
    number: u64,
    rows_before: u64,
}

/// What a frame's header says of where it ends and what is before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the frame, with its header.
    pub(super) bytes: u64,
    /// Exchanges in the file before it.
    pub(super) rows_before: u64,
}

/// Reads a header of the file of `generation`; `None` if it is none. Whether what follows is whole is not looked at.
pub(super) fn head(header: &[u8; HEADER_BYTES], generation: u64) -> Option<Head> {
    let header = read_header(header, generation)?;
    Some(Head {
        bytes: (HEADER_BYTES + header.payload_bytes) as u64,
        rows_before: header.rows_before,
    })
}

/// What lies at a place.
enum Place {
    Frame(Frame, usize),
    Locked(Locked),
    Bad,
    NeedsData,
}

impl Scanner {
    /// A scanner for the file of `generation`, whose first byte to be pushed lies at `file_at`.
    pub(super) fn new(generation: u64, file_at: u64, keys: Keyring) -> Self {
        Self {
            keys,
            generation,
            buffer: Vec::new(),
            at: 0,
            file_at,
            bad_since: None,
            held: None,
            next_number: 0,
            finished: false,
        }
    }

    /// Goes on elsewhere in the file, of which nothing was pushed yet.
    pub(super) fn move_to(&mut self, file_at: u64) {
        debug_assert!(self.buffer.is_empty(), "what was pushed was looked at");
        self.file_at = file_at;
    }

    /// Adds what follows in the file.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The file ends here.
    pub(super) fn finish(&mut self) {
        self.finished = true;
    }

    /// What comes next; `None` if more bytes are needed, or at the end.
    #[must_use]
    pub(super) fn poll(&mut self) -> Option<Found> {
        if let Some(frame) = self.held.take() {
            return Some(Found::Frame(frame));
        }
        loop {
            match self.look() {
                Place::Frame(frame, bytes) => {
                    let started = self.file_at;
                    self.advance(bytes);
                    self.next_number = frame.number + 1;
                    let Some(at) = self.bad_since.take() else {
                        return Some(Found::Frame(frame));
                    };
                    self.held = Some(frame);
                    let bytes = started - at;
                    return Some(Found::Damage { at, bytes });
                }
                Place::Locked(locked) => return Some(Found::Locked(locked)),
                Place::Bad => {
                    self.bad_since.get_or_insert(self.file_at);
                    self.skip();
                }
                Place::NeedsData if !self.finished => return None,
                Place::NeedsData if self.at < self.buffer.len() => {
                    // No more comes: it may be a whole frame's header whose length runs beyond the end, or only its start.
                    self.bad_since.get_or_insert(self.file_at);
                    self.skip();
                }
                Place::NeedsData => {
                    let at = self.bad_since.take()?;
                    let bytes = self.file_at - at;
                    return Some(Found::TornTail { bytes });
                }
            }
        }
    }

    /// Moves on to the next byte that may begin a frame.
    fn skip(&mut self) {
        let rest = &self.buffer[self.at + 1..];
        let next = memchr::memmem::find(rest, &MAGIC);
        // The last three bytes may be the beginning of the magic.
        let keep = if self.finished { 0 } else { MAGIC.len() - 1 };
        let skipped = next.unwrap_or_else(|| rest.len().saturating_sub(keep));
        self.advance(1 + skipped);
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes;
        self.file_at += bytes as u64;
    }

    fn look(&self) -> Place {
        let rest = &self.buffer[self.at..];
        let Some(header) = rest.get(..HEADER_BYTES) else {
            let begins = MAGIC.iter().zip(rest).all(|(magic, byte)| magic == byte);
            return if begins { Place::NeedsData } else { Place::Bad };
        };
        let Some(header) = self.header(header) else {
            return Place::Bad;
        };
        let end = HEADER_BYTES + header.payload_bytes;
        let Some(payload) = rest.get(HEADER_BYTES..end) else {
            return Place::NeedsData;
        };
        if crc32c(payload) != header.payload_crc {
            return Place::Bad;
        }
        let opened = match self.open(&header, payload) {
            Ok(opened) => opened,
            Err(schema::Error::Locked(locked)) => return Place::Locked(locked),
            Err(_) => return Place::Bad,
        };
        match zstd::bulk::decompress(&opened, header.raw_bytes) {
            Ok(records) if records.len() == header.raw_bytes => {
                let frame = Frame {
                    number: header.number,
                    rows_before: header.rows_before,
                    records: records.into(),
                };
                Place::Frame(frame, end)
            }
            Ok(_) | Err(_) => Place::Bad,
        }
    }

    /// The payload as it was before it was sealed, if it was.
    fn open<'p>(&self, header: &Header, payload: &'p [u8]) -> Result<Cow<'p, [u8]>, schema::Error> {
        if !schema::is_sealed(payload) {
            return Ok(Cow::Borrowed(payload));
        }
        let Header {
            number,
            rows_before,
            raw_bytes,
            ..
        } = *header;
        let context = context(self.generation, number, rows_before, raw_bytes);
        let opened = self.keys.open(Bytes::copy_from_slice(payload), &context)?;
        Ok(Cow::Owned(opened.into()))
    }

    /// The header, if it is whole, of this file, and not one that was read before.
    fn header(&self, header: &[u8]) -> Option<Header> {
        let header = read_header(header, self.generation)?;
        (header.number >= self.next_number).then_some(header)
    }
}

impl std::fmt::Debug for FrameWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameWriter")
            .field("generation", &self.generation)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// A header, if it is whole and of the file of `generation`.
fn read_header(header: &[u8], generation: u64) -> Option<Header> {
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let (header_crc, rest) = rest.split_first_chunk::<4>()?;
    if *magic != MAGIC || crc32c(rest) != u32::from_le_bytes(*header_crc) {
        return None;
    }
    let (payload_crc, rest) = rest.split_first_chunk::<4>()?;
    let (payload_bytes, rest) = rest.split_first_chunk::<4>()?;
    let (raw_bytes, rest) = rest.split_first_chunk::<4>()?;
    let (of, rest) = rest.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let rows_before = rest.first_chunk::<8>()?;
    let length = |bytes| {
        let length = usize::try_from(u32::from_le_bytes(bytes)).ok()?;
        (length <= zstd::zstd_safe::compress_bound(PAYLOAD_BYTES_MAX)).then_some(length)
    };
    let header = Header {
        payload_crc: u32::from_le_bytes(*payload_crc),
        payload_bytes: length(*payload_bytes)?,
        raw_bytes: length(*raw_bytes)?,
        number: u64::from_le_bytes(*number),
        rows_before: u64::from_le_bytes(*rows_before),
    };
    (u64::from_le_bytes(*of) == generation).then_some(header)
}

/// What a sealed payload is bound to.
fn context(generation: u64, number: u64, rows_before: u64, raw_bytes: usize) -> [u8; 32] {
    let mut context = [0; 32];
    let numbers = [generation, number, rows_before, raw_bytes as u64];
    for (place, number) in context.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    context
}

fn put(header: &mut &mut [u8], bytes: &[u8]) {
    let (head, rest) = std::mem::take(header).split_at_mut(bytes.len());
    head.copy_from_slice(bytes);
    *header = rest;
}

/// CRC-32C, which RFC 3720 calls for and processors compute.
fn crc32c(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

#[cfg(test)]
mod tests;
