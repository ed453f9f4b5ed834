//! What the threads of a live recorder tell about themselves, for the status line, warnings, health and metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use recorder_core::{Counters, TlsServers};
use schema::{Completeness, Timestamp};

use crate::outlet::Batch;
use crate::queue::Queue;
use crate::recording::WriterStats;

/// What one shard has done and holds; it tells once a second.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// Everything since the start.
    pub(super) counters: Counters,
    /// Exchanges by completeness, in the order of [`Completeness::ALL`].
    pub(super) exchanges: Vec<u64>,
    /// Servers whose TLS cannot be read.
    pub(super) tls: TlsServers,
    /// How often each rule of the redaction has found something.
    pub(super) matches: Vec<u64>,
    /// Connections held.
    pub(super) connections: u64,
    /// Frames of connections that were let go, counted among the dropped ones too.
    pub(super) shed: u64,
    /// Frames that other shards' sockets received.
    pub(super) forwarded: u64,
    /// Requests that proxies copied, those that were let go included.
    pub(super) mirrored: u64,
    /// Share of connections that is let go, from 0 to 1; the largest of all shards.
    pub(super) shed_share: f64,
    /// How full the fullest receive buffer is, from 0 to 1.
    pub(super) buffer_fill: f64,
    /// Smallest receive buffer, in the kernel's count.
    pub(super) buffer_bytes: u64,
    /// Times of the first and last frame.
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            counters: Counters::default(),
            exchanges: vec![0; Completeness::ALL.len()],
            tls: TlsServers::default(),
            matches: Vec::new(),
            connections: 0,
            shed: 0,
            forwarded: 0,
            mirrored: 0,
            shed_share: 0.0,
            buffer_fill: 0.0,
            buffer_bytes: 0,
            span: None,
        }
    }
}

impl Snapshot {
    /// Puts another shard's beside it.
    pub(super) fn add(&mut self, other: &Self) {
        self.counters.add(&other.counters);
        for (sum, count) in self.exchanges.iter_mut().zip(&other.exchanges) {
            *sum += count;
        }
        self.tls.merge(&other.tls);
        if self.matches.len() < other.matches.len() {
            self.matches.resize(other.matches.len(), 0);
        }
        for (sum, count) in self.matches.iter_mut().zip(&other.matches) {
            *sum += count;
        }
        self.connections += other.connections;
        self.shed += other.shed;
        self.forwarded += other.forwarded;
        self.mirrored += other.mirrored;
        self.shed_share = self.shed_share.max(other.shed_share);
        self.buffer_fill = self.buffer_fill.max(other.buffer_fill);
        self.buffer_bytes = match self.buffer_bytes {
            0 => other.buffer_bytes,
            bytes if other.buffer_bytes == 0 => bytes,
            bytes => bytes.min(other.buffer_bytes),
        };
        self.span = match (self.span, other.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }

    /// Exchanges so far.
    pub(super) fn exchanges_total(&self) -> u64 {
        self.exchanges.iter().sum()
    }
}

/// What all threads share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Set once, to end the recording.
    stop: AtomicBool,
    shards: Vec<Mutex<Snapshot>>,
    /// What waits for the writer.
    pub(super) queue: Queue<Batch>,
    pub(super) writer: Arc<WriterStats>,
}

impl Shared {
    pub(super) fn new(shards: usize, queue: Queue<Batch>, writer: Arc<WriterStats>) -> Self {
        Self {
            stop: AtomicBool::new(false),
            shards: (0..shards.max(1)).map(|_| Mutex::default()).collect(),
            queue,
            writer,
        }
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes the place of what shard `index` told before.
    pub(super) fn tell(&self, index: usize, snapshot: Snapshot) {
        *lock(&self.shards[index]) = snapshot;
    }

    /// All shards together.
    pub(super) fn sum(&self) -> Snapshot {
        let mut sum = Snapshot::default();
        for shard in &self.shards {
            sum.add(&lock(shard));
        }
        sum
    }
}

fn lock(snapshot: &Mutex<Snapshot>) -> MutexGuard<'_, Snapshot> {
    // What a panic left behind is the snapshot before.
    snapshot.lock().unwrap_or_else(PoisonError::into_inner)
}
