//! The `recorder` program around `recorder-core`: files, threads, the object store, the command line.
//!
//! ```text
//! capture ─Frame→ Pipeline ─Batch→ queue ─→ recording: spool, writer ─→ upload ─→ archive
//!                shard: one thread   bounded   one thread               tokio
//! ```
//!
//! * [`cli`]: what was typed; [`Config`]: the same, checked.
//! * [`Listener`]: the same from sockets, live; `listen` has a map of its own.
//! * `capture`: pcap and pcapng, decompressed and merged by time.
//! * `shard`: the thread that reads and runs the pipeline; `outlet`: what leaves it.
//! * `recording`: the thread that takes what shards have, of captures and live; `queue`: what lies between.
//! * `live`: what is recorded, for subscribers over HTTP.
//! * `spool`: what was recorded, on this machine's disk until the archive has it.
//! * `writer`: which segment an exchange goes into, and when it is cut.
//! * `upload`: publishes segments, never twice; `publish`: which ones; `store`: where an archive is.
//! * `archive`: what an archive holds and how whole it is, and what is done to it afterwards.
//! * [`Summary`]: what was done, and what to do about what is missing.
//!
//! Without a spool, a full archive store slows reading down: at most two sealed segments wait for it. With one, reading goes on
//! until the spool is full.

#![warn(missing_docs)]

mod archive;
mod capture;
pub mod cli;
mod clock;
mod config;
mod keys;
mod listen;
mod live;
mod outlet;
mod output;
mod progress;
mod publish;
mod queue;
mod recording;
mod shard;
mod shutdown;
mod spool;
mod store;
mod summary;
#[cfg(test)]
mod testing;
pub mod units;
mod upload;
mod writer;

use std::ffi::OsString;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Parser as _;
use recorder_core::{Pipeline, RuleWatch, Selection};
use schema::{RecorderId, SegmentOptions};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::progress::Progress;
use crate::publish::Outgoing;
use crate::queue::Queue;
use crate::recording::{Destination, Recorded, Recording};
use crate::shard::{Done, Shard, Shared};
use crate::shutdown::Shutdown;
use crate::spool::Spool;
use crate::store::Archive;
use crate::summary::{About, Spooled};
use crate::upload::{Left, Uploader};

pub use capture::Captures;
pub use config::{Config, ConfigError, SpoolConfig};
pub use listen::{Bound, Listen, ListenLimits, Listener, Shed};
pub use live::{Live, Token, TokenError};
pub use spool::{Replayed, SyncPolicy, WhenFull};
pub use summary::{
    Connections, Frames, Gaps, IncompleteFile, LeftOut, Outcome, PayloadBytes, RedactedBy,
    RuleMatches, SpoolSummary, Summary, Tables, TlsServer,
};
pub use upload::Segments;

/// Bytes of exchanges that a shard that reads captures may have handed over and that are not written.
const QUEUE_BYTES: usize = 4 << 20;

/// How often progress is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The whole program: reads the command line, runs it, prints the result, and gives the exit code.
pub fn cli_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match cli::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    output::init_logs(matches!(cli.command, cli::Command::Listen(_)));
    if let cli::Command::Archive(command) = cli.command {
        return archive::main(*command);
    }
    let args = cli.output().clone();
    let result = Config::try_from(cli)
        .map_err(anyhow::Error::new)
        .and_then(run_until_signal);
    match result {
        Ok(summary) => output::summary(&summary, &args),
        Err(error) => output::failure(&error),
    }
}

/// Runs on a runtime of its own until done or told to stop.
fn run_until_signal(config: Config) -> anyhow::Result<Summary> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let summary = runtime.block_on(async {
        let shutdown = Shutdown::new().context("cannot catch signals")?;
        Box::pin(run(config, shutdown.requested())).await
    });
    // A thread that waits for standard input would be waited for.
    runtime.shutdown_background();
    summary
}

/// Records captures until they end, or live traffic, into an archive until `shutdown` is ready, and says what was done.
///
/// # Errors
/// If a file is no capture, an address cannot be had, an archive cannot be written, or nothing that was given can be read.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> anyhow::Result<Summary> {
    if config.listen.is_some() {
        // On the heap, so that recording captures does not carry it along.
        let listener = Box::pin(Listener::bind(config)).await?;
        return Box::pin(listener.run(shutdown)).await;
    }
    let started = Instant::now();
    let mut shutdown = std::pin::pin!(shutdown);
    let captures = open_captures(&config, shutdown.as_mut()).await?;
    let archive = Archive::open(&config.archive, &config.keys)?;
    let spool = match &config.spool {
        Some(options) => Some(Spool::open(
            options.clone(),
            &config.keys,
            config.recorder.as_ref(),
            None,
        )?),
        None => None,
    };
    let recorder = match (&spool, &config.recorder) {
        (Some(spool), _) => spool.recorder().clone(),
        (None, Some(recorder)) => recorder.clone(),
        (None, None) => captures.derived_id(),
    };
    let shown = archive.shown.clone();
    let mut uploader = Uploader::new(
        archive,
        recorder.clone(),
        config.retry_for,
        config.allow_unconditional,
    );
    let shared = Arc::new(Shared::default());
    let total = captures.bytes_total();
    let progress = Progress::new(
        config.progress,
        total,
        captures.progress(),
        Arc::clone(&shared),
    );
    let (destination, mut outgoing) = Outgoing::new(spool);
    outgoing.probe(&uploader).await?;
    let threads = start(
        &config,
        captures,
        &recorder,
        destination,
        Arc::clone(&shared),
    )?;

    let upload = outgoing.publish(&mut uploader, |_| {});
    let done = supervise(upload, threads, shutdown, &shared, &progress).await;
    progress.clear();
    let (done, recorded, left) = done?;
    if outgoing.folder().is_none() {
        uploader.finish()?;
    }
    check_readable(&done)?;
    let about = About {
        recorder: &recorder,
        archive: &shown,
        redaction: config.options.redaction.as_ref(),
        took: started.elapsed(),
        spool: outgoing.folder().map(|folder| Spooled {
            folder,
            recorded,
            left,
        }),
    };
    Ok(Summary::new(&about, done, uploader.published()))
}

