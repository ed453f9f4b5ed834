//! `replayer plan`.

use clap::Args;

use super::{ArchiveArgs, FilterArgs, WindowArgs};

/// `replayer plan`.
#[derive(Args, Clone, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    pub archive: ArchiveArgs,
    #[command(flatten)]
    pub window: WindowArgs,
    #[command(flatten)]
    pub filter: FilterArgs,

    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
