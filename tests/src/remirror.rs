//! Any capture as a lossy mirror would deliver it: wrapped, with frames lost, cut, repeated and out of order, all from a seed.
//!
//! What a mirror does to frames it does before it wraps them, so that the same seed damages the same frames in every
//! encapsulation, and none at all.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use benches::{Rng, wire};
use recorder_core::LinkType;
use schema::Vni;

use crate::CapturedFrame;

/// The three options that an AWS gateway load balancer sends: class 0x0108, types 1 to 3.
const GWLB_OPTIONS: [u8; 32] = [
    0x01, 0x08, 1, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0x01, 0x08, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0x01, 0x08,
    3, 1, 0x3d, 0xc9, 0x56, 0xac,
];
const BALANCER: Ipv4Addr = Ipv4Addr::new(10, 0, 10, 74);
const MIRROR: Ipv4Addr = Ipv4Addr::new(10, 0, 3, 7);
const RECORDER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

/// How a mirror wraps frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// Not at all.
    Bare,
    /// VXLAN, as VPC Traffic Mirroring sends it.
    Vxlan(Vni),
    /// GENEVE around bare IP, as a gateway load balancer sends what it balances; Ethernet inside where there is no IP.
    Geneve(Vni),
    /// GENEVE around IP around UDP around VXLAN: mirrored traffic behind a gateway load balancer.
    VxlanInGeneve(Vni),
}

/// What a mirror does, each probability from 0 to 1 per frame.
#[derive(Clone, Copy, Debug)]
pub struct Remirror {
    /// The same seed damages the same frames.
    pub seed: u64,
    /// How frames are wrapped.
    pub encapsulation: Encapsulation,
    /// The frame never arrives.
    pub loss: f64,
    /// The frame arrives twice.
    pub duplicate: f64,
    /// The frame arrives later than those sent after it.
    pub reorder: f64,
    /// The longest delay of a reordered frame, and of the second copy of a duplicate.
    pub delay_max: Duration,
    /// The frame loses some of its last bytes, but none of its headers.
    pub cut: f64,
    /// Only frames whose TCP segment has payload and ends nothing are lost or cut: what tells where streams begin and end
    /// stays, so that what is missing is known to the byte.
    pub keep_control: bool,
}

/// What arrives of a capture.
#[derive(Clone, Debug)]
pub struct Remirrored {
    /// In the order of arrival.
    pub frames: Vec<CapturedFrame>,
    /// Frames that were lost or cut.
    pub damaged: u64,
    /// Bytes of TCP payload in bare Ethernet and IPv4 that were removed with them, every copy counted.
    pub payload_bytes_removed: u64,
}

impl Default for Remirror {
    /// VXLAN for network 42, with nothing damaged.
    fn default() -> Self {
        Self {
            seed: 1,
            encapsulation: Encapsulation::Vxlan(Vni::new(42)),
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            delay_max: Duration::from_millis(20),
            cut: 0.0,
            keep_control: false,
        }
    }
}

impl Remirror {
    /// What arrives of `frames`.
    #[must_use]
    pub fn run(&self, frames: &[CapturedFrame]) -> Remirrored {
        let delay_max = u64::try_from(self.delay_max.as_micros()).unwrap_or(u64::MAX);
        let (mut arrived, mut damaged, mut removed) = (Vec::new(), 0, 0);
        for (number, frame) in frames.iter().enumerate() {
            // One row of numbers a frame: whether another one was lost decides nothing about this one.
            let mut rng = Rng::of(self.seed, 1, number as u64);
            let [loses, cuts] = [rng.chance(self.loss), rng.chance(self.cut)];
            let segment = segment(frame);
            let hit = !self.keep_control || segment.is_some_and(|segment| segment.is_plain_data());
            let payload = segment.map_or(0, |segment| segment.payload.len());
            if loses && hit {
                damaged += 1;
                removed += payload as u64;
                continue;
            }
            let mut frame = frame.clone();
            if cuts && hit && payload > 1 {
                let len = 1 + rng.below(payload as u64 - 1);
                damaged += 1;
                removed += len;
                let end = segment.map_or(0, |segment| segment.end) - len as usize;
                frame.bytes.truncate(end);
            }
            let wrapped = self.wrap(&frame);
            let delays = [rng.chance(self.reorder), rng.chance(self.duplicate)];
            let mut later = || Duration::from_micros(rng.below(delay_max));
            if delays[1] {
                let mut copy = wrapped.clone();
                copy.at = copy.at.saturating_add(later());
                arrived.push(copy);
            }
            let delay = if delays[0] { later() } else { Duration::ZERO };
            arrived.push(CapturedFrame {
                at: wrapped.at.saturating_add(delay),
                ..wrapped
            });
        }
        // A capture whose own frames are out of order keeps its order where the mirror delays nothing.
        if self.reorder > 0.0 || self.duplicate > 0.0 {
            arrived.sort_by_key(|frame| frame.at);
        }
        Remirrored {
            frames: arrived,
            damaged,
            payload_bytes_removed: removed,
        }
    }

