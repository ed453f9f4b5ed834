//! `replayer run`: replay a window, compare the answers, write the run.

mod text;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use replayer_core::Limits;
use replayer_core::correlate::{Correlation, Learned};
use replayer_core::coverage::Coverage;
use replayer_core::pace::Pace;
use replayer_core::permission::{Allowed, Permissions};
use replayer_core::proof::Proof;
use replayer_core::scheduler::WhenBehind;
use replayer_core::shard::Shard;
use schema::run::{
    RunCoverage, RunDocument, RunSchedule, RunSource, RunState, RunTarget, RunVerdict,
};
use schema::{Projection, Timestamp};

use crate::clock::Clock;
use crate::config::{Hooks, Passes, RunConfig, Timing};
use crate::drive::{Driven, Keeping, drive};
use crate::follow::{self, Followed};
use crate::guard::Asked;
use crate::hooks;
use crate::lease::{Leases, TakenOver};
use crate::open_files;
use crate::output;
use crate::progress::Progress;
use crate::read::{ReadTotals, Reader, Reading, Resume};
use crate::resume;
use crate::run_store::parts;
use crate::run_store::{RunEnd, RunOptions, RunPlace, RunWriter};
use crate::select::Selected;
use crate::send::{Correlated, Http2Use, Shared, Target, Tls, probe};

/// Replays and prints what came of it. Code 1 if anything differs, failed or is not known.
///
/// # Errors
/// If the archive cannot be read or written, or the target cannot be reached at the start.
pub(crate) async fn run(
    config: RunConfig,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    let json = config.json;
    let selected = match &config.follow {
        Some(follow) => follow::selected(&config, follow)?,
        None => Selected::find(&config.selection).await?,
    };
    let document = replay(config, selected, shutdown).await?;
    print(&document, json)
}

/// Prints what came of a run.
///
/// # Errors
/// If it cannot be printed.
pub(crate) fn print(document: &RunDocument, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(document)?;
    } else {
        output::text(&text::render(document))?;
    }
    let passed = document.state == RunState::Finished
        && document
            .conclusion
            .as_ref()
            .is_some_and(|conclusion| conclusion.verdict == RunVerdict::Pass);
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

