//! `replayer run`.

use clap::{Args, ValueEnum};

use super::{ArchiveArgs, CorrelateArgs, FilterArgs, PaceArgs, TargetArgs, Typed, WindowArgs};
use crate::units::Span;

/// `replayer run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// First, because each field takes its values out of what was parsed.
    #[command(flatten)]
    pub typed: Typed,
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

    /// Go on with this run, which was killed, interrupted or has failed, with the flags that it was begun with
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with = "run",
        help_heading = "Going on after a kill"
    )]
    pub resume: Option<String>,

    /// Which requests are sent again that may have been sent when the run was killed; the others are skipped as in_doubt
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "idempotent",
        help_heading = "Going on after a kill"
    )]
    pub send_again: SendAgainArg,

    /// How often answers are published: what a kill leaves in doubt is what was sent since. Example: 1m
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10s",
        env = "REPLAYER_CHECKPOINT",
        help_heading = "Going on after a kill"
    )]
    pub checkpoint: Span,
}

/// Which requests are sent again that may have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SendAgainArg {
    /// Nothing
    None,
    /// Methods that change nothing: GET, HEAD, OPTIONS, TRACE, …
    Safe,
    /// These, PUT and DELETE: sent twice they do what they do once
    Idempotent,
    /// Everything, also POST and PATCH: some orders may be placed twice
    All,
}
