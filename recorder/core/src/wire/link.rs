//! Link layers and what stands between them and IP: VLAN tags, MPLS labels, PPP.

use super::{Protocol, Step};

/// VLAN tags inside each other that are read: 802.1Q, 802.1ad and its predecessor.
const VLAN_TAGS_MAX: usize = 3;
/// MPLS labels on each other that are read.
const MPLS_LABELS_MAX: usize = 16;

/// Splits the first `N` bytes off.
pub(super) fn split<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8])> {
    bytes.split_first_chunk::<N>()
}

/// BSD loopback: the address family in the byte order of the capturing host, or in network order.
pub(super) fn loopback(bytes: &[u8]) -> Step<'_> {
    let Some((family, rest)) = split::<4>(bytes) else {
        return Step::CUT;
    };
    // AF_INET is 2 everywhere; AF_INET6 is 10, 24, 28 or 30 by system. Small numbers: one of the orders is below 256.
    let family = u32::from_be_bytes(*family).min(u32::from_le_bytes(*family));
    match family {
        2 | 10 | 24 | 28 | 30 => Step::Into(Protocol::Ip, rest),
        _ => Step::NOT_IP,
    }
}

/// Ethernet II, and 802.3 with LLC/SNAP.
pub(super) fn ethernet(bytes: &[u8]) -> Step<'_> {
    let Some((header, rest)) = split::<14>(bytes) else {
        return Step::CUT;
    };
    ether_type(u16::from_be_bytes([header[12], header[13]]), rest)
}

/// Linux cooked capture v1: packet type, hardware type, address length, 8 bytes of address, protocol.
pub(super) fn sll(bytes: &[u8]) -> Step<'_> {
    match split::<16>(bytes) {
        Some((header, rest)) => ether_type(u16::from_be_bytes([header[14], header[15]]), rest),
        None => Step::CUT,
    }
}

/// Linux cooked capture v2: the protocol comes first.
pub(super) fn sll2(bytes: &[u8]) -> Step<'_> {
    match split::<20>(bytes) {
        Some((header, rest)) => ether_type(u16::from_be_bytes([header[0], header[1]]), rest),
        None => Step::CUT,
    }
}

/// What an EtherType says is next; VLAN tags are skipped.
pub(super) fn ether_type(mut ether_type: u16, mut bytes: &[u8]) -> Step<'_> {
    let mut tags = 0;
    while matches!(ether_type, 0x8100 | 0x88a8 | 0x9100) {
        if tags == VLAN_TAGS_MAX {
            return Step::TOO_DEEP;
        }
        let Some((tag, rest)) = split::<4>(bytes) else {
            return Step::CUT;
        };
        (ether_type, bytes) = (u16::from_be_bytes([tag[2], tag[3]]), rest);
        tags += 1;
    }
    match ether_type {
        0x0800 => Step::Into(Protocol::Ipv4, bytes),
        0x86dd => Step::Into(Protocol::Ipv6, bytes),
        0x6558 => Step::Into(Protocol::Ethernet, bytes),
        0x8847 | 0x8848 => Step::Into(Protocol::Mpls, bytes),
        0x894f => Step::Into(Protocol::Nsh, bytes),
        // PPPoE session, RFC 2516 section 4: version and type, code 0, session, length.
        0x8864 => match split::<6>(bytes) {
            Some((_, rest)) => Step::Into(Protocol::Ppp, rest),
            None => Step::CUT,
        },
        // 802.3: a length, then LLC; SNAP with a zero organization carries an EtherType.
        0..0x0600 => match split::<8>(bytes) {
            Some(([0xaa, 0xaa, 0x03, 0, 0, 0, high, low], rest)) => {
                match u16::from_be_bytes([*high, *low]) {
                    0..0x0600 => Step::NOT_IP,
                    snap => Step::Into(Protocol::EtherType(snap), rest),
                }
            }
            _ => Step::NOT_IP,
        },
        _ => Step::NOT_IP,
    }
}

/// An MPLS label stack, RFC 3032; what is below says so only by its first bits (RFC 4928).
pub(super) fn mpls(mut bytes: &[u8]) -> Step<'_> {
    for _ in 0..MPLS_LABELS_MAX {
        let Some((label, rest)) = split::<4>(bytes) else {
            return Step::CUT;
        };
        bytes = rest;
        if label[2] & 1 == 0 {
            continue;
        }
        return match bytes.first().map(|first| first >> 4) {
            Some(4) => Step::Into(Protocol::Ipv4, bytes),
            Some(6) => Step::Into(Protocol::Ipv6, bytes),
            // A pseudowire's control word, RFC 4385 section 3.
            Some(0) => match split::<4>(bytes) {
                Some((_, rest)) => Step::Into(Protocol::Ethernet, rest),
                None => Step::CUT,
            },
            Some(_) => Step::Into(Protocol::Ethernet, bytes),
            None => Step::CUT,
        };
    }
    Step::TOO_DEEP
}

/// PPP, RFC 1661 section 2, with address and control field or not, and with the protocol in one byte or two.
pub(super) fn ppp(bytes: &[u8]) -> Step<'_> {
    let bytes = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
    match bytes {
        [0x00, 0x21, rest @ ..] | [0x21, rest @ ..] => Step::Into(Protocol::Ipv4, rest),
        [0x00, 0x57, rest @ ..] | [0x57, rest @ ..] => Step::Into(Protocol::Ipv6, rest),
        [] | [_] => Step::CUT,
        _ => Step::NOT_IP,
    }
}
