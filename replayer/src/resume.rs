//! A run that goes on after it was killed: its flags, and where it stands.

mod options;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use replayer_core::Limits;
use replayer_core::checkpoint::{Position, Resumption};
use replayer_core::correlate::Learned;
use replayer_core::shard::Shard;
use replayer_core::window::Span;
use schema::run::{RunDocument, RunResumption, RunState};
use schema::{Exchange, Projection, Table, TimeWindow, Timestamp};

use crate::cli::{Cli, Command, FollowArgs, KeyArgs, RunArgs, RunRefArgs, Typed};
use crate::config::RunConfig;
use crate::fetch::{ExchangeStream, Segment, segments};
use crate::keys;
use crate::lease::Leases;
use crate::read::Resume;
use crate::run_ref::RunRef;
use crate::run_store::{Begun as BegunRun, RunPlace, clear_divergences, parts};
use crate::store::Archive;
use crate::{config, store};

pub(crate) use options::{file_hashes, stored};

/// How long before it was left a run that follows may get exchanges again: from a stream, or from the archive.
const COMES_AGAIN: Duration = Duration::from_secs(3_600);

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Begun {
    /// Begin a run, or go on with one.
    Run(Box<RunConfig>),
    /// Nothing: the run has come to its end before.
    Ended(Box<RunDocument>),
}

/// What was typed of a run that may go on.
#[derive(Clone, Copy, Debug)]
struct Typing<'a> {
    command: &'static str,
    archive: &'a str,
    keys: &'a KeyArgs,
    shard: Option<u32>,
    resume: Option<&'a str>,
    /// The name that a run goes on under if it was begun before.
    if_begun: Option<&'a str>,
    typed: &'a Typed,
}

/// How a run is to be taken that may have been begun before.
enum Left {
    /// Nobody has begun it.
    Fresh,
    GoesOn(Box<RunDocument>),
    Ended(Box<RunDocument>),
}

/// What was typed, made sense of; of a run that goes on, with the flags that it was begun with.
///
/// # Errors
/// If the flags are wrong, there is no such run, it has finished, or a flag contradicts it.
pub(crate) async fn config(args: RunArgs) -> anyhow::Result<Begun> {
    let typing = Typing {
        command: "run",
        archive: &args.archive.archive,
        keys: &args.archive.keys,
        shard: config::shard(&args)?.map(Shard::index),
        resume: args.going_on.resume.as_deref(),
        if_begun: args
            .run
            .as_deref()
            .filter(|_| args.going_on.resume_if_begun),
        typed: &args.typed,
    };
    match typing.left().await? {
        Left::Fresh => fresh(args).await,
        Left::GoesOn(document) => Ok(Begun::Run(Box::new(typing.going_on(*document)?))),
        Left::Ended(document) => Ok(Begun::Ended(document)),
    }
}

/// The same of a run that follows a recording.
///
/// # Errors
/// As [`config()`].
pub(crate) async fn follow_config(args: FollowArgs) -> anyhow::Result<Begun> {
    let archive = config::follow_archive(&args.source)?;
    let typing = Typing {
        command: "follow",
        archive: &archive,
        keys: &args.source.keys,
        shard: None,
        resume: args.going_on.resume.as_deref(),
        if_begun: args
            .run
            .as_deref()
            .filter(|_| args.going_on.resume_if_begun),
        typed: &args.typed,
    };
    match typing.left().await? {
        Left::Fresh => Ok(Begun::Run(Box::new(config::follow(args)?))),
        Left::GoesOn(document) => Ok(Begun::Run(Box::new(typing.going_on(*document)?))),
        Left::Ended(document) => Ok(Begun::Ended(document)),
    }
}

/// A run that is begun; a part of one, over the window that the first of them found.
async fn fresh(args: RunArgs) -> anyhow::Result<Begun> {
    let mut config = RunConfig::try_from(args)?;
    if let (Some(_), Some(name)) = (config.shard, &config.run) {
        let store = store::open(&config.selection.archive, &config.selection.keys)?;
        if let Some(whole) = parts::read(&store, &RunPlace::new(name, None)).await? {
            config.selection.span = Span::Between {
                from: Some(whole.source.from),
                to: Some(whole.source.to),
            };
        }
    }
    Ok(Begun::Run(Box::new(config)))
}

