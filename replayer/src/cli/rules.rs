//! `replayer rules`: rules for comparisons.

use clap::{Args, Subcommand};

use super::RunRefArgs;

/// `replayer rules`.
#[derive(Args, Clone, Debug)]
pub struct RulesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// What to do with rules.
#[derive(Clone, Debug, Subcommand)]
pub enum RulesCommand {
    /// Propose rules from the divergences of a run, or the findings of a comparison, as a file that `--rules` reads
    Suggest(SuggestArgs),
}

/// `replayer rules suggest`.
#[derive(Args, Clone, Debug)]
pub struct SuggestArgs {
    #[command(flatten)]
    pub run: RunRefArgs,

    /// Print the proposals, and what is not proposed, as JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
