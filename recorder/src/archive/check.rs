//! `recorder archive check`: every byte of every segment, and whether any segment is missing.
//!
//! Segments are read whole, a few at once within a bound of memory; the listing of the whole archive is held.

mod report;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use schema::{
    ExchangeId, Inspected, Integrity, Keyring, Locked, RecorderId, SegmentKey, SegmentNumbers,
    Table, TimeWindow, Timestamp,
};
use tokio::sync::Semaphore;

use self::report::{Kind, Report};
use super::{Found, bar, coverage, list, record};
use crate::cli::CheckArgs;
use crate::store::Archive;

/// Segments that are read and decoded at once.
const AT_ONCE: usize = 4;
/// Bytes of them; one that is larger is read alone.
const BYTES_AT_ONCE: u64 = 256 << 20;
/// Exchanges of an hour that are looked at for duplicates; of more, it is said that they were not.
const IDS_MAX: usize = 4_000_000;

/// A file to check.
#[derive(Clone, Debug)]
struct Target {
    /// Below the archive's URL.
    path: String,
    kind: File,
    bytes: u64,
}

#[derive(Clone, Debug)]
enum File {
    Segment(Table, SegmentKey),
    Divergences,
    Findings,
}

/// What came of one.
struct Checked {
    target: Target,
    outcome: Outcome,
}

enum Outcome {
    Sound(Box<Inspected>, Vec<ExchangeId>),
    /// Readable, and not a segment with a key.
    Readable(Integrity),
    /// Its bytes are right, and the key for them was not given.
    Locked(Locked),
    Damaged(String),
    Unreadable(String),
    /// It was there when it was listed, and is not any more: others work on the archive too.
    Gone,
}

/// Checks the archive, or the window of it.
///
/// # Errors
/// If the archive cannot be listed. What cannot be read is part of the result.
pub(super) async fn run(archive: &Archive, args: &CheckArgs) -> anyhow::Result<Found> {
    let window = coverage::window(archive, &args.window).await?;
    let mut checker = Checker::new(archive, window.is_none());
    let targets = checker
        .targets(archive, window.unwrap_or(TimeWindow::ALL))
        .await?;
    let total = targets.iter().map(|target| target.bytes).sum();
    let bar = bar(!args.output.quiet, total);
    let memory = Arc::new(Semaphore::new(kib(BYTES_AT_ONCE) as usize));
    let mut checks = stream::iter(targets)
        .map(|target| check(archive, Arc::clone(&memory), target))
        .buffered(AT_ONCE);
    while let Some(checked) = checks.next().await {
        bar.inc(checked.target.bytes);
        checker.take(checked);
    }
    bar.finish_and_clear();
    let report = checker.finish(&record::removed(archive).await?);
    Ok(Found {
        text: report.text(),
        complete: report.is_sound(),
        json: serde_json::to_value(&report)?,
    })
}

/// Permits for so many bytes, at most all that there are.
fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.min(BYTES_AT_ONCE) / 1_024 + 1).unwrap_or(u32::MAX)
}

/// Reads one file and looks at all of it.
async fn check(archive: &Archive, memory: Arc<Semaphore>, target: Target) -> Checked {
    let _memory = memory.acquire_many(kib(target.bytes)).await;
    let outcome = match read(archive, &target).await {
        Ok(Some(file)) => {
            let (kind, keys) = (target.kind.clone(), archive.keys.clone());
            let looked = tokio::task::spawn_blocking(move || look(&kind, &file, &keys)).await;
            looked.unwrap_or_else(|_| Outcome::Damaged("reading it panicked".to_owned()))
        }
        Ok(None) => Outcome::Gone,
        Err(error) => Outcome::Unreadable(format!("{error:#}")),
    };
    Checked { target, outcome }
}

