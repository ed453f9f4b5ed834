//! Which exchanges of the window.

use clap::Args;
use replayer_core::filter::HeaderPattern;
use schema::{SampleBy, StatusRange};

/// Which exchanges of the window.
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

    /// Path without the query; * stops at a slash, ** does not. Example: /api/**
    #[arg(long, value_name = "GLOB")]
    pub path: Vec<String>,

    /// Path to leave out
    #[arg(long, value_name = "GLOB")]
    pub exclude_path: Vec<String>,

    /// Recorded status: 404, 5xx or 200-299
    #[arg(long, value_name = "STATUS")]
    pub status: Vec<StatusRange>,

    /// Request header whose value matches; repeated, every one has to. Example: user-agent=*Mobile*
    #[arg(long, value_name = "NAME=GLOB")]
    pub header: Vec<HeaderPattern>,

    /// Share of the traffic, the same on each run and each machine. Example: 10%
    #[arg(long, value_name = "SHARE", value_parser = schema::parse_share)]
    pub sample: Option<f64>,

    /// What is kept together when sampling: client-ip, connection, header:NAME or cookie:NAME
    #[arg(
        long,
        value_name = "KEY",
        default_value = "connection",
        requires = "sample"
    )]
    pub sample_by: SampleBy,
}
