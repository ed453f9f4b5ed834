//! Traffic of a network interface that is not encapsulated (`--interface`): rings, opened and shared among the shards.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use recorder_core::LinkType;
use tracing::warn;

use super::steer;
use super::sys::{Captured, Ring};

/// A link layer that is plain IP (`ARPHRD_RAWIP`, `linux/if_arp.h`).
const RAW_IP: u16 = 519;

/// One shard's ring of one interface.
#[derive(Debug)]
pub(super) struct Tap {
    pub(super) ring: Ring,
    /// The interface's: what its packets' `source` is, and what drops are accounted to.
    pub(super) name: Arc<str>,
    pub(super) link: LinkType,
    /// Room for a packet with the VLAN tag that the kernel took off.
    pub(super) tagged: Vec<u8>,
}

/// Opens a ring of the interface for each shard.
///
/// # Errors
/// If it cannot be had: why, and what to do.
pub(super) fn open(interface: &str, shards: usize, bytes: u64) -> anyhow::Result<Vec<Tap>> {
    let describe = |error: io::Error| {
        let advice = advice(&error);
        anyhow!(error).context(format!("cannot capture on interface {interface}: {advice}"))
    };
    let mut steering = steer::program(
        LinkType::Ethernet,
        0,
        u32::try_from(shards).unwrap_or(u32::MAX),
    );
    let mut taps: Vec<Tap> = Vec::with_capacity(shards);
    let mut group = None;
    for _ in 0..shards {
        let ring = Ring::new(bytes).map_err(describe)?;
        ring.close().map_err(describe)?;
        let hardware = ring.bind(interface).map_err(describe)?;
        let link = link(hardware).with_context(|| {
            format!(
                "cannot capture on interface {interface}: its link layer ({hardware}) is neither Ethernet nor plain IP; \
                 capture with `tcpdump -U -w - -i {interface} | recorder read -` if that can"
            )
        })?;
        if shards > 1 {
            group = Some(ring.share(group, &mut steering).map_err(describe)?);
        }
        taps.push(Tap {
            ring,
            name: interface.into(),
            link,
            tagged: Vec::new(),
        });
    }
    for tap in &taps {
        tap.ring.open().map_err(describe)?;
    }
    Ok(taps)
}

impl Tap {
    /// Packets that were dropped since this was last asked.
    pub(super) fn drops(&self) -> u64 {
        self.ring.drops().unwrap_or(0)
    }

    /// Tells what has happened to the interface.
    pub(super) fn look(&self) {
        if let Some(error) = self.ring.error() {
            warn!(interface = &*self.name, %error, "the interface is down or gone: nothing comes until it is up again");
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.ring.fd()
    }
}

/// The packet as it was on the wire: `room` takes it where the kernel took a VLAN tag off.
pub(super) fn with_tag<'a>(
    captured: &Captured<'a>,
    link: LinkType,
    room: &'a mut Vec<u8>,
) -> (&'a [u8], u32) {
    /// Both addresses, after which a tag stands (IEEE 802.1Q).
    const ADDRESSES: usize = 12;
    match (captured.vlan, captured.bytes.split_at_checked(ADDRESSES)) {
        (Some((protocol, tag)), Some((addresses, rest))) if link == LinkType::Ethernet => {
            room.clear();
            room.extend_from_slice(addresses);
            room.extend_from_slice(&protocol.to_be_bytes());
            room.extend_from_slice(&tag.to_be_bytes());
            room.extend_from_slice(rest);
            (room, captured.wire_len.saturating_add(4))
        }
        _ => (captured.bytes, captured.wire_len),
    }
}

/// How packets of an interface begin.
fn link(hardware: u16) -> Option<LinkType> {
    match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Some(LinkType::Ethernet),
        // Tunnels and point-to-point devices without a link layer of their own.
        libc::ARPHRD_NONE
        | libc::ARPHRD_TUNNEL
        | libc::ARPHRD_TUNNEL6
        | libc::ARPHRD_SIT
        | RAW_IP => Some(LinkType::RawIp),
        _ => None,
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "the right CAP_NET_RAW is missing; grant it with `setcap cap_net_raw+ep PROGRAM`, with \
             AmbientCapabilities=CAP_NET_RAW in the unit, or with `docker run --cap-add NET_RAW`"
        }
        Some(libc::ENODEV | libc::ENXIO) => "there is none of this name; `ip link` lists them",
        Some(libc::ENOMEM) => {
            "there is not so much memory for its rings; give a smaller --receive-buffer"
        }
        Some(libc::EAFNOSUPPORT) => {
            "the system has no packet sockets (RestrictAddressFamilies of the unit, or seccomp)"
        }
        _ => "see the reason at the end",
    }
}

#[cfg(test)]
mod tests;
