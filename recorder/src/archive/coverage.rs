//! `recorder archive coverage`: how whole a window is, as its ledger says.

mod draw;

use anyhow::Context as _;
use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use schema::coverage::{Coverage, CoverageBuilder, Timeline};
use schema::{Table, TimeWindow, decode_ledger};
use serde::Serialize;

use super::{Found, list};
use crate::cli::WindowArgs;
use crate::output;
use crate::store::Archive;

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    archive: String,
    from: String,
    to: String,
    /// Whether every minute was recorded and nothing was lost.
    whole: bool,
    /// Whether there is any ledger for the window.
    ledger: bool,
    coverage: Coverage,
    timeline: Timeline,
    warnings: Vec<String>,
    left_out: Option<String>,
}

/// Says how whole a window is.
///
/// # Errors
/// If no window was given, the archive holds nothing, or its ledger cannot be read.
pub(super) async fn run(archive: &Archive, args: &WindowArgs) -> anyhow::Result<Found> {
    let window = window(archive, args).await?.context(
        "no window: choose one with --last 7d, --window week or month, or --from TIME --to TIME",
    )?;
    let mut builder = CoverageBuilder::new(window);
    let ledger = read_ledger(archive, window, &mut builder).await?;
    let (coverage, timeline) = builder.finish();
    let mut warnings = coverage.warnings();
    if !ledger {
        let text = "the archive has no ledger for this window: what was not recorded is not known";
        warnings.insert(0, text.to_owned());
    }
    let report = Report {
        archive: archive.shown.clone(),
        from: window.start.to_string(),
        to: window.end.to_string(),
        whole: coverage.is_whole(),
        ledger,
        left_out: coverage.left_out(),
        coverage,
        timeline,
        warnings,
    };
    Ok(Found {
        text: draw::text(&report, window, output::width()),
        complete: report.whole,
        json: serde_json::to_value(&report)?,
    })
}

/// The window that is meant; `None` if none was typed.
///
/// # Errors
/// If it is empty, or the archive is.
pub(super) async fn window(
    archive: &Archive,
    args: &WindowArgs,
) -> anyhow::Result<Option<TimeWindow>> {
    let Some(span) = args.span() else {
        return Ok(None);
    };
    let mut extent = list::extent(archive, &Table::Exchanges).await?;
    if extent.is_none() {
        // Recorders may have lived through hours in which nothing came.
        extent = list::extent(archive, &Table::Capture).await?;
    }
    let (first, last) =
        extent.with_context(|| format!("the archive {} holds nothing", archive.shown))?;
    Ok(Some(span.resolve(first, last)?))
}

/// Reads the ledger of a window, a segment at a time; false if there is none.
async fn read_ledger(
    archive: &Archive,
    window: TimeWindow,
    builder: &mut CoverageBuilder,
) -> anyhow::Result<bool> {
    // A row belongs to its minute, so the one that the window begins in starts before the window.
    let window = TimeWindow {
        start: window.start.minute(),
        end: window.end,
    };
    let mut any = false;
    for folder in list::days(archive, &Table::Capture, window).await? {
        let day = list::day(archive, &folder, window).await?;
        for object in day.segments().filter(|object| object.key.overlaps(window)) {
            any = true;
            let path = archive.path(&Table::Capture.path(&object.key));
            let read = || format!("cannot read the ledger segment {path} of {}", archive.place);
            let file = archive.store.get(&path).await.with_context(read)?;
            let file: Bytes = file.bytes().await.with_context(read)?;
            for (recorder, row) in decode_ledger(file, &archive.keys).with_context(read)? {
                builder.add(&recorder, &row);
            }
        }
    }
    Ok(any)
}
