//! `replayer follow`: a run without an end of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use schema::Timestamp;
use url::Url;

use super::RunConfig;
use crate::cli::{
    ArchiveArgs, FollowArgs, FollowPaceArgs, LiveSourceArgs, PaceArgs, PaceFlags, RunArgs,
    WindowArgs,
};
use crate::units::{Loop, Span, Speed};

/// Where a run is stored that has no archive.
const RUNS_OF_STREAMS: &str = "reprise-live";
/// How long after it was recorded a request is due, unless the user says.
const LIVE_DELAY: Duration = Duration::from_secs(10);
const SEGMENTS_DELAY: Duration = Duration::from_secs(600);
/// A shorter delay leaves no time to put things into order.
const DELAY_MIN: Duration = Duration::from_millis(100);

/// A recording that is followed.
#[derive(Clone, Debug)]
pub(crate) struct FollowConfig {
    /// The recorder's stream; segments are followed without.
    pub(crate) live: Option<LiveConfig>,
    /// Whether the archive has what the recorder writes, and not only this run.
    pub(crate) has_archive: bool,
    /// The first instant; `None` for now.
    pub(crate) from: Option<Timestamp>,
    /// The first instant that is left out.
    pub(crate) to: Option<Timestamp>,
    /// The same as a span.
    pub(crate) span: Option<Duration>,
    /// How long after it was recorded a request is due.
    pub(crate) delay: Duration,
    /// How long what a stream lacks is looked for.
    pub(crate) catch_up: Duration,
    /// How often the verdict is printed.
    pub(crate) every: Duration,
}

/// A live stream, and how it is reached.
#[derive(Clone, Debug)]
pub(crate) struct LiveConfig {
    /// Where exchanges are served.
    pub(crate) url: Url,
    /// What is presented.
    pub(crate) token_file: Option<PathBuf>,
    /// Whom it is trusted by.
    pub(crate) ca_file: Option<PathBuf>,
}

/// The config of a run that follows.
///
/// # Errors
/// If the flags are wrong.
pub(crate) fn follow(args: FollowArgs) -> anyhow::Result<RunConfig> {
    let source = args.source.clone();
    let archive = archive(&source)?;
    let has_archive = source.archive.is_some();
    let live = source
        .live
        .as_deref()
        .map(|url| live(url, &source))
        .transpose()?;
    let usual = match live {
        Some(_) => LIVE_DELAY,
        None => SEGMENTS_DELAY,
    };
    let delay = args.pace.delay.map_or(usual, |delay| delay.0);
    if delay < DELAY_MIN {
        bail!(
            "--delay is shorter than {DELAY_MIN:?}: what was recorded could not be put into order"
        );
    }
    if args.every.0.is_zero() {
        bail!("--every 0s would print without end; give 1s or more");
    }
    let config = FollowConfig {
        live,
        has_archive,
        from: source.from,
        to: source.to,
        span: source.span.map(|span| span.0),
        delay,
        catch_up: source.catch_up.0,
        every: args.every.0,
    };
    let archive = ArchiveArgs {
        archive,
        keys: source.keys,
    };
    let mut run = RunConfig::try_from(run_args(args, archive))?;
    run.timing.delay = Some(delay);
    run.follow = Some(config);
    Ok(run)
}

/// Where the run is stored: the archive, or for a stream alone a folder of its own.
///
/// # Errors
/// If there is neither, or the folder cannot be made.
pub(crate) fn archive(source: &LiveSourceArgs) -> anyhow::Result<String> {
    match (&source.live, &source.archive) {
        (_, Some(archive)) => Ok(archive.clone()),
        (Some(_), None) => {
            std::fs::create_dir_all(Path::new(RUNS_OF_STREAMS))
                .with_context(|| format!("create {RUNS_OF_STREAMS}; or say --archive URL"))?;
            Ok(RUNS_OF_STREAMS.to_owned())
        }
        (None, None) => bail!(
            "nothing to follow: give a recorder's stream with --live URL, or the archive that it writes with --archive URL, \
             or both"
        ),
    }
}

fn live(text: &str, source: &LiveSourceArgs) -> anyhow::Result<LiveConfig> {
    let mut url = Url::parse(text)
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
        .with_context(|| {
            format!("--live `{text}` is no URL of a recorder; write http://HOST:PORT")
        })?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        bail!(
            "--live {text}: only scheme, host and port are taken; filters have flags of their own"
        );
    }
    if matches!(url.path(), "" | "/") {
        url.set_path(schema::live::EXCHANGES_PATH);
    }
    if url.scheme() == "http" && source.live_ca_file.is_some() {
        bail!("--live-ca-file is for https:// streams; {text} is none");
    }
    Ok(LiveConfig {
        url,
        token_file: source.live_token_file.clone(),
        ca_file: source.live_ca_file.clone(),
    })
}

/// The same as flags of a run, which has a window beside.
fn run_args(args: FollowArgs, archive: ArchiveArgs) -> RunArgs {
    RunArgs {
        typed: args.typed,
        archive,
        target: args.target,
        window: WindowArgs {
            // Any: what is followed has no window that is known.
            from: Some(Timestamp::MIN),
            to: None,
            last: None,
            window: None,
            exchange: Vec::new(),
        },
        filter: args.filter,
        pace: pace(args.pace),
        shard: None,
        shards: None,
        rewrite: args.rewrite,
        correlate: args.correlate,
        judging: args.judging,
        run: args.run,
        json: args.json,
        going_on: args.going_on,
        checkpoint: args.checkpoint,
    }
}

fn pace(flags: FollowPaceArgs) -> PaceArgs {
    PaceArgs(PaceFlags {
        speed: Speed::Factor(1.0),
        rate: None,
        max_rate: flags.max_rate,
        ramp: None::<Span>,
        repeat: Loop::Count(1),
        start_at: None,
        flow: flags.flow,
    })
}
