//! Replays a window of a Reprise archive against a test target and compares the answers.
//!
//! `replayer-core` decides, this crate acts. From the outside in:
//!
//! * [`cli`] is what was typed, `config` what is valid; a command takes nothing else.
//! * `plan`, `run` and `demo` are the commands; [`output`] prints results.
//! * `calibrate` measures what one machine can send.
//! * `guard` lets only test environments be sent to; `hooks` runs the user's commands around a run.
//! * `store` opens an archive, `fetch` finds and streams a window, `read` does so on a thread of its own.
//! * `resume` finds where a run goes on that was killed; `lease` says beforehand what may be sent.
//! * `follow` puts what is recorded just now in place of a window.
//! * `drive` is the one event loop: it asks the schedule what to do, hands requests to the lanes of `send`, and learns from
//!   them when an answer came.
//! * `compare` holds runs against each other; `replayer-core`'s `join`, `blame`, `noise` and `verdict` decide. `accept`
//!   writes down what somebody takes as it is, `suggest` proposes rules.
//! * [`run_store`] compares the answers and writes the run; `report`, `runs` and `show` read it, `run_ref` finds it.

mod accept;
mod calibrate;
pub mod cli;
mod clock;
mod compare;
mod config;
mod demo;
mod drive;
mod fetch;
mod follow;
mod guard;
mod hooks;
mod keys;
mod lease;
mod loopback;
mod open_files;
pub mod output;
mod plan;
mod progress;
mod read;
mod report;
mod resume;
mod run;
mod run_ref;
pub mod run_store;
mod runs;
mod select;
mod send;
mod show;
mod shutdown;
pub mod store;
mod suggest;
mod timer;
pub mod units;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use cli::{Cli, Command};
use resume::Begun;
use tracing_subscriber::EnvFilter;

/// Parses `args`, runs the command, and says how it went: 0 clean, 1 findings, 2 failed.
pub fn cli_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; anything else was typed wrongly.
            let code = if error.use_stderr() {
                ExitCode::from(2)
            } else {
                ExitCode::SUCCESS
            };
            let _closed_pipe = error.print();
            return code;
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    // One thread for the event loop and all connections: it never waits for a lock, and a second would only help beyond
    // some 50,000 requests a second. Reading and encoding have threads of their own.
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")
        .and_then(|runtime| runtime.block_on(run(cli)));
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}

/// Runs one command: code 0 if all is well, 1 if there are findings.
///
/// # Errors
/// If the command fails.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // Both TLS users, object_store and reqwest, ask for the process's provider. A second call finds it there.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    match cli.command {
        Command::Accept(args) => accept::accept(*args).await,
        Command::Calibrate(args) => Box::pin(calibrate::calibrate((*args).try_into()?)).await,
        Command::Compare(args) => Box::pin(compare::compare(*args)).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Follow(args) => {
            let json = args.json;
            match resume::follow_config(*args).await? {
                Begun::Run(config) => Box::pin(run::run(*config, shutdown::requested())).await,
                Begun::Ended(document) => run::print(&document, json),
            }
        }
        Command::Plan(args) => plan::plan((*args).try_into()?).await,
        Command::Report(args) => report::report(args).await,
        Command::Rules(args) => suggest::rules(args).await,
        Command::Runs(args) => runs::runs(args).await,
        Command::Show(args) => show::show(args).await,
        Command::Run(args) => {
            let json = args.json;
            match resume::config(*args).await? {
                Begun::Run(config) => Box::pin(run::run(*config, shutdown::requested())).await,
                Begun::Ended(document) => run::print(&document, json),
            }
        }
    }
}
