//! A captured frame becomes a TCP packet, whatever it is wrapped in.
//!
//! [`decode`] walks header by header over the frame's bytes: nothing is copied or allocated, every read is checked, and
//! every step is either a shorter slice or the end, so that no input makes it fail or run on. Lengths come from the IP
//! header, never from the frame: Ethernet padding is cut off, and what the capture or the mirror cut off is known as
//! [`Packet::missing`].

mod fragments;
mod ip;
mod link;
mod tunnel;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use schema::{Timestamp, Vni};

use crate::{Anomaly, Limits};

pub(crate) use fragments::{Datagram, Fragments, Inserted};

/// The link layer of a capture: the numbers of pcap's LINKTYPE registry that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// BSD loopback: 4 bytes of address family in the byte order of the capturing host (0, 108 in network order).
    Null,
    /// Ethernet (1).
    Ethernet,
    /// Raw IPv4 or IPv6 (101, 228, 229 and the older 12 and 14).
    RawIp,
    /// Linux cooked capture v1 (113).
    LinuxSll,
    /// Linux cooked capture v2 (276).
    LinuxSll2,
    /// A datagram's payload that is VXLAN: what a UDP socket on port 4789 delivers.
    Vxlan,
    /// A datagram's payload that is GENEVE: what a UDP socket on port 6081 delivers.
    Geneve,
}

/// UDP destination ports that carry tunnels, beside 4790 (VXLAN-GPE) and 3544 (Teredo).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelPorts {
    /// VXLAN.
    pub vxlan: Vec<u16>,
    /// GENEVE.
    pub geneve: Vec<u16>,
}

impl Default for TunnelPorts {
    /// VXLAN on its registered port and the one that Linux used before, GENEVE on its registered port.
    fn default() -> Self {
        Self {
            vxlan: vec![4789, 8472],
            geneve: vec![6081],
        }
    }
}

/// Bytes captured from the wire, with their time.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Capture time.
    pub at: Timestamp,
    /// How the bytes begin.
    pub link: LinkType,
    /// What was captured.
    pub bytes: &'a [u8],
    /// How long the frame was on the wire; more than `bytes.len()` if the capture cut it.
    pub wire_len: u32,
    /// Where the frame comes from: the capture file's name, or the mirrored interface for datagrams from a socket. Frames
    /// that turn out to be encapsulated take the outer source address instead.
    pub source: &'a Arc<str>,
}

/// An IP address as a number, for cheap comparing and hashing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    /// The address; of IPv4 the low 32 bits.
    bits: u128,
    v6: bool,
}

impl Address {
    pub(crate) const fn v4(bits: u32) -> Self {
        Self {
            bits: bits as u128,
            v6: false,
        }
    }

    pub(crate) const fn v6(bits: u128) -> Self {
        Self { bits, v6: true }
    }

    pub(crate) const fn is_v6(self) -> bool {
        self.v6
    }

    /// High and low half.
    #[expect(clippy::cast_possible_truncation, reason = "each is a half")]
    pub(crate) const fn halves(self) -> [u64; 2] {
        [(self.bits >> 64) as u64, self.bits as u64]
    }

    pub(crate) const fn from_halves([high, low]: [u64; 2], v6: bool) -> Self {
        Self {
            bits: (high as u128) << 64 | low as u128,
            v6,
        }
    }

    pub(crate) fn ip(self) -> IpAddr {
        match u32::try_from(self.bits) {
            Ok(bits) if !self.v6 => Ipv4Addr::from_bits(bits).into(),
            _ => Ipv6Addr::from_bits(self.bits).into(),
        }
    }
}

/// An address with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    pub(crate) port: u16,
}

impl Endpoint {
    pub(crate) fn socket(self) -> SocketAddr {
        SocketAddr::new(self.address.ip(), self.port)
    }
}

/// What a frame was wrapped in.
///
/// The mirror's wrapping is the outermost one, or the VXLAN directly inside a GENEVE (how a gateway load balancer delivers
/// mirrored traffic): its addresses and network id are kept. Network ids of tunnels further in are the traffic's own; they
/// only keep connections apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Wrapping {
    /// Source and destination around the tunnel; `None` for datagrams from a socket, whose addresses the caller knows.
    pub(crate) outer: Option<(Address, Address)>,
    pub(crate) vni: Option<Vni>,
    /// Mixed network ids of the tunnels inside; 0 if there are none.
    pub(crate) inner_vnis: u32,
}

/// TCP flags, RFC 9293 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u8);

