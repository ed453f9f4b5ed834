//! `replayer follow`.

use std::path::PathBuf;

use clap::Args;
use schema::Timestamp;

use super::pace::FlowArgs;
use super::{
    CorrelateArgs, FilterArgs, GoingOnArgs, JudgingArgs, KeyArgs, RewriteArgs, TargetArgs, Typed,
};
use crate::units::{Rate, Span};

/// `replayer follow`.
#[derive(Args, Clone, Debug)]
pub struct FollowArgs {
    /// First, because each field takes its values out of what was parsed.
    #[command(flatten)]
    pub typed: Typed,
    #[command(flatten)]
    pub source: LiveSourceArgs,
    #[command(flatten)]
    pub target: TargetArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub pace: FollowPaceArgs,
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

    /// How often the verdict so far is printed, a line each. Example: 5m
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1m",
        env = "REPLAYER_EVERY",
        help_heading = "Output"
    )]
    pub every: Span,

    /// Print JSON: a line at each interval, and the run's document at the end
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    pub going_on: GoingOnArgs,

    /// How often answers are published, and the run's document is written again. Example: 10s
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "1m",
        env = "REPLAYER_CHECKPOINT",
        help_heading = "Going on after a kill"
    )]
    pub checkpoint: Span,
}

/// What is followed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "What to follow (--live, --archive, or both)")]
pub struct LiveSourceArgs {
    /// A recorder's live stream (`recorder listen --live`). Example: http://10.0.3.7:9091
    #[arg(long, value_name = "URL", env = "REPLAYER_LIVE")]
    pub live: Option<String>,

    /// Archive that the recorder writes: where the run is stored, and what the stream lacks is looked for; without --live its
    /// segments are followed as they appear
    ///
    /// A path, file:///… or s3://bucket/prefix. With --live alone the run is stored below ./reprise-live, and what the stream
    /// lacks is missed.
    #[arg(long, value_name = "URL", env = "REPLAYER_ARCHIVE")]
    pub archive: Option<String>,

    /// What the archive is encrypted with.
    #[command(flatten)]
    pub keys: KeyArgs,

    /// File with the token of the live stream (`recorder listen --live-token-file`)
    #[arg(
        long,
        value_name = "FILE",
        requires = "live",
        env = "REPLAYER_LIVE_TOKEN_FILE"
    )]
    pub live_token_file: Option<PathBuf>,

    /// Certificates (PEM) of the authorities that may vouch for an https:// live stream; the system's if not given
    #[arg(
        long,
        value_name = "FILE",
        requires = "live",
        env = "REPLAYER_LIVE_CA_FILE"
    )]
    pub live_ca_file: Option<PathBuf>,

    /// Begin with what started then, if it is still there; without this: with what is recorded from now on
    #[arg(long, value_name = "TIME")]
    pub from: Option<Timestamp>,

    /// End when everything that started before this is done. Example: 2026-11-22T18:00:00Z
    #[arg(long, value_name = "TIME")]
    pub to: Option<Timestamp>,

    /// End after so much of the recording; without this or --to: at Ctrl-C or SIGTERM. Example: 8h
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "to")]
    pub span: Option<Span>,

    /// How long what the stream lacks is looked for in the archive. At least as long as segments take to appear there
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "15m",
        env = "REPLAYER_CATCH_UP"
    )]
    pub catch_up: Span,
}

/// When, and in which order.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Pace and order")]
pub struct FollowPaceArgs {
    /// How long after it was recorded a request is due. Default: 10s with --live, 10m without, as segments take longer
    ///
    /// What is recorded later than that after it began goes out late, and is counted.
    #[arg(long, value_name = "DURATION", env = "REPLAYER_DELAY")]
    pub delay: Option<Span>,

    /// Never faster than this; what is too early is delayed, never dropped. Example: 500/s
    #[arg(long, value_name = "RATE", env = "REPLAYER_MAX_RATE")]
    pub max_rate: Option<Rate>,

    #[command(flatten)]
    pub flow: FlowArgs,
}
