//! `replayer run`.

use clap::{Args, ValueEnum};
use replayer_core::shard::Shard;

use super::{
    ArchiveArgs, CorrelateArgs, FilterArgs, PaceArgs, RewriteArgs, TargetArgs, Typed, WindowArgs,
};
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

    /// Replay only this part of the sessions, as one of several machines: 0/4 to 3/4 of four. Needs --run, the same for all
    #[arg(
        long,
        value_name = "I/N",
        env = "REPLAYER_SHARD",
        help_heading = "More than one machine"
    )]
    pub shard: Option<Shard>,

    /// Number of machines; which of them this is comes from JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX
    #[arg(
        long,
        value_name = "COUNT",
        env = "REPLAYER_SHARDS",
        help_heading = "More than one machine"
    )]
    pub shards: Option<u32>,
    #[command(flatten)]
    pub rewrite: RewriteArgs,
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
    #[arg(
        long,
        visible_alias = "run-id",
        value_name = "NAME",
        env = "REPLAYER_RUN",
        help_heading = "Output"
    )]
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

    /// Go on with the run --run if it was begun before, or begin it: what a job that may be started again wants
    #[arg(
        long,
        requires = "run",
        conflicts_with = "resume",
        help_heading = "Going on after a kill"
    )]
    pub resume_if_begun: bool,

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