impl Flags {
    pub(crate) const FIN: u8 = 0x01;
    pub(crate) const SYN: u8 = 0x02;
    pub(crate) const RST: u8 = 0x04;
    pub(crate) const ACK: u8 = 0x10;

    pub(crate) const fn fin(self) -> bool {
        self.0 & Self::FIN != 0
    }
    pub(crate) const fn syn(self) -> bool {
        self.0 & Self::SYN != 0
    }
    pub(crate) const fn rst(self) -> bool {
        self.0 & Self::RST != 0
    }
    pub(crate) const fn ack(self) -> bool {
        self.0 & Self::ACK != 0
    }
}

/// A TCP packet in a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) from: Endpoint,
    pub(crate) to: Endpoint,
    /// Identification of the IPv4 packet, 0 for IPv6: tells a copy of a packet from a retransmission.
    pub(crate) ip_id: u16,
    pub(crate) sequence: u32,
    pub(crate) acknowledgement: u32,
    pub(crate) flags: Flags,
    pub(crate) payload: &'a [u8],
    /// Bytes of payload after `payload` that the capture or the mirror cut off.
    pub(crate) missing: u32,
}

/// A fragment of an IP datagram: goes into [`Fragments`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fragment<'a> {
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) id: u32,
    pub(crate) protocol: u8,
    /// Where its bytes belong in the datagram's payload.
    pub(crate) offset: u32,
    pub(crate) last: bool,
    pub(crate) bytes: &'a [u8],
    /// Bytes after `bytes` that the capture or the mirror cut off.
    pub(crate) missing: u32,
    tunnels: u8,
}

/// What a frame turned out to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    Tcp(Packet<'a>),
    Fragment(Fragment<'a>),
    NotTcp,
    NotIp,
    Undecodable(Anomaly),
}

/// A frame, decoded as far as it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded<'a> {
    pub(crate) wrapping: Wrapping,
    pub(crate) content: Content<'a>,
    /// A PROXY protocol header stood before VXLAN.
    pub(crate) proxy_header: bool,
}

/// Decodes a frame.
pub(crate) fn decode<'a>(frame: &Frame<'a>, ports: &TunnelPorts, limits: &Limits) -> Decoded<'a> {
    let start = match frame.link {
        LinkType::Null => Protocol::Loopback,
        LinkType::Ethernet => Protocol::Ethernet,
        LinkType::RawIp => Protocol::Ip,
        LinkType::LinuxSll => Protocol::Sll,
        LinkType::LinuxSll2 => Protocol::Sll2,
        LinkType::Vxlan => Protocol::Vxlan,
        LinkType::Geneve => Protocol::Geneve,
    };
    Walk::new(ports, limits).run(start, frame.bytes)
}

/// Decodes a reassembled datagram, which was found in `wrapping`.
pub(crate) fn decode_datagram<'a>(
    datagram: &'a Datagram,
    wrapping: Wrapping,
    ports: &TunnelPorts,
    limits: &Limits,
) -> Decoded<'a> {
    let mut walk = Walk::new(ports, limits);
    walk.wrapping = wrapping;
    walk.tunnels = datagram.tunnels;
    walk.addresses = Some((datagram.from, datagram.to));
    walk.missing = datagram.missing;
    match ip::transport(datagram.protocol, &datagram.bytes) {
        Step::Into(protocol, bytes) => walk.run(protocol, bytes),
        Step::Done(content) => walk.done(content),
    }
}

/// Decodes the first fragment of a datagram, which was found in `wrapping`, as far as it goes.
pub(crate) fn decode_first<'a>(
    fragment: &Fragment<'a>,
    wrapping: Wrapping,
    ports: &TunnelPorts,
    limits: &Limits,
) -> Decoded<'a> {
    let mut walk = Walk::new(ports, limits);
    walk.wrapping = wrapping;
    walk.tunnels = fragment.tunnels;
    walk.addresses = Some((fragment.from, fragment.to));
    match ip::transport(fragment.protocol, fragment.bytes) {
        Step::Into(protocol, bytes) => walk.run(protocol, bytes),
        Step::Done(content) => walk.done(content),
    }
}

/// How the next bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Loopback,
    Ethernet,
    Sll,
    Sll2,
    EtherType(u16),
    Mpls,
    Ppp,
    /// IPv4 or IPv6, by the version in the first byte.
    Ip,
    Ipv4,
    Ipv6,
    Udp,
    Gre,
    Vxlan,
    Geneve,
    Nsh,
    Teredo,
    Tcp,
}

