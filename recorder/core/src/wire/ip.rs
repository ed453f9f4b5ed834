//! IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers.

use super::link::split;
use super::{Address, Content, Fragment, Protocol, Step, Walk};

/// IPv6 extension headers that are read before a packet counts as malformed.
const EXTENSIONS_MAX: usize = 16;
/// The IPv6 fragment header's protocol number.
const FRAGMENT: u8 = 44;

/// IPv4 or IPv6 by the version.
pub(super) fn ip(bytes: &[u8]) -> Step<'_> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => Step::Into(Protocol::Ipv4, bytes),
        Some(6) => Step::Into(Protocol::Ipv6, bytes),
        Some(_) => Step::NOT_IP,
        None => Step::CUT,
    }
}

/// What an IP protocol number says is next.
pub(super) fn transport(protocol: u8, bytes: &[u8]) -> Step<'_> {
    match protocol {
        6 => Step::Into(Protocol::Tcp, bytes),
        17 => Step::Into(Protocol::Udp, bytes),
        // IP in IP, RFC 2003 and RFC 4213.
        4 => Step::Into(Protocol::Ipv4, bytes),
        41 => Step::Into(Protocol::Ipv6, bytes),
        47 => Step::Into(Protocol::Gre, bytes),
        137 => Step::Into(Protocol::Mpls, bytes),
        _ => Step::NOT_TCP,
    }
}

impl Walk<'_> {
    /// Enters an IP header inside another one where no tunnel header between them has been counted.
    fn enter_ip(&mut self, from: Address, to: Address, protocol: u8) -> bool {
        self.addresses = Some((from, to));
        !matches!(protocol, 4 | 41) || self.enter_tunnel(None)
    }

    pub(super) fn ipv4<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let Some(&header) = bytes.first_chunk::<20>() else {
            return Step::CUT;
        };
        let header_len = usize::from(header[0] & 0x0f) * 4;
        if header[0] >> 4 != 4 || header_len < header.len() {
            return Step::MALFORMED;
        }
        // Total length 0: the sender's own capture of a packet that the card cuts up (segmentation offload).
        let total = match usize::from(u16::from_be_bytes([header[2], header[3]])) {
            0 => bytes.len(),
            total => total,
        };
        if total < header_len {
            return Step::MALFORMED;
        }
        let Some(payload) = bytes.get(header_len..total.min(bytes.len())) else {
            return Step::CUT;
        };
        self.missing = lacking(total, bytes.len());
        self.ip_id = u16::from_be_bytes([header[4], header[5]]);
        let from = Address::v4(u32::from_be_bytes([
            header[12], header[13], header[14], header[15],
        ]));
        let to = Address::v4(u32::from_be_bytes([
            header[16], header[17], header[18], header[19],
        ]));
        let (fragment, protocol) = (u16::from_be_bytes([header[6], header[7]]), header[9]);
        // More fragments, or an offset: RFC 791 section 3.1.
        if fragment & 0x3fff != 0 {
            return Step::Done(Content::Fragment(Fragment {
                from,
                to,
                id: u32::from(self.ip_id),
                protocol,
                offset: u32::from(fragment & 0x1fff) * 8,
                last: fragment & 0x2000 == 0,
                bytes: payload,
                missing: self.missing,
                tunnels: self.tunnels,
            }));
        }
        if !self.enter_ip(from, to, protocol) {
            return Step::TOO_DEEP;
        }
        transport(protocol, payload)
    }

    pub(super) fn ipv6<'a>(&mut self, bytes: &'a [u8]) -> Step<'a> {
        let Some((header, rest)) = split::<40>(bytes) else {
            return Step::CUT;
        };
        if header[0] >> 4 != 6 {
            return Step::MALFORMED;
        }
        // Payload length 0: a jumbogram (RFC 2675), or offload as in IPv4.
        let payload_len = match usize::from(u16::from_be_bytes([header[4], header[5]])) {
            0 => rest.len(),
            len => len,
        };
        self.missing = lacking(payload_len, rest.len());
        self.ip_id = 0;
        let payload = rest.get(..payload_len).unwrap_or(rest);
        let (Some(from), Some(to)) = (header[8..].first_chunk(), header[24..].first_chunk()) else {
            return Step::CUT;
        };
        let from = Address::v6(u128::from_be_bytes(*from));
        let to = Address::v6(u128::from_be_bytes(*to));
        self.extensions(from, to, header[6], payload)
    }

    /// The chain of IPv6 extension headers, RFC 8200 section 4.
    fn extensions<'a>(
        &mut self,
        from: Address,
        to: Address,
        mut protocol: u8,
        mut bytes: &'a [u8],
    ) -> Step<'a> {
        for _ in 0..EXTENSIONS_MAX {
            let len = match (protocol, bytes) {
                // Hop-by-hop, routing, destination options, mobility, HIP, shim6: length in 8 bytes, the first not counted.
                (0 | 43 | 60 | 135 | 139 | 140, [_, len, ..]) => (usize::from(*len) + 1) * 8,
                // Authentication header, RFC 4302 section 2.2: in 4 bytes, the first two not counted.
                (51, [_, len, ..]) => (usize::from(*len) + 2) * 4,
                (FRAGMENT, [..]) if bytes.len() >= 8 => 8,
                (0 | 43 | 60 | 135 | 139 | 140 | 51 | FRAGMENT, _) => return Step::CUT,
                _ if !self.enter_ip(from, to, protocol) => return Step::TOO_DEEP,
                _ => return transport(protocol, bytes),
            };
            let Some((header, rest)) = bytes.split_at_checked(len) else {
                return Step::CUT;
            };
            if protocol == FRAGMENT
                && let [next, _, high, low, id @ ..] = header
                && let Ok(id) = id.try_into()
            {
                let position = u16::from_be_bytes([*high, *low]);
                // An atomic fragment (RFC 6946) is whole; it is never queued.
                if position & 0xfff9 != 0 {
                    return Step::Done(Content::Fragment(Fragment {
                        from,
                        to,
                        id: u32::from_be_bytes(id),
                        protocol: *next,
                        offset: u32::from(position & 0xfff8),
                        last: position & 1 == 0,
                        bytes: rest,
                        missing: self.missing,
                        tunnels: self.tunnels,
                    }));
                }
            }
            protocol = header.first().copied().unwrap_or(protocol);
            bytes = rest;
        }
        Step::MALFORMED
    }
}

/// How many of `promised` bytes are not among the `captured`.
fn lacking(promised: usize, captured: usize) -> u32 {
    u32::try_from(promised.saturating_sub(captured)).unwrap_or(u32::MAX)
}
