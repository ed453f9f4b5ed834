//! Documents of maintenance, and the footers of segments: what went, and what took the place of what.

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload,
};
use schema::{
    Footer, FooterStep, MaintenanceDocument, SegmentKey, SegmentNumbers, Table, Timestamp,
    read_footer,
};

use super::swap;
use crate::store::Archive;

/// What the recorder ids of segments begin with that took the place of others.
pub(crate) const COMPACT: &str = "compact-";
pub(crate) const FORGET: &str = "forget-";
/// How much of a segment's end is read at first.
const TAIL_BYTES: u64 = 64 << 10;

/// A document of this program, now.
pub(super) fn document(command: &str) -> MaintenanceDocument {
    let program = concat!("recorder ", env!("CARGO_PKG_VERSION"));
    MaintenanceDocument::new(command, program, now())
}

/// The time of the machine.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    Timestamp::MIN.saturating_add(since.unwrap_or_default())
}

/// Writes a document; gives its path.
///
/// # Errors
/// If the store fails.
pub(super) async fn write(
    archive: &Archive,
    document: &MaintenanceDocument,
) -> anyhow::Result<String> {
    let path = document.path(swap::random());
    let json = PutPayload::from(document.to_json());
    let options = PutMode::Create.into();
    let place = archive.path(&path);
    let put = archive.store.put_opts(&place, json, options);
    put.await
        .with_context(|| format!("cannot write {path} to {}", archive.place))?;
    Ok(path)
}

/// The numbers of the segments that went on purpose, by the folder of their table.
///
/// # Errors
/// If the documents cannot be read.
pub(super) async fn removed(archive: &Archive) -> anyhow::Result<HashMap<String, SegmentNumbers>> {
    let mut removed: HashMap<String, SegmentNumbers> = HashMap::new();
    let folder = archive.path("maintenance");
    let mut objects = archive.store.list(Some(&folder));
    let list = || format!("cannot list {folder} of {}", archive.place);
    while let Some(object) = objects.try_next().await.with_context(list)? {
        let path = object.location;
        let read = || format!("cannot read {path} of {}", archive.place);
        let json = archive.store.get(&path).await.with_context(read)?;
        let json = json.bytes().await.with_context(read)?;
        let document = MaintenanceDocument::from_json(&json).with_context(read)?;
        for table in &document.removed {
            let numbers = removed.entry(table.table.clone()).or_default();
            numbers.extend(&table.numbers());
        }
    }
    Ok(removed)
}

/// The footer of a segment of exchanges or of the ledger; `None` if the segment is not there any more.
///
/// # Errors
/// If it cannot be read, or is none.
pub(super) async fn footer(
    archive: &Archive,
    table: &Table,
    key: &SegmentKey,
) -> anyhow::Result<Option<Footer>> {
    let path = archive.path(&table.path(key));
    let read = || format!("cannot read the footer of {path} in {}", archive.place);
    let mut wanted = TAIL_BYTES;
    loop {
        let options = GetOptions {
            range: Some(GetRange::Suffix(wanted)),
            ..GetOptions::default()
        };
        let tail = match archive.store.get_opts(&path, options).await {
            Ok(tail) => tail.bytes().await.with_context(read)?,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error).with_context(read),
        };
        match read_footer(&tail, &archive.keys).with_context(read)? {
            FooterStep::Footer(footer) => return Ok(Some(*footer)),
            FooterStep::NeedsTail(more) if more > wanted => wanted = more,
            FooterStep::NeedsTail(_) => bail!("{}: it is shorter than its footer", read()),
        }
    }
}

/// A segment's own number, and those of the segments that it took the place of.
///
/// # Errors
/// If its footer cannot be read.
pub(super) async fn numbers(
    archive: &Archive,
    table: &Table,
    key: &SegmentKey,
) -> anyhow::Result<SegmentNumbers> {
    let mut numbers = SegmentNumbers::default();
    let made = [COMPACT, FORGET].iter();
    if made
        .into_iter()
        .any(|name| key.recorder().as_str().starts_with(name))
        && let Some(footer) = footer(archive, table, key).await?
    {
        numbers = footer.replaces;
    }
    numbers.insert(key.recorder().as_str(), key.sequence(), key.sequence());
    Ok(numbers)
}
