//! pcapng (draft-ietf-opsawg-pcapng): sections of blocks, each section with interfaces of its own.
//!
//! Blocks are framed and read here rather than by pcap-file: its 2.0 takes every time for nanoseconds whatever
//! `if_tsresol` says, and ends the capture at options that other readers accept (no `opt_endofopt`, text that is not UTF-8).

use schema::Timestamp;

use super::input::{Input, RECORD_BYTES_MAX};
use super::{Fault, Head, Link};

/// Block type of a section header; the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Interface options that say how times are to be read.
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// Type and length before a block's body.
const BLOCK_HEADER_BYTES: usize = 8;
/// Type, length, and the length again after the body.
const BLOCK_FRAME_BYTES: usize = 12;

/// Most interfaces that one section may describe; more are damage.
const INTERFACES_MAX: usize = 65_536;

/// A pcapng file in the middle of a section.
pub(super) struct PcapNg {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Time of the last packet that had one: simple packets have none.
    last: Timestamp,
}

impl PcapNg {
    /// A file that starts with a section header, which is read with the blocks.
    pub(super) fn open() -> Self {
        Self {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            last: Timestamp::MIN,
        }
    }

    /// The next packet; `None` at the end.
    pub(super) fn next(&mut self, input: &mut Input) -> Result<Option<Head>, Fault> {
        loop {
            let Some(len) = self.fill_block(input)? else {
                return Ok(None);
            };
            let head = self.read_block(input, len)?;
            let at = input.consume(len);
            if let Some(mut head) = head {
                head.data += at;
                self.last = head.at;
                return Ok(Some(head));
            }
        }
    }

    /// Makes the next block available as a whole and gives its length; `None` at the end.
    fn fill_block(&mut self, input: &mut Input) -> Result<Option<usize>, Fault> {
        if !input.fill(BLOCK_FRAME_BYTES)? {
            return if input.available().is_empty() {
                Ok(None)
            } else {
                Err(input.cut("the file ends in the middle of a block"))
            };
        }
        let bytes = input.available();
        if self.order.u32(bytes, 0) == SECTION_HEADER {
            self.order = ByteOrder::of_section(bytes)
                .ok_or_else(|| input.damaged("a section header without byte order"))?;
        }
        let len = self.order.u32(bytes, 4) as usize;
        if len < BLOCK_FRAME_BYTES || !len.is_multiple_of(4) || len > RECORD_BYTES_MAX {
            return Err(input.damaged(format_args!("a block of {len} bytes")));
        }
        if !input.fill(len)? {
            return Err(input.cut("the file ends in the middle of a block"));
        }
        if self.order.u32(input.available(), len - 4) as usize != len {
            return Err(input.damaged("a block whose two lengths differ"));
        }
        Ok(Some(len))
    }

    /// Reads one whole block; a packet's `data` counts from the block's start.
    fn read_block(&mut self, input: &Input, len: usize) -> Result<Option<Head>, Fault> {
        let block = &input.available()[..len];
        let body = &block[BLOCK_HEADER_BYTES..len - 4];
        let head = match self.order.u32(block, 0) {
            SECTION_HEADER => {
                self.interfaces.clear();
                return Ok(None);
            }
            INTERFACE_DESCRIPTION => {
                let interface = Interface::read(self.order, body)
                    .filter(|_| self.interfaces.len() < INTERFACES_MAX)
                    .ok_or_else(|| input.damaged("an interface description that is none"))?;
                self.interfaces.push(interface);
                return Ok(None);
            }
            ENHANCED_PACKET => self.enhanced(body, |body| self.order.u32(body, 0)),
            // Obsolete, and still written by old tools: like an enhanced packet, with 16 bits for the interface.
            PACKET => self.enhanced(body, |body| u32::from(self.order.u16(body, 0))),
            SIMPLE_PACKET => self.simple(body),
            _ => return Ok(None),
        };
        let none = || input.damaged("a packet of an undescribed interface or impossible length");
        head.map(Some).ok_or_else(none)
    }

    fn enhanced(&self, body: &[u8], interface: impl Fn(&[u8]) -> u32) -> Option<Head> {
        const HEADER_BYTES: usize = 20;
        if body.len() < HEADER_BYTES {
            return None;
        }
        let interface = self.interfaces.get(interface(body) as usize)?;
        let field = |at| self.order.u32(body, at);
        let len = field(12) as usize;
        let ticks = u64::from(field(4)) << 32 | u64::from(field(8));
        let at = interface.time(ticks);
        (len <= body.len() - HEADER_BYTES).then(|| Head {
            at: at.unwrap_or(self.last),
            timed: at.is_some(),
            link: interface.link,
            wire_len: field(16).max(field(12)),
            data: BLOCK_HEADER_BYTES + HEADER_BYTES,
            len,
        })
    }