/// One header read: either something is inside, or it is done.
enum Step<'a> {
    Into(Protocol, &'a [u8]),
    Done(Content<'a>),
}

impl Step<'_> {
    const CUT: Self = Self::Done(Content::Undecodable(Anomaly::HeaderCut));
    const MALFORMED: Self = Self::Done(Content::Undecodable(Anomaly::HeaderMalformed));
    const TUNNEL: Self = Self::Done(Content::Undecodable(Anomaly::TunnelMalformed));
    const TOO_DEEP: Self = Self::Done(Content::Undecodable(Anomaly::NestingTooDeep));
    const NOT_IP: Self = Self::Done(Content::NotIp);
    const NOT_TCP: Self = Self::Done(Content::NotTcp);
}

/// What the walk over a frame's headers knows so far.
#[derive(Debug)]
struct Walk<'w> {
    ports: &'w TunnelPorts,
    tunnels_max: u8,
    tunnels: u8,
    wrapping: Wrapping,
    /// Whether [`Wrapping::outer`] is that of a GENEVE, which a VXLAN directly inside replaces.
    in_geneve: bool,
    proxy_header: bool,
    /// Source and destination of the innermost IP header so far.
    addresses: Option<(Address, Address)>,
    ip_id: u16,
    /// Bytes that the innermost IP header promises and the capture lacks.
    missing: u32,
}

impl<'w> Walk<'w> {
    /// Headers that one frame may have, those between tunnels included.
    const HEADERS_MAX: u32 = 64;

    fn new(ports: &'w TunnelPorts, limits: &Limits) -> Self {
        Self {
            ports,
            tunnels_max: limits.tunnels_max,
            tunnels: 0,
            wrapping: Wrapping::default(),
            in_geneve: false,
            proxy_header: false,
            addresses: None,
            ip_id: 0,
            missing: 0,
        }
    }

    fn run<'a>(mut self, mut protocol: Protocol, mut bytes: &'a [u8]) -> Decoded<'a> {
        for _ in 0..Self::HEADERS_MAX {
            match self.step(protocol, bytes) {
                Step::Into(next, rest) => (protocol, bytes) = (next, rest),
                Step::Done(content) => return self.done(content),
            }
        }
        self.done(Content::Undecodable(Anomaly::NestingTooDeep))
    }

    fn done<'a>(&self, content: Content<'a>) -> Decoded<'a> {
        Decoded {
            wrapping: self.wrapping,
            content,
            proxy_header: self.proxy_header,
        }
    }

    fn step<'a>(&mut self, protocol: Protocol, bytes: &'a [u8]) -> Step<'a> {
        match protocol {
            Protocol::Loopback => link::loopback(bytes),
            Protocol::Ethernet => link::ethernet(bytes),
            Protocol::Sll => link::sll(bytes),
            Protocol::Sll2 => link::sll2(bytes),
            Protocol::EtherType(ether_type) => link::ether_type(ether_type, bytes),
            Protocol::Mpls => link::mpls(bytes),
            Protocol::Ppp => link::ppp(bytes),
            Protocol::Ip => ip::ip(bytes),
            Protocol::Ipv4 => self.ipv4(bytes),
            Protocol::Ipv6 => self.ipv6(bytes),
            Protocol::Udp => self.udp(bytes),
            Protocol::Gre => self.gre(bytes),
            Protocol::Vxlan => self.vxlan(bytes),
            Protocol::Geneve => self.geneve(bytes),
            Protocol::Nsh => tunnel::nsh(bytes),
            Protocol::Teredo => self.teredo(bytes),
            Protocol::Tcp => self.tcp(bytes),
        }
    }

    /// TCP, RFC 9293 section 3.1.
    fn tcp<'a>(&self, bytes: &'a [u8]) -> Step<'a> {
        let Some(&header) = bytes.first_chunk::<20>() else {
            return Step::CUT;
        };
        let header_len = usize::from(header[12] >> 4) * 4;
        if header_len < header.len() {
            return Step::MALFORMED;
        }
        let (Some(payload), Some((from, to))) = (bytes.get(header_len..), self.addresses) else {
            return if self.missing > 0 {
                Step::CUT
            } else {
                Step::MALFORMED
            };
        };
        Step::Done(Content::Tcp(Packet {
            from: Endpoint {
                address: from,
                port: u16::from_be_bytes([header[0], header[1]]),
            },
            to: Endpoint {
                address: to,
                port: u16::from_be_bytes([header[2], header[3]]),
            },
            ip_id: self.ip_id,
            sequence: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            acknowledgement: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            flags: Flags(header[13]),
            payload,
            missing: self.missing,
        }))
    }
}

#[cfg(test)]
pub(crate) mod tests;
