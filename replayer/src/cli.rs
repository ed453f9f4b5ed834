//! The command line as typed; `config` makes sense of it. One file a command under `cli/`, and one for each group
//! of flags that commands share.

mod accept;
mod archive;
mod calibrate;
mod compare;
mod correlate;
mod filter;
mod follow;
mod going_on;
mod judging;
mod pace;
mod plan;
mod report;
mod rewrite;
mod rules;
mod run;
mod target;
mod typed;
mod window;

use clap::{Parser, Subcommand};

pub use crate::demo::{Build, DemoArgs};
pub use accept::{AcceptArgs, WhichArgs};
pub use archive::{ArchiveArgs, KeyArgs};
pub use calibrate::CalibrateArgs;
pub use compare::{CompareArgs, FailOnArg, GatesArgs, PresetArg, RulesFileArgs, SidesArgs};
pub use correlate::CorrelateArgs;
pub use filter::FilterArgs;
pub use follow::{FollowArgs, FollowPaceArgs, LiveSourceArgs};
pub use going_on::{GoingOnArgs, SendAgainArg};
pub use judging::JudgingArgs;
pub use pace::{FlowArgs, OrderArg, PaceArgs, PaceFlags, WhenBehindArg};
pub use plan::PlanArgs;
pub use report::{ReportArgs, RunRefArgs, RunsArgs, ShowArgs};
pub use rewrite::RewriteArgs;
pub use rules::{RulesArgs, RulesCommand, SuggestArgs};
pub use run::RunArgs;
pub use target::{HttpVersionArg, TargetArgs};
pub use typed::Typed;
pub use window::{CalendarArg, WindowArgs};

/// Replays a window of a Reprise archive against a test target and compares the answers.
///
/// Exit codes: 0 done and everything matched; 1 finished, and differences or an incomplete input were found; 2 failed.
#[derive(Debug, Parser)]
#[command(name = "replayer", version, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what a replay of a window would send, and how whole the recording is
    Plan(Box<PlanArgs>),
    /// Measure what this machine can send, and say how many machines a window needs
    ///
    /// Without --target it is measured against a server on loopback that answers at once: the most that this machine can send.
    Calibrate(Box<CalibrateArgs>),
    /// Replay a window against a target, compare the answers with the recorded ones, and write a run
    Run(Box<RunArgs>),
    /// Replay what is recorded while it is, from a recorder's live stream or from an archive that grows
    Follow(Box<FollowArgs>),
    /// Hold a new build's run against an old build's, and say what the refactor changed
    Compare(Box<CompareArgs>),
    /// Accept differences that a comparison found, in a file that lives in version control
    Accept(Box<AcceptArgs>),
    /// Propose rules for comparisons
    Rules(RulesArgs),
    /// Say what a run found, and write it as an HTML page
    Report(ReportArgs),
    /// List the runs of an archive
    Runs(RunsArgs),
    /// Show one exchange of a run: the recorded and the actual answer side by side
    Show(ShowArgs),
    /// Record a bundled capture, replay it against two builds of a bundled service, and report
    Demo(DemoArgs),
}
