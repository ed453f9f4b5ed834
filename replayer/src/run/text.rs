//! What a run came to, for people: the sums and the verdict. `replayer report` tells more.

use std::fmt::Write as _;

use schema::run::{Percentiles, ReasonCount, RunCorrelation, RunDocument};

use crate::report::{correlated, rewritten};

/// The summary as text.
pub(super) fn render(document: &RunDocument) -> String {
    let mut text = String::new();
    write_into(&mut text, document).expect("writing to a string cannot fail");
    text
}

fn write_into(text: &mut String, document: &RunDocument) -> std::fmt::Result {
    let totals = &document.totals;
    writeln!(
        text,
        "run         {} ({})",
        document.run,
        document.state.as_str()
    )?;
    if let Some(shard) = document.shard {
        writeln!(
            text,
            "part        {shard} of {}; `replayer report` puts the run together",
            document.shards
        )?;
    }
    writeln!(
        text,
        "read        {} = {} filtered out + {} planned + {} not reached",
        totals.read, totals.filtered_out, totals.planned, totals.not_reached
    )?;
    writeln!(
        text,
        "planned     {} = {} sent + {} failed + {} skipped",
        totals.planned, totals.sent, totals.failed, totals.skipped
    )?;
    write_reasons(text, "failed", &totals.failed_by)?;
    write_reasons(text, "skipped", &totals.skipped_by)?;
    if totals.in_doubt > 0 {
        writeln!(
            text,
            "in doubt    {} = {} sent again + {} not",
            totals.in_doubt,
            totals.in_doubt_sent_again,
            totals.in_doubt - totals.in_doubt_sent_again
        )?;
    }
    writeln!(
        text,
        "compared    {} = {} matched + {} differed + {} incomparable",
        totals.planned, totals.matched, totals.differed, totals.incomparable
    )?;
    write_reasons(text, "incomparable", &totals.incomparable_by)?;
    if document.schedule.is_paced() {
        write_schedule(text, document)?;
    }
    if let Some(rewriting) = &document.rewriting {
        for line in rewritten::lines(rewriting) {
            writeln!(text, "rewritten   {line}")?;
        }
    }
    if let Some(correlation) = &document.correlation {
        write_correlation(text, correlation)?;
    }
    if let Some(conclusion) = &document.conclusion {
        writeln!(
            text,
            "verdict     {}: {}",
            conclusion.verdict.as_str(),
            conclusion.sentence
        )?;
        for reason in &conclusion.reasons {
            writeln!(text, "            {reason}")?;
        }
    }
    Ok(())
}

/// How true the schedule was kept. Latency from the due time counts what the lag hides; order's waits are in neither.
fn write_schedule(text: &mut String, document: &RunDocument) -> std::fmt::Result {
    let schedule = &document.report.schedule;
    let mut spans = |name: &str, spans: &Percentiles| {
        writeln!(
            text,
            "{name:<12}{} p50, {} p99, {} p99.9, {} max",
            millis(spans.p50_us),
            millis(spans.p99_us),
            millis(spans.p999_us),
            millis(spans.max_us)
        )
    };
    spans("lag", &schedule.lag)?;
    if schedule.order_waited > 0 {
        spans("  of order", &schedule.order_wait)?;
    }
    if document.report.latency.replayed.count > 0 {
        spans("latency", &document.report.latency.replayed)?;
        spans("  from due", &schedule.latency_from_due)?;
    }
    if schedule.held_back > 0 {
        writeln!(
            text,
            "behind      {} sent late because {} were in flight",
            schedule.held_back, document.schedule.in_flight_max
        )?;
    }
    if let Some(most) = document.gates.lag_max_us {
        writeln!(
            text,
            "late        {} by more than {}",
            schedule.late,
            millis(most)
        )?;
    }
    Ok(())
}

/// What was learned from answers, if anything was, and which rules found nothing.
fn write_correlation(text: &mut String, correlation: &RunCorrelation) -> std::fmt::Result {
    if correlation.values_learned > 0 {
        writeln!(text, "correlated  {}", correlated::sentence(correlation))?;
    }
    for line in correlated::lines(correlation) {
        writeln!(text, "  {line}")?;
    }
    write_reasons(text, "missed", &correlation.missed)
}

fn write_reasons(text: &mut String, what: &str, reasons: &[ReasonCount]) -> std::fmt::Result {
    for reason in reasons {
        writeln!(text, "  {what:<10}{} {}", reason.count, reason.reason)?;
    }
    Ok(())
}

fn millis(micros: u64) -> String {
    format!("{:.2} ms", micros as f64 / 1e3)
}
