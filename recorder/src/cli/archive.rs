//! `recorder archive …`: what looks at an archive, and what keeps it.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use schema::Timestamp;
use schema::window::{Calendar, Span};

use super::OutputArgs;
use crate::units::parse_span;

const CODES: &str = "\
Exit codes:
  0  done, and everything is whole
  1  done, and something is missing or damaged: the output says what, and what to do
  2  failed; the message on standard error says what, where and what to do";

const COVERAGE_EXAMPLES: &str = "\
Examples:
  recorder archive coverage --archive s3://traffic/production --last 7d
  recorder archive coverage --archive ./archive --from 2026-11-22T13:00:00Z --to 2026-11-22T14:00:00Z --json

Exit codes:
  0  every minute was recorded and nothing was lost
  1  the window has holes or losses, or no ledger
  2  failed; the message on standard error says what, where and what to do";

/// What to do with an archive.
#[derive(Clone, Debug, Subcommand)]
pub enum ArchiveCommand {
    /// List what the archive holds, by day: segments, sizes, recorders, runs
    #[command(after_help = CODES)]
    Ls(LsArgs),

    /// Say minute by minute and source by source what was recorded, what was not, and why
    ///
    /// Reads the ledger, not the exchanges. `replayer plan` and every verdict rest on the same figures.
    #[command(after_help = COVERAGE_EXAMPLES)]
    Coverage(CoverageArgs),

    /// Read every segment whole, and say which are damaged, missing, or not what their names say
    ///
    /// Verifies checksums, decodes every page, compares names with contents, and looks for gaps in the numbers of each
    /// recorder's segments. Runs and comparisons are checked too. A window leaves out those and the search for gaps.
    #[command(after_help = CODES)]
    Check(CheckArgs),
}

impl ArchiveCommand {
    /// How the result is to be printed.
    #[must_use]
    pub fn output(&self) -> &OutputArgs {
        match self {
            Self::Ls(args) => &args.output,
            Self::Coverage(args) => &args.output,
            Self::Check(args) => &args.output,
        }
    }
}

/// What `recorder archive ls` takes.
#[derive(Args, Clone, Debug)]
pub struct LsArgs {
    /// Which archive.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which part of it; without, all.
    #[command(flatten)]
    pub window: WindowArgs,

    /// List by hour instead of by day
    #[arg(long, help_heading = "Output")]
    pub hours: bool,

    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What `recorder archive coverage` takes.
#[derive(Args, Clone, Debug)]
pub struct CoverageArgs {
    /// Which archive.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which part of it.
    #[command(flatten)]
    pub window: WindowArgs,
    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What `recorder archive check` takes.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Which archive.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which part of it; without, all.
    #[command(flatten)]
    pub window: WindowArgs,
    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which archive.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Archive")]
pub struct PlaceArgs {
    /// Where the archive is: a path, file:///path or s3://bucket/prefix
    ///
    /// S3 takes the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION,
    /// AWS_ENDPOINT_URL; without keys, the role of the instance. Example: --archive s3://traffic/production
    #[arg(
        long,
        value_name = "URL",
        env = "RECORDER_ARCHIVE",
        hide_env_values = true
    )]
    pub archive: String,
}

/// Which span of time.
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
    #[arg(long, value_name = "DURATION", conflicts_with = "window", value_parser = parse_span)]
    pub last: Option<Duration>,

    /// The newest calendar week (Monday to Monday) or month, UTC, that was over when the newest exchange was recorded
    #[arg(long, value_name = "UNIT")]
    pub window: Option<CalendarArg>,
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CalendarArg {
    /// Monday 00:00 to Monday 00:00, UTC
    Week,
    /// From the first of the month, UTC
    Month,
}

impl WindowArgs {
    /// The window as typed; `None` if none was.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        let (from, to) = (self.from, self.to);
        match (self.last, self.window) {
            (Some(last), _) => Some(Span::Last(last)),
            (_, Some(CalendarArg::Week)) => Some(Span::Newest(Calendar::Week)),
            (_, Some(CalendarArg::Month)) => Some(Span::Newest(Calendar::Month)),
            (None, None) => (from.is_some() || to.is_some()).then_some(Span::Between { from, to }),
        }
    }
}
