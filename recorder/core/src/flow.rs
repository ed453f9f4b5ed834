//! The bounded table of connections.
//!
//! Entries lie in one slab; a hash map finds them by [`FlowKey`], and three lists in order of their last frame find the one
//! that is idle longest, each in constant time. Time is packet time. What an entry holds is its user's matter.

mod sources;

use rustc_hash::FxHashMap;
use schema::Timestamp;
use std::time::Duration;

use crate::Limits;
use crate::wire::{Address, Endpoint};

pub(crate) use sources::{Origin, Sources};

/// Frames that come closer together than this do not move a connection in its list: its place is that exact.
const TOUCH_STEP: Duration = Duration::from_secs(1);
/// No entry.
const NONE: u32 = u32::MAX;

/// What tells connections apart: where they were seen and both endpoints, whichever sends.
///
/// Packed, since there are a million of them: 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FlowKey {
    /// High and low half of each address.
    addresses: [[u64; 2]; 2],
    ports: [u16; 2],
    /// The scope, with [`FlowKey::V6`] if the addresses are of IPv6; both are of the same version.
    scope: u32,
}

impl FlowKey {
    const V6: u32 = 1 << 31;

    /// The key of a packet, and whether it comes from the key's second endpoint.
    pub(crate) fn new(scope: u32, from: Endpoint, to: Endpoint) -> (Self, bool) {
        let swapped = (from.address, from.port) > (to.address, to.port);
        let (first, second) = if swapped { (to, from) } else { (from, to) };
        let version = if first.address.is_v6() { Self::V6 } else { 0 };
        let key = Self {
            addresses: [first.address.halves(), second.address.halves()],
            ports: [first.port, second.port],
            scope: (scope & !Self::V6) | version,
        };
        (key, swapped)
    }

    /// Both endpoints, in the key's order.
    pub(crate) fn endpoints(&self) -> [Endpoint; 2] {
        let v6 = self.scope & Self::V6 != 0;
        [0, 1].map(|end| Endpoint {
            address: Address::from_halves(self.addresses[end], v6),
            port: self.ports[end],
        })
    }
}

/// A place in the table; it is known when its entry was replaced by another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    index: u32,
    generation: u32,
}

/// How long an entry may idle. In the order in which entries are given up for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has ended, and is kept so that late frames find it.
    Closed,
    /// It has carried no payload.
    Handshake,
    /// It has carried payload.
    Established,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Closed, Self::Handshake, Self::Established];

    fn timeout(self, limits: &Limits) -> Duration {
        match self {
            Self::Closed => limits.closed_linger,
            Self::Handshake => limits.handshake_timeout,
            Self::Established => limits.idle_timeout,
        }
    }
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table<T> {
    slots: FxHashMap<FlowKey, u32>,
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    lists: [List; 3],
    /// The flow of the frame before: the next one is often of the same.
    last: Option<(FlowKey, u32)>,
}

#[derive(Debug)]
struct Entry<T> {
    /// `None` if the entry is free.
    value: Option<T>,
    key: FlowKey,
    generation: u32,
    stage: Stage,
    touched: Timestamp,
    previous: u32,
    next: u32,
}

/// First and last of a list: touched longest ago, and last.
#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            slots: FxHashMap::default(),
            entries: Vec::new(),
            free: Vec::new(),
            lists: [List {
                first: NONE,
                last: NONE,
            }; 3],
            last: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn find(&mut self, key: &FlowKey) -> Option<Slot> {
        let index = match self.last {
            Some((last, index)) if last == *key => index,
            _ => *self.slots.get(key)?,
        };
        self.last = Some((*key, index));
        self.slot(index)
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<(&FlowKey, &mut T)> {
        let entry = self.entries.get_mut(slot.index as usize)?;
        if entry.generation == slot.generation {
            Some((&entry.key, entry.value.as_mut()?))
        } else {
            None
        }
    }

    /// Adds an entry under a key that is not in the table.
    pub(crate) fn insert(&mut self, key: FlowKey, value: T, now: Timestamp) -> Slot {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry {
                value: None,
                key,
                generation: 0,
                stage: Stage::Handshake,
                touched: now,
                previous: NONE,
                next: NONE,
            });
            u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
        });
        let mut generation = 0;
        if let Some(entry) = self.entries.get_mut(index as usize) {
            entry.value = Some(value);
            entry.key = key;
            entry.stage = Stage::Handshake;
            entry.touched = now;
            generation = entry.generation;
        }
        self.append(index);
        self.slots.insert(key, index);
        self.last = Some((key, index));
        Slot { index, generation }
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        self.get_mut(slot)?;
        self.unlink(slot.index);
        let entry = self.entries.get_mut(slot.index as usize)?;
        entry.generation = entry.generation.wrapping_add(1);
        let (key, value) = (entry.key, entry.value.take());
        self.slots.remove(&key);
        self.free.push(slot.index);
        if self.last.is_some_and(|(_, index)| index == slot.index) {
            self.last = None;
        }
        value
    }

    /// Notes that an entry is at a stage, and had a frame now.
    pub(crate) fn touch(&mut self, slot: Slot, stage: Stage, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(slot.index as usize) else {
            return;
        };
        if entry.stage == stage && now.since(entry.touched) < TOUCH_STEP {
            return;
        }
        self.unlink(slot.index);
        if let Some(entry) = self.entries.get_mut(slot.index as usize) {
            entry.stage = stage;
            entry.touched = now;
        }
        self.append(slot.index);
    }

    /// An entry that has idled for longer than its stage allows.
    pub(crate) fn expired(&self, now: Timestamp, limits: &Limits) -> Option<Slot> {
        Stage::ALL.into_iter().find_map(|stage| {
            let first = self.lists[stage as usize].first;
            (now >= self.expiry(first, limits)?)
                .then(|| self.slot(first))
                .flatten()
        })
    }

    /// When [`Table::expired`] will have something.
    pub(crate) fn next_expiry(&self, limits: &Limits) -> Option<Timestamp> {
        let firsts = self.lists.iter().map(|list| list.first);
        firsts.filter_map(|first| self.expiry(first, limits)).min()
    }

    /// The entry to give up for another one.
    pub(crate) fn victim(&self) -> Option<Slot> {
        self.lists.iter().find_map(|list| self.slot(list.first))
    }

    fn expiry(&self, index: u32, limits: &Limits) -> Option<Timestamp> {
        let entry = self.entries.get(index as usize)?;
        let timeout = entry.stage.timeout(limits) + TOUCH_STEP;
        Some(entry.touched.saturating_add(timeout))
    }

    fn slot(&self, index: u32) -> Option<Slot> {
        let generation = self.entries.get(index as usize)?.generation;
        Some(Slot { index, generation })
    }

    /// Puts an entry last into the list of its stage.
    fn append(&mut self, index: u32) {
        let Some(entry) = self.entries.get_mut(index as usize) else {
            return;
        };
        let list = &mut self.lists[entry.stage as usize];
        (entry.previous, entry.next) = (list.last, NONE);
        let before = std::mem::replace(&mut list.last, index);
        match self.entries.get_mut(before as usize) {
            Some(before) => before.next = index,
            None => list.first = index,
        }
    }

    fn unlink(&mut self, index: u32) {
        let Some(entry) = self.entries.get(index as usize) else {
            return;
        };
        let (previous, next, stage) = (entry.previous, entry.next, entry.stage);
        let list = &mut self.lists[stage as usize];
        match self.entries.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => list.first = next,
        }
        match self.entries.get_mut(next as usize) {
            Some(next) => next.previous = previous,
            None => list.last = previous,
        }
    }
}

#[cfg(test)]
mod tests;
