//! Which segments a table has, from listings alone, a day at a time: memory is that of one day's names.
//!
//! Where segments take the place of others, small files beside them say which count (`schema::swap`).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use schema::swap::{HourFile, Listing, SwapDocument, hour_file};
use schema::{SegmentKey, Table, TimeWindow, Timestamp};

use crate::store::Archive;

pub(super) const HOUR: Duration = Duration::from_secs(3_600);
/// How often a folder is listed whose listing was made over a change, and the pause in between.
const LISTINGS_MAX: u32 = 20;
const LISTING_PAUSE: Duration = Duration::from_millis(100);

/// A segment where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: SegmentKey,
    pub(super) bytes: u64,
}

/// What lies in the folder of one hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Hour {
    /// Those that count, in order of their keys.
    pub(super) segments: Vec<Object>,
    /// Those that others have taken the place of, and that are not removed yet.
    pub(super) replaced: Vec<Object>,
    /// Changes that are under way or were broken off, and when they were announced.
    pub(super) changes: Vec<(SwapDocument, Timestamp)>,
    /// What is left of changes, by name, and since when.
    pub(super) left: Vec<(String, Timestamp)>,
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
    for _ in 0..LISTINGS_MAX {
        if let Some(mut day) = day_once(archive, folder).await? {
            day.hours
                .retain(|hour, _| window.overlaps(*hour, last_of(*hour, HOUR)));
            return Ok(day);
        }
        tokio::time::sleep(LISTING_PAUSE).await;
    }
    bail!(
        "the segments of {folder} in {} do not settle: a change of them was broken off, or their names were changed by \
         hand",
        archive.place
    )
}

/// The same, of all hours; `None` if segments changed while they were listed.
async fn day_once(archive: &Archive, folder: &Path) -> anyhow::Result<Option<Day>> {
    let mut day = Day::default();
    let mut objects = archive.store.list(Some(folder));
    let list = || format!("cannot list {folder} of {}", archive.place);
    let mut documents = Vec::new();
    while let Some(object) = objects.try_next().await.with_context(list)? {
        let name = object.location.filename().unwrap_or_default();
        let Some(hour) = hour_of(&object.location) else {
            day.strangers.push(object.location);
            continue;
        };
        match hour_file(name) {
            HourFile::Segment => match object.location.as_ref().parse::<SegmentKey>() {
                Ok(key) => {
                    let bytes = object.size;
                    let hour = day.hours.entry(hour).or_default();
                    hour.segments.push(Object { key, bytes });
                }
                Err(_) => day.strangers.push(object.location),
            },
            HourFile::Swap(_) => documents.push((hour, object)),
            HourFile::Staged(_) | HourFile::Swapped(_) => {
                let left = (name.to_owned(), modified(&object));
                day.hours.entry(hour).or_default().left.push(left);
            }
        }
    }
    for (hour, object) in documents {
        let path = &object.location;
        let read = || format!("cannot read {path} of {}", archive.place);
        let document = match archive.store.get(path).await {
            Ok(object) => object.bytes().await.with_context(read)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error).with_context(read),
        };
        let document = SwapDocument::from_json(&document).with_context(read)?;
        let hour = day.hours.entry(hour).or_default();
        hour.changes.push((document, modified(&object)));
    }
    let settled = day.hours.values_mut().all(Hour::settle);
    Ok(settled.then_some(day))
}

impl Hour {
    /// Keeps the segments that count; false if the listing does not tell which.
    fn settle(&mut self) -> bool {
        self.segments.sort_by(|a, b| a.key.cmp(&b.key));
        if self.changes.is_empty() && self.left.is_empty() {
            return true;
        }
        let swapped = self
            .left
            .iter()
            .filter_map(|(name, _)| match hour_file(name) {
                HourFile::Swapped(segment) => Some(segment.to_owned()),
                _ => None,
            });
        let listing = Listing {
            segments: self
                .segments
                .iter()
                .map(|object| object.key.file_name())
                .collect(),
            swaps: self
                .changes
                .iter()
                .map(|(document, _)| document.clone())
                .collect(),
            swapped: swapped.collect(),
        };
        let Some(counting) = listing.resolve() else {
            return false;
        };
        let segments = std::mem::take(&mut self.segments);
        (self.segments, self.replaced) = segments
            .into_iter()
            .partition(|object| counting.contains(&object.key.file_name()));
        true
    }
}

/// The hour of `…/date=YYYY-MM-DD/hour=HH/<file>`; other places have none.
fn hour_of(path: &Path) -> Option<Timestamp> {
    let mut parts = path.as_ref().rsplitn(4, '/').skip(1);
    let (hour, date) = (parts.next()?, parts.next()?);
    let (hour, date) = (hour.strip_prefix("hour=")?, date.strip_prefix("date=")?);
    format!("{date}T{hour}:00:00Z").parse().ok()
}

fn modified(object: &ObjectMeta) -> Timestamp {
    Timestamp::from_micros(object.last_modified.timestamp_micros())
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
