//! A run that goes on after it was killed: its flags, and where it stands.

mod options;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use object_store::ObjectStore;
use replayer_core::Limits;
use replayer_core::checkpoint::{Position, Resumption};
use replayer_core::shard::Shard;
use replayer_core::window::Span;
use schema::run::{RunDocument, RunResumption, RunState};
use schema::{Exchange, Projection, Table, TimeWindow, Timestamp};

use crate::cli::{Cli, Command, RunArgs, RunRefArgs};
use crate::config::RunConfig;
use crate::fetch::{ExchangeStream, Segment, segments};
use crate::lease::Leases;
use crate::read::Resume;
use crate::run_ref::RunRef;
use crate::run_store::{Begun as BegunRun, RunPlace, clear_divergences, parts};
use crate::{config, store};

pub(crate) use options::{file_hashes, stored};

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Begun {
    /// Begin a run, or go on with one.
    Run(Box<RunConfig>),
    /// Nothing: the run has come to its end before.
    Ended(Box<RunDocument>),
}

/// What was typed, made sense of; of a run that goes on, with the flags that it was begun with.
///
/// # Errors
/// If the flags are wrong, there is no such run, it has finished, or a flag contradicts it.
pub(crate) async fn config(args: RunArgs) -> anyhow::Result<Begun> {
    let shard = config::shard(&args)?.map(Shard::index);
    let document = match (&args.resume, &args.run) {
        (Some(name), _) => left(&args, name, shard).await?,
        (None, Some(name)) if args.resume_if_begun => {
            let store = store::open(&args.archive.archive)?;
            match parts::read(&*store, &RunPlace::new(name, shard)).await? {
                Some(document) if document.state == RunState::Finished => {
                    return Ok(Begun::Ended(Box::new(document)));
                }
                Some(document) => document,
                None => return fresh(args).await,
            }
        }
        _ => return fresh(args).await,
    };
    going_on(&args, document).map(|config| Begun::Run(Box::new(config)))
}

/// A run that is begun; a part of one, over the window that the first of them found.
async fn fresh(args: RunArgs) -> anyhow::Result<Begun> {
    let mut config = RunConfig::try_from(args)?;
    if let (Some(_), Some(name)) = (config.shard, &config.run) {
        let store = store::open(&config.selection.archive)?;
        if let Some(whole) = parts::read(&*store, &RunPlace::new(name, None)).await? {
            config.selection.span = Span::Between {
                from: Some(whole.source.from),
                to: Some(whole.source.to),
            };
        }
    }
    Ok(Begun::Run(Box::new(config)))
}

/// The run `name` as it was left, or the part of it that is this machine's.
async fn left(args: &RunArgs, name: &str, shard: Option<u32>) -> anyhow::Result<RunDocument> {
    let run = RunRef::find(&RunRefArgs {
        run: name.to_owned(),
        archive: Some(args.archive.archive.clone()),
    })?;
    let name = &run.name;
    let document = match shard {
        None => run.document().await?,
        Some(index) => {
            let place = RunPlace::new(name, shard);
            let part = parts::read(&*run.store, &place).await?;
            part.with_context(|| format!("part {index} of run {name} was not begun"))?
        }
    };
    if document.state == RunState::Finished {
        bail!("run {name} has finished; there is nothing to go on with");
    }
    if document.shards > 0 && document.shard.is_none() {
        bail!(
            "run {name} is in {} parts: say which of them goes on with --shard I/{}",
            document.shards,
            document.shards
        );
    }
    Ok(document)
}

/// The config of the run that `document` describes.
fn going_on(args: &RunArgs, document: RunDocument) -> anyhow::Result<RunConfig> {
    let name = &document.run;
    let program = program();
    if document.program != program {
        bail!(
            "run {name} was begun by {}, and this is {program}: go on with the same version",
            document.program
        );
    }
    let arguments = options::arguments(&args.typed, &document)?;
    let command = ["replayer", "run"].map(str::to_owned);
    let parsed = Cli::try_parse_from(command.into_iter().chain(arguments))
        .with_context(|| format!("read the flags that run {name} was begun with"))?;
    let Command::Run(args) = parsed.command else {
        bail!("run {name} was begun with no flags that this program knows");
    };
    let mut config = RunConfig::try_from(*args)?;
    // Restoring a database now would undo what the run has done to it.
    config.hooks.before = None;
    config.selection.span = Span::Between {
        from: Some(document.source.from),
        to: Some(document.source.to),
    };
    if config.shard.map(Shard::index) != document.shard {
        bail!("run {name} was begun in {} parts", document.shards);
    }
    config.run = Some(document.run.clone());
    config.resume = Some(Box::new(document));
    Ok(config)
}

