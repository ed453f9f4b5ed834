//! `replayer accept`: what somebody looked at and takes as it is.

use std::path::PathBuf;

use clap::Args;

use super::KeyArgs;

/// `replayer accept`.
#[derive(Args, Clone, Debug)]
pub struct AcceptArgs {
    /// The comparison: its folder (ARCHIVE/comparisons/ID, a path or URL), its id with --archive, or a file that `compare
    /// --json` printed
    #[arg(value_name = "COMPARISON", help_heading = "Accept")]
    pub comparison: String,

    /// Archive that holds the comparison, where COMPARISON is an id: a path, file:///… or s3://bucket/prefix
    #[arg(
        long,
        value_name = "URL",
        env = "REPLAYER_ARCHIVE",
        help_heading = "Accept"
    )]
    pub archive: Option<String>,

    /// What the archive is encrypted with.
    #[command(flatten)]
    pub keys: KeyArgs,

    /// Acceptance file to write; it is made if it is not there. What people typed into it stays as it is
    #[arg(long, value_name = "FILE", help_heading = "Accept")]
    pub accepted: PathBuf,

    #[command(flatten)]
    pub which: WhichArgs,

    /// Who accepts
    #[arg(long, value_name = "NAME", help_heading = "Acceptance")]
    #[arg(env = "REPLAYER_ACCEPTED_BY")]
    pub by: Option<String>,

    /// Why
    #[arg(long, value_name = "TEXT", help_heading = "Acceptance")]
    pub why: Option<String>,

    /// The last day of it, UTC; for ever if it is left out. Example: 2027-01-31
    #[arg(long, value_name = "DAY", help_heading = "Acceptance")]
    pub until: Option<String>,

    /// Print what was accepted, and what was marked as fixed, as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// What is accepted.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which differences")]
pub struct WhichArgs {
    /// A group of differences, by its id as `compare` prints it. May be given more than once
    #[arg(long, value_name = "ID")]
    pub group: Vec<String>,

    /// New and returned groups of these endpoints: a glob over `METHOD host /path/template`. May be given more than once
    #[arg(long, value_name = "GLOB")]
    pub endpoint: Vec<String>,

    /// Every new and returned group
    #[arg(long)]
    pub all: bool,

    /// Mark as fixed what the file accepts and the comparison did not find, at endpoints that it judged: if it comes back,
    /// it is `returned`, and fails
    #[arg(long)]
    pub mark_fixed: bool,
}
