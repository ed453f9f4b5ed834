//! A plan for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use replayer_core::coverage::Coverage;
use replayer_core::plan::EndpointCount;

use super::PlanReport;

/// Endpoints that are listed.
const ENDPOINTS_SHOWN_MAX: usize = 20;
/// Holes that are listed.
const HOLES_SHOWN_MAX: usize = 10;

/// The plan as text.
pub(super) fn render(report: &PlanReport) -> String {
    let mut text = String::new();
    write_into(&mut text, report).expect("writing to a string cannot fail");
    text
}

fn write_into(text: &mut String, report: &PlanReport) -> std::fmt::Result {
    let plan = &report.plan;
    writeln!(text, "window      {} to {}", report.from, report.to)?;
    if !report.filters.is_empty() {
        writeln!(text, "filters     {}", report.filters.join(" "))?;
    }
    writeln!(
        text,
        "segments    {} of {}",
        report.segments,
        bytes(report.segment_bytes)
    )?;
    writeln!(
        text,
        "exchanges   {} in the window, {} filtered out, {} planned",
        plan.read, plan.filtered_out, plan.planned
    )?;
    writeln!(text, "to send     {}", plan.sendable)?;
    if plan.writes > 0 {
        writeln!(
            text,
            "writes      {} of these, sent only with --allow-writes or a --policy",
            plan.writes
        )?;
    }
    for (reason, count) in &plan.skipped_by {
        writeln!(text, "not to send {count} ({reason})")?;
    }
    if let (Some(first), Some(last)) = (&plan.first, &plan.last) {
        writeln!(text, "span        {:.3} s, {first} to {last}", plan.span_s)?;
        writeln!(
            text,
            "rate        {:.1}/s mean, {}/s peak",
            plan.rate_mean, plan.rate_peak
        )?;
    }
    writeln!(
        text,
        "bodies      {} of requests, {} of recorded answers",
        bytes(plan.request_body_bytes),
        bytes(plan.response_body_bytes)
    )?;
    writeln!(text, "methods     {}", counts(&plan.methods))?;
    writeln!(text, "statuses    {}", counts(&plan.statuses))?;
    writeln!(text, "recorded    {}", counts(&plan.completeness))?;
    if let Some(coverage) = &report.coverage {
        write_coverage(text, coverage)?;
    }
    for warning in &report.warnings {
        writeln!(text, "warning     {warning}")?;
    }
    writeln!(text)?;
    write_endpoints(text, &plan.endpoints)
}

fn write_coverage(text: &mut String, coverage: &Coverage) -> std::fmt::Result {
    writeln!(
        text,
        "coverage    {} of {} minutes recorded, by {}",
        coverage.minutes_recorded,
        coverage.minutes,
        if coverage.recorders.is_empty() {
            "nobody".to_owned()
        } else {
            coverage.recorders.join(", ")
        },
    )?;
    if let Some(left_out) = coverage.left_out() {
        writeln!(text, "left out    {left_out}")?;
    }
    for hole in coverage.holes.iter().take(HOLES_SHOWN_MAX) {
        writeln!(
            text,
            "  missing   {} minutes, {} to {}",
            hole.minutes, hole.from, hole.to
        )?;
    }
    if coverage.holes_total > HOLES_SHOWN_MAX as u64 {
        writeln!(
            text,
            "  missing   {} more holes; see --json",
            coverage.holes_total - HOLES_SHOWN_MAX as u64
        )?;
    }
    Ok(())
}

fn write_endpoints(text: &mut String, endpoints: &[EndpointCount]) -> std::fmt::Result {
    for endpoint in endpoints.iter().take(ENDPOINTS_SHOWN_MAX) {
        writeln!(text, "{:>10}  {}", endpoint.requests, endpoint.endpoint)?;
    }
    if endpoints.len() > ENDPOINTS_SHOWN_MAX {
        let rest: u64 = endpoints[ENDPOINTS_SHOWN_MAX..]
            .iter()
            .map(|endpoint| endpoint.requests)
            .sum();
        writeln!(
            text,
            "{rest:>10}  {} more endpoints; see --json",
            endpoints.len() - ENDPOINTS_SHOWN_MAX
        )?;
    }
    Ok(())
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    let counts: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{what} {count}"))
        .collect();
    if counts.is_empty() {
        "none".to_owned()
    } else {
        counts.join(", ")
    }
}

fn bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
