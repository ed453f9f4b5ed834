//! Segments that are published and not there any more, because others have taken their place: they are not put again.
//!
//! A recorder that starts again puts what its spool still holds, and the store may have taken it before. Where that segment was
//! compacted since, or written again without erased rows, its name is free.

use futures_util::TryStreamExt as _;
use object_store::{Error, GetOptions, GetRange, ObjectStore as _};
use schema::{FooterStep, SegmentKey, SegmentNumbers, Table, read_footer};

use super::Uploader;
use crate::archive::{COMPACT, FORGET};

/// How much of a segment's end is read at first.
const TAIL_BYTES: u64 = 64 << 10;

impl Uploader {
    /// Whether a segment of its hour says that it has taken the place of the one under `key`.
    ///
    /// Whoever takes a segment's place is there before that segment goes. So one that is neither there nor replaced was never
    /// published.
    pub(super) async fn is_replaced(&self, table: &Table, key: &SegmentKey) -> Result<bool, Error> {
        let prefix = self.archive.path(&table.hour_prefix(key.start()));
        let mut objects = self.archive.store.list(Some(&prefix));
        while let Some(object) = objects.try_next().await? {
            let Ok(other) = object.location.as_ref().parse::<SegmentKey>() else {
                continue;
            };
            let name = other.recorder().as_str();
            if !name.starts_with(COMPACT) && !name.starts_with(FORGET) {
                continue;
            }
            let replaces = self.replaces(&object.location).await?;
            if replaces.contains(key.recorder().as_str(), key.sequence()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The numbers of the segments that one took the place of; none if it is gone, or is no segment.
    async fn replaces(&self, path: &object_store::path::Path) -> Result<SegmentNumbers, Error> {
        let mut wanted = TAIL_BYTES;
        loop {
            let options = GetOptions {
                range: Some(GetRange::Suffix(wanted)),
                ..GetOptions::default()
            };
            let tail = match self.archive.store.get_opts(path, options).await {
                Ok(tail) => tail.bytes().await?,
                Err(Error::NotFound { .. }) => return Ok(SegmentNumbers::default()),
                Err(error) => return Err(error),
            };
            match read_footer(&tail, &self.archive.keys) {
                Ok(FooterStep::Footer(footer)) => return Ok(footer.replaces),
                Ok(FooterStep::NeedsTail(more)) if more > wanted => wanted = more,
                // What it took the place of is not known, and must be before anything is put.
                Err(error @ schema::Error::Locked(_)) => {
                    return Err(Error::Generic {
                        store: "archive",
                        source: format!("{path}: {error}").into(),
                    });
                }
                Ok(FooterStep::NeedsTail(_)) | Err(_) => {
                    tracing::warn!(%path, "its footer cannot be read: `recorder archive check` says more");
                    return Ok(SegmentNumbers::default());
                }
            }
        }
    }
}
