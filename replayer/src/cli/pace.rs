//! When, and in which order.

use clap::{Args, ValueEnum};

use crate::units::{Rate, Speed};

/// When, and in which order.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pace and order")]
pub struct PaceArgs {
    /// Recorded times divided by this: 1, 10, 0.5; or max, as fast as the target answers
    #[arg(
        long,
        value_name = "FACTOR",
        default_value = "1",
        env = "REPLAYER_SPEED"
    )]
    pub speed: Speed,

    /// Evenly spaced at this rate, instead of as recorded. Example: 500/s
    #[arg(
        long,
        value_name = "RATE",
        conflicts_with = "speed",
        env = "REPLAYER_RATE"
    )]
    pub rate: Option<Rate>,

    /// Never faster than this; what is too early is delayed, never dropped. Example: 500/s
    #[arg(long, value_name = "RATE", env = "REPLAYER_MAX_RATE")]
    pub max_rate: Option<Rate>,

    /// What keeps its order: a request waits for the answer to the one before it on the same recorded connection
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "connection",
        env = "REPLAYER_ORDER"
    )]
    pub order: OrderArg,

    /// Requests in flight at once, each on a connection of its own; at this bound requests become late, which lag shows
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1_024,
        env = "REPLAYER_IN_FLIGHT"
    )]
    pub in_flight: usize,
}

/// What keeps its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderArg {
    /// Requests of one recorded connection
    Connection,
    /// Nothing
    None,
}