    fn wrap(&self, frame: &CapturedFrame) -> CapturedFrame {
        let port = 65_408 + (frame.bytes.len() % 128) as u16;
        let from = SocketAddr::new(BALANCER.into(), port);
        let to = SocketAddr::new(RECORDER.into(), 6_081);
        let bytes = match self.encapsulation {
            Encapsulation::Bare => return frame.clone(),
            Encapsulation::Vxlan(vni) => wire::vxlan(&ethernet(frame), vni, MIRROR, port),
            Encapsulation::Geneve(vni) => {
                let inner = ethernet(frame);
                let ether_type = u16::from_be_bytes([inner[12], inner[13]]);
                let datagram = match ether_type {
                    0x0800 | 0x86dd => {
                        wire::geneve_payload(ether_type, &inner[14..], vni, &GWLB_OPTIONS)
                    }
                    _ => wire::geneve_payload(0x6558, &inner, vni, &GWLB_OPTIONS),
                };
                wire::ethernet(&wire::udp(from, to, &datagram))
            }
            Encapsulation::VxlanInGeneve(vni) => {
                let mirrored = wire::vxlan(&ethernet(frame), vni, MIRROR, port);
                let datagram =
                    wire::geneve_payload(0x0800, &mirrored[14..], Vni::new(0), &GWLB_OPTIONS);
                wire::ethernet(&wire::udp(from, to, &datagram))
            }
        };
        CapturedFrame {
            link: LinkType::Ethernet,
            wire_len: bytes.len() as u32,
            bytes,
            ..frame.clone()
        }
    }
}

/// The frame behind an Ethernet header, whatever link layer it was captured on.
fn ethernet(frame: &CapturedFrame) -> Vec<u8> {
    let bytes = frame.bytes.as_slice();
    let behind = |header: usize, ether_type: Option<usize>| {
        let payload = bytes.get(header..).unwrap_or_default();
        match ether_type.and_then(|at| bytes.get(at..at + 2)) {
            Some(ether_type) => [&[2; 12], ether_type, payload].concat(),
            None => wire::ethernet(payload),
        }
    };
    let mut ethernet = match frame.link {
        LinkType::Ethernet | LinkType::Vxlan | LinkType::Geneve => bytes.to_vec(),
        LinkType::RawIp => behind(0, None),
        LinkType::Null => behind(4, None),
        LinkType::LinuxSll => behind(16, Some(14)),
        LinkType::LinuxSll2 => behind(20, Some(0)),
    };
    // What is shorter than a header was cut to less; it stays undecodable.
    ethernet.resize(ethernet.len().max(14), 0);
    ethernet
}

/// A TCP segment in IPv4 in Ethernet.
#[derive(Clone, Copy, Debug)]
struct Segment<'a> {
    flags: u8,
    payload: &'a [u8],
    /// Where its payload ends in the frame.
    end: usize,
}

impl Segment<'_> {
    fn is_plain_data(self) -> bool {
        let control = wire::flags::SYN | wire::flags::FIN | wire::flags::RST;
        self.flags & control == 0 && !self.payload.is_empty()
    }
}

/// The segment in a frame, if it is bare and whole.
fn segment(frame: &CapturedFrame) -> Option<Segment<'_>> {
    let bytes = frame.bytes.as_slice();
    let ip = bytes.get(14..)?;
    if frame.link != LinkType::Ethernet || bytes[12..14] != [8, 0] || ip.first()? >> 4 != 4 {
        return None;
    }
    let header = usize::from(ip[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
    let tcp = ip.get(header..total)?;
    let fragment = u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0;
    if ip[9] != 6 || fragment || tcp.len() < 20 {
        return None;
    }
    Some(Segment {
        flags: tcp[13],
        payload: tcp.get(usize::from(tcp[12] >> 4) * 4..)?,
        end: 14 + total,
    })
}
