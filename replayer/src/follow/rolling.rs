//! The verdict so far, a line at each interval.

use std::sync::Arc;
use std::time::Duration;

use schema::Timestamp;
use schema::run::{RunDocument, RunFollow, RunTotals, RunVerdict};
use serde::Serialize;
use tokio::task::JoinHandle;

use super::facts::FollowFacts;
use crate::clock::Clock;
use crate::output;

/// Prints until it is dropped.
#[derive(Debug)]
pub(crate) struct Rolling(JoinHandle<()>);

/// One line as JSON.
#[derive(Serialize)]
struct Line<'a> {
    at: String,
    run: &'a str,
    verdict: Option<RunVerdict>,
    sentence: &'a str,
    totals: &'a RunTotals,
    follow: &'a RunFollow,
}

impl Rolling {
    /// Prints what the facts say of the run every so often, if anything was stored since.
    pub(crate) fn start(
        facts: Arc<FollowFacts>,
        every: Duration,
        clock: Clock,
        json: bool,
    ) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                let Some(document) = facts.take_document() else {
                    continue;
                };
                let at = clock.now();
                let printed = match json {
                    true => output::json_line(&line(&document, at)),
                    false => output::text(&text(&document, at)),
                };
                // Nobody reads on: the run goes on all the same.
                if printed.is_err() {
                    return;
                }
            }
        }))
    }
}

impl Drop for Rolling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn line(document: &RunDocument, at: Timestamp) -> Line<'_> {
    let conclusion = document.conclusion.as_ref();
    Line {
        at: at.to_string(),
        run: &document.run,
        verdict: conclusion.map(|conclusion| conclusion.verdict),
        sentence: conclusion.map_or("", |conclusion| &conclusion.sentence),
        totals: &document.totals,
        follow: document.follow.as_ref().expect("it is a follow's"),
    }
}

/// The same for people.
fn text(document: &RunDocument, at: Timestamp) -> String {
    let totals = &document.totals;
    let follow = document.follow.as_ref().expect("it is a follow's");
    let verdict = document.conclusion.as_ref();
    let verdict = verdict.map_or("running", |conclusion| conclusion.verdict.as_str());
    let lag = &document.report.schedule.lag;
    let behind = follow
        .reached
        .map_or(Duration::ZERO, |reached| at.since(reached));
    format!(
        "{}  {verdict} so far: {} sent, {} failed, {} skipped; {} matched, {} differ, {} incomparable; lag p99 {:.1} ms; \
         {} late, {} caught up, {} missed; {} s behind the recording\n",
        at.to_utc().format("%Y-%m-%dT%H:%M:%SZ"),
        totals.sent,
        totals.failed,
        totals.skipped,
        totals.matched,
        totals.differed,
        totals.incomparable,
        lag.p99_us as f64 / 1e3,
        follow.late,
        follow.caught_up,
        follow.missed,
        behind.as_secs(),
    )
}
