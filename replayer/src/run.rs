//! `replayer run`: replay a window, compare the answers, write the run.

mod text;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use replayer_core::coverage::Coverage;
use replayer_core::pace::Pace;
use replayer_core::scheduler::WhenBehind;
use schema::run::{
    RunCoverage, RunDocument, RunSchedule, RunSource, RunState, RunTarget, RunVerdict,
};
use schema::{Projection, Timestamp};

use crate::clock::Clock;
use crate::config::{Passes, RunConfig, Timing};
use crate::drive::drive;
use crate::output;
use crate::progress::Progress;
use crate::read::{Reader, Reading};
use crate::run_store::{RunEnd, RunOptions, RunWriter};
use crate::select::Selected;
use crate::send::{Http2Use, Shared, Tls, probe};

/// Replays and prints what came of it. Code 1 if anything differs, failed or is not known.
///
/// # Errors
/// If the archive cannot be read or written, or the target cannot be reached at the start.
pub(crate) async fn run(
    config: RunConfig,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<ExitCode> {
    let json = config.json;
    let document = replay(config, shutdown).await?;
    if json {
        output::json(&document)?;
    } else {
        output::text(&text::render(&document))?;
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
async fn replay(
    config: RunConfig,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<RunDocument> {
    let selected = Selected::find(&config.selection).await?;
    for warning in selected.warnings() {
        tracing::warn!("{warning}");
    }
    let (tls, http_2) = reach(&config).await?;
    let clock = Clock::start();
    let document = document(&config, &selected, clock.now());
    let options = RunOptions {
        compare: config.compare,
        ..RunOptions::default()
    };
    let writer = RunWriter::start(Arc::clone(&selected.store), document, options).await?;
    let progress = Progress::new(selected.window, writer.progress());
    let (reader, batches) = Reader::start(Reading {
        source: selected.source(Projection::All, config.limits),
        filter: config.selection.filter,
        rules: config.rewrite,
        timing: config.timing.clone(),
    })?;
    let shared = Shared::new(
        config.target,
        tls,
        http_2,
        config.timeout,
        config.limits,
        clock,
        writer.sender(),
    )?;
    let driven = drive(config.timing, Arc::new(shared), batches, shutdown, progress).await?;
    let totals = tokio::task::spawn_blocking(|| reader.finish())
        .await
        .context("wait for the reader")??;
    let end = RunEnd {
        state: driven.state,
        finished_at: clock.now(),
        read: totals.read,
        filtered_out: totals.filtered_out,
        held_back: driven.counts.held_back,
    };
    let document = writer.finish(end).await?;
    if let Some(error) = driven.error {
        return Err(error.context(format!("run {} is not whole", document.run)));
    }
    if document.state == RunState::Failed {
        bail!("run {} failed", document.run);
    }
    let counts = driven.counts;
    assert_eq!(
        (counts.sent, counts.failed, counts.skipped),
        (
            document.totals.sent,
            document.totals.failed,
            document.totals.skipped
        ),
        "what was sent is what was stored"
    );
    Ok(document)
}

/// Makes sure that the target is there, and finds out how it is spoken to.
async fn reach(config: &RunConfig) -> anyhow::Result<(Option<Tls>, Http2Use)> {
    let tls = Tls::for_target(&config.target, &config.tls)?;
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

fn document(config: &RunConfig, selected: &Selected, started_at: Timestamp) -> RunDocument {
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
    };
    let schedule = RunSchedule {
        in_flight_max: config.limits.in_flight_max as u64,
        timeout_us: micros(config.timeout),
        ..schedule(&config.timing)
    };
    let name = config.run.clone().unwrap_or_else(|| run_name(started_at));
    let program = format!("replayer {}", env!("CARGO_PKG_VERSION"));
    let mut document = RunDocument::new(name, program, started_at, source, target, schedule);
    document.coverage = selected.coverage.as_ref().map(run_coverage);
    document.gates.judged_share_min = config.judged_share_min;
    document.gates.lag_max_us = config.timing.lag_max.map(micros);
    document
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

fn run_coverage(coverage: &Coverage) -> RunCoverage {
    RunCoverage {
        minutes: coverage.minutes,
        minutes_recorded: coverage.minutes_recorded,
        frames: coverage.frames,
        frames_dropped: coverage.frames_dropped,
        frames_truncated: coverage.frames_truncated,
        gaps: coverage.gaps,
        gap_bytes: coverage.gap_bytes,
        exchanges: coverage.exchanges,
        exchanges_incomplete: coverage.exchanges_incomplete,
        exchanges_sampled_out: coverage.exchanges_sampled_out,
        bytes_tls: coverage.bytes_tls,
    }
}
