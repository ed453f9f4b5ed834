//! `replayer report`: what a run found, for the terminal and as one HTML page.
//!
//! Everything comes from the run's document: no segment is read, so a report of a month takes no longer than one of a
//! minute.

mod chart;
mod compared;
pub(crate) mod correlated;
mod html;
pub(crate) mod rewritten;
#[cfg(test)]
mod sample;
mod terminal;
mod units;

use std::process::ExitCode;

use anyhow::Context as _;
use schema::comparison::ComparisonDocument;
use schema::run::{RunDocument, RunState, RunVerdict};

use crate::cli::ReportArgs;
use crate::output::{self, Style};
use crate::run_ref::RunRef;

pub(crate) use compared::compared_page;
pub(crate) use terminal::{clip, one_line, sides, summary};
pub(crate) use units::{minute_text, second_text, span_text, verdict_colour, verdict_text};

/// Prints the report, and writes the page if one is asked for.
///
/// # Errors
/// If the run cannot be read or the page cannot be written.
pub(crate) async fn report(args: ReportArgs) -> anyhow::Result<ExitCode> {
    if let Some(document) = crate::compare::find(&args.run).await? {
        return compared(&args, &document).await;
    }
    let run = RunRef::find(&args.run)?;
    let document = run.document().await?;
    if let Some(file) = &args.html {
        let page = html::page(&document, &run.archive);
        tokio::fs::write(file, page)
            .await
            .with_context(|| format!("write {}", file.display()))?;
        tracing::info!(file = %file.display(), "wrote the report");
    }
    if args.json {
        output::json(&document)?;
    } else {
        output::text(&summary(&document, &run.archive, Style::of_stdout()))?;
        if let Some(file) = &args.html {
            output::line(&format!("\nHTML report: {}", file.display()))?;
        }
    }
    Ok(exit_code(&document))
}

/// Prints the report of a comparison, and writes the page if one is asked for.
async fn compared(args: &ReportArgs, document: &ComparisonDocument) -> anyhow::Result<ExitCode> {
    if let Some(file) = &args.html {
        tokio::fs::write(file, compared_page(document))
            .await
            .with_context(|| format!("write {}", file.display()))?;
    }
    if args.json {
        output::json(document)?;
    } else {
        output::text(&crate::compare::render(document, Style::of_stdout()))?;
        if let Some(file) = &args.html {
            output::line(&format!("\nHTML report: {}", file.display()))?;
        }
    }
    Ok(crate::compare::exit_code(document))
}

/// 0 for a pass, 1 for anything else that a comparison concludes.
pub(crate) fn exit_code(document: &RunDocument) -> ExitCode {
    let is_pass = document.state == RunState::Finished
        && document
            .conclusion
            .as_ref()
            .is_some_and(|conclusion| conclusion.verdict == RunVerdict::Pass);
    if is_pass {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

#[cfg(test)]
mod tests;
