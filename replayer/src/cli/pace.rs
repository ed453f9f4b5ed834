//! When, and in which order.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id, ValueEnum};
use schema::{SampleBy, Timestamp};

use crate::units::{Loop, Rate, Span, Speed};

/// When, and in which order.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pace and order")]
pub struct PaceFlags {
    /// Recorded times divided by this: 1, 10, 0.5; or max, as fast as the target answers
    #[arg(
        long,
        value_name = "FACTOR",
        default_value = "1",
        env = "REPLAYER_SPEED"
    )]
    pub speed: Speed,

    /// Evenly spaced at this rate, instead of as recorded. Example: 500/s
    #[arg(long, value_name = "RATE", env = "REPLAYER_RATE")]
    pub rate: Option<Rate>,

    /// Never faster than this; what is too early is delayed, never dropped. Example: 500/s
    #[arg(long, value_name = "RATE", env = "REPLAYER_MAX_RATE")]
    pub max_rate: Option<Rate>,

    /// Begin slowly: the rate grows evenly from nothing to its full height over this time. Example: 2m
    #[arg(long, value_name = "DURATION", env = "REPLAYER_RAMP")]
    pub ramp: Option<Span>,

    /// Replay the window this many times, or until this much time is over. Example: 3, or 10m
    #[arg(
        long = "loop",
        value_name = "TIMES",
        default_value = "1",
        env = "REPLAYER_LOOP"
    )]
    pub repeat: Loop,

    /// When the first request of the window is due: the same for all machines that replay one. Example: 2026-11-22T13:00:00Z
    #[arg(long, value_name = "TIME", env = "REPLAYER_START_AT")]
    pub start_at: Option<Timestamp>,

    #[command(flatten)]
    pub flow: FlowArgs,
}

/// What waits for what, and how much may be under way.
#[derive(Args, Clone, Debug)]
pub struct FlowArgs {
    /// What keeps its order
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "connection",
        env = "REPLAYER_ORDER"
    )]
    pub order: OrderArg,

    /// What makes a session: cookie:NAME, header:NAME or client-ip
    #[arg(long, value_name = "KEY", env = "REPLAYER_SESSION_KEY")]
    pub session_key: Option<SampleBy>,

    /// Requests in flight at once
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1_024,
        env = "REPLAYER_IN_FLIGHT"
    )]
    pub in_flight: usize,

    /// What becomes of a request that is due while that many are in flight; either way it is counted
    #[arg(
        long,
        value_name = "POLICY",
        default_value = "wait",
        env = "REPLAYER_WHEN_BEHIND"
    )]
    pub when_behind: WhenBehindArg,

    /// Fail the run if any request is sent later than this after it was due, waits forced by order apart. Example: 100ms
    #[arg(long, value_name = "DURATION", env = "REPLAYER_MAX_LAG")]
    pub max_lag: Option<Span>,
}

/// [`PaceFlags`], of which `--speed` and `--rate` exclude each other; a flag that was typed wins over a variable.
#[derive(Clone, Debug)]
pub struct PaceArgs(pub PaceFlags);

impl Args for PaceArgs {
    fn group_id() -> Option<Id> {
        PaceFlags::group_id()
    }

    fn augment_args(command: Command) -> Command {
        PaceFlags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        PaceFlags::augment_args_for_update(command)
    }
}

impl FromArgMatches for PaceArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = PaceFlags::from_arg_matches(matches)?;
        let source = |id| matches.value_source(id);
        match (source("speed"), source("rate")) {
            (Some(ValueSource::CommandLine), Some(ValueSource::EnvVariable)) => flags.rate = None,
            (Some(ValueSource::CommandLine), Some(ValueSource::CommandLine)) => {
                return Err(exclusive("--speed and --rate"));
            }
            (Some(ValueSource::EnvVariable), Some(ValueSource::EnvVariable)) => {
                return Err(exclusive("REPLAYER_SPEED and REPLAYER_RATE"));
            }
            _ => {}
        }
        Ok(Self(flags))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

fn exclusive(both: &str) -> clap::Error {
    clap::Error::raw(
        ErrorKind::ArgumentConflict,
        format!(
            "{both} exclude each other: a replay is spaced as recorded or evenly; leave one out\n"
        ),
    )
}

/// What keeps its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderArg {
    /// Requests of one recorded connection: each waits for the answer to the one before it
    Connection,
    /// Requests of one session: each waits for the answers that had come before it was sent, on any connection
    Session,
    /// Nothing
    None,
}

/// What becomes of a request that is due at the bound of requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhenBehindArg {
    /// It is sent late
    Wait,
    /// It is not sent
    Skip,
}
