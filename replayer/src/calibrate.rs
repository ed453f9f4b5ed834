//! `replayer calibrate`: what one machine can send, and how many a window needs.
//!
//! A sample of the window's busiest minute is replayed as fast as the target answers, by all that a run consists of: reading,
//! sending, comparing, encoding. What it sends a second, less room, is held against the window's busiest second.

mod sample;
mod server;

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use replayer_core::Limits;
use replayer_core::plan::{Plan, Planner};
use schema::run::RunDocument;
use schema::{Projection, Timestamp};
use serde::Serialize;

use crate::config::{CalibrateConfig, Passes, RunConfig};
use crate::loopback::Loopback;
use crate::output;
use crate::run;
use crate::select::Selected;
use crate::send::Target;
use sample::Sample;

/// The share of what one machine can send that it is asked for: the rest is for seconds that are busier than others within,
/// and for sessions that are not spread evenly.
const LOAD: f64 = 0.7;
/// The longest answer of the server on loopback.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// A sample is replayed so often at most.
const PASSES_MAX: u64 = 100_000;
/// Bytes of stored answers, which lie in memory: what would take more is measured for a shorter time.
const STORED_BYTES_MAX: u64 = 1 << 30;

/// What came of it.
#[derive(Debug, Serialize)]
struct Calibration {
    archive: String,
    from: String,
    to: String,
    filters: Vec<String>,
    /// Requests of the window that can be sent.
    requests: u64,
    /// Requests in its busiest second, and when that was.
    rate_peak: u64,
    peak_at: String,
    speed: f64,
    /// What has to be sent a second at that speed, in the busiest second.
    rate_needed: f64,
    /// Where it was sent to; null for a server on loopback that answers at once.
    target: Option<String>,
    compared: bool,
    in_flight: u64,
    /// What was sent, how long it took, and what that is a second.
    sample_requests: u64,
    passes: u64,
    sent: u64,
    seconds: f64,
    rate_measured: f64,
    latency_p50_us: u64,
    latency_p99_us: u64,
    /// The share of the measured rate that a machine is asked for.
    load: f64,
    /// How many machines.
    machines: u64,
}

