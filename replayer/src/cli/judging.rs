//! What a verdict rests on: what `run` and `follow` share.

use clap::Args;

/// Whether answers are compared, and how many have to be.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Compare")]
pub struct JudgingArgs {
    /// Only send and store: no answer is compared, and the run is not a pass
    #[arg(long)]
    pub no_compare: bool,

    /// Share of the requests that must have been judged for a pass. What was not judged, or never came, is said either way. Example: 99.9%
    #[arg(long, value_name = "SHARE", value_parser = schema::parse_share, default_value = "100%")]
    #[arg(env = "REPLAYER_MIN_COVERAGE")]
    pub min_coverage: f64,
}
