//! Who may send which stretch of a run: a chain of small objects beside the run, each created once.
//!
//! Before a request is sent, a lease that covers it is in the store. So after a kill it is known what may have been sent. To
//! create the next lease of the chain is also to own the run: whoever finds it taken has lost the run to another process,
//! and stops.

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode};
use replayer_core::checkpoint::Position;
use serde::{Deserialize, Serialize};

use crate::store::Archive;

/// One lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    /// Who holds it, told apart from every other process.
    holder: String,
    /// Whether it is the holder's first. Such a one stays, so that a process that was suspended finds it in its way.
    opens: bool,
    /// Requests up to here may be sent; `None` for none yet.
    through: Option<Position>,
}

/// The chain of a run, held by this process.
#[derive(Debug)]
pub(crate) struct Leases {
    store: Archive,
    folder: Path,
    number: u64,
    lease: Lease,
}

impl Leases {
    /// Takes the run whose chain lies in `folder`. What was sent under the lease `settled` and those before it has ended.
    ///
    /// # Errors
    /// If the store fails, or another process takes the run at the same moment.
    pub(crate) async fn take(
        store: Archive,
        folder: Path,
        holder: String,
        settled: Option<u64>,
    ) -> anyhow::Result<Self> {
        let last = last(&store, &folder).await?;
        let through = match &last {
            Some((number, lease)) if settled.is_none_or(|settled| settled < *number) => {
                lease.through
            }
            _ => None,
        };
        let leases = Self {
            number: last.map_or(0, |(number, _)| number + 1),
            lease: Lease {
                holder,
                opens: true,
                through,
            },
            store,
            folder,
        };
        leases.put().await?;
        Ok(leases)
    }

    /// The number of the last lease.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How far requests may have been sent, by this process or the one before.
    pub(crate) fn through(&self) -> Option<Position> {
        self.lease.through
    }

    /// Leases everything up to `through`.
    ///
    /// # Errors
    /// If the store fails, or another process has taken the run: nothing more may be sent or written then.
    pub(crate) async fn extend(&mut self, through: Position) -> anyhow::Result<()> {
        let before = (self.number, self.lease.opens);
        self.number += 1;
        self.lease.opens = false;
        self.lease.through = self.lease.through.max(Some(through));
        self.put().await?;
        if let (number, false) = before {
            // One that stays is in nobody's way: the last one counts.
            let _stays = self.store.delete(&path(&self.folder, number)).await;
        }
        Ok(())
    }

    async fn put(&self) -> anyhow::Result<()> {
        let path = path(&self.folder, self.number);
        let json = serde_json::to_vec(&self.lease).context("write a lease as JSON")?;
        let create = PutMode::Create.into();
        match self.store.put_opts(&path, json.into(), create).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {
                let there = read(&self.store, &path).await?;
                // A create that was tried again after a lost answer finds its own object.
                if there == self.lease {
                    return Ok(());
                }
                bail!(TakenOver {
                    holder: there.holder
                })
            }
            Err(error) => Err(error).with_context(|| format!("write {path}")),
        }
    }
}

/// Another process goes on with the run.
#[derive(Debug, thiserror::Error)]
#[error("another process ({holder}) goes on with this run; this one has stopped")]
pub(crate) struct TakenOver {
    holder: String,
}

fn path(folder: &Path, number: u64) -> Path {
    folder.clone().join(format!("{number:08}.json"))
}

async fn read(store: &Archive, path: &Path) -> anyhow::Result<Lease> {
    let read = || format!("read {path}");
    let object = store.get(path).await.with_context(read)?;
    let json = object.bytes().await.with_context(read)?;
    serde_json::from_slice(&json).with_context(read)
}

/// The last lease of a chain, with its number.
async fn last(store: &Archive, folder: &Path) -> anyhow::Result<Option<(u64, Lease)>> {
    let list = || format!("list {folder}");
    let mut objects = store.list(Some(folder));
    let mut last = None;
    while let Some(object) = objects.try_next().await.with_context(list)? {
        let name = object.location.filename().unwrap_or_default();
        let number = name
            .strip_suffix(".json")
            .and_then(|name| name.parse().ok());
        last = last.max(number);
    }
    match last {
        Some(number) => Ok(Some((number, read(store, &path(folder, number)).await?))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