impl Typing<'_> {
    /// The run that is meant, as it was left.
    async fn left(&self) -> anyhow::Result<Left> {
        if let Some(name) = self.resume {
            return Ok(Left::GoesOn(Box::new(self.named(name).await?)));
        }
        let Some(name) = self.if_begun else {
            return Ok(Left::Fresh);
        };
        let store = store::open(self.archive, &keys::load(&self.keys.key_file)?)?;
        let document = parts::read(&store, &RunPlace::new(name, self.shard)).await?;
        Ok(match document.map(Box::new) {
            Some(document) if document.state == RunState::Finished => Left::Ended(document),
            Some(document) => Left::GoesOn(document),
            None => Left::Fresh,
        })
    }

    /// The run `name` as it was left, or the part of it that is this machine's.
    async fn named(&self, name: &str) -> anyhow::Result<RunDocument> {
        let run = RunRef::find(&RunRefArgs {
            run: name.to_owned(),
            archive: Some(self.archive.to_owned()),
            keys: self.keys.clone(),
        })?;
        let name = &run.name;
        let document = match self.shard {
            None => run.document().await?,
            Some(index) => {
                let place = RunPlace::new(name, self.shard);
                let part = parts::read(&run.store, &place).await?;
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
    fn going_on(&self, document: RunDocument) -> anyhow::Result<RunConfig> {
        let name = &document.run;
        let program = program();
        if document.program != program {
            bail!(
                "run {name} was begun by {}, and this is {program}: go on with the same version",
                document.program
            );
        }
        let command = match document.follow {
            Some(_) => "follow",
            None => "run",
        };
        if command != self.command {
            bail!("run {name} was begun by `replayer {command}`: go on with that");
        }
        let arguments = options::arguments(self.typed, &document)?;
        let command = ["replayer", command].map(str::to_owned);
        let parsed = Cli::try_parse_from(command.into_iter().chain(arguments))
            .with_context(|| format!("read the flags that run {name} was begun with"))?;
        let mut config = match parsed.command {
            Command::Run(args) => RunConfig::try_from(*args)?,
            Command::Follow(args) => config::follow(*args)?,
            _ => bail!("run {name} was begun with no flags that this program knows"),
        };
        // Restoring a database now would undo what the run has done to it.
        config.hooks.before = None;
        config.selection.span = Span::Between {
            from: Some(document.source.from),
            to: Some(document.source.to),
        };
        if let (Some(follow), Some(known)) = (&mut config.follow, &document.follow) {
            follow.from = Some(document.source.from);
            (follow.to, follow.span) = (known.until, None);
        }
        if config.shard.map(Shard::index) != document.shard {
            bail!("run {name} was begun in {} parts", document.shards);
        }
        config.run = Some(document.run.clone());
        config.resume = Some(Box::new(document));
        Ok(config)
    }
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
    /// What it had learned from answers.
    pub(crate) learned: Option<Learned>,
}

/// Takes the run that `document` describes, and finds out how it stands.
///
/// # Errors
/// If its files cannot be read or written.
pub(crate) async fn take(
    store: &Archive,
    mut document: RunDocument,
    config: &RunConfig,
    holder: String,
    now: Timestamp,
) -> anyhow::Result<Found> {
    let place = RunPlace::of(&document);
    let checkpoint = parts::read_checkpoint(store, &place).await?;
    let settled = checkpoint.as_ref().and_then(|checkpoint| checkpoint.lease);
    let leases = Leases::take(store.clone(), place.leases(), holder, settled).await?;
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
    let segments = written(store, &place).await?;
    let next = segments.iter().map(|segment| segment.key.sequence() + 1);
    files.segments = next.max().unwrap_or(0).max(files.segments);
    let (stored, stored_from) = match config.follow {
        Some(_) => stored_since(store, &segments, &resumption, config.limits).await?,
        None => (Vec::new(), Timestamp::MIN),
    };
    let answered = answered(store, segments, files.claim_from, &resumption).await?;
    files.unclaimed = answered.len() as u64;
    clear_divergences(store, &place, files.divergences).await?;

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
            stored,
            stored_from,
        },
        leases,
        learned: parts::read_learned(store, &place).await?,
    })
}

/// The segments that the run has published.
async fn written(store: &Archive, place: &RunPlace) -> anyhow::Result<Vec<Segment>> {
    let table = Table::RunExchanges(place.run().to_owned());
    let mut segments = segments(store, &table, TimeWindow::ALL).await?;
    segments.retain(|segment| *segment.key.recorder() == place.writer());
    Ok(segments)
}

/// Rows of the segments from number `from` on that are in no report yet.
async fn answered(
    store: &Archive,
    mut segments: Vec<Segment>,
    from: u64,
    resumption: &Resumption,
) -> anyhow::Result<HashMap<Position, Exchange>> {
    segments.retain(|segment| segment.key.sequence() >= from);
    let mut rows = ExchangeStream::new(
        store.clone(),
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

/// Of a run that follows: what is stored and may come again, the newest if there is more than can be remembered; and up to
/// when it was recorded what is not all among it.
async fn stored_since(
    store: &Archive,
    segments: &[Segment],
    resumption: &Resumption,
    limits: Limits,
) -> anyhow::Result<(Vec<Position>, Timestamp)> {
    let standing = &resumption.standing;
    // One that came late is older than others that are settled.
    let after = standing.cursor.after.map(|after| {
        let open = standing.open.iter().map(|position| position.recorded);
        open.fold(after.recorded, Timestamp::min)
    });
    let from = after.map_or(Timestamp::MIN, |after| after.saturating_sub(COMES_AGAIN));
    let mut floor = from;
    // Nothing is sent before it was recorded.
    let segments = segments.iter().filter(|segment| segment.key.end() >= from);
    let mut rows = ExchangeStream::new(
        store.clone(),
        segments.cloned().collect::<Vec<_>>(),
        TimeWindow::ALL,
        Projection::Summary,
        limits,
    );
    let mut stored = VecDeque::new();
    while let Some(exchange) = rows.next().await? {
        let Some(replay) = &exchange.replay else {
            continue;
        };
        stored.push_back(Position {
            pass: replay.pass,
            recorded: replay.recorded_start,
            exchange: exchange.id(),
        });
        if stored.len() > limits.remembered_max {
            let dropped = stored.pop_front().map(|position| position.recorded);
            floor = floor.max(dropped.unwrap_or(floor));
        }
    }
    Ok((stored.into(), floor))
}

#[cfg(test)]
mod tests;