/// Name and version of this program, as documents have it.
pub(crate) fn program() -> String {
    format!("replayer {}", env!("CARGO_PKG_VERSION"))
}

/// A run as it is found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its document, as one that runs.
    pub(crate) document: RunDocument,
    /// For its writer.
    pub(crate) begun: BegunRun,
    /// For its reader; the config says what is sent again.
    pub(crate) resume: Resume,
    /// Its leases, which are this process's now.
    pub(crate) leases: Leases,
}

/// Takes the run that `document` describes, and finds out how it stands.
///
/// # Errors
/// If its files cannot be read or written.
pub(crate) async fn take(
    store: &Arc<dyn ObjectStore>,
    mut document: RunDocument,
    config: &RunConfig,
    holder: String,
    now: Timestamp,
) -> anyhow::Result<Found> {
    let place = RunPlace::of(&document);
    let checkpoint = parts::read_checkpoint(&**store, &place).await?;
    let settled = checkpoint.as_ref().and_then(|checkpoint| checkpoint.lease);
    let leases = Leases::take(Arc::clone(store), place.leases(), holder, settled).await?;
    let resumption = Resumption {
        standing: checkpoint
            .as_ref()
            .map(|checkpoint| checkpoint.standing.clone())
            .unwrap_or_default(),
        leased: leases.through(),
    };
    let mut files = checkpoint
        .as_ref()
        .map(|checkpoint| checkpoint.files)
        .unwrap_or_default();
    let segments = written(&**store, &place).await?;
    let next = segments.iter().map(|segment| segment.key.sequence() + 1);
    files.segments = next.max().unwrap_or(0).max(files.segments);
    let answered = answered(store, segments, files.claim_from, &resumption).await?;
    files.unclaimed = answered.len() as u64;
    clear_divergences(&**store, &place, files.divergences).await?;

    document.resumed.push(RunResumption {
        at: now.to_micros_precision(),
        after: document.state,
        send_again: config
            .options
            .get("send-again")
            .map_or_else(|| "idempotent".to_owned(), |values| values.concat()),
    });
    document.state = RunState::Running;
    document.finished_at = None;
    document.conclusion = None;
    document.report.schedule.held_back = checkpoint
        .as_ref()
        .map_or(0, |checkpoint| checkpoint.held_back);
    Ok(Found {
        document,
        begun: BegunRun { checkpoint, files },
        resume: Resume {
            resumption,
            send_again: config.send_again,
            answered,
        },
        leases,
    })
}

/// The segments that the run has published.
async fn written(store: &dyn ObjectStore, place: &RunPlace) -> anyhow::Result<Vec<Segment>> {
    let table = Table::RunExchanges(place.run().to_owned());
    let mut segments = segments(store, &table, TimeWindow::ALL).await?;
    segments.retain(|segment| *segment.key.recorder() == place.writer());
    Ok(segments)
}

/// Rows of the segments from number `from` on that are in no report yet.
async fn answered(
    store: &Arc<dyn ObjectStore>,
    mut segments: Vec<Segment>,
    from: u64,
    resumption: &Resumption,
) -> anyhow::Result<HashMap<Position, Exchange>> {
    segments.retain(|segment| segment.key.sequence() >= from);
    let mut rows = ExchangeStream::new(
        Arc::clone(store),
        segments,
        TimeWindow::ALL,
        Projection::All,
        Limits::default(),
    );
    let mut answered = HashMap::new();
    while let Some(exchange) = rows.next().await? {
        let Some(replay) = &exchange.replay else {
            continue;
        };
        let position = Position {
            pass: replay.pass,
            recorded: replay.recorded_start,
            exchange: exchange.id(),
        };
        if resumption.status(&position) != replayer_core::checkpoint::Status::Settled {
            answered.insert(position, *exchange);
        }
    }
    Ok(answered)
}
