//! A captured frame becomes a TCP packet, whatever it is wrapped in.
use std::sync::Arc;

use schema::Timestamp;

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
