//! `recorder archive expire`: whole hours that are older than they need to be kept are removed.
//!
//! What goes is written down first, so that `check` does not miss it; an expiry that is broken off is finished by the next.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt as _};
use schema::{
    MaintenanceDocument, RemovedSegments, RunDocument, SegmentNumbers, Table, TimeWindow, Timestamp,
};
use serde::Serialize;

use super::{Found, list, record};
use crate::cli::ExpireArgs;
use crate::store::Archive;
use crate::units::{ByteSize, count};

/// Removals at once.
const AT_ONCE: usize = 16;

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    archive: String,
    dry_run: bool,
    /// Everything of whole hours before this went.
    before: String,
    exchanges: Part,
    ledger: Part,
    runs: Vec<String>,
    /// Where it is written down; null if nothing went.
    document: Option<String>,
}

/// What goes of one table.
#[derive(Debug, Default, Serialize)]
struct Part {
    hours: u64,
    segments: u64,
    bytes: u64,
    #[serde(skip)]
    numbers: SegmentNumbers,
    #[serde(skip)]
    paths: Vec<Path>,
}

/// Removes what is older than it needs to be kept.
///
/// # Errors
/// If the archive cannot be listed or changed; what was removed before stays removed, and is written down.
pub(super) async fn run(archive: &Archive, args: &ExpireArgs) -> anyhow::Result<Found> {
    let before = match (args.keep, args.before) {
        (Some(keep), _) => record::now().saturating_sub(keep),
        (None, Some(before)) => before,
        (None, None) => bail!("say how much to keep: --keep 35d, or --before TIME"),
    };
    let before = before.hour();
    let exchanges = part(archive, &Table::Exchanges, before).await?;
    let ledger = part(archive, &Table::Capture, before).await?;
    let runs = if args.runs {
        runs(archive, before).await?
    } else {
        Vec::new()
    };
    let mut report = Report {
        archive: archive.shown.clone(),
        dry_run: args.dry_run,
        before: before.to_string(),
        exchanges,
        ledger,
        runs,
        document: None,
    };
    let nothing = report.exchanges.paths.is_empty()
        && report.ledger.paths.is_empty()
        && report.runs.is_empty();
    if !args.dry_run && !nothing {
        report.document = Some(record::write(archive, &document(&report)).await?);
        // The ledger goes last: as long as exchanges are there, it says what they lack.
        for part in [&report.exchanges, &report.ledger] {
            remove(archive, part.paths.clone()).await?;
        }
        for run in &report.runs {
            remove_run(archive, run).await?;
        }
    }
    Ok(Found {
        text: text(&report),
        json: serde_json::to_value(&report)?,
        complete: true,
    })
}

/// What lies in the hours of a table that end before or at `before`.
async fn part(archive: &Archive, table: &Table, before: Timestamp) -> anyhow::Result<Part> {
    let mut part = Part::default();
    // The bound is the start of an hour, so that every hour that the window touches is whole.
    let window = TimeWindow {
        start: Timestamp::MIN,
        end: before,
    };
    for folder in list::days(archive, table, window).await? {
        let day = list::day(archive, &folder, window).await?;
        for (hour, found) in day.hours {
            part.hours += 1;
            let segments = found.segments.iter().chain(&found.replaced);
            for object in segments {
                part.segments += 1;
                part.bytes += object.bytes;
                part.paths.push(archive.path(&table.path(&object.key)));
                let numbers = record::numbers(archive, table, &object.key).await;
                // A damaged segment has a number all the same.
                match numbers {
                    Ok(numbers) => part.numbers.extend(&numbers),
                    Err(error) if error.downcast_ref::<schema::Error>().is_some_and(is_locked) => {
                        return Err(error);
                    }
                    Err(_) => {
                        let (name, number) = (object.key.recorder(), object.key.sequence());
                        part.numbers.insert(name.as_str(), number, number);
                    }
                }
            }
            // What says which of them count goes behind them.
            let changes = found.changes.iter();
            let names = changes.flat_map(|(change, _)| [change.staged_name(), change.file_name()]);
            let left = found.left.into_iter().map(|(name, _)| name);
            let prefix = table.hour_prefix(hour);
            let notes = names.chain(left);
            part.paths
                .extend(notes.map(|name| archive.path(&format!("{prefix}/{name}"))));
        }
    }
    Ok(part)
}

fn is_locked(error: &schema::Error) -> bool {
    matches!(error, schema::Error::Locked(_))
}

/// The runs whose windows end before or at `before`.
async fn runs(archive: &Archive, before: Timestamp) -> anyhow::Result<Vec<String>> {
    let mut runs = Vec::new();
    for run in list::folders(archive, "runs").await? {
        let place = format!("runs/{run}/run.json");
        let path = archive.path(&place);
        let read = || format!("cannot read {path} of {}", archive.place);
        let json = match archive.store.get(&path).await {
            Ok(json) => json.bytes().await.with_context(read)?,
            Err(Error::NotFound { .. }) => continue,
            Err(error) => return Err(error).with_context(read),
        };
        let json = archive
            .keys
            .open_document(json, &place)
            .with_context(read)?;
        let document = RunDocument::from_json(&json).with_context(read)?;
        if document.source.to <= before {
            runs.push(run);
        }
    }
    Ok(runs)
}

fn document(report: &Report) -> MaintenanceDocument {
    let mut document = record::document("expire");
    document.before = Some(report.before.clone());
    document.runs.clone_from(&report.runs);
    let tables = [
        (Table::Exchanges, &report.exchanges),
        (Table::Capture, &report.ledger),
    ];
    for (table, part) in tables {
        if part.segments > 0 {
            let (segments, bytes) = (part.segments, part.bytes);
            let removed = RemovedSegments::new(table.folder(), segments, bytes, &part.numbers);
            document.removed.push(removed);
        }
    }
    document
}

async fn remove(archive: &Archive, paths: Vec<Path>) -> anyhow::Result<()> {
    let removals = paths.into_iter().map(|path| async move {
        match archive.store.delete(&path).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("cannot remove {path} from {}", archive.place))
            }
        }
    });
    let removals = stream::iter(removals).buffered(AT_ONCE);
    removals.try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Removes a run; its document last, so that what is broken off is found again.
async fn remove_run(archive: &Archive, run: &str) -> anyhow::Result<()> {
    let folder = archive.path(&format!("runs/{run}"));
    let list = || format!("cannot list {folder} of {}", archive.place);
    let objects = archive.store.list(Some(&folder));
    let objects: Vec<_> = objects.try_collect().await.with_context(list)?;
    let (documents, data): (Vec<Path>, Vec<Path>) = objects
        .into_iter()
        .map(|object| object.location)
        .partition(|path| path.filename() == Some("run.json"));
    remove(archive, data).await?;
    remove(archive, documents).await
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\n", report.archive);
    let verb = if report.dry_run {
        "would be removed"
    } else {
        "removed"
    };
    let _ = writeln!(text, "whole hours before {} {verb}:", report.before);
    for (name, part) in [("exchanges", &report.exchanges), ("ledger", &report.ledger)] {
        let _ = writeln!(
            text,
            "  {name:<10} {:>7} segments of {:>5} hours, {}",
            count(part.segments),
            count(part.hours),
            ByteSize(part.bytes)
        );
    }
    for run in &report.runs {
        let _ = writeln!(text, "  run        {run}");
    }
    if let Some(document) = &report.document {
        let _ = writeln!(text, "written down in {document}");
    }
    text
}
