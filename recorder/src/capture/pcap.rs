//! Classic pcap: one header, then packets, in either byte order, in micro- or nanoseconds.

use pcap_file::pcap::PcapParser;
use pcap_file::{Endianness, PcapError, TsResolution};
use schema::Timestamp;

use super::input::{Input, RECORD_BYTES_MAX};
use super::{Fault, Head, Link};

/// The file header's length.
pub(super) const HEADER_BYTES: usize = 24;

/// A packet header's length.
const PACKET_HEADER_BYTES: usize = 16;

/// A classic pcap file whose header has been read.
pub(super) struct Pcap {
    parser: PcapParser,
    link: Link,
    fraction_ns: u64,
}

impl Pcap {
    /// Reads the file header; `None` if there is none.
    pub(super) fn open(input: &mut Input) -> Option<Self> {
        let (_, parser) = PcapParser::new(input.available()).ok()?;
        input.consume(HEADER_BYTES);
        let header = parser.header();
        Some(Self {
            // The field's upper six bits tell of checksums at the end of frames, which are never part of a datagram.
            link: Link::from_number(u32::from(header.datalink) & 0x03ff_ffff),
            fraction_ns: match header.ts_resolution {
                TsResolution::MicroSecond => 1_000,
                TsResolution::NanoSecond => 1,
            },
            parser,
        })
    }

    /// The next packet; `None` at the end.
    ///
    /// Packets are taken raw: pcap-file's checked ones refuse a packet that is longer than the file's snap length, which
    /// is what every packet cut by `tcpdump -s` is.
    pub(super) fn next(&self, input: &mut Input) -> Result<Option<Head>, Fault> {
        if !input.fill(PACKET_HEADER_BYTES)? {
            return if input.available().is_empty() {
                Ok(None)
            } else {
                Err(input.cut("the file ends in the middle of a packet header"))
            };
        }
        let packet = match self.parser.next_raw_packet(input.available()) {
            Ok((_, packet)) => packet,
            Err(PcapError::IncompleteBuffer) => {
                let len = self.captured_len(input.available());
                if len > RECORD_BYTES_MAX {
                    return Err(input.damaged(format_args!("a packet of {len} bytes")));
                }
                if !input.fill(PACKET_HEADER_BYTES + len)? {
                    return Err(input.cut("the file ends in the middle of a packet"));
                }
                let whole = self.parser.next_raw_packet(input.available());
                whole.map_err(|error| input.damaged(error))?.1
            }
            Err(error) => return Err(input.damaged(error)),
        };
        let nanos =
            u64::from(packet.ts_sec) * 1_000_000_000 + u64::from(packet.ts_frac) * self.fraction_ns;
        let len = packet.data.len();
        let wire_len = packet.orig_len.max(packet.incl_len);
        let at = input.consume(PACKET_HEADER_BYTES + len);
        Ok(Some(Head {
            at: Timestamp::from_nanos(nanos),
            timed: true,
            link: self.link,
            wire_len,
            data: at + PACKET_HEADER_BYTES,
            len,
        }))
    }

    /// How many bytes of the packet follow its header.
    fn captured_len(&self, header: &[u8]) -> usize {
        let field = [header[8], header[9], header[10], header[11]];
        let len = match self.parser.header().endianness {
            Endianness::Big => u32::from_be_bytes(field),
            Endianness::Little => u32::from_le_bytes(field),
        };
        len as usize
    }
}
