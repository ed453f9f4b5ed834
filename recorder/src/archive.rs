//! `recorder archive …`: what an archive holds, how whole it is, and what is done to it afterwards.
//!
//! * `list`: which segments there are, from listings alone, a day at a time.
//! * `ls`: the same for people. `coverage`: what the ledger says about a window.
//! * `check`: whether every segment is there and whole.
//! * `swap`: lets segments take the place of others, seen once by every reader. `record`: what is written down of it.
//! * `compact`: small segments become large ones, and what is one exchange becomes one row.
//! * `expire`: what is old enough goes. `forget`: what a person asked to erase goes.
//!
//! Everything here works on a store that others write to and read from meanwhile.

mod check;
mod compact;
mod coverage;
mod expire;
mod forget;
mod list;
mod ls;
mod record;
mod swap;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{ArchiveCommand, PlaceArgs};
use crate::config::{Config, SpoolConfig};
use crate::shutdown::Shutdown;
use crate::spool::{SyncPolicy, WhenFull};
use crate::store::{self, Archive};
use crate::{keys, output};

pub(crate) use record::{COMPACT, FORGET};

/// What a command found, ready to be printed.
#[derive(Debug)]
struct Found {
    text: String,
    json: serde_json::Value,
    /// Whether nothing is missing or damaged.
    complete: bool,
}

/// Does what was asked for, prints what was found, and gives the exit code.
pub(crate) fn main(command: ArchiveCommand) -> ExitCode {
    let args = command.output().clone();
    match run_until_signal(command) {
        Ok(found) => {
            let text = match (args.json, args.quiet) {
                (true, _) => format!("{:#}\n", found.json),
                (false, true) => String::new(),
                (false, false) => found.text,
            };
            output::report(&text, found.complete)
        }
        Err(error) => output::failure(&error),
    }
}

/// Runs on a runtime of its own until done, or until told to stop: then it ends between two requests to the store.
fn run_until_signal(command: ArchiveCommand) -> anyhow::Result<Found> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let shutdown = Shutdown::new().context("cannot catch signals")?;
        tokio::select! {
            found = run(command) => found,
            () = shutdown.requested() => Err(anyhow!("interrupted; run it again to go on")),
        }
    })
}

async fn run(command: ArchiveCommand) -> anyhow::Result<Found> {
    match command {
        ArchiveCommand::Ls(args) => ls::run(&open(&args.place)?, &args).await,
        ArchiveCommand::Coverage(args) => coverage::run(&open(&args.place)?, &args.window).await,
        ArchiveCommand::Check(args) => check::run(&open(&args.place)?, &args).await,
        ArchiveCommand::Compact(args) => compact::run(&open(&args.place)?, &args).await,
        ArchiveCommand::Expire(args) => expire::run(&open(&args.place)?, &args).await,
        ArchiveCommand::Forget(args) => {
            let archive = open(&args.place)?;
            if let Some(spool) = args.spool.as_ref().filter(|_| !args.dry_run) {
                publish_spool(&args.place, spool).await?;
            }
            forget::run(&archive, &args).await
        }
    }
}

/// Publishes what a spool holds, as `recorder read --spool` does without captures.
async fn publish_spool(place: &PlaceArgs, folder: &std::path::Path) -> anyhow::Result<()> {
    let mut config = Config::read(Vec::new(), &place.archive)?;
    config.progress = false;
    config.keys = keys::load(&place.keys.key_file)?;
    config.spool = Some(SpoolConfig {
        folder: folder.to_owned(),
        bytes_max: u64::MAX,
        when_full: WhenFull::Stop,
        sync: SyncPolicy::None,
        keep_bytes: 0,
    });
    let published = crate::run(config, std::future::pending()).await;
    published
        .with_context(|| format!("cannot publish what the spool `{}` holds", folder.display()))?;
    Ok(())
}

fn open(place: &PlaceArgs) -> anyhow::Result<Archive> {
    let url = store::archive_url(&place.archive).map_err(|error| anyhow!("--archive: {error}"))?;
    Archive::open_existing(&url, &keys::load(&place.keys.key_file)?)
}

/// A bar over so many bytes, if it is wanted and standard error is a terminal.
fn bar(wanted: bool, bytes: u64) -> ProgressBar {
    if !wanted || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{bar:30} {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is correct");
    ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr()).with_style(style)
}
