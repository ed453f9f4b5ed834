//! `recorder archive forget`: erases exchanges that a person asked to erase, wherever the archive holds them.
//!
//! Segments that hold matches are written again without them and take the place of the old ones, so that a reader sees the old or
//! the new. It takes two passes. The first finds what matches, recorded exchanges before what runs and comparisons hold of the
//! same exchanges, by their ids. A run may hold a match that its recording does not; then the other runs are looked through again for
//! that exchange. Then it is written down what goes. The second erases in the opposite order: whatever breaks it
//! off, the recorded rows still say what else was to go, and running it again finds all of it.

mod documents;

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use object_store::{Error, ObjectStoreExt as _, PutMode, PutPayload};
use schema::filter::Filter;
use schema::{Exchange, ExchangeId, Projection, SealedSegment, SegmentKey, Table, TimeWindow};
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

/// The two passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Find,
    Erase,
}

/// What is erased.
struct Forgetting<'a> {
    archive: &'a Archive,
    args: &'a ForgetArgs,
    filter: Arc<Filter>,
    pass: Pass,
    /// The exchanges that were found so far.
    ids: Arc<HashSet<ExchangeId>>,
    /// The files that hold something of them and were not changed yet.
    found: BTreeSet<String>,
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
    let window = window.unwrap_or(TimeWindow::ALL);
    let mut forgetting = Forgetting {
        archive,
        args,
        filter: Arc::new(filter),
        pass: Pass::Find,
        ids: Arc::default(),
        found: BTreeSet::new(),
        report: Report::of(archive, args),
    };
    forgetting.find(window).await?;
    let found = &forgetting.report;
    if !args.dry_run && found.rows() + found.documents > 0 {
        let mut document = record::document("forget");
        document.conditions = conditions;
        document.reason.clone_from(&args.reason);
        document.rows_erased = found.rows();
        let document = record::write(archive, &document).await?;
        forgetting.report = Report {
            problems: std::mem::take(&mut forgetting.report.problems),
            document: Some(document),
            ..Report::of(archive, args)
        };
        forgetting.erase(window).await?;
    }
    Ok(Found {
        text: text(&forgetting.report),
        complete: forgetting.report.problems.is_empty(),
        json: serde_json::to_value(&forgetting.report)?,
    })
}

impl Report {
    fn of(archive: &Archive, args: &ForgetArgs) -> Self {
        Self {
            archive: archive.shown.clone(),
            dry_run: args.dry_run,
            ..Self::default()
        }
    }

    fn rows(&self) -> u64 {
        self.exchanges.rows + self.run_exchanges.rows + self.differences.rows
    }
}

