//! `recorder archive …`: what looks at an archive, and what keeps it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use schema::filter::{Filter, HeaderPattern};
use schema::window::{Calendar, Span};
use schema::{ExchangeId, ParsePatternError, Pattern, StatusRange, Timestamp};

use super::{KeyArgs, OutputArgs};
use crate::units::{ByteSize, parse_span};

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

const COMPACT_EXAMPLES: &str = "\
Examples:
  recorder archive compact --archive s3://traffic/production --last 1d
  recorder archive compact --archive s3://traffic/production --window month --level 9 --segment-bytes 256MiB

Exit codes:
  0  done
  1  some hours were left as they are; the output says which, and why
  2  failed; what was compacted before stays";

const EXPIRE_EXAMPLES: &str = "\
Examples:
  recorder archive expire --archive s3://traffic/production --keep 35d --dry-run
  recorder archive expire --archive s3://traffic/production --keep 35d --runs";

const FORGET_EXAMPLES: &str = "\
Examples:
  recorder archive forget --archive ./archive --header 'x-customer-id=4711' --dry-run
  recorder archive forget --archive ./archive --path '/customers/4711/**' --reason 'ticket 99'
  recorder archive forget --archive ./archive --exchange 00c0ffee00c0ffee-3 --spool /var/lib/recorder

Exit codes:
  0  every match was erased
  1  something could not be looked into; the output says what, and what to do
  2  failed; what was erased before stays erased";

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

    /// Make large segments of the small ones of an hour, join halves that two recorders have, and keep once what was recorded twice
    ///
    /// New segments take the place of old ones so that the replayer and the recorder see each exchange once at any moment. What
    /// other programs see for a moment, the format's specification says. Several machines can share a month by windows.
    #[command(after_help = COMPACT_EXAMPLES)]
    Compact(CompactArgs),

    /// Remove whole hours that are older than they need to be kept: exchanges, ledger and, if wanted, runs
    ///
    /// What went is written down in `maintenance/`, so that `check` does not miss it.
    #[command(after_help = EXPIRE_EXAMPLES)]
    Expire(ExpireArgs),

    /// Erase exchanges that a person asked to erase, from recordings, runs and comparisons
    ///
    /// Segments that hold matches are written again without them. Readers see the old or the new. What was done is written down
    /// in `maintenance/`, without the data and without the filter's values.
    #[command(after_help = FORGET_EXAMPLES)]
    Forget(Box<ForgetArgs>),
}

impl ArchiveCommand {
    /// How the result is to be printed.
    #[must_use]
    pub fn output(&self) -> &OutputArgs {
        match self {
            Self::Ls(args) => &args.output,
            Self::Coverage(args) => &args.output,
            Self::Check(args) => &args.output,
            Self::Compact(args) => &args.output,
            Self::Expire(args) => &args.output,
            Self::Forget(args) => &args.output,
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

/// What `recorder archive compact` takes.
#[derive(Args, Clone, Debug)]
pub struct CompactArgs {
    /// Which archive.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which part of it, in whole hours; without, all.
    #[command(flatten)]
    pub window: WindowArgs,

    /// How large segments become, at most. Memory is about three times as much
    #[arg(
        long,
        value_name = "BYTES",
        help_heading = "Compaction",
        default_value = "128MiB"
    )]
    pub segment_bytes: ByteSize,

    /// zstd level of the new segments, 1 (fast) to 22 (small)
    #[arg(
        long,
        value_name = "LEVEL",
        help_heading = "Compaction",
        default_value_t = 3
    )]
    pub level: i32,

    /// Leave hours alone that were over less than this ago, by this machine's clock: recorders may still publish into them
    #[arg(long, value_name = "DURATION", help_heading = "Compaction", default_value = "2h", value_parser = parse_span)]
    pub min_age: Duration,

    /// How long a change of segments that another command began is left alone before it is finished for it
    #[arg(long, value_name = "DURATION", help_heading = "Compaction", default_value = "10m", value_parser = parse_span)]
    pub lease: Duration,

    /// Only say how many segments would give way to how many
    #[arg(long, help_heading = "Compaction")]
    pub dry_run: bool,

    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What `recorder archive expire` takes.
#[derive(Args, Clone, Debug)]
pub struct ExpireArgs {
    /// Which archive.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Keep what is younger than this, by this machine's clock. Example: 35d
    #[arg(long, value_name = "DURATION", help_heading = "Expiry (one of the first two)", value_parser = parse_span, required_unless_present = "before")]
    pub keep: Option<Duration>,

