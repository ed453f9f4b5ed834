//! `replayer calibrate`.

use clap::Args;
use schema::SampleBy;

use super::pace::OrderArg;
use super::{ArchiveArgs, FilterArgs, TargetArgs, WindowArgs};
use crate::units::{Span, Speed};

/// `replayer calibrate`.
#[derive(Args, Clone, Debug)]
pub struct CalibrateArgs {
    #[command(flatten)]
    pub archive: ArchiveArgs,
    #[command(flatten)]
    pub window: WindowArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub target: TargetArgs,

    /// Speed that the window shall be replayed at: 1 as it was recorded, 10 ten times as fast
    #[arg(
        long,
        value_name = "FACTOR",
        default_value = "1",
        help_heading = "Calibration"
    )]
    pub speed: Speed,

    /// About how long is measured; shorter where answers would take more than 1 GiB of memory. Example: 30s
    #[arg(
        long = "for",
        value_name = "DURATION",
        default_value = "10s",
        help_heading = "Calibration"
    )]
    pub span: Span,

    /// Requests in flight at once
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 64,
        env = "REPLAYER_IN_FLIGHT",
        help_heading = "Calibration"
    )]
    pub in_flight: usize,

    /// What keeps its order
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "connection",
        env = "REPLAYER_ORDER",
        help_heading = "Calibration"
    )]
    pub order: OrderArg,

    /// What makes a session: cookie:NAME, header:NAME or client-ip
    #[arg(
        long,
        value_name = "KEY",
        env = "REPLAYER_SESSION_KEY",
        help_heading = "Calibration"
    )]
    pub session_key: Option<SampleBy>,

    /// Measure without comparing answers
    #[arg(long, help_heading = "Calibration")]
    pub no_compare: bool,

    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
