//! Which exchanges were given out, as far back as memory goes.

use std::collections::VecDeque;

use rustc_hash::FxHashSet;
use schema::{ExchangeId, Timestamp};

/// Ids that were given out. At the bound the one that was given out first is forgotten; what started up to then may have been
/// given out, and is not known any more.
#[derive(Debug)]
pub(super) struct Seen {
    ids: FxHashSet<ExchangeId>,
    ages: VecDeque<(Timestamp, ExchangeId)>,
    max: usize,
    floor: Timestamp,
}

impl Seen {
    pub(super) fn new(max: usize) -> Self {
        Self {
            ids: FxHashSet::default(),
            ages: VecDeque::new(),
            max,
            floor: Timestamp::MIN,
        }
    }

    pub(super) fn contains(&self, id: ExchangeId) -> bool {
        self.ids.contains(&id)
    }

    pub(super) fn insert(&mut self, start: Timestamp, id: ExchangeId) {
        if !self.ids.insert(id) {
            return;
        }
        self.ages.push_back((start, id));
        if self.ages.len() > self.max
            && let Some((start, id)) = self.ages.pop_front()
        {
            self.ids.remove(&id);
            self.floor = self.floor.max(start);
        }
    }

    /// Says that not everything is known that started up to `floor`.
    pub(super) fn raise(&mut self, floor: Timestamp) {
        self.floor = self.floor.max(floor);
    }

    /// The greatest start that was forgotten.
    pub(super) fn floor(&self) -> Timestamp {
        self.floor
    }
}
