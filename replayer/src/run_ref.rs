//! Which run is meant, and its document.

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use schema::Keyring;
use schema::run::{RunDocument, RunState};

use crate::cli::RunRefArgs;
use crate::run_store::{document_path, parts};
use crate::store::Archive;
use crate::{keys, store};

/// Documents that are read at once when runs are listed.
const READ_AT_ONCE: usize = 16;

/// A run in an archive.
#[derive(Clone, Debug)]
pub(crate) struct RunRef {
    /// The archive, as it is written.
    pub(crate) archive: String,
    /// The archive's store.
    pub(crate) store: Archive,
    /// The run's name.
    pub(crate) name: String,
}

impl RunRef {
    /// Finds the run that was typed: a name with `--archive`, or the run's folder.
    ///
    /// # Errors
    /// If it is neither, or the archive cannot be opened.
    pub(crate) fn find(args: &RunRefArgs) -> anyhow::Result<Self> {
        let keys = keys::load(&args.keys.key_file)?;
        Self::of(&args.run, args.archive.as_deref(), &keys)
    }

    /// The same, of an archive with these keys.
    ///
    /// # Errors
    /// As [`RunRef::find`].
    pub(crate) fn of(typed: &str, archive: Option<&str>, keys: &Keyring) -> anyhow::Result<Self> {
        let typed = typed.trim_end_matches('/');
        let typed = typed.strip_suffix("/run.json").unwrap_or(typed);
        let (archive, name) = match split_folder(typed) {
            Some((archive, name)) => (archive, name),
            None if !typed.contains('/') => {
                let archive = archive.with_context(|| {
                    format!(
                        "run {typed}: say in which archive with --archive URL, or give its folder \
                         <archive>/runs/{typed}"
                    )
                })?;
                (archive, typed)
            }
            None => bail!(
                "{typed} is no run; give its folder <archive>/runs/<name>, or its name with --archive URL"
            ),
        };
        if name.is_empty() {
            bail!("the run's name is empty; `replayer runs` lists those of an archive");
        }
        Ok(Self {
            archive: archive.to_owned(),
            store: store::open(archive, keys)?,
            name: name.to_owned(),
        })
    }

    /// The run's document.
    ///
    /// # Errors
    /// If there is no such run, or its document cannot be read.
    pub(crate) async fn document(&self) -> anyhow::Result<RunDocument> {
        read_document(&self.store, &document_path(&self.name))
            .await
            .with_context(|| {
                format!(
                    "run {} of archive {} (`replayer runs` lists its runs)",
                    self.name, self.archive
                )
            })
    }
}

/// The archive and the name in `<archive>/runs/<name>`.
fn split_folder(folder: &str) -> Option<(&str, &str)> {
    let (parent, name) = folder.rsplit_once('/')?;
    if parent == "runs" {
        return Some((".", name));
    }
    let archive = parent.strip_suffix("/runs")?;
    Some((if archive.is_empty() { "/" } else { archive }, name))
}

async fn read_document(store: &Archive, path: &Path) -> anyhow::Result<RunDocument> {
    let json = store.get(path).await?.bytes().await?;
    let json = store
        .open(json, path)
        .with_context(|| format!("read {path}"))?;
    let document = RunDocument::from_json(&json).with_context(|| format!("read {path}"))?;
    if document.state != RunState::Running {
        return Ok(document);
    }
    parts::put_together(store, document).await
}

/// Every run of an archive, newest first; a document that cannot be read is an error beside its path.
///
/// # Errors
/// If the archive cannot be listed.
pub(crate) async fn list(
    store: &Archive,
) -> anyhow::Result<Vec<(Path, anyhow::Result<RunDocument>)>> {
    use futures_util::StreamExt as _;
    let folders = store
        .list_with_delimiter(Some(&Path::from("runs")))
        .await
        .context("list runs/")?
        .common_prefixes;
    let mut runs: Vec<_> = futures_util::stream::iter(folders)
        .map(|folder| async move {
            let document = read_document(store, &folder.clone().join("run.json")).await;
            anyhow::Ok((folder, document))
        })
        .buffered(READ_AT_ONCE)
        .try_collect()
        .await?;
    runs.sort_by_key(|(path, document)| {
        let started = document
            .as_ref()
            .map_or(schema::Timestamp::MIN, |d| d.started_at);
        (std::cmp::Reverse(started), path.clone())
    });
    Ok(runs)
}

#[cfg(test)]
mod tests;
