//! Reassembly of IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5), bounded.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use schema::Timestamp;

use crate::Limits;

use super::{Address, Fragment, Wrapping};

/// Longest payload of a datagram.
const DATAGRAM_BYTES_MAX: u32 = 65_535;
/// Pieces of one datagram that are kept: a full one in pieces of 256 bytes.
const PIECES_MAX: usize = 256;

/// A whole datagram's payload.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) protocol: u8,
    pub(super) tunnels: u8,
    pub(super) bytes: Vec<u8>,
    /// Bytes after `bytes` that were cut off the last fragment.
    pub(super) missing: u32,
}

/// What became of a fragment.
#[derive(Debug)]
pub(crate) enum Inserted {
    /// It waits for the others.
    Held,
    /// It fits no datagram, and with it goes the datagram.
    Dropped,
    /// It was the last one that lacked.
    Whole(Datagram),
}

/// Datagrams in reassembly.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    partial: FxHashMap<Key, Partial>,
    /// Keys in order of the first fragment; those of finished datagrams are skipped when met.
    order: VecDeque<(Timestamp, Key)>,
    bytes: usize,
}

/// Identity of a datagram: addresses, protocol and identification, in one network (RFC 791 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    wrapping: Wrapping,
    from: Address,
    to: Address,
    id: u32,
    protocol: u8,
}

#[derive(Debug)]
struct Partial {
    started: Timestamp,
    /// Length of the whole and what its tail lacks, once the last fragment came.
    end: Option<(u32, u32)>,
    /// Not overlapping, ordered by offset.
    pieces: Vec<(u32, Box<[u8]>)>,
}

impl Fragments {
    /// Takes a fragment at packet time `now`; `given_up` counts datagrams that make room.
    pub(crate) fn insert(
        &mut self,
        fragment: &Fragment<'_>,
        wrapping: Wrapping,
        now: Timestamp,
        limits: &Limits,
        given_up: &mut u64,
    ) -> Inserted {
        let key = Key {
            wrapping,
            from: fragment.from,
            to: fragment.to,
            id: fragment.id,
            protocol: fragment.protocol,
        };
        if !self.partial.contains_key(&key) {
            if self.partial.len() >= limits.fragmented_datagrams_max {
                *given_up += self.give_up_oldest();
            }
            self.order.push_back((now, key));
        }
        let partial = self.partial.entry(key).or_insert_with(|| Partial {
            started: now,
            end: None,
            pieces: Vec::new(),
        });
        let before = partial.bytes();
        let fits = partial.insert(fragment);
        self.bytes = self.bytes + partial.bytes() - before;
        if !fits {
            self.remove(&key);
            return Inserted::Dropped;
        }
        if let Some((bytes, missing)) = partial.whole() {
            self.remove(&key);
            return Inserted::Whole(Datagram {
                from: fragment.from,
                to: fragment.to,
                protocol: fragment.protocol,
                tunnels: fragment.tunnels,
                bytes,
                missing,
            });
        }
        while self.bytes > limits.fragment_bytes_max && !self.partial.is_empty() {
            *given_up += self.give_up_oldest();
        }
        Inserted::Held
    }

    /// Gives up datagrams whose first fragment came too long ago; returns how many.
    pub(crate) fn expire(&mut self, now: Timestamp, limits: &Limits) -> u64 {
        let mut given_up = 0;
        while let Some(&(started, _)) = self.order.front()
            && now.since(started) >= limits.fragment_wait
        {
            given_up += self.give_up_oldest();
        }
        given_up
    }

    /// When [`Fragments::expire`] will have something.
    pub(crate) fn next_expiry(&self, limits: &Limits) -> Option<Timestamp> {
        let (started, _) = self.order.front()?;
        Some(started.saturating_add(limits.fragment_wait))
    }

    /// Gives up what is left; returns how many datagrams.
    pub(crate) fn finish(&mut self) -> u64 {
        let given_up = self.partial.len() as u64;
        *self = Self::default();
        given_up
    }

    /// Gives up the oldest datagram, if its entry in the order is not a finished one's; returns 1 if so.
    fn give_up_oldest(&mut self) -> u64 {
        let Some((started, key)) = self.order.pop_front() else {
            return 0;
        };
        // The same key may have been finished and begun anew: then a later entry stands for it.
        let current = self
            .partial
            .get(&key)
            .is_some_and(|partial| partial.started == started);
        if current {
            self.remove(&key);
        }
        u64::from(current)
    }

    fn remove(&mut self, key: &Key) {
        if let Some(partial) = self.partial.remove(key) {
            self.bytes -= partial.bytes();
        }
        // Finished datagrams leave entries behind: they go once they outnumber the others.
        if self.order.len() > 2 * self.partial.len() + 64 {
            let partial = &self.partial;
            self.order
                .retain(|(started, key)| partial.get(key).is_some_and(|p| p.started == *started));
        }
    }
}

impl Partial {
    fn bytes(&self) -> usize {
        self.pieces.iter().map(|(_, bytes)| bytes.len() + 64).sum()
    }

    /// Keeps a fragment's bytes where there are none yet: the first copy wins. False if it contradicts the others.
    fn insert(&mut self, fragment: &Fragment<'_>) -> bool {
        let Ok(len) = u32::try_from(fragment.bytes.len()) else {
            return false;
        };
        let end = fragment.offset + len;
        // A cut fragment in the middle leaves a hole that nothing fills.
        let cut = !fragment.last && fragment.missing > 0;
        if cut || end.saturating_add(fragment.missing) > DATAGRAM_BYTES_MAX {
            return false;
        }
        if fragment.last && self.end.is_none() {
            self.end = Some((end, fragment.missing));
        }
        if self.pieces.len() >= PIECES_MAX {
            return false;
        }
        let mut at = fragment.offset;
        let mut index = 0;
        while at < end {
            let (to, next) = match self.pieces.get(index) {
                Some((start, bytes)) if *start <= at => {
                    let piece_end = start + u32::try_from(bytes.len()).unwrap_or(0);
                    at = at.max(piece_end);
                    index += 1;
                    continue;
                }
                Some((start, bytes)) => (
                    end.min(*start),
                    start + u32::try_from(bytes.len()).unwrap_or(0),
                ),
                None => (end, end),
            };
            let range = (at - fragment.offset) as usize..(to - fragment.offset) as usize;
            let Some(bytes) = fragment.bytes.get(range) else {
                return false;
            };
            self.pieces.insert(index, (at, bytes.into()));
            at = next.max(to);
            index += 2;
        }
        true
    }

    /// The payload and what its tail lacks, if every piece is there.
    fn whole(&self) -> Option<(Vec<u8>, u32)> {
        let (end, missing) = self.end?;
        let mut at = 0;
        for (offset, bytes) in &self.pieces {
            if *offset != at {
                return None;
            }
            at += u32::try_from(bytes.len()).ok()?;
        }
        (at >= end).then(|| {
            let mut whole: Vec<u8> = self
                .pieces
                .iter()
                .flat_map(|(_, bytes)| bytes)
                .copied()
                .collect();
            whole.truncate(end as usize);
            (whole, missing)
        })
    }
}
