//! Which segments a table has, from listings alone, a day at a time: memory is that of one day's names.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use schema::{SegmentKey, Table, TimeWindow, Timestamp};

use crate::store::Archive;

const HOUR: Duration = Duration::from_secs(3_600);

/// A segment where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: SegmentKey,
    pub(super) bytes: u64,
}

/// What lies in the folder of one hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Hour {
    /// In order of their keys.
    pub(super) segments: Vec<Object>,
}

/// A day's folder, by hour, and what lies in it and is no segment in its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    pub(super) hours: BTreeMap<Timestamp, Hour>,
    pub(super) strangers: Vec<Path>,
}

/// The days of a table that `window` touches, in order, as folders below the store's root.
///
/// # Errors
/// If the store cannot be listed.
pub(super) async fn days(
    archive: &Archive,
    table: &Table,
    window: TimeWindow,
) -> anyhow::Result<Vec<Path>> {
    let folder = archive.path(&table.folder());
    let listing = archive.store.list_with_delimiter(Some(&folder)).await;
    let listing = listing.with_context(|| format!("cannot list {folder} of {}", archive.place))?;
    let mut days = listing.common_prefixes;
    days.retain(|day| start_of(day).is_some_and(|start| touches(window, start)));
    days.sort();
    Ok(days)
}

/// What lies in a day's folder, as far as it lies in hours that `window` touches.
///
/// # Errors
/// If the store cannot be listed.
pub(super) async fn day(
    archive: &Archive,
    folder: &Path,
    window: TimeWindow,
) -> anyhow::Result<Day> {
    let mut day = Day::default();
    let mut objects = archive.store.list(Some(folder));
    let list = || format!("cannot list {folder} of {}", archive.place);
    while let Some(object) = objects.try_next().await.with_context(list)? {
        match object.location.as_ref().parse::<SegmentKey>() {
            Ok(key) => {
                let hour = key.start().hour();
                if window.overlaps(hour, last_of(hour, HOUR)) {
                    let bytes = object.size;
                    let hour = day.hours.entry(hour).or_default();
                    hour.segments.push(Object { key, bytes });
                }
            }
            Err(_) => day.strangers.push(object.location),
        }
    }
    for hour in day.hours.values_mut() {
        hour.segments.sort_by(|a, b| a.key.cmp(&b.key));
    }
    Ok(day)
}

/// The starts of the first and the last row in `table`, from keys; `None` if there is no segment.
///
/// # Errors
/// If the store cannot be listed.
pub(super) async fn extent(
    archive: &Archive,
    table: &Table,
) -> anyhow::Result<Option<(Timestamp, Timestamp)>> {
    let days = days(archive, table, TimeWindow::ALL).await?;
    let mut first = None;
    for folder in &days {
        let day = day(archive, folder, TimeWindow::ALL).await?;
        first = day.segments().map(|object| object.key.start()).min();
        if first.is_some() {
            break;
        }
    }
    for folder in days.iter().rev() {
        let day = day(archive, folder, TimeWindow::ALL).await?;
        let last = day.segments().map(|object| object.key.end()).max();
        if let Some(extent) = first.zip(last) {
            return Ok(Some(extent));
        }
    }
    Ok(None)
}

/// The names of the folders right below `parent`, in order.
///
/// # Errors
/// If the store cannot be listed.
pub(super) async fn folders(archive: &Archive, parent: &str) -> anyhow::Result<Vec<String>> {
    let parent = archive.path(parent);
    let listing = archive.store.list_with_delimiter(Some(&parent)).await;
    let listing = listing.with_context(|| format!("cannot list {parent} of {}", archive.place))?;
    let folders = listing.common_prefixes.iter();
    let names = folders.filter_map(|folder| folder.filename().map(str::to_owned));
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

impl Day {
    pub(super) fn segments(&self) -> impl Iterator<Item = &Object> {
        self.hours.values().flat_map(|hour| &hour.segments)
    }
}

/// The start of the day of a folder `…/date=YYYY-MM-DD`; a folder of another name has none.
fn start_of(folder: &Path) -> Option<Timestamp> {
    let date = folder.filename()?.strip_prefix("date=")?;
    format!("{date}T00:00:00Z").parse().ok()
}

fn touches(window: TimeWindow, day: Timestamp) -> bool {
    window.overlaps(day, last_of(day, 24 * HOUR))
}

/// The last instant of a span that begins at `start`.
fn last_of(start: Timestamp, span: Duration) -> Timestamp {
    start.saturating_add(span - Duration::from_nanos(1))
}
