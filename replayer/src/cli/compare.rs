//! `replayer compare`: two builds against each other.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use replayer_core::rules::Preset;

use super::ArchiveArgs;
use crate::units::{Size, Span};

/// `replayer compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    #[command(flatten)]
    pub archive: ArchiveArgs,
    #[command(flatten)]
    pub sides: SidesArgs,
    #[command(flatten)]
    pub rules: RulesFileArgs,
    #[command(flatten)]
    pub gates: GatesArgs,

    /// Acceptance file: groups of findings that somebody looked at. `replayer accept` writes it
    #[arg(long, value_name = "FILE", help_heading = "Gates")]
    pub accepted: Option<PathBuf>,

    /// Answers that wait for their like on another side, in memory. What comes later than this is counted, and no pass
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "256MiB",
        help_heading = "Compare"
    )]
    pub join_memory: Size,

    /// Also write the report as one self-contained HTML page
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,

    /// Also write JUnit XML: a test case an endpoint
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,

    /// Also print annotations for GitHub Actions, on standard error
    #[arg(long, help_heading = "Output")]
    pub github: bool,

    /// Print the comparison's document as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// What is held against what.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Compare")]
pub struct SidesArgs {
    /// What the candidate is held against: a run of the old build, or `recorded` for production's own answers
    #[arg(long, value_name = "RUN|recorded", default_value = "recorded")]
    pub baseline: String,

    /// The run that is judged: a run of the new build, by its name or its folder
    #[arg(long, value_name = "RUN")]
    pub candidate: String,

    /// One more run of the old build over the same window: fields that differ between it and the baseline are noise.
    /// May be given more than once
    #[arg(long, value_name = "RUN")]
    pub noise: Vec<String>,
}

/// What does not matter.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Compare")]
pub struct RulesFileArgs {
    /// Rules file (TOML): what to ignore, to tolerate, and to compare in any order
    #[arg(long, value_name = "FILE", env = "REPLAYER_RULES")]
    pub rules: Option<PathBuf>,

    /// Rules that every migration needs, beside those of the file. May be given more than once
    #[arg(long, value_name = "NAME", value_enum)]
    pub preset: Vec<PresetArg>,
}

/// A named set of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PresetArg {
    /// '' equals null, number scale, CHAR padding, DATE precision and zone, row order, ORA- codes
    Oracle,
    /// Times that moved by exactly as much as the requests are apart
    Clock,
}

impl From<PresetArg> for Preset {
    fn from(preset: PresetArg) -> Self {
        match preset {
            PresetArg::Oracle => Self::Oracle,
            PresetArg::Clock => Self::Clock,
        }
    }
}

/// What a pass asks for.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Gates")]
pub struct GatesArgs {
    /// Which findings fail: `new` ones (and those that returned), or `any`, accepted or not
    #[arg(long, value_name = "WHICH", value_enum, default_value = "new")]
    pub fail_on: FailOnArg,

    /// Share of the selected requests that must have been judged for a pass. Example: 99.9%
    #[arg(long, value_name = "SHARE", value_parser = schema::parse_share, default_value = "100%")]
    #[arg(env = "REPLAYER_MIN_COVERAGE")]
    pub min_coverage: f64,

    /// Largest lag of the candidate's run
    #[arg(long, value_name = "DURATION")]
    pub max_lag: Option<Span>,

    /// By how much the mean latency of an endpoint may grow, of at least 30 pairs and beyond chance. Example: 20%
    #[arg(long, value_name = "SHARE", value_parser = schema::parse_share)]
    pub max_slowdown: Option<f64>,

    /// Endpoint that must have been judged at least once: a glob over `METHOD host /path/template`. May be given more than
    /// once
    #[arg(long, value_name = "GLOB")]
    pub require: Vec<String>,
}

/// Which findings fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOnArg {
    /// Those that nobody has accepted
    New,
    /// Accepted ones as well
    Any,
}
