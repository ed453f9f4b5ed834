//! Between the connections and the thread that records: bounded in requests and in bytes, and at the bound requests are let
//! go and counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use recorder_core::Mirrored;
use schema::Timestamp;

use crate::listen::limits::ListenLimits;

/// Minutes and sources in which requests may have been let go and not yet told; further ones count in the last of them.
const ENTRIES_MAX: usize = 10_000;

/// A connection's end.
#[derive(Clone, Debug)]
pub(in crate::listen) struct Desk {
    requests: SyncSender<Mirrored>,
    books: Arc<Books>,
}

/// What is kept count of.
#[derive(Debug)]
pub(in crate::listen) struct Books {
    /// Bytes that connections hold of requests under way, and that wait for the thread.
    held: AtomicUsize,
    held_max: usize,
    /// Requests, let go or not.
    received: AtomicU64,
    /// Requests that were let go and are not yet told to the ledger, by minute and source.
    shed: Mutex<BTreeMap<(Timestamp, Arc<str>), u64>>,
}

impl Desk {
    /// A desk, and the end from which requests are taken.
    pub(in crate::listen) fn new(limits: &ListenLimits) -> (Self, Receiver<Mirrored>, Arc<Books>) {
        let books = Arc::new(Books {
            held: AtomicUsize::new(0),
            held_max: limits.mirror_bytes,
            received: AtomicU64::new(0),
            shed: Mutex::default(),
        });
        let (requests, taken) = sync_channel(limits.mirror_requests);
        let desk = Self {
            requests,
            books: Arc::clone(&books),
        };
        (desk, taken, books)
    }

    /// Hands a request over, without ever waiting.
    pub(super) fn put(&self, mirrored: Mirrored) {
        let bytes = mirrored.memory();
        let is_request = mirrored.is_request();
        self.books
            .received
            .fetch_add(u64::from(is_request), Ordering::Relaxed);
        let (at, source) = (mirrored.at(), Arc::clone(mirrored.source()));
        if self.books.hold(bytes) {
            if self.requests.try_send(mirrored).is_ok() {
                return;
            }
            self.books.release(bytes);
        }
        if is_request {
            self.books.note_shed(at, source);
        }
    }

    /// A request that never became one is let go: who sent it is not known.
    pub(super) fn shed(&self, at: Timestamp) {
        self.books.received.fetch_add(1, Ordering::Relaxed);
        self.books.note_shed(at, "http-mirror".into());
    }

    pub(super) fn books(&self) -> &Books {
        &self.books
    }
}

impl Books {
    /// Holds `bytes` more; false if there is no room.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if held > self.held_max {
            self.release(bytes);
        }
        held <= self.held_max
    }

    pub(super) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Requests so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// What was let go since this was last asked.
    pub(super) fn take_shed(&self) -> BTreeMap<(Timestamp, Arc<str>), u64> {
        std::mem::take(&mut self.shed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_shed(&self, at: Timestamp, source: Arc<str>) {
        let mut shed = self.shed.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (at.minute(), source);
        if shed.len() >= ENTRIES_MAX
            && !shed.contains_key(&key)
            && let Some(mut last) = shed.last_entry()
        {
            *last.get_mut() += 1;
            return;
        }
        *shed.entry(key).or_default() += 1;
    }
}

#[cfg(test)]
mod tests;
