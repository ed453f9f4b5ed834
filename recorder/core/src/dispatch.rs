//! Which of several pipelines a frame belongs to.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hash};

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::wire::{self, Address, Content, Fragment, Packet, Wrapping};
use crate::{Frame, Limits, TunnelPorts};

/// Gives every frame of a connection, from either end, the same number, so that several pipelines can share the work:
/// frames whose [`Dispatcher::hash`] is equal modulo their count go to the same one, and together they record what one
/// pipeline would have recorded.
///
/// The number depends on the innermost addresses and ports only: a mirror may wrap both directions differently. An IP
/// fragment goes where the first one of its datagram went, whose ports are known; one that comes before the first one draws
/// the whole datagram to a place of its own. Each receiving thread has a dispatcher; fragments of one datagram that reach
/// different ones meet only if none overtakes the first.
#[derive(Debug)]
pub struct Dispatcher {
    ports: TunnelPorts,
    limits: Limits,
    /// Where datagrams went of which a fragment was seen.
    datagrams: FxHashMap<Datagram, Going>,
    /// Those in order of their first fragment seen; the oldest is forgotten at [`Limits::fragmented_datagrams_max`].
    order: VecDeque<Datagram>,
}

/// Where a datagram's fragments go.
#[derive(Clone, Copy, Debug)]
struct Going {
    hash: u64,
    /// Digest of the first fragment, once it was seen: another first one begins another datagram of the same number, of which
    /// hosts have few, and a copy does not.
    first: Option<u64>,
}

/// Identity of a fragmented datagram, in one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Datagram {
    wrapping: Wrapping,
    from: Address,
    to: Address,
    id: u32,
    protocol: u8,
}

impl Dispatcher {
    /// A dispatcher of frames for pipelines with the same ports and limits.
    #[must_use]
    pub fn new(ports: TunnelPorts, limits: Limits) -> Self {
        Self {
            ports,
            limits,
            datagrams: FxHashMap::default(),
            order: VecDeque::new(),
        }
    }

    /// The number of a frame's connection; of a frame that has none, one of where it comes from.
    pub fn hash(&mut self, frame: &Frame<'_>) -> u64 {
        let decoded = wire::decode(frame, &self.ports, &self.limits);
        match decoded.content {
            Content::Tcp(packet) => of_flow(&packet),
            Content::Fragment(fragment) => self.of_fragment(&fragment, decoded.wrapping),
            Content::NotTcp | Content::NotIp | Content::Undecodable(_) => mix(decoded.wrapping),
        }
    }

    fn of_fragment(&mut self, fragment: &Fragment<'_>, wrapping: Wrapping) -> u64 {
        let datagram = Datagram {
            wrapping,
            from: fragment.from,
            to: fragment.to,
            id: fragment.id,
            protocol: fragment.protocol,
        };
        let first = (fragment.offset == 0).then(|| mix(fragment.bytes));
        let known = self.datagrams.get_mut(&datagram);
        let is_known = known.is_some();
        if let Some(going) = known
            && (first.is_none() || going.first.is_none() || going.first == first)
        {
            going.first = going.first.or(first);
            return going.hash;
        }
        let hash = self
            .inside(fragment, wrapping)
            .unwrap_or_else(|| mix(datagram));
        let going = Going { hash, first };
        if is_known {
            self.datagrams.insert(datagram, going);
            return hash;
        }
        if self.order.len() >= self.limits.fragmented_datagrams_max.max(1)
            && let Some(oldest) = self.order.pop_front()
        {
            self.datagrams.remove(&oldest);
        }
        self.order.push_back(datagram);
        self.datagrams.insert(datagram, going);
        hash
    }

    /// The number of the connection whose first bytes a first fragment holds, tunnels and all.
    fn inside(&self, fragment: &Fragment<'_>, wrapping: Wrapping) -> Option<u64> {
        let (mut fragment, mut wrapping) = (*fragment, wrapping);
        // Each round is inside a further header of the same bytes.
        while fragment.offset == 0 {
            let decoded = wire::decode_first(&fragment, wrapping, &self.ports, &self.limits);
            match decoded.content {
                Content::Tcp(packet) => return Some(of_flow(&packet)),
                Content::Fragment(inner) => (fragment, wrapping) = (inner, decoded.wrapping),
                Content::NotTcp | Content::NotIp | Content::Undecodable(_) => return None,
            }
        }
        None
    }
}

/// The same for both directions, and few enough instructions that a packet filter in the kernel can compute it: the exclusive
/// or of all 32-bit words of both addresses and of both ports, multiplied by 2^32 over the golden ratio, its upper 16 bits.
fn of_flow(packet: &Packet<'_>) -> u64 {
    let words = [packet.from, packet.to].map(|end| {
        let [high, low] = end.address.halves();
        high ^ low
    });
    let folded = words[0] ^ words[1];
    let ports = u32::from(packet.from.port ^ packet.to.port);
    #[expect(clippy::cast_possible_truncation, reason = "both halves go in")]
    let folded = (folded >> 32) as u32 ^ folded as u32 ^ ports;
    u64::from(folded.wrapping_mul(0x9e37_79b1) >> 16)
}

/// A number whose every bit depends on all of `value`: the finalizer of `SplitMix64` over the table's hash.
fn mix(value: impl Hash) -> u64 {
    let mut hash = FxBuildHasher.hash_one(value);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;
