//! Frames from the inside out: TCP in IP, IP in Ethernet, Ethernet in VXLAN, with the checksums that the wire carries.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use schema::Vni;

/// Flag bits of the TCP header (RFC 9293 section 3.1).
pub mod flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push what is there to the reader.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement field is significant.
    pub const ACK: u8 = 0x10;
}

/// Most bytes of payload in one TCP packet on an Ethernet with timestamps in use.
pub const PAYLOAD_BYTES_MAX: usize = 1_448;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const VXLAN_PORT: u16 = 4_789;

/// One TCP packet.
#[derive(Clone, Copy, Debug)]
pub struct TcpPacket<'a> {
    /// Who sends it.
    pub from: SocketAddr,
    /// Who gets it.
    pub to: SocketAddr,
    /// Sequence number of the first byte.
    pub seq: u32,
    /// Next sequence number expected from the other end.
    pub ack: u32,
    /// Bits of [`flags`].
    pub flags: u8,
    /// Identification of the IPv4 header.
    pub id: u16,
    /// Timestamp value and echo (RFC 7323 section 3).
    pub timestamps: [u32; 2],
    /// The bytes carried.
    pub payload: &'a [u8],
}

impl TcpPacket<'_> {
    /// The IP packet.
    ///
    /// # Panics
    /// If one address is IPv4 and the other IPv6, or the packet would not fit IP's 16-bit length.
    #[must_use]
    pub fn ip(&self) -> Vec<u8> {
        let tcp = self.tcp();
        ip(self.from.ip(), self.to.ip(), 6, self.id, &tcp)
    }

    /// The Ethernet frame, without padding.
    #[must_use]
    pub fn ethernet(&self) -> Vec<u8> {
        ethernet(&self.ip())
    }

    /// Header, options and payload. A SYN carries the options that Linux sends, every other packet its timestamps.
    fn tcp(&self) -> Vec<u8> {
        let mut options = Vec::with_capacity(20);
        if self.flags & flags::SYN == 0 {
            options.extend([1, 1]);
        } else {
            options.extend([2, 4, 0x05, 0xb4, 4, 2]);
        }
        options.extend([8, 10]);
        options.extend(self.timestamps[0].to_be_bytes());
        options.extend(self.timestamps[1].to_be_bytes());
        if self.flags & flags::SYN != 0 {
            options.extend([1, 3, 3, 7]);
        }
        let header_bytes = 20 + options.len();
        let mut tcp = Vec::with_capacity(header_bytes + self.payload.len());
        tcp.extend(self.from.port().to_be_bytes());
        tcp.extend(self.to.port().to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        tcp.extend([(header_bytes as u8 / 4) << 4, self.flags]);
        tcp.extend(502_u16.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(&options);
        tcp.extend(self.payload);
        let sum = pseudo_header_sum(self.from.ip(), self.to.ip(), 6, tcp.len());
        let checksum = finish(sum_words(sum, &tcp));
        tcp[16..18].copy_from_slice(&checksum.to_be_bytes());
        tcp
    }
}

/// An IPv4 or IPv6 packet.
///
/// # Panics
/// If one address is IPv4 and the other IPv6, or the packet would not fit IP's 16-bit length.
#[must_use]
pub fn ip(from: IpAddr, to: IpAddr, protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let length =
        |bytes: usize| u16::try_from(bytes).expect("an IP packet has at most 65,535 bytes");
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut packet = vec![0x45, 0];
            packet.extend(length(20 + payload.len()).to_be_bytes());
            packet.extend(id.to_be_bytes());
            packet.extend([0x40, 0, 64, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let checksum = checksum(&packet);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
            packet.extend(payload);
            packet
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let mut packet = vec![0x60, 0, 0, 0];
            packet.extend(length(payload.len()).to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            packet.extend(payload);
            packet
        }
        _ => panic!("{from} and {to} are of different IP versions"),
    }
}

/// An IP packet that carries one UDP datagram.
#[must_use]
pub fn udp(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(from.port().to_be_bytes());
    datagram.extend(to.port().to_be_bytes());
    let length = u16::try_from(8 + payload.len()).expect("a datagram has at most 65,535 bytes");
    datagram.extend(length.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    ip(from.ip(), to.ip(), 17, 0, &datagram)
}

/// An Ethernet frame around an IP packet, without padding.
#[must_use]
pub fn ethernet(ip_packet: &[u8]) -> Vec<u8> {
    let ethertype = match ip_packet.first().map(|byte| byte >> 4) {
        Some(6) => ETHERTYPE_IPV6,
        _ => ETHERTYPE_IPV4,
    };
    let mut frame = Vec::with_capacity(14 + ip_packet.len());
    frame.extend([0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1]);
    frame.extend(ethertype.to_be_bytes());
    frame.extend(ip_packet);
    frame
}

/// The frame with an 802.1Q tag.
///
/// # Panics
/// If it is no Ethernet frame.
#[must_use]
pub fn vlan(frame: &[u8], id: u16) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    let mut tagged = addresses.to_vec();
    tagged.extend(ETHERTYPE_VLAN.to_be_bytes());
    tagged.extend((id & 0x0fff).to_be_bytes());
    tagged.extend(rest);
    tagged
}

/// VXLAN header and frame: the payload of a datagram to port 4789 (RFC 7348 section 5).
#[must_use]
pub fn vxlan_payload(frame: &[u8], vni: Vni) -> Vec<u8> {
    let mut payload = Vec::with_capacity(8 + frame.len());
    payload.extend([0x08, 0, 0, 0]);
    payload.extend((vni.get() << 8).to_be_bytes());
    payload.extend(frame);
    payload
}

/// GENEVE header, options and what is inside: the payload of a datagram to port 6081 (RFC 8926 section 3.4). The inner
/// protocol is an EtherType; 0x6558 is Ethernet.
///
/// # Panics
/// If the options are no multiple of 4 bytes or more than 252.
#[must_use]
pub fn geneve_payload(inner_protocol: u16, inner: &[u8], vni: Vni, options: &[u8]) -> Vec<u8> {
    assert!(
        options.len().is_multiple_of(4) && options.len() <= 252,
        "GENEVE options are at most 63 words of 4 bytes"
    );
    let mut payload = Vec::with_capacity(8 + options.len() + inner.len());
    payload.extend([options.len() as u8 / 4, 0]);
    payload.extend(inner_protocol.to_be_bytes());
    payload.extend((vni.get() << 8).to_be_bytes());
    payload.extend(options);
    payload.extend(inner);
    payload
}

/// The frame inside VXLAN inside Ethernet, as `mirror` sends it; the outer source port tells the inner flows apart.
#[must_use]
pub fn vxlan(frame: &[u8], vni: Vni, mirror: Ipv4Addr, source_port: u16) -> Vec<u8> {
    let from = SocketAddr::new(mirror.into(), source_port);
    let to = SocketAddr::new(Ipv4Addr::new(10, 0, 0, 9).into(), VXLAN_PORT);
    ethernet(&udp(from, to, &vxlan_payload(frame, vni)))
}

/// The checksum of a header whose own checksum field is zero (RFC 1071).
#[must_use]
pub fn checksum(header: &[u8]) -> u16 {
    finish(sum_words(0, header))
}

fn pseudo_header_sum(from: IpAddr, to: IpAddr, protocol: u8, length: usize) -> u64 {
    let addresses = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
        (IpAddr::V6(from), IpAddr::V6(to)) => [from.octets(), to.octets()].concat(),
        _ => panic!("{from} and {to} are of different IP versions"),
    };
    sum_words(u64::from(protocol) + length as u64, &addresses)
}

fn sum_words(start: u64, bytes: &[u8]) -> u64 {
    bytes.chunks(2).fold(start, |sum, pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        sum + u64::from(u16::from_be_bytes([pair[0], low]))
    })
}

/// The ones' complement of the folded sum (RFC 1071).
fn finish(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