/// Measures, and says how many machines the window takes.
///
/// # Errors
/// If the archive cannot be read, or the target is refused or answers nothing.
pub(crate) async fn calibrate(config: CalibrateConfig) -> anyhow::Result<ExitCode> {
    let selected = Selected::find(&config.run.selection).await?;
    let (planned, peak_at) = plan(&config.run, &selected).await?;
    ensure!(planned.sendable > 0, "nothing of the window can be sent");
    let sample = Sample::take(&selected, &config.run.selection.filter, peak_at).await?;
    let server = match config.to_loopback {
        true => {
            let body_bytes = sample.answer_bytes.min(ANSWER_BYTES_MAX);
            Some(Loopback::start("calibration", move |listener| {
                server::serve(listener, body_bytes)
            })?)
        }
        false => None,
    };
    let mut run = config.run.clone();
    if let Some(server) = &server {
        (run.target, _) = Target::parse(&format!("http://{}", server.address()))?;
    }
    let measured = measure(&run, &sample, config.seconds).await?;
    if let Some(server) = server {
        server.stop()?;
    }
    let (document, passes) = measured;
    let totals = &document.totals;
    let took = document.finished_at.unwrap_or(document.started_at);
    let seconds = took.since(document.started_at).as_secs_f64().max(0.001);
    if totals.sent == 0 {
        bail!(
            "nothing of the sample was answered ({} failed, {} skipped): allow what writes with --allow-writes, or correct \
             --target",
            totals.failed,
            totals.skipped
        );
    }
    let rate_measured = totals.sent as f64 / seconds;
    let rate_needed = planned.rate_peak as f64 * config.speed;
    let latency = &document.report.latency.replayed;
    let calibration = Calibration {
        archive: config.run.selection.archive.clone(),
        from: selected.window.start.to_string(),
        to: selected.window.end.to_string(),
        filters: config.run.selection.filter_text.clone(),
        requests: planned.sendable,
        rate_peak: planned.rate_peak,
        peak_at: peak_at.to_string(),
        speed: config.speed,
        rate_needed,
        target: (!config.to_loopback).then(|| document.target.url.clone()),
        compared: config.run.compare,
        in_flight: document.schedule.in_flight_max,
        sample_requests: sample.exchanges,
        passes,
        sent: totals.sent,
        seconds,
        rate_measured,
        latency_p50_us: latency.p50_us,
        latency_p99_us: latency.p99_us,
        load: LOAD,
        machines: machines(rate_needed, rate_measured),
    };
    if config.json {
        output::json(&calibration)?;
    } else {
        output::text(&text(&calibration))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Counts the window; and when its busiest second is.
async fn plan(config: &RunConfig, selected: &Selected) -> anyhow::Result<(Plan, Timestamp)> {
    let filter = &config.selection.filter;
    let projection = match filter.needs_headers() {
        true => Projection::All,
        false => Projection::Summary,
    };
    let refused = config.guard.recorded(&config.target).await;
    let mut stream = selected.source(projection, Limits::default()).stream();
    let mut planner = Planner::default();
    while let Some(exchange) = stream.next().await? {
        if let Some(problem) = refused
            .as_ref()
            .and_then(|refused| refused.problem(&exchange))
        {
            bail!(problem);
        }
        if filter.keeps(&exchange) {
            planner.handle_exchange(&exchange);
        } else {
            planner.handle_filtered_out();
        }
    }
    let plan = planner.finish();
    let peak_at = plan.rate_peak_at.as_deref();
    let peak_at = peak_at.context("nothing of the window passes the filters")?;
    let peak_at = peak_at.parse().context("read a time")?;
    Ok((plan, peak_at))
}

/// Replays the sample once, and then as often as fits into `seconds`: the document of the last run, and how often.
async fn measure(
    config: &RunConfig,
    sample: &Sample,
    seconds: f64,
) -> anyhow::Result<(RunDocument, u64)> {
    let before = sample.stored_bytes().await?;
    let once = replay(config, sample, 1).await?;
    let stored = (sample.stored_bytes().await? - before).max(1);
    let took = once.finished_at.unwrap_or(once.started_at);
    let took = took.since(once.started_at).as_secs_f64().max(0.001);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is above 0 and has a bound"
    )]
    let passes = ((seconds / took) as u64)
        .min(STORED_BYTES_MAX / stored)
        .min(PASSES_MAX);
    if passes < 2 {
        return Ok((once, 1));
    }
    Ok((replay(config, sample, passes).await?, passes))
}

async fn replay(config: &RunConfig, sample: &Sample, passes: u64) -> anyhow::Result<RunDocument> {
    let mut config = config.clone();
    config.run = Some(format!("calibrate-{passes}"));
    config.timing.passes = Passes::Count(passes);
    let selected = sample.selected.clone();
    Box::pin(run::replay(config, selected, std::future::pending())).await
}

/// The result for people.
fn text(calibration: &Calibration) -> String {
    let Calibration {
        rate_peak,
        rate_needed,
        rate_measured,
        machines,
        ..
    } = calibration;
    let target = calibration.target.as_deref();
    let target = target.unwrap_or("a server on loopback that answers at once");
    let compared = match calibration.compared {
        true => "answers compared",
        false => "answers not compared",
    };
    format!(
        "window      {} to {}\n\
         requests    {}; {rate_peak} in the busiest second, at {}\n\
         needed      {rate_needed:.0}/s at --speed {}\n\
         measured    {rate_measured:.0}/s to {target}, {} in flight, {compared}\n\
         \u{20}           {} sent in {:.1} s, latency {:.2} ms p50, {:.2} ms p99\n\
         machines    {machines}, each at up to {:.0} % of what was measured\n",
        calibration.from,
        calibration.to,
        calibration.requests,
        calibration.peak_at,
        calibration.speed,
        calibration.in_flight,
        calibration.sent,
        calibration.seconds,
        calibration.latency_p50_us as f64 / 1e3,
        calibration.latency_p99_us as f64 / 1e3,
        LOAD * 100.0,
    )
}

/// How many machines send `needed` a second, of which each can send `measured`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both are above 0, and no one has 2^53 machines"
)]
fn machines(needed: f64, measured: f64) -> u64 {
    (needed / (LOAD * measured)).ceil().max(1.0) as u64
}
