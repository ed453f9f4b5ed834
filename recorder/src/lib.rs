//! The `recorder` program around `recorder-core`: files, threads, the object store, the command line.
//!
//! ```text
//! capture ─Frame→ Pipeline ─Exchange, LedgerRow→ writer ─Sealed→ upload ─→ archive
//!                shard: one thread              bounded channel   tokio
//! ```
//!
//! * [`cli`]: what was typed; [`Config`]: the same, checked.
//! * [`Listener`]: the same from sockets, live; `listen` has a map of its own.
//! * `capture`: pcap and pcapng, decompressed and merged by time.
//! * `shard`: the thread that reads, runs the pipeline and fills segments.
//! * `writer`: which segment an exchange goes into, and when it is cut.
//! * `upload`: publishes segments, never twice; `store`: where an archive is.
//! * [`Summary`]: what was done, and what to do about what is missing.
//!
//! A full archive store slows reading down: at most two sealed segments wait for it.

#![warn(missing_docs)]

mod capture;
pub mod cli;
mod config;
mod listen;
mod outlet;
mod output;
mod progress;
mod shard;
mod shutdown;
mod store;
mod summary;
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
use recorder_core::{Pipeline, Selection};
use schema::{RecorderId, SegmentOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::progress::Progress;
use crate::shard::{Done, Shard, Shared};
use crate::shutdown::Shutdown;
use crate::store::Archive;
use crate::summary::About;
use crate::upload::Uploader;
use crate::writer::{Sealed, Writer};

pub use capture::Captures;
pub use config::{Config, ConfigError};
pub use listen::{Bound, Listen, ListenLimits, Listener, Shed};
pub use summary::{
    Connections, Frames, Gaps, IncompleteFile, LeftOut, Outcome, PayloadBytes, Summary, Tables,
    TlsServer,
};
pub use upload::Segments;

/// Sealed segments that wait for the uploader, beside the one that it is at.
const SEALED_WAITING: usize = 1;

/// How often progress is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The whole program: reads the command line, runs it, prints the result, and gives the exit code.
pub fn cli_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match cli::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    output::init_logs(matches!(cli.command, cli::Command::Listen(_)));
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
        run(config, shutdown.requested()).await
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
        return Listener::bind(config).await?.run(shutdown).await;
    }
    let started = Instant::now();
    let mut shutdown = std::pin::pin!(shutdown);
    let files = config.files.clone();
    let captures = tokio::select! {
        biased;
        () = &mut shutdown => bail!("interrupted before the first packet; nothing was written"),
        captures = tokio::task::spawn_blocking(move || Captures::open(&files)) => captures,
    };
    let captures = captures.context("looking into the captures panicked")??;
    let archive = Archive::open(&config.archive)?;
    let recorder = match &config.recorder {
        Some(recorder) => recorder.clone(),
        None => captures.derived_id(),
    };
    let shown = archive.shown.clone();
    let mut uploader = Uploader::new(archive, recorder.clone(), config.retry_for);
    let shared = Arc::new(Shared::default());
    let total = captures.bytes_total();
    let progress = Progress::new(
        config.progress,
        total,
        captures.progress(),
        Arc::clone(&shared),
    );
    let (segments, mut sealed) = mpsc::channel(SEALED_WAITING);
    let done = start(&config, captures, &recorder, segments, Arc::clone(&shared))?;

    let upload = publish_all(&mut uploader, &mut sealed);
    let done = supervise(upload, done, shutdown, &shared, &progress).await;
    progress.clear();
    let done = done?;
    uploader.finish()?;
    let unreadable: u64 = done.report.unsupported.values().sum();
    if unreadable > 0 && unreadable == done.counters.ledger.frames {
        let links: Vec<_> = done.report.unsupported.keys().map(u32::to_string).collect();
        bail!(
            "no frame can be read: link type {} is not supported; capture on an Ethernet, raw IP, Linux cooked (any) or \
             loopback interface",
            links.join(", ")
        );
    }
    let about = About {
        recorder: &recorder,
        archive: &shown,
        took: started.elapsed(),
    };
    Ok(Summary::new(&about, done, uploader.published()))
}

/// Starts the shard's thread.
fn start(
    config: &Config,
    captures: Captures,
    recorder: &RecorderId,
    segments: mpsc::Sender<Sealed>,
    shared: Arc<Shared>,
) -> anyhow::Result<oneshot::Receiver<anyhow::Result<Done>>> {
    let options = segment_options(config, recorder);
    let shard = Shard {
        captures,
        pipeline: Pipeline::new(config.limits.clone(), config.options.clone()),
        writer: Writer::new(options, config.rotation),
        segments,
        shared,
    };
    let (sender, done) = oneshot::channel();
    let work = move || {
        // Nobody waits for the result only where the program is ending anyway.
        let _ = sender.send(shard.run());
    };
    std::thread::Builder::new()
        .name("shard".to_owned())
        .spawn(work)
        .context("cannot start the shard's thread")?;
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
        redaction: None,
        replayed: false,
    }
}

/// What a segment says about what was left out.
fn sampling(selection: &Selection) -> Option<String> {
    (!selection.takes_all()).then(|| selection.to_string())
}

/// Publishes segments until there are no more.
async fn publish_all(
    uploader: &mut Uploader,
    sealed: &mut mpsc::Receiver<Sealed>,
) -> anyhow::Result<()> {
    while let Some(segment) = sealed.recv().await {
        uploader.publish(&segment).await?;
    }
    Ok(())
}

/// The shell's one loop: uploads go on, progress is drawn, and a shutdown is passed on, until all is done.
async fn supervise(
    upload: impl Future<Output = anyhow::Result<()>>,
    done: oneshot::Receiver<anyhow::Result<Done>>,
    mut shutdown: Pin<&mut impl Future<Output = ()>>,
    shared: &Shared,
    progress: &Progress,
) -> anyhow::Result<Done> {
    tokio::pin!(upload);
    let mut draw = tokio::time::interval(DRAW_EVERY);
    let mut stopping = false;
    loop {
        tokio::select! {
            uploaded = &mut upload => break uploaded?,
            () = &mut shutdown, if !stopping => {
                stopping = true;
                shared.stop.store(true, Ordering::Relaxed);
                tracing::warn!("interrupted: publishing what was read; interrupt again to end at once");
            }
            _ = draw.tick() => progress.draw(),
        }
    }
    // The channel closes when the shard is done or has panicked.
    done.await
        .map_err(|_| anyhow!("the shard panicked; its message is above"))?
}
