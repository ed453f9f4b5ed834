//! The requests of each connection so far, for reproducers: when each was recorded and sent, and no more.

use rustc_hash::FxHashMap;
use schema::{ConnectionId, ExchangeId, Timestamp};

use super::VerdictLimits;

/// Requests at the beginning of a connection that are always remembered: where somebody logs in.
const BEGINNING: usize = 24;

/// Where a request of a reproducer is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which.
    pub exchange: ExchangeId,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// Its place in the baseline's run; `None` if that lacks it, or the recording is the baseline, or it is not the last of its
    /// chain: of the others only the requests matter.
    pub baseline: Option<Timestamp>,
    /// Its place in the candidate's run.
    pub candidate: Option<Timestamp>,
}

/// The same of a request whose connection is known, in 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Past {
    index: u32,
    recorded: Timestamp,
    /// [`Timestamp::MAX`] if the candidate's run lacks it.
    candidate: Timestamp,
}

/// A request and those of its connection before it.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    before: Box<[Past]>,
    last: Place,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Chains {
    connections: FxHashMap<ConnectionId, Vec<Past>>,
    connections_max: usize,
    requests_max: usize,
    chain_max: usize,
    requests: usize,
    /// Connections that were forgotten.
    pub(super) forgotten: u64,
}

impl Chain {
    /// Requests in it.
    pub(super) fn len(&self) -> usize {
        self.before.len() + 1
    }

    /// Their places, in order.
    pub(super) fn places(&self) -> Vec<Place> {
        let connection = self.last.exchange.connection;
        let before = self.before.iter().map(|past| Place {
            exchange: ExchangeId {
                connection,
                index: past.index,
            },
            recorded: past.recorded,
            baseline: None,
            candidate: (past.candidate != Timestamp::MAX).then_some(past.candidate),
        });
        before.chain([self.last]).collect()
    }
}

impl Chains {
    pub(super) fn new(limits: &VerdictLimits) -> Self {
        Self {
            connections: FxHashMap::default(),
            connections_max: limits.connections_max,
            requests_max: limits.chained_max,
            chain_max: limits.chain_max,
            requests: 0,
            forgotten: 0,
        }
    }

    /// Remembers a request, the last of its connection so far.
    pub(super) fn add(&mut self, place: &Place) {
        let connection = place.exchange.connection;
        let is_new = !self.connections.contains_key(&connection);
        let is_full = is_new && self.connections.len() >= self.connections_max;
        if is_full || self.requests >= self.requests_max {
            self.forget();
        }
        let requests = self.connections.entry(connection).or_default();
        self.requests += 1;
        if requests.len() >= self.chain_max {
            requests.remove(BEGINNING.min(requests.len() - 1));
            self.requests -= 1;
        }
        requests.push(Past {
            index: place.exchange.index,
            recorded: place.recorded,
            candidate: place.candidate.unwrap_or(Timestamp::MAX),
        });
    }

    /// How many requests end with the last one of this connection.
    pub(super) fn len(&self, connection: ConnectionId) -> usize {
        self.connections.get(&connection).map_or(0, Vec::len)
    }

    /// The requests that end with this one, which was added last.
    pub(super) fn ending_with(&self, last: Place) -> Chain {
        let requests = self.connections.get(&last.exchange.connection);
        let before = requests.and_then(|requests| requests.split_last());
        Chain {
            before: before.map_or_else(Box::default, |(_, before)| before.into()),
            last,
        }
    }

    /// Forgets the half of the connections that have been silent for longest.
    fn forget(&mut self) {
        let newest = |requests: &Vec<Past>| requests.last().map(|past| past.recorded);
        let mut times: Vec<_> = self.connections.values().map(newest).collect();
        let middle = times.len() / 2;
        let (_, &mut middle, _) = times.select_nth_unstable(middle);
        let before = self.connections.len();
        self.connections
            .retain(|_, requests| newest(requests) > middle);
        self.connections.shrink_to(self.connections_max.min(before));
        self.forgotten += (before - self.connections.len()) as u64;
        self.requests = self.connections.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn place(connection: u64, index: u32) -> Place {
        Place {
            exchange: ExchangeId {
                connection: ConnectionId(connection),
                index,
            },
            recorded: at(connection * 1_000 + u64::from(index)),
            baseline: Some(at(1)),
            candidate: (index != 1).then(|| at(connection * 2_000 + u64::from(index))),
        }
    }

    fn added(limits: VerdictLimits, connections: u64, requests: u32) -> Chains {
        let mut chains = Chains::new(&limits);
        for connection in 0..connections {
            for index in 0..requests {
                chains.add(&place(connection, index));
            }
        }
        chains
    }

    #[test]
    fn a_chain_is_the_requests_of_its_connection() {
        let chains = added(VerdictLimits::default(), 2, 3);
        let last = place(1, 2);
        let mut expected = [place(1, 0), place(1, 1), last];
        expected[0].baseline = None;
        expected[1].baseline = None;
        assert_eq!(chains.ending_with(last).places(), expected);
        assert_eq!(chains.forgotten, 0);
    }

    #[test]
    fn every_bound_forgets_and_counts() {
        let all = VerdictLimits::default();
        let limits = VerdictLimits {
            connections_max: 4,
            ..all
        };
        let chains = added(limits, 5, 2);
        assert_eq!((chains.forgotten, chains.len(ConnectionId(4))), (3, 2));
        assert_eq!(chains.len(ConnectionId(0)), 0);
        let limits = VerdictLimits {
            chained_max: 8,
            ..all
        };
        let chains = added(limits, 5, 2);
        assert_eq!((chains.forgotten, chains.requests), (3, 4));
        let limits = VerdictLimits {
            chain_max: 26,
            ..all
        };
        let chains = added(limits, 1, 40);
        let places = chains.ending_with(place(0, 39)).places();
        let indices: Vec<u32> = places.iter().map(|place| place.exchange.index).collect();
        assert_eq!(indices, (0..24).chain(38..40).collect::<Vec<u32>>());
    }

    #[test]
    fn a_request_takes_little_memory() {
        assert_eq!(size_of::<Past>(), 24);
    }
}
