//! `replayer run`.

use clap::Args;

use super::{ArchiveArgs, CorrelateArgs, FilterArgs, PaceArgs, TargetArgs, WindowArgs};

/// `replayer run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub archive: ArchiveArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub window: WindowArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub pace: PaceArgs,
    #[command(flatten)]
    pub correlate: CorrelateArgs,

    /// Only send and store: no answer is compared, and the run is not a pass
    #[arg(long, help_heading = "Compare")]
    pub no_compare: bool,

    /// Share of the requests that must have been judged for a pass. What was not judged is said either way. Example: 99.9%
    #[arg(long, value_name = "SHARE", value_parser = schema::parse_share, default_value = "100%", help_heading = "Compare")]
    #[arg(env = "REPLAYER_MIN_COVERAGE")]
    pub min_coverage: f64,

    /// Name of the run, its folder below runs/; made from the time if not given
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    pub run: Option<String>,

    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
