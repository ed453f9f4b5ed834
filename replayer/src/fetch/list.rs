//! Windows are found from keys alone: which dates there are, then which hours, then which segments.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use object_store::ObjectStore;
use object_store::path::Path;
use schema::{SegmentKey, Table, TimeWindow, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);
/// A window that touches at most so many hours is listed hour by hour; a longer one day by day.
const HOURS_LISTED_MAX: u64 = 48;

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
    store: &dyn ObjectStore,
    table: &Table,
    window: TimeWindow,
) -> anyhow::Result<Vec<Segment>> {
    let hours = window
        .end
        .since(window.start.hour())
        .as_secs()
        .div_ceil(HOUR.as_secs());
    let mut segments = Vec::new();
    if hours <= HOURS_LISTED_MAX {
        let mut hour = window.start.hour();
        while hour < window.end {
            list_into(
                store,
                &table.hour_prefix(hour).into(),
                window,
                &mut segments,
            )
            .await?;
            hour = hour.saturating_add(HOUR);
        }
    } else {
        for date in folders(store, &table.folder().into()).await? {
            if date_overlaps(&date, window) {
                list_into(store, &date, window, &mut segments).await?;
            }
        }
    }
    segments.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(segments)
}

/// The starts of the first and the last exchange in `table`, from keys; `None` if there is no segment.
///
/// # Errors
/// If the store cannot be listed.
pub(crate) async fn extent(
    store: &dyn ObjectStore,
    table: &Table,
) -> anyhow::Result<Option<(Timestamp, Timestamp)>> {
    let dates = folders(store, &table.folder().into()).await?;
    let mut first = None;
    for date in &dates {
        first = edge(
            store,
            date,
            |segments| segments.iter().map(|s| s.key.start()).min(),
            false,
        )
        .await?;
        if first.is_some() {
            break;
        }
    }
    for date in dates.iter().rev() {
        let last = edge(
            store,
            date,
            |segments| segments.iter().map(|s| s.key.end()).max(),
            true,
        )
        .await?;
        if let Some(extent) = first.zip(last) {
            return Ok(Some(extent));
        }
    }
    Ok(None)
}

/// What `of` finds in the first hour of `date` (the last, if `last`) that has a segment.
async fn edge(
    store: &dyn ObjectStore,
    date: &Path,
    of: impl Fn(&[Segment]) -> Option<Timestamp>,
    last: bool,
) -> anyhow::Result<Option<Timestamp>> {
    let mut hours = folders(store, date).await?;
    if last {
        hours.reverse();
    }
    for hour in hours {
        let mut segments = Vec::new();
        list_into(store, &hour, TimeWindow::ALL, &mut segments).await?;
        if let Some(time) = of(&segments) {
            return Ok(Some(time));
        }
    }
    Ok(None)
}

/// The folders right below `folder`, in order.
async fn folders(store: &dyn ObjectStore, folder: &Path) -> anyhow::Result<Vec<Path>> {
    let listing = store
        .list_with_delimiter(Some(folder))
        .await
        .with_context(|| format!("list {folder} of the archive"))?;
    let mut folders = listing.common_prefixes;
    folders.sort();
    Ok(folders)
}

/// Adds the segments below `folder` that may hold rows of `window`. Files that are no segments are passed by.
async fn list_into(
    store: &dyn ObjectStore,
    folder: &Path,
    window: TimeWindow,
    segments: &mut Vec<Segment>,
) -> anyhow::Result<()> {
    let list = || format!("list {folder} of the archive");
    let mut objects = store.list(Some(folder));
    while let Some(object) = objects.try_next().await.with_context(list)? {
        match object.location.as_ref().parse::<SegmentKey>() {
            Ok(key) if key.overlaps(window) => segments.push(Segment {
                key,
                path: object.location,
                bytes: object.size,
            }),
            Ok(_) => {}
            Err(error) => tracing::debug!(path = %object.location, %error, "not a segment"),
        }
    }
    Ok(())
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
