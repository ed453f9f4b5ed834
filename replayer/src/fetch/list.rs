//! Windows are found from keys alone: which dates there are, then which hours, then which segments.
//!
//! Where segments take the place of others meanwhile, small files beside them say which count (`schema::swap`).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use schema::swap::{HourFile, Listing, SwapDocument, hour_file};
use schema::{SegmentKey, Table, TimeWindow, Timestamp};

use crate::store::Archive;

const HOUR: Duration = Duration::from_secs(3_600);
/// A window that touches at most so many hours is listed hour by hour; a longer one day by day.
const HOURS_LISTED_MAX: u64 = 48;
/// Folders that are listed at once.
const LISTED_AT_ONCE: usize = 16;
/// How often a folder is listed whose listing was made over a change, and the pause in between.
const LISTINGS_MAX: u32 = 20;
const LISTING_PAUSE: Duration = Duration::from_millis(100);

/// One segment of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its key.
    pub(crate) key: SegmentKey,
    /// Where it is, below the archive's root.
    pub(crate) path: Path,
    /// Size of the file.
    pub(crate) bytes: u64,
}

/// The segments of `table` that may hold rows of `window`, in order of their keys.
///
/// # Errors
/// If the store cannot be listed.
pub(crate) async fn segments(
    store: &Archive,
    table: &Table,
    window: TimeWindow,
) -> anyhow::Result<Vec<Segment>> {
    segments_below(store, &table.folder(), window).await
}

/// As [`segments`], of the table in this folder.
///
/// # Errors
/// As [`segments`].
pub(crate) async fn segments_below(
    store: &Archive,
    folder: &str,
    window: TimeWindow,
) -> anyhow::Result<Vec<Segment>> {
    let hours = window
        .end
        .since(window.start.hour())
        .as_secs()
        .div_ceil(HOUR.as_secs());
    let mut parts = Vec::new();
    if hours <= HOURS_LISTED_MAX {
        let mut hour = window.start.hour();
        while hour < window.end {
            parts.push(format!("{folder}/{}", hour.partition()).into());
            hour = hour.saturating_add(HOUR);
        }
    } else {
        parts = folders(store, &folder.into()).await?;
        parts.retain(|date| date_overlaps(date, window));
    }
    let mut listed = stream::iter(parts)
        .map(|part| async move { list(store, &part, window).await })
        .buffer_unordered(LISTED_AT_ONCE);
    let mut segments = Vec::new();
    while let Some(listed) = listed.try_next().await? {
        segments.extend(listed);
    }
    segments.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(segments)
}

/// The starts of the first and the last exchange in `table`, from keys; `None` if there is no segment.
///
/// # Errors
/// If the store cannot be listed.
pub(crate) async fn extent(
    store: &Archive,
    table: &Table,
) -> anyhow::Result<Option<(Timestamp, Timestamp)>> {
    let dates = folders(store, &table.folder().into()).await?;
    let (first, last) = tokio::try_join!(
        edge(store, &dates, Edge::First),
        edge(store, &dates, Edge::Last)
    )?;
    let start = first.iter().map(|segment| segment.key.start()).min();
    let end = last.iter().map(|segment| segment.key.end()).max();
    Ok(start.zip(end))
}

/// Which end of a table is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    First,
    Last,
}

/// The segments of the first or the last hour of these dates that has any.
async fn edge(store: &Archive, dates: &[Path], edge: Edge) -> anyhow::Result<Vec<Segment>> {
    let mut dates = dates.to_vec();
    if edge == Edge::Last {
        dates.reverse();
    }
    for date in dates {
        let mut hours = folders(store, &date).await?;
        if edge == Edge::Last {
            hours.reverse();
        }
        for hour in hours {
            let segments = list(store, &hour, TimeWindow::ALL).await?;
            if !segments.is_empty() {
                return Ok(segments);
            }
        }
    }
    Ok(Vec::new())
}

/// The folders right below `folder`, in order.
async fn folders(store: &Archive, folder: &Path) -> anyhow::Result<Vec<Path>> {
    let listing = store
        .list_with_delimiter(Some(folder))
        .await
        .with_context(|| format!("list {folder} of the archive"))?;
    let mut folders = listing.common_prefixes;
    folders.sort();
    Ok(folders)
}

/// The segments below `folder` that count and may hold rows of `window`. Files that are no segments are passed by.
async fn list(store: &Archive, folder: &Path, window: TimeWindow) -> anyhow::Result<Vec<Segment>> {
    for _ in 0..LISTINGS_MAX {
        if let Some(mut listed) = list_once(store, folder).await? {
            listed.retain(|segment| segment.key.overlaps(window));
            return Ok(listed);
        }
        tokio::time::sleep(LISTING_PAUSE).await;
    }
    bail!(
        "the segments of {folder} do not settle: a change of them was broken off; `recorder archive compact` finishes it"
    )
}

/// The segments below `folder` that count; `None` if they changed while they were listed.
async fn list_once(store: &Archive, folder: &Path) -> anyhow::Result<Option<Vec<Segment>>> {
    let list = || format!("list {folder} of the archive");
    let mut segments = Vec::new();
    // By folder, where there are changes.
    let mut changes: BTreeMap<String, Listing> = BTreeMap::new();
    let mut documents = Vec::new();
    let mut objects = store.list(Some(folder));
    while let Some(object) = objects.try_next().await.with_context(list)? {
        let path = object.location.as_ref();
        let (hour, name) = path.rsplit_once('/').unwrap_or(("", path));
        match hour_file(name) {
            HourFile::Segment => match path.parse::<SegmentKey>() {
                Ok(key) => segments.push(Segment {
                    key,
                    path: object.location,
                    bytes: object.size,
                }),
                Err(error) => tracing::debug!(path, %error, "not a segment"),
            },
            HourFile::Staged(_) => {}
            HourFile::Swapped(segment) => {
                let change = changes.entry(hour.to_owned()).or_default();
                change.swapped.push(segment.to_owned());
            }
            HourFile::Swap(_) => documents.push((hour.to_owned(), object.location)),
        }
    }
    for (hour, path) in documents {
        let read = || format!("read {path} of the archive");
        let document = match store.get(&path).await {
            Ok(object) => object.bytes().await.with_context(read)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error).with_context(read),
        };
        let document = SwapDocument::from_json(&document).with_context(read)?;
        changes.entry(hour).or_default().swaps.push(document);
    }
    for (hour, mut change) in changes {
        let hour = Path::from(hour);
        let here = |segment: &Segment| segment.path.prefix_matches(&hour);
        let names = segments.iter().filter(|segment| here(segment));
        change.segments = names.map(|segment| segment.key.file_name()).collect();
        let Some(counting) = change.resolve() else {
            return Ok(None);
        };
        segments.retain(|segment| !here(segment) || counting.contains(&segment.key.file_name()));
    }
    Ok(Some(segments))
}

/// Whether `…/date=YYYY-MM-DD` has an instant of `window`; a folder of another name has none.
fn date_overlaps(folder: &Path, window: TimeWindow) -> bool {
    let date = folder
        .filename()
        .and_then(|name| name.strip_prefix("date="));
    let start: Option<Timestamp> = date.and_then(|date| format!("{date}T00:00:00Z").parse().ok());
    start.is_some_and(|start| {
        window.overlaps(
            start,
            start.saturating_add(24 * HOUR - Duration::from_nanos(1)),
        )
    })
}
