//! Frames as a capture file.

use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, Endianness, TsResolution};

use crate::TimedFrame;

/// What a capture file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Frames in the file.
    pub frames: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes Ethernet frames as a pcap file with times in microseconds.
///
/// # Errors
/// If the writer fails.
pub fn write_pcap(
    frames: impl IntoIterator<Item = TimedFrame>,
    writer: impl Write,
) -> anyhow::Result<Written> {
    let header = PcapHeader {
        snaplen: 262_144,
        datalink: DataLink::ETHERNET,
        ts_resolution: TsResolution::MicroSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    let mut pcap =
        PcapWriter::with_header(writer, header).context("write the header of a pcap file")?;
    let mut written = Written {
        frames: 0,
        bytes: 24,
    };
    for frame in frames {
        let length = u32::try_from(frame.bytes.len()).context("a frame is longer than 4 GiB")?;
        let packet = PcapPacket::new(
            Duration::from_nanos(frame.at.as_nanos()),
            length,
            &frame.bytes,
        );
        let bytes = pcap
            .write_packet(&packet)
            .context("write a frame to a pcap file")?;
        written.frames += 1;
        written.bytes += bytes as u64;
    }
    pcap.into_writer().flush().context("flush a pcap file")?;
    Ok(written)
}
