//! Which window.

use clap::{Args, ValueEnum};
use schema::{ExchangeId, Timestamp};

use crate::units::Span;

/// Which window.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Window (one of these)")]
pub struct WindowArgs {
    /// Start of the window, inside it. Without --to: up to the newest exchange
    #[arg(long, value_name = "TIME", conflicts_with_all = ["last", "window"])]
    pub from: Option<Timestamp>,

    /// End of the window, outside it. Without --from: from the oldest exchange
    ///
    /// RFC 3339 with any offset. Example: --from 2026-11-22T13:00:00Z --to 2026-11-22T16:00:00+02:00
    #[arg(long, value_name = "TIME", conflicts_with_all = ["last", "window"])]
    pub to: Option<Timestamp>,

    /// The newest stretch of this length, counted back from the newest recorded exchange (not from now). Example: 7d
    #[arg(long, value_name = "DURATION", conflicts_with = "window")]
    pub last: Option<Span>,

    /// The newest calendar week (Monday to Monday) or month, UTC, that was over when the newest exchange was recorded
    #[arg(long, value_name = "UNIT")]
    pub window: Option<CalendarArg>,

    /// Only these exchanges, by id; searches the whole archive unless a window is given too
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub exchange: Vec<ExchangeId>,
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CalendarArg {
    /// Monday 00:00 to Monday 00:00, UTC
    Week,
    /// From the first of the month, UTC
    Month,
}
