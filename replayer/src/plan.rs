//! `replayer plan`: what a replay of a window would send.

mod text;

use std::process::ExitCode;

use replayer_core::Limits;
use replayer_core::coverage::Coverage;
use replayer_core::plan::{Plan, Planner};
use schema::Projection;
use serde::Serialize;

use crate::config::PlanConfig;
use crate::output;
use crate::select::Selected;

/// What is printed.
#[derive(Debug, Serialize)]
struct PlanReport {
    archive: String,
    from: String,
    to: String,
    filters: Vec<String>,
    segments: usize,
    segment_bytes: u64,
    #[serde(flatten)]
    plan: Plan,
    coverage: Option<Coverage>,
    warnings: Vec<String>,
}

/// Counts the window and prints the plan. Code 1 if the recording has holes, as a replay of it proves less.
///
/// # Errors
/// If the archive cannot be read or the window holds nothing.
pub(crate) async fn plan(config: PlanConfig) -> anyhow::Result<ExitCode> {
    let selected = Selected::find(&config.selection).await?;
    let filter = config.selection.filter;
    let projection = if filter.needs_headers() {
        Projection::All
    } else {
        Projection::Summary
    };
    let mut stream = selected.source(projection, Limits::default()).stream();
    let mut planner = Planner::default();
    while let Some(exchange) = stream.next().await? {
        if filter.keeps(&exchange) {
            planner.handle_exchange(&exchange);
        } else {
            planner.handle_filtered_out();
        }
    }
    let whole = selected.coverage.as_ref().is_some_and(Coverage::is_whole);
    let report = PlanReport {
        archive: config.selection.archive,
        from: selected.window.start.to_string(),
        to: selected.window.end.to_string(),
        filters: config.selection.filter_text,
        segments: selected.segments.len(),
        segment_bytes: selected.bytes(),
        plan: planner.finish(),
        warnings: selected.warnings(),
        coverage: selected.coverage,
    };
    if config.json {
        output::json(&report)?;
    } else {
        output::text(&text::render(&report))?;
    }
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
