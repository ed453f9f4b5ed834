//! `replayer report`, `runs` and `show`: reading runs.

use std::path::PathBuf;

use clap::Args;
use schema::ExchangeId;

use super::{ArchiveArgs, KeyArgs};

/// Which run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Run")]
pub struct RunRefArgs {
    /// The run: its folder (ARCHIVE/runs/NAME, a path or URL), or its name with --archive. `report` takes a comparison
    /// likewise: ARCHIVE/comparisons/ID, or its id
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Archive that holds the run, where RUN is a name: a path, file:///… or s3://bucket/prefix
    #[arg(long, value_name = "URL", env = "REPLAYER_ARCHIVE")]
    pub archive: Option<String>,

    /// What the archive is encrypted with.
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// `replayer report`.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    #[command(flatten)]
    pub run: RunRefArgs,

    /// Also write the report as one self-contained HTML page
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,

    /// Print the run's document as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `replayer runs`.
#[derive(Args, Clone, Debug)]
pub struct RunsArgs {
    #[command(flatten)]
    pub archive: ArchiveArgs,

    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `replayer show`.
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    #[command(flatten)]
    pub run: RunRefArgs,

    /// The exchange, by its id as reports print it: 00c0ffee00c0ffee-12
    #[arg(value_name = "EXCHANGE")]
    pub exchange: ExchangeId,

    /// Show every line of both answers, not only those near a difference
    #[arg(long, help_heading = "Output")]
    pub whole: bool,

    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
