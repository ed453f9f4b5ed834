//! Consistent sampling: the same user is always in or always out, on every recorder and at replay.
use std::str::FromStr;

use crate::{Exchange, ParseIdError};

/// What a sampling decision is keyed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleBy {
    /// The client's address.
    ClientIp,
    /// The connection.
    Connection,
    /// A request header's value.
    Header(String),
    /// A cookie's value.
    Cookie(String),
}

impl FromStr for SampleBy {
    type Err = ParseIdError;
    fn from_str(_text: &str) -> Result<Self, Self::Err> {
        todo!()
    }
}

/// A share of the traffic, decided by a keyed hash of [`SampleBy`].
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The share that is kept, 0 to 1.
    pub share: f64,
    /// The key.
    pub by: SampleBy,
}

impl Sample {
    /// Whether the exchange is in.
    #[must_use]
    pub fn keeps(&self, _exchange: &Exchange) -> bool {
        todo!()
    }
}
