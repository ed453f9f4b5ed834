//! `recorder archive coverage`: how whole a window is, as its ledger says.

mod draw;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStoreExt as _;
use schema::coverage::{Coverage, CoverageBuilder, Timeline};
use schema::{LedgerRow, RecorderId, Table, TimeWindow, decode_ledger};
use serde::Serialize;

use super::{Found, list};
use crate::cli::WindowArgs;
use crate::output;
use crate::store::Archive;

/// Days that are listed and segments of the ledger that are read at once: a store takes its time for each.
const DAYS_AT_ONCE: usize = 8;
const LEDGER_AT_ONCE: usize = 32;
/// How often the ledger is read whose segments give way meanwhile.
const READINGS_MAX: u32 = 20;

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
    let (ledger, builder) = read_ledger(archive, window).await?;
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
    let nothing = || format!("the archive {} holds nothing", archive.shown);
    // Recorders may have lived through hours in which nothing came.
    let tables = [Table::Exchanges, Table::Capture];
    if let Some(window) = span.named()? {
        let mut any = false;
        for table in &tables {
            any = any
                || !list::days(archive, table, TimeWindow::ALL)
                    .await?
                    .is_empty();
        }
        ensure!(any, nothing());
        return Ok(Some(window));
    }
    let mut extent = None;
    for table in &tables {
        if extent.is_none() {
            extent = list::extent(archive, table).await?;
        }
    }
    let (first, last) = extent.with_context(nothing)?;
    Ok(Some(span.resolve(first, last)?))
}

/// Reads the ledger of a window; false if there is none. Where a segment has given way to another since it was listed, it is read
/// again from the beginning.
async fn read_ledger(
    archive: &Archive,
    window: TimeWindow,
) -> anyhow::Result<(bool, CoverageBuilder)> {
    let mut left = READINGS_MAX;
    loop {
        let mut builder = CoverageBuilder::new(window);
        left -= 1;
        match read_once(archive, window, &mut builder).await {
            Err(error) if left > 0 && is_gone(&error) => {}
            read => return Ok((read?, builder)),
        }
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        let error = cause.downcast_ref::<object_store::Error>();
        matches!(error, Some(object_store::Error::NotFound { .. }))
    })
}

/// The same, many segments at a time.
async fn read_once(
    archive: &Archive,
    window: TimeWindow,
    builder: &mut CoverageBuilder,
) -> anyhow::Result<bool> {
    // A row belongs to its minute, so the one that the window begins in starts before the window.
    let window = TimeWindow {
        start: window.start.minute(),
        end: window.end,
    };
    let mut days = stream::iter(list::days(archive, &Table::Capture, window).await?)
        .map(|folder| async move { list::day(archive, &folder, window).await })
        .buffered(DAYS_AT_ONCE);
    let mut objects = Vec::new();
    while let Some(day) = days.try_next().await? {
        let overlaps = |object: &&list::Object| object.key.overlaps(window);
        objects.extend(day.segments().filter(overlaps).cloned());
    }
    let any = !objects.is_empty();
    let mut segments = stream::iter(objects)
        .map(|object| ledger_rows(archive, object))
        .buffered(LEDGER_AT_ONCE);
    while let Some(rows) = segments.try_next().await? {
        for (recorder, row) in &rows {
            builder.add(recorder, row);
        }
    }
    Ok(any)
}

async fn ledger_rows(
    archive: &Archive,
    object: list::Object,
) -> anyhow::Result<Vec<(RecorderId, LedgerRow)>> {
    let path = archive.path(&Table::Capture.path(&object.key));
    let read = || format!("cannot read the ledger segment {path} of {}", archive.place);
    let file = archive.store.get(&path).await.with_context(read)?;
    let file: Bytes = file.bytes().await.with_context(read)?;
    decode_ledger(file, &archive.keys).with_context(read)
}
