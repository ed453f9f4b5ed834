//! `replayer run`.

use clap::Args;
use replayer_core::shard::Shard;

use super::{
    ArchiveArgs, CorrelateArgs, FilterArgs, GoingOnArgs, JudgingArgs, PaceArgs, RewriteArgs,
    TargetArgs, Typed, WindowArgs,
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

    #[command(flatten)]
    pub judging: JudgingArgs,

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

    #[command(flatten)]
    pub going_on: GoingOnArgs,

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