/// Replays the window and gives the run's document, as it is in the archive.
///
/// # Errors
/// As [`run()`].
pub(crate) async fn replay(
    mut config: RunConfig,
    selected: Selected,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<RunDocument> {
    let warnings = config.follow.is_none().then(|| selected.warnings());
    for warning in warnings.into_iter().flatten() {
        tracing::warn!("{warning}");
    }
    if let Some(start_at) = config.timing.start_at
        && config.resume.is_none()
        && start_at < Clock::start().now()
    {
        tracing::warn!(
            "--start-at {start_at} is over: requests go out late until they have caught up"
        );
    }
    open_files::provide_for(config.limits.in_flight_max);
    let reached = reach(&config, &selected).await?;
    let clock = Clock::start();
    let name = config.run.take().unwrap_or_else(|| run_name(clock.now()));
    let Hooks { before, after } = config.hooks.clone();
    let target = config.target.clone();
    hook("--before", before, &name, &target)
        .await
        .context("nothing was sent")?;
    let sent = send(config, selected, reached, name.clone(), clock, shutdown).await;
    // After a run that failed, too: what it left behind has to be put in order all the more.
    let hooked = hook("--after", after, &name, &target).await;
    let document = sent?;
    hooked.with_context(|| format!("run {name} is stored"))?;
    Ok(document)
}

/// Runs a command of the user, if there is one.
async fn hook(
    flag: &'static str,
    command: Option<String>,
    run: &str,
    target: &Target,
) -> anyhow::Result<()> {
    let Some(command) = command else {
        return Ok(());
    };
    let variables = vec![
        ("REPRISE_RUN", run.to_owned()),
        ("REPRISE_TARGET", target.to_string()),
    ];
    hooks::run(flag, &command, variables).await
}

/// Sends the window as the run `name`.
async fn send(
    mut config: RunConfig,
    selected: Selected,
    (tls, http_2): (Option<Tls>, Http2Use),
    name: String,
    clock: Clock,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<RunDocument> {
    config.rewrite.run = config.reprise_headers.then(|| name.clone());
    let store = selected.store.clone();
    let followed = Followed::of(&config, &selected, clock).await;
    let Started {
        writer,
        started_at,
        leases,
        resume,
        before,
        learned,
    } = start(&mut config, &selected, name, clock.now(), followed.as_ref()).await?;
    let progress = match followed {
        Some(_) => Progress::hidden(writer.progress()),
        None => Progress::new(selected.span(), writer.progress()),
    };
    let rolling = followed
        .as_ref()
        .map(|followed| followed.rolling(config.json));
    let keeping = Keeping {
        leases,
        every: config.checkpoint_every,
        is_resumed: resume.is_some(),
    };
    let reading = reading(&config, &selected, started_at, resume, followed.as_ref());
    let (reader, batches) = Reader::start(reading, writer.sender())?;
    let mut shared = Shared::new(
        config.target,
        tls,
        http_2,
        config.timeout,
        config.limits,
        clock,
        writer.sender(),
    )?;
    shared.correlated = correlated(config.correlation, config.limits, learned);
    let shared = Arc::new(shared);
    let lanes = Arc::clone(&shared);
    let shutdown = stopping(shutdown, followed.as_ref());
    let driven = drive(config.timing, keeping, lanes, batches, shutdown, progress).await;
    // However it ended: what follows a recording may wait for the next exchange without end.
    if let Some(followed) = &followed {
        followed.stop();
    }
    let driven = driven?;
    if let Some(error) = driven.error.as_ref()
        && error.is::<TakenOver>()
    {
        writer.abandon().await;
        return Err(driven.error.expect("there is one"));
    }
    let totals = tokio::task::spawn_blocking(|| reader.finish())
        .await
        .context("wait for the reader")??;
    if let Some(followed) = &followed {
        followed.look_into_ledger().await;
    }
    let end = ended(&driven, &totals, &shared);
    let document = writer.finish(end).await?;
    drop(rolling);
    if document.shard.is_some() {
        parts::publish_if_ended(&store, &document.run).await?;
    }
    check(&document, driven, &before, &totals.recovered)?;
    Ok(document)
}

/// What the reader shall make of the archive.
fn reading(
    config: &RunConfig,
    selected: &Selected,
    started_at: Timestamp,
    resume: Option<Resume>,
    followed: Option<&Followed>,
) -> Reading {
    Reading {
        source: selected.source(Projection::All, config.limits),
        filter: config.selection.filter.clone(),
        permissions: config.permissions.clone(),
        rules: config.rewrite.clone(),
        rewriting: config.rewriting.clone(),
        started_at,
        timing: config.timing.clone(),
        shard: config.shard,
        resume,
        follow: followed.map(Followed::parts),
    }
}

/// What goes from answers into requests, with what was learned before.
fn correlated(
    rules: Option<Correlation>,
    limits: Limits,
    learned: Option<Learned>,
) -> Option<Correlated> {
    let correlated = Correlated::new(rules?, limits);
    if let Some(learned) = learned {
        correlated.restore(learned);
    }
    Some(correlated)
}

/// How a run ended.
fn ended(driven: &Driven, totals: &ReadTotals, shared: &Shared) -> RunEnd {
    RunEnd {
        state: driven.state,
        finished_at: shared.clock.now(),
        read: totals.read,
        filtered_out: totals.filtered_out,
        held_back: driven.counts.held_back,
        rewriting: totals.rewriting.clone(),
        correlation: shared.correlated.as_ref().map(Correlated::report),
        // What has finished does not go on.
        learned: match driven.state {
            RunState::Finished => None,
            _ => shared.correlated.as_ref().and_then(Correlated::to_keep),
        },
        lease: driven.lease,
    }
}

/// What follows a recording ends by ending its input: everything that was taken is sent.
async fn stopping(shutdown: impl Future<Output = ()>, followed: Option<&Followed>) {
    shutdown.await;
    if let Some(followed) = followed {
        followed.stop();
        std::future::pending::<()>().await;
    }
}

/// Whether the run came to an end, and what was sent is what was stored.
fn check(
    document: &RunDocument,
    driven: Driven,
    before: &[u64; 3],
    recovered: &[u64; 3],
) -> anyhow::Result<()> {
    if let Some(error) = driven.error {
        return Err(error.context(format!("run {} is not whole", document.run)));
    }
    if document.state == RunState::Failed {
        bail!("run {} failed", document.run);
    }
    let counts = driven.counts;
    let now = [counts.sent, counts.failed, counts.skipped];
    let stored = &document.totals;
    let ended = [stored.sent, stored.failed, stored.skipped];
    for (index, ended) in ended.into_iter().enumerate() {
        let counted = before[index] + recovered[index] + now[index];
        assert_eq!(counted, ended, "what was sent is what was stored");
    }
    Ok(())
}

/// A run that has begun, or goes on.
struct Started {
    writer: RunWriter,
    /// When it was begun first.
    started_at: Timestamp,
    leases: Leases,
    resume: Option<Resume>,
    /// What had ended before: sent, failed, skipped.
    before: [u64; 3],
    /// What had been learned from answers.
    learned: Option<Learned>,
}

/// Begins the run `name`, or goes on with it.
async fn start(
    config: &mut RunConfig,
    selected: &Selected,
    name: String,
    now: Timestamp,
    followed: Option<&Followed>,
) -> anyhow::Result<Started> {
    let store = &selected.store;
    let options = RunOptions {
        compare: config.compare,
        follow: followed.map(|followed| Arc::clone(&followed.facts)),
        ..RunOptions::default()
    };
    let holder = format!("process {} since {now}", std::process::id());
    let Some(document) = config.resume.take() else {
        let mut document = document(config, selected, name, now)?;
        if let Some(followed) = followed {
            followed.facts.write_into(&mut document);
        }
        if document.shard.is_some() {
            parts::join(store, &document).await?;
        }
        let leases = RunPlace::of(&document).leases();
        let writer = RunWriter::start(store.clone(), document, options).await?;
        return Ok(Started {
            writer,
            started_at: now,
            leases: Leases::take(store.clone(), leases, holder, None).await?,
            resume: None,
            before: [0; 3],
            learned: None,
        });
    };
    let found = resume::take(store, *document, config, holder, now).await?;
    let checkpoint = found.begun.checkpoint.as_ref();
    let before = checkpoint.map_or([0; 3], |checkpoint| checkpoint.report.outcomes().into());
    let (document, begun) = (found.document, found.begun);
    Ok(Started {
        started_at: document.started_at,
        writer: RunWriter::resume(store.clone(), document, options, begun).await?,
        leases: found.leases,
        resume: Some(found.resume),
        before,
        learned: found.learned,
    })
}

/// Makes sure that the target may be sent to and is there, and finds out how it is spoken to.
async fn reach(config: &RunConfig, selected: &Selected) -> anyhow::Result<(Option<Tls>, Http2Use)> {
    let tls = Tls::for_target(&config.target, &config.tls)?;
    let asked = Asked {
        target: &config.target,
        path_prefix: &config.rewrite.path_prefix,
        tls: tls.as_ref(),
        version: config.http_version,
        timeout: config.timeout,
    };
    config.guard.check(&asked, selected).await?;
    let http_2 = probe(
        &config.target,
        tls.as_ref(),
        config.http_version,
        config.timeout,
    )
    .await
    .with_context(|| {
        format!(
            "cannot connect to the target {}; start it, or correct --target",
            config.target
        )
    })?;
    Ok((tls, http_2))
}

fn document(
    config: &RunConfig,
    selected: &Selected,
    name: String,
    started_at: Timestamp,
) -> anyhow::Result<RunDocument> {
    let source = RunSource {
        archive: config.selection.archive.clone(),
        from: selected.window.start,
        to: selected.window.end,
        filters: config.selection.filter_text.clone(),
        segments: selected.segments.len() as u64,
    };
    let target = RunTarget {
        url: format!("{}{}", config.target, config.rewrite.path_prefix),
        label: config.label.clone(),
        host: config.host_text.clone(),
        forwarded: config.rewrite.forwarded,
        proofs: config.guard.proofs.iter().map(Proof::to_string).collect(),
        writes: writes(&config.permissions).to_owned(),
        insecure: config.tls.insecure,
    };
    let schedule = RunSchedule {
        in_flight_max: config.limits.in_flight_max as u64,
        timeout_us: micros(config.timeout),
        ..schedule(&config.timing)
    };
    let program = resume::program();
    let mut document = RunDocument::new(name, program, started_at, source, target, schedule);
    (document.options, document.options_left_out) = resume::stored(&config.options);
    document.option_files = resume::file_hashes(&config.options)?;
    document.shards = config.shard.map_or(0, Shard::count);
    document.shard = config.shard.map(Shard::index);
    document.coverage = selected.coverage.as_ref().map(run_coverage);
    document.gates.judged_share_min = config.judged_share_min;
    document.gates.lag_max_us = config.timing.lag_max.map(micros);
    Ok(document)
}

/// Whether requests that write were sent, in a word.
fn writes(permissions: &Permissions) -> &'static str {
    match permissions.otherwise {
        _ if !permissions.rules.is_empty() => "by policy",
        Allowed::All => "allowed",
        Allowed::ReadOnly | Allowed::Nothing => "skipped",
    }
}

fn schedule(timing: &Timing) -> RunSchedule {
    let (speed, rate) = match timing.pace {
        Pace::Recorded { speed } => (Some(speed), None),
        Pace::Even { per_second } => (None, Some(per_second)),
        Pace::Max => (None, None),
    };
    let (loop_count, loop_us) = match timing.passes {
        Passes::Count(count) => (Some(count), None),
        Passes::For(span) => (None, Some(micros(span))),
    };
    RunSchedule {
        speed,
        rate,
        rate_max: timing.rate_max.map(|rate| rate.per_second),
        ramp_us: micros(timing.ramp),
        loop_count,
        loop_us,
        order: timing.order.as_str().to_owned(),
        when_behind: match timing.when_behind {
            WhenBehind::Wait => "wait",
            WhenBehind::Skip => "skip",
        }
        .to_owned(),
        ..RunSchedule::default()
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// A name that sorts by time, `20261122T131500.250Z`.
fn run_name(started_at: Timestamp) -> String {
    started_at.to_utc().format("%Y%m%dT%H%M%S%.3fZ").to_string()
}

pub(crate) fn run_coverage(coverage: &Coverage) -> RunCoverage {
    RunCoverage {
        minutes: coverage.minutes,
        minutes_recorded: coverage.minutes_recorded,
        recorder_minutes_missing: coverage.recorder_minutes_missing,
        frames: coverage.frames,
        frames_dropped: coverage.frames_dropped,
        frames_truncated: coverage.frames_truncated,
        gaps: coverage.gaps,
        gap_bytes: coverage.gap_bytes,
        exchanges: coverage.exchanges,
        exchanges_incomplete: coverage.exchanges_incomplete,
        exchanges_shed: coverage.exchanges_shed,
        interruptions: coverage.interruptions,
        exchanges_sampled_out: coverage.exchanges_sampled_out,
        bytes_tls: coverage.bytes_tls,
    }
}
