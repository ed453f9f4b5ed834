//! `recorder archive forget`: erases exchanges that a person asked to erase, wherever the archive holds them.
//!
//! Segments that hold matches are written again without them and take the place of the old ones, so that a reader sees the old or
//! the new. First recorded exchanges, then what runs and comparisons hold of the same exchanges, by their ids.

mod documents;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use object_store::{Error, ObjectStoreExt as _, PutMode, PutPayload};
use schema::filter::Filter;
use schema::{Exchange, ExchangeId, Rewritten, SegmentKey, Table, TimeWindow};
use serde::Serialize;

use super::swap::Place;
use super::{Found, coverage, list, record, swap};
use crate::cli::ForgetArgs;
use crate::store::Archive;
use crate::units::count;

const WRITER: &str = concat!("recorder ", env!("CARGO_PKG_VERSION"));
/// Most exchanges that one command erases: their ids are held.
const IDS_MAX: usize = 10_000_000;

/// What is printed.
#[derive(Debug, Default, Serialize)]
struct Report {
    archive: String,
    dry_run: bool,
    /// Exchanges that were erased, in segments.
    exchanges: Erased,
    /// The same of all runs.
    run_exchanges: Erased,
    /// Divergences and findings, in files.
    differences: Erased,
    /// Documents of runs and comparisons whose examples went.
    documents: u64,
    /// What could not be looked into: it may hold what was to be erased.
    problems: Vec<String>,
    /// Where it is written down; null if nothing went.
    document: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Erased {
    rows: u64,
    files: u64,
}

/// What is erased.
struct Forgetting<'a> {
    archive: &'a Archive,
    args: &'a ForgetArgs,
    filter: Arc<Filter>,
    /// The exchanges that were erased so far.
    ids: Arc<HashSet<ExchangeId>>,
    report: Report,
}

/// Erases what the filter chooses.
///
/// # Errors
/// If no condition was given, or the archive cannot be listed or changed. What was erased before stays erased.
pub(super) async fn run(archive: &Archive, args: &ForgetArgs) -> anyhow::Result<Found> {
    let filter = args.filter.filter()?;
    let conditions = args.filter.conditions();
    if conditions.is_empty() {
        bail!("say what to forget, for example --header 'x-customer=4711' or --exchange ID");
    }
    let window = coverage::window(archive, &args.window).await?;
    let mut forgetting = Forgetting {
        archive,
        args,
        filter: Arc::new(filter),
        ids: Arc::default(),
        report: Report {
            archive: archive.shown.clone(),
            dry_run: args.dry_run,
            ..Report::default()
        },
    };
    let erased = forgetting.all(window.unwrap_or(TimeWindow::ALL)).await;
    let report = &mut forgetting.report;
    if !args.dry_run && report.rows() + report.documents > 0 {
        let mut document = record::document("forget");
        document.conditions = conditions;
        document.reason.clone_from(&args.reason);
        document.rows_erased = report.rows();
        report.document = Some(record::write(archive, &document).await?);
    }
    erased?;
    Ok(Found {
        text: text(&forgetting.report),
        complete: forgetting.report.problems.is_empty(),
        json: serde_json::to_value(&forgetting.report)?,
    })
}

impl Report {
    fn rows(&self) -> u64 {
        self.exchanges.rows + self.run_exchanges.rows + self.differences.rows
    }
}

