//! Link layers and the capture file.

use std::time::Duration;

use benches::wire;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, Endianness, TsResolution};
use recorder_core::LinkType;
use schema::{Timestamp, Vni};

/// One captured frame of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFrame {
    /// Capture time.
    pub at: Timestamp,
    /// What was captured.
    pub bytes: Vec<u8>,
    /// How long the frame was on the wire.
    pub wire_len: u32,
}

/// An IP packet behind the header of `link`.
pub(super) fn link_frame(link: LinkType, ip: &[u8]) -> Vec<u8> {
    let ipv6 = ip[0] >> 4 == 6;
    let ethertype: u16 = if ipv6 { 0x86dd } else { 0x0800 };
    let mut frame = Vec::with_capacity(20 + ip.len());
    match link {
        LinkType::Ethernet => return wire::ethernet(ip),
        LinkType::Vxlan => return wire::vxlan_payload(&wire::ethernet(ip), Vni::new(42)),
        LinkType::Geneve => return wire::geneve_payload(ethertype, ip, Vni::new(42), &[]),
        LinkType::RawIp => {}
        // The family of IPv6 differs between systems; 30 is macOS, where most such captures come from.
        LinkType::Null => frame.extend((if ipv6 { 30_u32 } else { 2 }).to_le_bytes()),
        LinkType::LinuxSll => {
            frame.extend([0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
            frame.extend(ethertype.to_be_bytes());
        }
        LinkType::LinuxSll2 => {
            frame.extend(ethertype.to_be_bytes());
            frame.extend([0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
        }
    }
    frame.extend(ip);
    frame
}

/// The frame of an IPv4 packet as the frames of its fragments (RFC 791 section 3.2).
pub(super) fn fragments(frame: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (ethernet, ip) = frame.split_at(14);
    assert!(
        ip[0] == 0x45 && size.is_multiple_of(8),
        "bare IPv4 is cut at multiples of 8 bytes"
    );
    let (header, payload) = ip.split_at(20);
    let last = payload.len().div_ceil(size) - 1;
    let parts = payload.chunks(size).enumerate().map(|(index, part)| {
        let more = if index < last { 0x2000 } else { 0 };
        let offset =
            u16::try_from(index * size / 8).expect("an IP packet has at most 65,535 bytes");
        let length = u16::try_from(20 + part.len()).expect("a fragment is shorter than the packet");
        let mut header = header.to_vec();
        header[2..4].copy_from_slice(&length.to_be_bytes());
        header[6..8].copy_from_slice(&(more | offset).to_be_bytes());
        header[10..12].fill(0);
        let checksum = wire::checksum(&header);
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        [ethernet, &header, part].concat()
    });
    parts.collect()
}

/// The frames as a pcap file with times in microseconds.
pub(super) fn pcap(link: LinkType, frames: &[ScriptFrame]) -> Vec<u8> {
    let datalink = match link {
        LinkType::Null => 0,
        LinkType::Ethernet => 1,
        LinkType::RawIp => 101,
        LinkType::LinuxSll => 113,
        LinkType::LinuxSll2 => 276,
        LinkType::Vxlan | LinkType::Geneve => {
            panic!("datagrams come from a socket; no capture file has that link layer")
        }
    };
    let header = PcapHeader {
        snaplen: 262_144,
        datalink: DataLink::from(datalink),
        ts_resolution: TsResolution::MicroSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    let mut pcap =
        PcapWriter::with_header(Vec::new(), header).expect("writing to memory cannot fail");
    for frame in frames {
        let at = Duration::from_nanos(frame.at.as_nanos());
        pcap.write_packet(&PcapPacket::new(at, frame.wire_len, &frame.bytes))
            .expect("a scripted frame is no longer than the snap length");
    }
    pcap.into_writer()
}
