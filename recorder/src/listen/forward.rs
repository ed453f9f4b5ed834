//! Frames that came to another shard's socket than their connection's: fragments, and what the steering program cannot
//! read. They go on to the right shard over a bounded queue; at its bound they are dropped, and counted by who drops them.
//!
//! What is forwarded comes later than what comes directly. So every shard tells up to which time it has forwarded everything,
//! and none gives up as lost what another may still have.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Context as _;
use recorder_core::{Frame, LinkType};
use schema::Timestamp;

/// A frame on its way.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) at: Timestamp,
    pub(super) link: LinkType,
    pub(super) bytes: Vec<u8>,
    pub(super) wire_len: u32,
    pub(super) source: Arc<str>,
}

/// One shard's way to the others.
#[derive(Debug)]
pub(super) struct Forwarding {
    index: usize,
    peers: Vec<Peer>,
    inbox: Receiver<Forwarded>,
    /// Readable when a frame was put into the inbox.
    woken: UnixDatagram,
    /// Up to which time each shard has forwarded everything, nanoseconds.
    forwarded: Arc<[AtomicU64]>,
}

#[derive(Debug)]
struct Peer {
    inbox: SyncSender<Forwarded>,
    wake: UnixDatagram,
}

impl Forwarding {
    /// The ways between `shards` shards, with room for `frames` frames before each.
    ///
    /// # Errors
    /// If the system has no more file descriptors.
    pub(super) fn between(shards: usize, frames: usize) -> anyhow::Result<Vec<Option<Self>>> {
        if shards < 2 {
            return Ok((0..shards).map(|_| None).collect());
        }
        let mut inboxes = Vec::with_capacity(shards);
        let mut wakes = Vec::with_capacity(shards);
        for _ in 0..shards {
            let (wake, woken) = UnixDatagram::pair().context("cannot connect the shards")?;
            wake.set_nonblocking(true)?;
            woken.set_nonblocking(true)?;
            let (sender, receiver) = sync_channel(frames);
            inboxes.push((sender, wake));
            wakes.push((receiver, woken));
        }
        let forwarded: Arc<[AtomicU64]> = (0..shards).map(|_| AtomicU64::new(0)).collect();
        let forwarding = |(index, (inbox, woken))| {
            let peer = |(inbox, wake): &(SyncSender<Forwarded>, UnixDatagram)| {
                anyhow::Ok(Peer {
                    inbox: inbox.clone(),
                    wake: wake.try_clone()?,
                })
            };
            let peers = inboxes.iter().map(peer).collect::<Result<_, _>>()?;
            Ok(Some(Self {
                index,
                peers,
                inbox,
                woken,
                forwarded: Arc::clone(&forwarded),
            }))
        };
        wakes.into_iter().enumerate().map(forwarding).collect()
    }

    /// Whether the connection with this hash is recorded by this shard.
    pub(super) fn is_ours(&self, hash: u64) -> bool {
        self.place(hash) == self.index
    }

    /// Sends a frame to its shard; false if that shard's queue is full, or it has ended.
    pub(super) fn forward(&self, hash: u64, frame: &Frame<'_>) -> bool {
        let peer = &self.peers[self.place(hash)];
        let forwarded = Forwarded {
            at: frame.at,
            link: frame.link,
            bytes: frame.bytes.to_vec(),
            wire_len: frame.wire_len,
            source: Arc::clone(frame.source),
        };
        if peer.inbox.try_send(forwarded).is_err() {
            return false;
        }
        // A wake-up that does not fit is one of many that were not yet read.
        let _ = peer.wake.send(&[0]);
        true
    }

    /// Tells the others that everything that was captured up to `time` is forwarded.
    pub(super) fn tell(&self, time: Timestamp) {
        // Whoever sees it finds the frames in its inbox.
        self.forwarded[self.index].fetch_max(time.as_nanos(), Ordering::Release);
    }

    /// Up to which time all others have forwarded everything. It lies in the inbox: take it, then believe this.
    pub(super) fn complete_until(&self) -> Timestamp {
        let others = self.forwarded.iter().enumerate();
        let others = others.filter(|(index, _)| *index != self.index);
        let times = others.map(|(_, time)| time.load(Ordering::Acquire));
        Timestamp::from_nanos(times.min().unwrap_or(u64::MAX))
    }

    /// The next frame that others sent here.
    pub(super) fn take(&mut self) -> Option<Forwarded> {
        if let Ok(frame) = self.inbox.try_recv() {
            return Some(frame);
        }
        // A frame is in the inbox before its wake-up is sent: whatever came before these is found now, and what comes
        // later has a wake-up of its own.
        while self.woken.recv(&mut [0]).is_ok() {}
        self.inbox.try_recv().ok()
    }

    /// Readable when there may be a frame.
    pub(super) fn wake_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }

    fn place(&self, hash: u64) -> usize {
        (hash % self.peers.len() as u64) as usize
    }
}

#[cfg(test)]
mod tests;