    /// Keep everything from the hour of this time on
    #[arg(
        long,
        value_name = "TIME",
        help_heading = "Expiry (one of the first two)",
        conflicts_with = "keep"
    )]
    pub before: Option<Timestamp>,

    /// Remove runs too whose windows end before then
    #[arg(long, help_heading = "Expiry (one of the first two)")]
    pub runs: bool,

    /// Only say what would be removed
    #[arg(long, help_heading = "Expiry (one of the first two)")]
    pub dry_run: bool,

    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What `recorder archive forget` takes.
#[derive(Args, Clone, Debug)]
pub struct ForgetArgs {
    /// Which archive.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Which part of it; without, all.
    #[command(flatten)]
    pub window: WindowArgs,
    /// What to erase.
    #[command(flatten)]
    pub filter: FilterArgs,

    /// Only say what would be erased
    #[arg(long, help_heading = "Erasure")]
    pub dry_run: bool,

    /// Why, for the record; do not name the person
    #[arg(long, value_name = "TEXT", help_heading = "Erasure")]
    pub reason: Option<String>,

    /// First publish what this spool still holds, so that it is erased too
    ///
    /// No recorder may be using it. Example: --spool /var/lib/recorder
    #[arg(long, value_name = "DIR", help_heading = "Erasure")]
    pub spool: Option<PathBuf>,

    /// How long a change of segments that another command began is left alone before it is finished for it
    #[arg(long, value_name = "DURATION", help_heading = "Erasure", default_value = "10m", value_parser = parse_span)]
    pub lease: Duration,

    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Which exchanges.
#[derive(Args, Clone, Debug)]
#[command(
    next_help_heading = "Filter (all have to hold; a repeated flag holds if one of its values does)"
)]
pub struct FilterArgs {
    /// Method, in any case
    #[arg(long, value_name = "METHOD")]
    pub method: Vec<String>,

    /// Host as recorded, in any case. Example: *.shop.test
    #[arg(long, value_name = "GLOB")]
    pub host: Vec<String>,

    /// Path without the query; * stops at a slash, ** does not. Example: /customers/4711/**
    #[arg(long, value_name = "GLOB")]
    pub path: Vec<String>,

    /// Path to leave alone
    #[arg(long, value_name = "GLOB")]
    pub exclude_path: Vec<String>,

    /// Recorded status: 404, 5xx or 200-299
    #[arg(long, value_name = "STATUS")]
    pub status: Vec<StatusRange>,

    /// Request header whose value matches; repeated, every one has to. Example: x-customer-id=4711
    #[arg(long, value_name = "NAME=GLOB")]
    pub header: Vec<HeaderPattern>,

    /// These exchanges, by id
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub exchange: Vec<ExchangeId>,
}

impl FilterArgs {
    /// The filter.
    ///
    /// # Errors
    /// If a value is no glob.
    pub fn filter(&self) -> Result<Filter, ParsePatternError> {
        let globs = |texts: &[String], read: fn(&str) -> Result<Pattern, ParsePatternError>| {
            texts
                .iter()
                .map(|text| read(text))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Filter {
            exchanges: self.exchange.iter().copied().collect(),
            methods: self.method.clone(),
            hosts: globs(&self.host, Pattern::host)?,
            paths: globs(&self.path, Pattern::path)?,
            excluded_paths: globs(&self.exclude_path, Pattern::path)?,
            statuses: self.status.clone(),
            headers: self.header.clone(),
            sample: None,
        })
    }

    /// Which kinds of condition were given, without their values.
    #[must_use]
    pub fn conditions(&self) -> Vec<String> {
        let given = [
            ("--method", self.method.is_empty()),
            ("--host", self.host.is_empty()),
            ("--path", self.path.is_empty()),
            ("--exclude-path", self.exclude_path.is_empty()),
            ("--status", self.status.is_empty()),
            ("--header", self.header.is_empty()),
            ("--exchange", self.exchange.is_empty()),
        ];
        let given = given.into_iter().filter(|(_, is_empty)| !is_empty);
        given.map(|(name, _)| name.to_owned()).collect()
    }
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

    /// What it is encrypted with.
    #[command(flatten)]
    pub keys: KeyArgs,
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
