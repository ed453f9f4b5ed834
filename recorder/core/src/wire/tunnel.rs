//! Tunnels: VXLAN and its extensions, GENEVE, GRE and ERSPAN, NSH, Teredo.

use schema::Vni;

use super::link::split;
use super::{Protocol, Step, Walk};

/// VXLAN-GPE's port, draft-ietf-nvo3-vxlan-gpe section 3.
const VXLAN_GPE_PORT: u16 = 4790;
/// Teredo's port, RFC 4380 section 2.7.
const TEREDO_PORT: u16 = 3544;
/// What a PROXY protocol v2 header begins with.
const PROXY_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

impl Walk<'_> {
    /// Counts one more tunnel and keeps its addresses and network id; false if there are too many.
    pub(super) fn enter_tunnel(&mut self, vni: Option<Vni>) -> bool {
        self.tunnels += 1;
        if self.tunnels == 1 {
            self.wrapping.outer = self.addresses;
            self.wrapping.vni = vni;
        } else if let Some(vni) = vni {
            self.wrapping.inner_vnis = self.wrapping.inner_vnis.rotate_left(5) ^ (vni.get() + 1);
        }
        self.in_geneve = false;
        self.tunnels <= self.tunnels_max
    }

    pub(super) fn udp<'a>(&self, bytes: &'a [u8]) -> Step<'a> {
        let Some((header, payload)) = split::<8>(bytes) else {
            return Step::CUT;
        };
        let from = u16::from_be_bytes([header[0], header[1]]);
        let to = u16::from_be_bytes([header[2], header[3]]);
        if self.ports.vxlan.contains(&to) || to == VXLAN_GPE_PORT {
            Step::Into(Protocol::Vxlan, payload)
        } else if self.ports.geneve.contains(&to) {
            Step::Into(Protocol::Geneve, payload)
        } else if to == TEREDO_PORT || from == TEREDO_PORT {
            Step::Into(Protocol::Teredo, payload)
        } else {
            Step::NOT_TCP
        }
    }

    /// VXLAN, RFC 7348 section 5: only the I bit is required, other bits are ignored, but for the P bit of VXLAN-GPE, with
    /// which the fourth byte names what is inside.
    pub(super) fn vxlan<'a>(&mut self, mut bytes: &'a [u8]) -> Step<'a> {
        if let Some(rest) = skip_proxy_header(bytes) {
            self.proxy_header = true;
            bytes = rest;
        }
        let Some((header, inner)) = split::<8>(bytes) else {
            return Step::TUNNEL;
        };
        if header[0] & 0x08 == 0 {
            return Step::TUNNEL;
        }
        let vni = Vni::new(u32::from_be_bytes([0, header[4], header[5], header[6]]));
        if self.in_geneve {
            // How a gateway load balancer wraps mirrored traffic: the mirror's own wrapping is this one.
            self.tunnels = 0;
        }
        let fits = self.enter_tunnel(Some(vni));
        let next = match (header[0] & 0x04 != 0, header[3]) {
            (false, _) | (true, 3) => Protocol::Ethernet,
            (true, 1) => Protocol::Ipv4,
            (true, 2) => Protocol::Ipv6,
            (true, 4) => Protocol::Nsh,
            (true, 5) => Protocol::Mpls,
            (true, _) => return Step::TUNNEL,
        };
        if fits {
            Step::Into(next, inner)
        } else {
            Step::TOO_DEEP
        }
    }

    /// GENEVE, RFC 8926 section 3.4; options are skipped.
    pub(super) fn geneve<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let Some((header, rest)) = split::<8>(bytes) else {
            return Step::TUNNEL;
        };
        let options_len = usize::from(header[0] & 0x3f) * 4;
        let (0, Some(inner)) = (header[0] >> 6, rest.get(options_len..)) else {
            return Step::TUNNEL;
        };
        let vni = Vni::new(u32::from_be_bytes([0, header[4], header[5], header[6]]));
        if !self.enter_tunnel(Some(vni)) {
            return Step::TOO_DEEP;
        }
        self.in_geneve = self.tunnels == 1;
        Step::Into(
            Protocol::EtherType(u16::from_be_bytes([header[2], header[3]])),
            inner,
        )
    }

    /// GRE, RFC 2784 and RFC 2890, with ERSPAN inside; and the GRE of PPTP, RFC 2637 section 4.1.
    pub(super) fn gre<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let Some((header, rest)) = split::<4>(bytes) else {
            return Step::CUT;
        };
        let (version, protocol) = (header[1] & 7, u16::from_be_bytes([header[2], header[3]]));
        let words = match version {
            // Checksum, or the routing that RFC 1701 had with it; key; sequence number.
            0 => {
                usize::from(header[0] & 0xc0 != 0) + count(header[0], 0x20) + count(header[0], 0x10)
            }
            // Payload length and call; sequence number; acknowledgement number.
            1 => count(header[0], 0x20) + count(header[0], 0x10) + count(header[1], 0x80),
            _ => return Step::TUNNEL,
        };
        let Some(inner) = rest.get(words * 4..) else {
            return Step::CUT;
        };
        if !self.enter_tunnel(None) {
            return Step::TOO_DEEP;
        }
        match protocol {
            // ERSPAN type I has no header of its own and no sequence number; type II has 8 bytes.
            0x88be if header[0] & 0x10 == 0 => Step::Into(Protocol::Ethernet, inner),
            0x88be => skip(inner, 8, Protocol::Ethernet),
            0x22eb => erspan3(inner),
            0x880b => Step::Into(Protocol::Ppp, inner),
            _ => Step::Into(Protocol::EtherType(protocol), inner),
        }
    }

    /// Teredo, RFC 4380 section 5.1.1: IPv6 after an optional authentication and an optional origin indication. What is
    /// none is just a datagram on that port.
    pub(super) fn teredo<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let mut inner = bytes;
        if let [0, 1, client, value, rest @ ..] = inner {
            let len = usize::from(*client) + usize::from(*value) + 9;
            inner = rest.get(len..).unwrap_or_default();
        }
        if let [0, 0, _, _, _, _, _, _, rest @ ..] = inner {
            inner = rest;
        }
        match inner.first().map(|first| first >> 4) {
            Some(6) if inner.len() >= 40 => {
                if self.enter_tunnel(None) {
                    Step::Into(Protocol::Ipv6, inner)
                } else {
                    Step::TOO_DEEP
                }
            }
            _ => Step::NOT_TCP,
        }
    }
}