/// The file; `None` if it is not there any more.
async fn read(archive: &Archive, target: &Target) -> anyhow::Result<Option<Bytes>> {
    match archive.store.get(&archive.path(&target.path)).await {
        Ok(object) => Ok(Some(object.bytes().await?)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn look(kind: &File, file: &Bytes, keys: &Keyring) -> Outcome {
    let damaged = |error: schema::Error| match (error, schema::verify(file)) {
        // What it takes no key for is right.
        (schema::Error::Locked(locked), Ok(_)) => Outcome::Locked(locked),
        (error, _) => Outcome::Damaged(format!("{:#}", anyhow::anyhow!(error))),
    };
    let readable = |rows: Result<(), schema::Error>| {
        let integrity = schema::verify(file);
        match rows.and(integrity) {
            Ok(integrity) => Outcome::Readable(integrity),
            Err(error) => damaged(error),
        }
    };
    match kind {
        File::Segment(table, key) => {
            let mut ids = Vec::new();
            match schema::inspect(table, key, file, keys, |id| ids.push(id)) {
                Ok(inspected) => Outcome::Sound(Box::new(inspected), ids),
                Err(error) => damaged(error),
            }
        }
        File::Divergences => readable(schema::decode_divergences(file.clone(), keys).map(drop)),
        File::Findings => readable(schema::decode_findings(file.clone(), keys).map(drop)),
    }
}

/// What was seen so far.
struct Checker {
    report: Report,
    /// By table, numbers that are there or were taken the place of, and whose they are.
    numbers: HashMap<Table, SegmentNumbers>,
    holders: HashMap<(Table, RecorderId, u64), String>,
    /// The exchanges of the hour at hand.
    hour: Option<(Table, Timestamp)>,
    ids: HashSet<ExchangeId>,
    duplicates: u64,
}

impl Checker {
    fn new(archive: &Archive, everything: bool) -> Self {
        Self {
            report: Report::new(&archive.shown, everything),
            numbers: HashMap::new(),
            holders: HashMap::new(),
            hour: None,
            ids: HashSet::new(),
            duplicates: 0,
        }
    }

    /// Every file to check, in order. Files that are none of the archive's are noted.
    async fn targets(
        &mut self,
        archive: &Archive,
        window: TimeWindow,
    ) -> anyhow::Result<Vec<Target>> {
        let mut tables = vec![Table::Exchanges, Table::Capture];
        let mut targets = Vec::new();
        if self.report.everything {
            for run in list::folders(archive, "runs").await? {
                let folder = format!("runs/{run}/divergences");
                targets.extend(parquet(archive, &folder, &File::Divergences).await?);
                tables.push(Table::RunExchanges(run));
            }
            for comparison in list::folders(archive, "comparisons").await? {
                let folder = format!("comparisons/{comparison}/findings");
                targets.extend(parquet(archive, &folder, &File::Findings).await?);
            }
        }
        for table in tables {
            for folder in list::days(archive, &table, window).await? {
                let day = list::day(archive, &folder, window).await?;
                for stranger in &day.strangers {
                    self.note_stranger(stranger);
                }
                self.note_changes(&table, &day);
                targets.extend(day.segments().map(|object| Target {
                    path: table.path(&object.key),
                    kind: File::Segment(table.clone(), object.key.clone()),
                    bytes: object.bytes,
                }));
            }
        }
        Ok(targets)
    }

    fn note_changes(&mut self, table: &Table, day: &list::Day) {
        for (hour, found) in &day.hours {
            for (change, _) in &found.changes {
                let path = format!("{}/{}", table.hour_prefix(*hour), change.file_name());
                let what = format!(
                    "segments were giving way to {}, and {} of them are still there",
                    change.by,
                    found.replaced.len()
                );
                self.report.add(Kind::Unfinished, &path, &what);
            }
        }
    }

    fn note_stranger(&mut self, path: &Path) {
        let name = path.filename().unwrap_or_default();
        if name.ends_with(".parquet") {
            let what = "no segment has such a name, or it is in another folder than its name says";
            self.report.add(Kind::Misplaced, path.as_ref(), what);
        } else {
            self.report.strangers.push(path.to_string());
        }
    }

    fn take(&mut self, Checked { target, outcome }: Checked) {
        let path = target.path.as_str();
        match outcome {
            Outcome::Gone => {
                self.report.gone += 1;
                return;
            }
            Outcome::Locked(locked) => self.report.count_locked(&locked),
            Outcome::Damaged(what) => self.report.add(Kind::Damaged, path, &what),
            Outcome::Unreadable(what) => self.report.add(Kind::Unreadable, path, &what),
            Outcome::Readable(integrity) => self.report.count_sound(integrity, 0),
            Outcome::Sound(inspected, ids) => {
                if inspected.problems.is_empty() {
                    self.report.count_sound(inspected.integrity, inspected.rows);
                }
                for problem in &inspected.problems {
                    self.report.add(Kind::Inconsistent, path, problem);
                }
                if let File::Segment(table, key) = &target.kind {
                    let numbers = self.numbers.entry(table.clone()).or_default();
                    numbers.extend(&inspected.replaces);
                    if *table != Table::Capture {
                        self.take_ids(table, key, ids);
                    }
                }
            }
        }
        self.report.files += 1;
        self.report.bytes += target.bytes;
        if let File::Segment(table, key) = target.kind {
            self.take_number(table, &key, target.path);
        }
    }

    /// A segment that is damaged is not missing.
    fn take_number(&mut self, table: Table, key: &SegmentKey, path: String) {
        let (recorder, number) = (key.recorder(), key.sequence());
        let numbers = self.numbers.entry(table.clone()).or_default();
        numbers.insert(recorder.as_str(), number, number);
        let holder = (table, recorder.clone(), number);
        if let Some(other) = self.holders.get(&holder) {
            let what = format!("{other} has the same recorder and number");
            self.report.add(Kind::TwiceNumbered, &path, &what);
            return;
        }
        self.holders.insert(holder, path);
    }

    /// Segments come hour by hour: each exchange must be in one of its hour only.
    fn take_ids(&mut self, table: &Table, key: &SegmentKey, ids: Vec<ExchangeId>) {
        let hour = (table.clone(), key.start().hour());
        if self.hour.as_ref() != Some(&hour) {
            self.end_hour();
            self.hour = Some(hour);
        }
        if self.ids.len() + ids.len() > IDS_MAX {
            self.report.not_compared += ids.len() as u64;
            return;
        }
        for id in ids {
            self.duplicates += u64::from(!self.ids.insert(id));
        }
    }

    fn end_hour(&mut self) {
        self.ids.clear();
        if let Some((table, hour)) = &self.hour
            && self.duplicates > 0
        {
            let what = format!("{} exchanges are in more than one segment", self.duplicates);
            let path = table.hour_prefix(*hour);
            self.report.add(Kind::Duplicates, &path, &what);
        }
        self.duplicates = 0;
    }

    /// Ends the check; `removed` are the numbers of segments that went on purpose, by table.
    fn finish(mut self, removed: &HashMap<String, SegmentNumbers>) -> Report {
        self.end_hour();
        for (table, numbers) in &mut self.numbers {
            if let Some(removed) = removed.get(&table.folder()) {
                numbers.extend(removed);
            }
        }
        // What a locked segment took the place of is not known.
        if self.report.everything && !self.report.is_locked() {
            let mut tables: Vec<_> = self.numbers.iter().collect();
            tables.sort_by_key(|(table, _)| table.folder());
            for (table, numbers) in tables {
                for (recorder, first, last) in numbers.missing() {
                    let what = if first == last {
                        format!("number {first} of {recorder} is missing")
                    } else {
                        format!("numbers {first} to {last} of {recorder} are missing")
                    };
                    self.report.add(Kind::Missing, &table.folder(), &what);
                }
            }
        }
        self.report
    }
}

/// The Parquet files right below a folder.
async fn parquet(archive: &Archive, folder: &str, kind: &File) -> anyhow::Result<Vec<Target>> {
    let prefix = archive.path(folder);
    let listing = archive.store.list_with_delimiter(Some(&prefix)).await;
    let listing = listing.with_context(|| format!("cannot list {prefix} of {}", archive.place))?;
    let files = listing.objects.into_iter().filter_map(|object| {
        let name = object.location.filename()?;
        name.ends_with(".parquet").then(|| Target {
            path: format!("{folder}/{name}"),
            kind: kind.clone(),
            bytes: object.size,
        })
    });
    Ok(files.collect())
}