impl Forgetting<'_> {
    /// Finds what matches. What was broken off before is finished on the way.
    async fn find(&mut self, window: TimeWindow) -> anyhow::Result<()> {
        self.recorded(window).await?;
        let runs = list::folders(self.archive, "runs").await?;
        loop {
            let known = self.ids.len();
            self.report.run_exchanges = Erased::default();
            for run in &runs {
                self.run_rows(run).await?;
            }
            if self.ids.len() == known {
                break;
            }
        }
        for run in &runs {
            self.run_differences(run).await?;
        }
        self.comparisons().await
    }

    /// Erases it. What the rows alone tell goes before the rows, and recorded rows go last.
    async fn erase(&mut self, window: TimeWindow) -> anyhow::Result<()> {
        self.pass = Pass::Erase;
        self.comparisons().await?;
        let runs = list::folders(self.archive, "runs").await?;
        for run in &runs {
            self.run_differences(run).await?;
        }
        for run in &runs {
            self.learned(run).await?;
            self.run_rows(run).await?;
        }
        self.recorded(window).await?;
        let gone = std::mem::take(&mut self.found).into_iter();
        let gone = gone.map(|path| format!("{path}: it went while this ran: run this again"));
        self.report.problems.extend(gone);
        Ok(())
    }

    async fn recorded(&mut self, window: TimeWindow) -> anyhow::Result<()> {
        self.report.exchanges = self.table(&Table::Exchanges, window).await?;
        Ok(())
    }

    /// A run's times are those of the replay: no window applies.
    async fn run_rows(&mut self, run: &str) -> anyhow::Result<()> {
        let table = Table::RunExchanges(run.to_owned());
        let erased = self.table(&table, TimeWindow::ALL).await?;
        self.report.run_exchanges.rows += erased.rows;
        self.report.run_exchanges.files += erased.files;
        Ok(())
    }

    /// Removes what a run that loses rows learned from answers; before the rows: where this is broken off, they are found again and
    /// it is not.
    async fn learned(&self, run: &str) -> anyhow::Result<()> {
        let rows = format!("{}/", Table::RunExchanges(run.to_owned()).folder());
        if self.found.iter().any(|path| path.starts_with(&rows)) {
            for folder in self.run_folders(run).await? {
                self.remove(&format!("{folder}/state/learned.json")).await?;
            }
        }
        Ok(())
    }

    async fn run_differences(&mut self, run: &str) -> anyhow::Result<()> {
        self.differences(&format!("runs/{run}/divergences")).await?;
        for folder in self.run_folders(run).await? {
            self.run_documents(&folder).await?;
        }
        Ok(())
    }

    async fn comparisons(&mut self) -> anyhow::Result<()> {
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

    /// Finds in a table, or erases from it.
    async fn table(&mut self, table: &Table, window: TimeWindow) -> anyhow::Result<Erased> {
        let mut erased = Erased::default();
        for folder in list::days(self.archive, table, window).await? {
            let day = if self.args.dry_run || self.pass == Pass::Erase {
                list::day(self.archive, &folder, window).await?
            } else {
                let lease = self.args.lease;
                let settled = swap::settled(self.archive, table, &folder, window, lease).await?;
                for hour in &settled.busy {
                    let place = table.hour_prefix(*hour);
                    self.problem(format!("{place}: another command is changing segments here, or was broken off: run this again later"));
                }
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

    /// Finds in a segment, or erases from it; gives how many rows.
    async fn segment(
        &mut self,
        place: &Place<'_>,
        key: &SegmentKey,
        window: TimeWindow,
    ) -> anyhow::Result<u64> {
        let path = place.table.path(key);
        let is_found = self.found.contains(&path);
        if !key.overlaps(window) || (self.pass == Pass::Erase && !is_found) {
            return Ok(0);
        }
        let Some(file) = self.read(&path).await? else {
            if self.pass == Pass::Find {
                self.problem(format!("{path}: it went while this ran: run this again"));
            }
            return Ok(0);
        };
        let (erased, new) = match self.look(place.table, key, file, window).await {
            Ok(found) => found,
            Err(error) => {
                self.problem(format!("{path}: {error:#}"));
                return Ok(0);
            }
        };
        if let Some(new) = &new {
            place.swap(std::slice::from_ref(key), new).await?;
            self.found.remove(&path);
        } else if self.pass == Pass::Find && !erased.is_empty() {
            self.found.insert(path);
            let ids = Arc::make_mut(&mut self.ids);
            ids.extend(&erased);
            if ids.len() > IDS_MAX {
                bail!("more than {IDS_MAX} exchanges match: narrow the filter or the window");
            }
        }
        Ok(erased.len() as u64)
    }

    /// Notes what could not be looked into, once.
    fn problem(&mut self, problem: String) {
        if !self.report.problems.contains(&problem) {
            self.report.problems.push(problem);
        }
    }

    /// The exchanges of a segment that are to go; when erasing, also the segment without them, if there are any. Off the
    /// runtime's threads.
    async fn look(
        &self,
        table: &Table,
        key: &SegmentKey,
        file: Bytes,
        window: TimeWindow,
    ) -> anyhow::Result<(Vec<ExchangeId>, Option<SealedSegment>)> {
        let recorder = format!("{}{:016x}", record::FORGET, swap::random()).parse()?;
        let (filter, ids, key) = (Arc::clone(&self.filter), Arc::clone(&self.ids), key.clone());
        let of_run = *table != Table::Exchanges;
        let erase = move |exchange: &Exchange| {
            // What a run holds of an exchange that was erased, and what it holds like it.
            let known = of_run && ids.contains(&exchange.id());
            known || (window.contains(exchange.start()) && filter.keeps(exchange))
        };
        let (keys, pass) = (self.archive.keys.clone(), self.pass);
        let projection = match self.filter.needs_headers() {
            true => Projection::All,
            false => Projection::Summary,
        };
        let look = move || {
            if pass == Pass::Find {
                let found = schema::chosen_rows(&file, &keys, projection, erase)?;
                return Ok((found, None));
            }
            let rewritten = schema::rewrite_segment(&key, &file, &keys, &recorder, WRITER, erase)?;
            Ok::<_, schema::Error>(rewritten.map_or((Vec::new(), None), |rewritten| {
                (rewritten.erased, Some(rewritten.segment))
            }))
        };
        let looked = tokio::task::spawn_blocking(look).await;
        Ok(looked.context("looking through a segment panicked")??)
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

    /// Puts a file in the place of another of the same name, which a store does at once; only when erasing.
    async fn overwrite(&self, path: &str, bytes: Bytes) -> anyhow::Result<()> {
        if self.pass == Pass::Find {
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