/// NSH, RFC 8300 section 2.2: length in 4 bytes in the low six bits of the second byte, next protocol in the fourth.
pub(super) fn nsh(bytes: &[u8]) -> Step<'_> {
    let Some(&[_, length, _, next]) = bytes.first_chunk::<4>() else {
        return Step::CUT;
    };
    let len = usize::from(length & 0x3f) * 4;
    if len < 8 {
        return Step::TUNNEL;
    }
    match next {
        1 => skip(bytes, len, Protocol::Ipv4),
        2 => skip(bytes, len, Protocol::Ipv6),
        3 => skip(bytes, len, Protocol::Ethernet),
        4 => skip(bytes, len, Protocol::Nsh),
        5 => skip(bytes, len, Protocol::Mpls),
        _ => Step::TUNNEL,
    }
}

/// ERSPAN type III, draft-foschiano-erspan section 4.3: 12 bytes, and 8 more if the last bit says so.
fn erspan3(bytes: &[u8]) -> Step<'_> {
    let Some(header) = bytes.first_chunk::<12>() else {
        return Step::CUT;
    };
    let len = 12 + 8 * count(header[11], 0x01);
    // Frame type: 0 is Ethernet, 2 is IP.
    match (header[10] >> 2) & 0x1f {
        0 => skip(bytes, len, Protocol::Ethernet),
        2 => skip(bytes, len, Protocol::Ip),
        _ => Step::NOT_IP,
    }
}

fn skip(bytes: &[u8], len: usize, next: Protocol) -> Step<'_> {
    match bytes.get(len..) {
        Some(inner) => Step::Into(next, inner),
        None => Step::CUT,
    }
}

const fn count(byte: u8, bit: u8) -> usize {
    (byte & bit != 0) as usize
}

/// What follows a PROXY protocol v2 header, if there is one.
fn skip_proxy_header(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(PROXY_SIGNATURE)?;
    let (&[_, _, high, low], rest) = split::<4>(rest)?;
    rest.get(usize::from(u16::from_be_bytes([high, low]))..)
}
