//! Which requests keep their order among each other: those of a connection, of a session, or none.

mod sessions;

use schema::{Exchange, Protocol, SampleBy};

use crate::scheduler::Place;
pub use sessions::Sessions;

/// What keeps its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The requests of one recorded connection.
    Connection,
    /// The requests of one session, over all its connections.
    Session(SampleBy),
    /// Nothing.
    None,
}

impl Order {
    /// The word of the run's document.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Session(_) => "session",
            Self::None => "none",
        }
    }
}

/// Tells each exchange its place, in the order in which they were recorded.
#[derive(Debug)]
pub struct Places {
    order: Order,
    sessions: Option<Sessions>,
}

impl Places {
    /// Places for `order`.
    #[must_use]
    pub fn new(order: Order) -> Self {
        let sessions = match &order {
            Order::Session(key) => Some(Sessions::new(key.clone())),
            Order::Connection | Order::None => None,
        };
        Self { order, sessions }
    }

    /// The place of `exchange` in the `pass`th replay of its window; what is replayed twice is two.
    ///
    /// On an HTTP/1 connection a request follows every answer before it. The streams of an HTTP/2 connection are
    /// independent (RFC 9113 section 5), as are the connections of a session: there a request follows the answers that had
    /// ended before it began, those of its session and those of its connection that are of no session.
    pub fn of(&mut self, exchange: &Exchange, pass: u64) -> Place {
        self.keyed(exchange, pass).1
    }

    /// As [`Places::of`], with a hash of what keeps its order: the session, or the connection. Where nothing does it is of
    /// the connection.
    pub fn keyed(&mut self, exchange: &Exchange, pass: u64) -> (u64, Place) {
        let key = match &mut self.sessions {
            Some(sessions) => sessions.of(exchange),
            None => exchange.connection.id.0,
        };
        let group = of_pass(key, pass);
        let place = match &self.order {
            Order::None => Place::Free,
            Order::Session(_) => {
                let other = of_pass(Sessions::without_key(exchange), pass);
                after_seen(group, (other != group).then_some(other), exchange)
            }
            Order::Connection if exchange.protocol == Protocol::Http2 => {
                after_seen(group, None, exchange)
            }
            Order::Connection => Place::InTurn { group },
        };
        (key, place)
    }
}

/// What is replayed twice is two groups.
const fn of_pass(key: u64, pass: u64) -> u64 {
    key ^ pass.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn after_seen(group: u64, other: Option<u64>, exchange: &Exchange) -> Place {
    Place::AfterSeen {
        group,
        other,
        start: exchange.start(),
        end: exchange.response.as_ref().map(|response| response.end),
    }
}

#[cfg(test)]
mod tests;
