//! The one place that writes to standard output and standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::cli::OutputArgs;
use crate::summary::{Outcome, Summary};

/// Failed: the message says what, where and what to do.
const FAILED: u8 = 2;
/// Finished, but the input was incomplete.
const INCOMPLETE: u8 = 1;

/// Sends logs to standard error, those of `RECORDER_LOG` (default `warn`, and `info` for a program that runs on). What runs
/// on writes JSON where no one looks on.
pub(crate) fn init_logs(runs_on: bool) {
    let default = if runs_on { "info" } else { "warn" };
    let filter =
        EnvFilter::try_from_env("RECORDER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let terminal = io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(terminal)
        .with_writer(io::stderr);
    // A second program in the same process may have set up logs already; then its choice stands.
    let _ = if runs_on && !terminal {
        logs.json().flatten_event(true).try_init()
    } else {
        logs.try_init()
    };
}

/// Prints what the command line's parser has to say, which may be the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    }
}

/// Prints the result of a recording and says which exit code it means.
pub(crate) fn summary(summary: &Summary, args: &OutputArgs) -> ExitCode {
    let text = match (args.json, args.quiet) {
        (true, _) => summary.json() + "\n",
        (false, true) => String::new(),
        (false, false) => summary.text(),
    };
    // Nobody reads on, as in `recorder read … | head`: that is no failure of the recording.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    match summary.outcome {
        Outcome::Complete => ExitCode::SUCCESS,
        Outcome::Incomplete => ExitCode::from(INCOMPLETE),
    }
}

/// Prints what a command of `recorder archive` found and says which exit code it means.
pub(crate) fn report(text: &str, complete: bool) -> ExitCode {
    // As for a summary.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCOMPLETE)
    }
}

/// How many columns a line on standard output may have: the terminal's; elsewhere what `COLUMNS` says, or 100.
pub(crate) fn width() -> usize {
    if let Some((width, _)) = terminal_size::terminal_size_of(io::stdout()) {
        return width.0.into();
    }
    let columns = std::env::var("COLUMNS").ok();
    columns
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(100)
}

/// Prints why the program failed, in one line.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    let mut line = String::from("recorder: ");
    for (i, cause) in error.chain().enumerate() {
        let cause = cause.to_string().replace(['\n', '\r'], " ");
        // Libraries repeat their sources in their own text; each thing is said once.
        if !line.contains(&cause) {
            line.push_str(if i == 0 { "" } else { ": " });
            line.push_str(&cause);
        }
    }
    line.push('\n');
    let _ = io::stderr().lock().write_all(line.as_bytes());
    ExitCode::from(FAILED)
}
