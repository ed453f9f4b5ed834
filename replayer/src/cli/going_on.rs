//! Going on with a run that was broken off: what `run` and `follow` share.

use clap::{Args, ValueEnum};

/// Which run goes on, and what it sends again.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Going on after a kill")]
pub struct GoingOnArgs {
    /// Go on with this run, which was broken off, with the flags that it was begun with
    #[arg(long, value_name = "RUN", conflicts_with = "run")]
    pub resume: Option<String>,

    /// Go on with the run --run if it was begun before, or begin it: what a job or service that may be started again wants
    #[arg(long, requires = "run", conflicts_with = "resume")]
    pub resume_if_begun: bool,

    /// Which requests are sent again that may have been sent when the run was killed; the others are skipped as in_doubt
    #[arg(long, value_name = "WHICH", default_value = "idempotent")]
    pub send_again: SendAgainArg,
}

/// Which requests are sent again that may have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SendAgainArg {
    /// Nothing
    None,
    /// Methods that change nothing: GET, HEAD, OPTIONS, TRACE, …
    Safe,
    /// These, PUT and DELETE: sent twice they do what they do once
    Idempotent,
    /// Everything, also POST and PATCH: some orders may be placed twice
    All,
}
