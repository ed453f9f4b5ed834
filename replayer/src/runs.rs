//! `replayer runs`: the runs of an archive, newest first.

use std::process::ExitCode;

use replayer_core::report::grouped;
use schema::run::RunDocument;
use serde::Serialize;

use crate::cli::RunsArgs;
use crate::keys;
use crate::output::{self, Colour, Style};
use crate::report::{minute_text, verdict_colour, verdict_text};
use crate::{run_ref, store};

/// One run in a list, for `--json`.
#[derive(Debug, Serialize)]
struct Row<'a> {
    run: &'a str,
    started_at: String,
    finished_at: Option<String>,
    from: String,
    to: String,
    target: &'a str,
    label: Option<&'a str>,
    state: &'a str,
    verdict: Option<&'a str>,
    sentence: Option<&'a str>,
    selected: u64,
    judged: u64,
    differed: u64,
    failed: u64,
}

impl<'a> Row<'a> {
    fn of(document: &'a RunDocument) -> Self {
        let conclusion = document.conclusion.as_ref();
        Self {
            run: &document.run,
            started_at: document.started_at.to_string(),
            finished_at: document.finished_at.map(|time| time.to_string()),
            from: document.source.from.to_string(),
            to: document.source.to.to_string(),
            target: &document.target.url,
            label: document.target.label.as_deref(),
            state: document.state.as_str(),
            verdict: conclusion.map(|conclusion| conclusion.verdict.as_str()),
            sentence: conclusion.map(|conclusion| conclusion.sentence.as_str()),
            selected: document.totals.selected(),
            judged: document.totals.judged(),
            differed: document.totals.differed,
            failed: document.totals.failed,
        }
    }
}

/// Lists the runs. Code 1 if a document could not be read.
///
/// # Errors
/// If the archive cannot be listed.
pub(crate) async fn runs(args: RunsArgs) -> anyhow::Result<ExitCode> {
    let store = store::open(
        &args.archive.archive,
        &keys::load(&args.archive.keys.key_file)?,
    )?;
    let mut documents = Vec::new();
    let mut unreadable = 0;
    for (path, document) in run_ref::list(&store).await? {
        match document {
            Ok(document) => documents.push(document),
            Err(error) => {
                unreadable += 1;
                tracing::warn!(%path, error = format!("{error:#}"), "run is not readable");
            }
        }
    }
    if args.json {
        let rows: Vec<Row<'_>> = documents.iter().map(Row::of).collect();
        output::json(&rows)?;
    } else {
        output::text(&list(&documents, Style::of_stdout()))?;
    }
    Ok(ExitCode::from(u8::from(unreadable > 0)))
}

/// The list as text.
fn list(documents: &[RunDocument], style: Style) -> String {
    if documents.is_empty() {
        return "no runs in this archive\n".to_owned();
    }
    let mut text = String::new();
    for document in documents {
        let verdict = verdict_text(document);
        let verdict = style.paint(verdict_colour(document), &format!("{verdict:<20}"));
        let label = document
            .target
            .label
            .as_ref()
            .map_or_else(String::new, |label| format!(" (build {label})"));
        text.push_str(&format!(
            "{verdict} {}\n",
            style.paint(Colour::Strong, &document.run)
        ));
        let source = &document.source;
        let lines = [
            format!(
                "started {}, {}; window {} to {}",
                minute_text(document.started_at),
                document.state.as_str(),
                minute_text(source.from),
                minute_text(source.to),
            ),
            format!("target {}{label}", document.target.url),
            format!(
                "{} selected, {} judged, {} differ, {} failed",
                grouped(document.totals.selected()),
                grouped(document.totals.judged()),
                grouped(document.totals.differed),
                grouped(document.totals.failed),
            ),
        ];
        for line in lines {
            text.push_str(&format!("{:21}{}\n", "", style.paint(Colour::Faint, &line)));
        }
    }
    text
}

#[cfg(test)]
mod tests;
