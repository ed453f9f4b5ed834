//! Which lane carries which request, so that each recorded connection has a connection to the target of its own.
//!
//! A target may keep something by connection: a prepared statement, a balancer's choice, a login of NTLM. So where order goes
//! by connection, a lane is owned by one recorded connection, and its connection to the target is used for no other. There
//! are as many lanes as requests may be in flight; beyond that the lane that has been idle for longest changes its owner,
//! and begins a new connection to the target.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

/// What a lane is told with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    /// Which lane; one above all so far is a new one.
    pub(super) lane: usize,
    /// Whether its connection to the target was another's and has to be replaced.
    pub(super) fresh: bool,
}

/// Who owns which lane.
#[derive(Debug)]
pub(super) struct Seats {
    lanes_max: usize,
    /// The recorded connection that owns each lane.
    owners: Vec<Option<u64>>,
    lanes: FxHashMap<u64, usize>,
    /// Idle lanes with an owner, idle for longest first.
    owned: BTreeSet<(u64, usize)>,
    /// Since when each lane is idle, in requests that have ended; 0 while it is busy.
    idle_since: Vec<u64>,
    /// Idle lanes without an owner; the last one became idle last.
    common: Vec<usize>,
    ended: u64,
}

impl Seats {
    /// At most `lanes_max` lanes, above 0.
    pub(super) fn new(lanes_max: usize) -> Self {
        Self {
            lanes_max,
            owners: Vec::new(),
            lanes: FxHashMap::default(),
            owned: BTreeSet::new(),
            idle_since: Vec::new(),
            common: Vec::new(),
            ended: 0,
        }
    }

    /// The lane for a request of the connection `owner`, or of none that matters.
    ///
    /// # Panics
    /// If all lanes are busy: more are in flight than may be.
    pub(super) fn take(&mut self, owner: Option<u64>) -> Seat {
        let own = owner.and_then(|owner| self.lanes.get(&owner).copied());
        if let Some(lane) = own
            && self.owned.remove(&(self.idle_since[lane], lane))
        {
            return Seat { lane, fresh: false };
        }
        // The own lane is busy only if order does not go by connection after all.
        let owner = if own.is_some() { None } else { owner };
        if owner.is_none()
            && let Some(lane) = self.common.pop()
        {
            return Seat { lane, fresh: false };
        }
        if self.owners.len() < self.lanes_max {
            let lane = self.owners.len();
            self.owners.push(None);
            self.idle_since.push(0);
            self.own(lane, owner);
            return Seat { lane, fresh: false };
        }
        let lane = self.common.pop().unwrap_or_else(|| {
            let (_, lane) = self.owned.pop_first().expect("a lane is idle");
            lane
        });
        self.own(lane, owner);
        Seat { lane, fresh: true }
    }

    /// Says that a lane's request has ended.
    pub(super) fn give_back(&mut self, lane: usize) {
        self.ended += 1;
        self.idle_since[lane] = self.ended;
        if self.owners[lane].is_some() {
            self.owned.insert((self.ended, lane));
        } else {
            self.common.push(lane);
        }
    }

    fn own(&mut self, lane: usize, owner: Option<u64>) {
        if let Some(before) = std::mem::replace(&mut self.owners[lane], owner) {
            self.lanes.remove(&before);
        }
        if let Some(owner) = owner {
            self.lanes.insert(owner, lane);
        }
    }
}

#[cfg(test)]
mod tests;
