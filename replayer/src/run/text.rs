//! What a run came to, for people: the sums and the verdict. `replayer report` tells more.

use std::fmt::Write as _;

use schema::run::{ReasonCount, RunDocument};

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
    writeln!(
        text,
        "compared    {} = {} matched + {} differed + {} incomparable",
        totals.planned, totals.matched, totals.differed, totals.incomparable
    )?;
    write_reasons(text, "incomparable", &totals.incomparable_by)?;
    if document.schedule.is_paced() {
        let lag = &document.report.schedule.lag;
        writeln!(
            text,
            "lag         {} p50, {} p99, {} max",
            millis(lag.p50_us),
            millis(lag.p99_us),
            millis(lag.max_us)
        )?;
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

fn write_reasons(text: &mut String, what: &str, reasons: &[ReasonCount]) -> std::fmt::Result {
    for reason in reasons {
        writeln!(text, "  {what:<10}{} {}", reason.count, reason.reason)?;
    }
    Ok(())
}

fn millis(micros: u64) -> String {
    format!("{:.2} ms", micros as f64 / 1e3)
}
