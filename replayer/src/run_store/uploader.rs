//! Publishes a run's files in the order in which they come, whole or not at all.

use anyhow::Context as _;
use bytes::Bytes;
use object_store::{ObjectStoreExt as _, PutMode, PutPayload, path::Path};
use tokio::sync::mpsc;

use crate::store::Archive;

/// A file to publish.
#[derive(Debug)]
pub(super) struct Upload {
    /// Where, below the archive's root.
    pub(super) path: Path,
    /// What.
    pub(super) bytes: Bytes,
    /// Whether it may replace what is there: `run.json` only.
    pub(super) replace: bool,
}

/// Publishes until the queue ends or a file fails.
pub(super) async fn upload_all(
    store: Archive,
    mut files: mpsc::Receiver<Upload>,
) -> anyhow::Result<()> {
    while let Some(file) = files.recv().await {
        let path = file.path.clone();
        upload(&store, file)
            .await
            .with_context(|| format!("write {path}"))?;
        tracing::debug!(%path, "published");
    }
    Ok(())
}

async fn upload(store: &Archive, file: Upload) -> object_store::Result<()> {
    let size = file.bytes.len() as u64;
    let mode = if file.replace {
        PutMode::Overwrite
    } else {
        PutMode::Create
    };
    let put = store
        .put_opts(&file.path, PutPayload::from(file.bytes), mode.into())
        .await;
    match put {
        Ok(_) => Ok(()),
        // A create that was retried after a lost answer finds its own file. Names are this run's alone, so a file of the
        // same size is that one.
        Err(error @ object_store::Error::AlreadyExists { .. }) => {
            match store.head(&file.path).await {
                Ok(there) if there.size == size => Ok(()),
                _ => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}