impl Forgetting<'_> {
    async fn all(&mut self, window: TimeWindow) -> anyhow::Result<()> {
        self.report.exchanges = self.table(&Table::Exchanges, window).await?;
        // A run's times are those of the replay: no window applies.
        for run in list::folders(self.archive, "runs").await? {
            let table = Table::RunExchanges(run.clone());
            let erased = self.table(&table, TimeWindow::ALL).await?;
            self.report.run_exchanges.rows += erased.rows;
            self.report.run_exchanges.files += erased.files;
            self.differences(&format!("runs/{run}/divergences")).await?;
            for folder in self.run_folders(&run).await? {
                self.run_documents(&folder).await?;
            }
        }
        for comparison in list::folders(self.archive, "comparisons").await? {
            let folder = format!("comparisons/{comparison}");
            self.differences(&format!("{folder}/findings")).await?;
            self.document(&format!("{folder}/comparison.json")).await?;
        }
        Ok(())
    }

    /// The folders of a run and of its parts.
    async fn run_folders(&self, run: &str) -> anyhow::Result<Vec<String>> {
        let mut folders = vec![format!("runs/{run}")];
        let shards = format!("runs/{run}/shards");
        let parts = list::folders(self.archive, &shards).await?;
        folders.extend(parts.iter().map(|shard| format!("{shards}/{shard}")));
        Ok(folders)
    }

    /// What a run, or one machine's part of it, says of itself: its document, and its report so far where it can go on.
    async fn run_documents(&mut self, folder: &str) -> anyhow::Result<()> {
        for name in ["run.json", "state/checkpoint.json"] {
            self.document(&format!("{folder}/{name}")).await?;
        }
        Ok(())
    }

    /// Erases from a table.
    async fn table(&mut self, table: &Table, window: TimeWindow) -> anyhow::Result<Erased> {
        let mut erased = Erased::default();
        for folder in list::days(self.archive, table, window).await? {
            let day = if self.args.dry_run {
                list::day(self.archive, &folder, window).await?
            } else {
                let lease = self.args.lease;
                let settled = swap::settled(self.archive, table, &folder, window, lease).await?;
                let busy = settled.busy.iter().map(|hour| {
                    let place = table.hour_prefix(*hour);
                    format!("{place}: another command is changing segments here, or was broken off: run this again later")
                });
                self.report.problems.extend(busy);
                settled.day
            };
            for (hour, found) in day.hours {
                let place = Place {
                    archive: self.archive,
                    table,
                    hour,
                };
                for object in found.segments {
                    let rows = self.segment(&place, &object.key, window).await?;
                    erased.rows += rows;
                    erased.files += u64::from(rows > 0);
                }
            }
        }
        Ok(erased)
    }

    /// Erases from a segment; gives how many rows went.
    async fn segment(
        &mut self,
        place: &Place<'_>,
        key: &SegmentKey,
        window: TimeWindow,
    ) -> anyhow::Result<u64> {
        if !key.overlaps(window) {
            return Ok(0);
        }
        let path = place.table.path(key);
        let Some(file) = self.read(&path).await? else {
            self.report
                .problems
                .push(format!("{path}: it went while this ran: run this again"));
            return Ok(0);
        };
        let rewritten = match self.rewrite(place.table, key, file, window).await {
            Ok(Some(rewritten)) => rewritten,
            Ok(None) => return Ok(0),
            Err(error) => {
                self.report.problems.push(format!("{path}: {error:#}"));
                return Ok(0);
            }
        };
        let ids = Arc::make_mut(&mut self.ids);
        ids.extend(&rewritten.erased);
        if ids.len() > IDS_MAX {
            bail!("more than {IDS_MAX} exchanges match: narrow the filter or the window");
        }
        if !self.args.dry_run {
            if let Table::RunExchanges(run) = place.table {
                // Before the rows: where this is broken off, they are found again and it is not.
                for folder in self.run_folders(run).await? {
                    self.remove(&format!("{folder}/state/learned.json")).await?;
                }
            }
            place
                .swap(std::slice::from_ref(key), &rewritten.segment)
                .await?;
        }
        Ok(rewritten.erased.len() as u64)
    }

    /// Makes the segment anew, off the runtime's threads.
    async fn rewrite(
        &self,
        table: &Table,
        key: &SegmentKey,
        file: Bytes,
        window: TimeWindow,
    ) -> anyhow::Result<Option<Rewritten>> {
        let recorder = format!("{}{:016x}", record::FORGET, swap::random()).parse()?;
        let (filter, ids, key) = (Arc::clone(&self.filter), Arc::clone(&self.ids), key.clone());
        let of_run = *table != Table::Exchanges;
        let erase = move |exchange: &Exchange| {
            // What a run holds of an exchange that was erased, and what it holds like it.
            let known = of_run && ids.contains(&exchange.id());
            known || (window.contains(exchange.start()) && filter.keeps(exchange))
        };
        let keys = self.archive.keys.clone();
        let rewrite = move || schema::rewrite_segment(&key, &file, &keys, &recorder, WRITER, erase);
        let rewritten = tokio::task::spawn_blocking(rewrite).await;
        Ok(rewritten.context("writing the segment again panicked")??)
    }

    /// A file; `None` if it is not there any more.
    async fn read(&self, path: &str) -> anyhow::Result<Option<Bytes>> {
        let read = || format!("cannot read {path} of {}", self.archive.place);
        match self.archive.store.get(&self.archive.path(path)).await {
            Ok(object) => object.bytes().await.map(Some).with_context(read),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).with_context(read),
        }
    }

    /// Removes what a run kept of the values that answers gave it: nothing there says whose they are.
    async fn remove(&self, path: &str) -> anyhow::Result<()> {
        match self.archive.store.delete(&self.archive.path(path)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error)
                .with_context(|| format!("cannot delete {path} of {}", self.archive.place)),
        }
    }

    /// Puts a file in the place of another of the same name, which a store does at once.
    async fn overwrite(&self, path: &str, bytes: Bytes) -> anyhow::Result<()> {
        if self.args.dry_run {
            return Ok(());
        }
        let (payload, mode) = (PutPayload::from(bytes), PutMode::Overwrite.into());
        let place = self.archive.path(path);
        let put = self.archive.store.put_opts(&place, payload, mode);
        put.await
            .with_context(|| format!("cannot write {path} to {}", self.archive.place))?;
        Ok(())
    }
}

fn text(report: &Report) -> String {
    let mut text = format!("{}\n", report.archive);
    let verb = if report.dry_run {
        "would be erased"
    } else {
        "erased"
    };
    let lines = [
        ("exchanges", report.exchanges, "segments"),
        ("exchanges of runs", report.run_exchanges, "segments"),
        ("differences", report.differences, "files"),
    ];
    for (what, erased, files) in lines {
        let (rows, of) = (count(erased.rows), count(erased.files));
        let _ = writeln!(text, "{rows:>10} {what} {verb}, from {of} {files}");
    }
    let documents = count(report.documents);
    let _ = writeln!(
        text,
        "{documents:>10} documents of runs and comparisons lose examples"
    );
    if let Some(document) = &report.document {
        let _ = writeln!(text, "written down, without what was erased, in {document}");
    }
    if !report.problems.is_empty() {
        let _ = writeln!(text, "\nNot everything was looked into:");
        for problem in &report.problems {
            let _ = writeln!(text, "  {problem}");
        }
    }
    text
}