    fn simple(&self, body: &[u8]) -> Option<Head> {
        const HEADER_BYTES: usize = 4;
        if body.len() < HEADER_BYTES {
            return None;
        }
        let interface = self.interfaces.first()?;
        let wire_len = self.order.u32(body, 0);
        let snap_len = match interface.snap_len {
            0 => usize::MAX,
            snap_len => snap_len as usize,
        };
        Some(Head {
            at: self.last,
            timed: false,
            link: interface.link,
            wire_len,
            data: BLOCK_HEADER_BYTES + HEADER_BYTES,
            len: (wire_len as usize)
                .min(snap_len)
                .min(body.len() - HEADER_BYTES),
        })
    }
}

/// How packets of one interface are to be read.
struct Interface {
    link: Link,
    snap_len: u32,
    tick: Tick,
    offset_s: i64,
}

impl Interface {
    fn read(order: ByteOrder, body: &[u8]) -> Option<Self> {
        if body.len() < 8 {
            return None;
        }
        let mut interface = Self {
            link: Link::from_number(u32::from(order.u16(body, 0))),
            snap_len: order.u32(body, 4),
            tick: Tick::from_resolution(6),
            offset_s: 0,
        };
        let mut options = &body[8..];
        while options.len() >= 4 {
            let (code, len) = (order.u16(options, 0), usize::from(order.u16(options, 2)));
            let Some(value) = options.get(4..4 + len) else {
                break;
            };
            match (code, value) {
                (0, _) => break,
                (IF_TSRESOL, &[resolution]) => interface.tick = Tick::from_resolution(resolution),
                (IF_TSOFFSET, value) if len == 8 => interface.offset_s = order.i64(value),
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or(&[]);
        }
        Some(interface)
    }

    /// The time of so many ticks; `None` before 1970 and where [`Timestamp`] ends: a broken clock, and were it believed, it
    /// would end every connection.
    fn time(&self, ticks: u64) -> Option<Timestamp> {
        let nanos = self.tick.nanos(ticks) + i128::from(self.offset_s) * 1_000_000_000;
        let nanos = u64::try_from(nanos).ok()?;
        (nanos < Timestamp::MAX.as_nanos()).then(|| Timestamp::from_nanos(nanos))
    }
}

/// What one unit of an interface's clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tick {
    /// So many nanoseconds.
    Nanos(u64),
    /// So many of them make a second.
    PerSecond(u128),
}

impl Tick {
    /// From `if_tsresol`: a negative power of ten, or of two if the highest bit is set.
    fn from_resolution(resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        if resolution & 0x80 != 0 {
            Self::PerSecond(1_u128.checked_shl(exponent).unwrap_or(u128::MAX))
        } else if exponent <= 9 {
            Self::Nanos(10_u64.pow(9 - exponent))
        } else {
            Self::PerSecond(10_u128.checked_pow(exponent).unwrap_or(u128::MAX))
        }
    }

    fn nanos(self, ticks: u64) -> i128 {
        match self {
            Self::Nanos(nanos) => i128::from(ticks) * i128::from(nanos),
            Self::PerSecond(per_second) => {
                let nanos = u128::from(ticks) * 1_000_000_000 / per_second;
                i128::try_from(nanos).unwrap_or(i128::MAX)
            }
        }
    }
}

/// The byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteOrder {
    Big,
    Little,
}

impl ByteOrder {
    /// From the byte-order magic of a section header.
    fn of_section(block: &[u8]) -> Option<Self> {
        match block[8..12] {
            [0x1a, 0x2b, 0x3c, 0x4d] => Some(Self::Big),
            [0x4d, 0x3c, 0x2b, 0x1a] => Some(Self::Little),
            _ => None,
        }
    }

    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let field = [bytes[at], bytes[at + 1]];
        match self {
            Self::Big => u16::from_be_bytes(field),
            Self::Little => u16::from_le_bytes(field),
        }
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let field = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        match self {
            Self::Big => u32::from_be_bytes(field),
            Self::Little => u32::from_le_bytes(field),
        }
    }

    /// The signed number in the first 8 bytes.
    fn i64(self, bytes: &[u8]) -> i64 {
        let (first, second) = (i64::from(self.u32(bytes, 0)), i64::from(self.u32(bytes, 4)));
        match self {
            Self::Big => first << 32 | second,
            Self::Little => second << 32 | first,
        }
    }
}

#[cfg(test)]
mod tests;