/// Opens the captures, which may wait for the first packet, until `shutdown` is ready.
async fn open_captures(
    config: &Config,
    shutdown: Pin<&mut impl Future<Output = ()>>,
) -> anyhow::Result<Captures> {
    let files = config.files.clone();
    let captures = tokio::select! {
        biased;
        () = shutdown => bail!("interrupted before the first packet; nothing was written"),
        captures = tokio::task::spawn_blocking(move || Captures::open(&files)) => captures,
    };
    captures.context("looking into the captures panicked")?
}

/// A capture of which nothing can be read was a mistake.
fn check_readable(done: &Done) -> anyhow::Result<()> {
    let unreadable: u64 = done.report.unsupported.values().sum();
    if unreadable > 0 && unreadable == done.counters.ledger.frames {
        let links: Vec<_> = done.report.unsupported.keys().map(u32::to_string).collect();
        bail!(
            "no frame can be read: link type {} is not supported; capture on an Ethernet, raw IP, Linux cooked (any) or \
             loopback interface",
            links.join(", ")
        );
    }
    Ok(())
}

/// The threads that record, by what they give at their end.
struct Threads {
    shard: oneshot::Receiver<anyhow::Result<Done>>,
    recording: oneshot::Receiver<anyhow::Result<Recorded>>,
}

/// Starts the shard's thread and the one that takes what it records.
fn start(
    config: &Config,
    captures: Captures,
    recorder: &RecorderId,
    destination: Destination,
    shared: Arc<Shared>,
) -> anyhow::Result<Threads> {
    let options = segment_options(config, recorder);
    let (queue, batches) = Queue::new(QUEUE_BYTES);
    let recording = Recording::new(options, config.rotation, destination);
    let shard = Shard {
        captures,
        pipeline: Pipeline::new(config.limits.clone(), config.options.clone()),
        batches: queue.sender(),
        redaction: config.options.redaction.clone(),
        watch: RuleWatch::default(),
        shared,
    };
    Ok(Threads {
        recording: thread("recording", move || recording.run(batches))?,
        shard: thread("shard", move || shard.run())?,
    })
}

/// Starts a thread; the channel gives what it returns.
fn thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<oneshot::Receiver<T>> {
    let (sender, done) = oneshot::channel();
    let work = move || {
        // Nobody waits for the result only where the program is ending anyway.
        let _ = sender.send(work());
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .with_context(|| format!("cannot start the thread `{name}`"))?;
    Ok(done)
}

/// What segments of this recording are made with.
fn segment_options(config: &Config, recorder: &RecorderId) -> SegmentOptions {
    SegmentOptions {
        recorder: recorder.clone(),
        writer: concat!("recorder ", env!("CARGO_PKG_VERSION")).to_owned(),
        zstd_level: config.zstd_level,
        spool: None,
        sampling: sampling(&config.options.selection),
        redaction: config.options.redaction.as_ref().map(ToString::to_string),
        replayed: false,
        keys: config.keys.clone(),
    }
}

/// What a segment says about what was left out.
fn sampling(selection: &Selection) -> Option<String> {
    (!selection.takes_all()).then(|| selection.to_string())
}

/// The shell's one loop: uploads go on, progress is drawn, and a shutdown is passed on, until all is done.
async fn supervise(
    upload: impl Future<Output = anyhow::Result<Left>>,
    threads: Threads,
    mut shutdown: Pin<&mut impl Future<Output = ()>>,
    shared: &Shared,
    progress: &Progress,
) -> anyhow::Result<(Done, Recorded, Left)> {
    tokio::pin!(upload);
    let mut draw = tokio::time::interval(DRAW_EVERY);
    let mut stopping = false;
    let left = loop {
        tokio::select! {
            uploaded = &mut upload => break uploaded?,
            () = &mut shutdown, if !stopping => {
                stopping = true;
                shared.stop.store(true, Ordering::Relaxed);
                tracing::warn!("interrupted: publishing what was read; interrupt again to end at once");
            }
            _ = draw.tick() => progress.draw(),
        }
    };
    // The upload ends when the recording is done or has panicked, and that when the shard is.
    let panicked = |_| anyhow!("a thread panicked; its message is above");
    let recorded = threads.recording.await.map_err(panicked)??;
    let done = threads.shard.await.map_err(panicked)??;
    Ok((done, recorded, left))
}
