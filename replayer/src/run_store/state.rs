//! What lies beside a run so that another process can go on with it.
//!
//! ```text
//! runs/<run>/state/checkpoint.json         what had ended, and the report of it, when all of it was last published
//! runs/<run>/state/leases/<number>.json    how far requests may be sent, written before they are
//! ```
//! Segments that were published after the checkpoint are found by their numbers: their rows have ended too, and are counted
//! when the run goes on.

use anyhow::Context as _;
use object_store::ObjectStoreExt as _;
use replayer_core::checkpoint::Standing;
use replayer_core::report::Report;
use schema::encode_divergences;
use serde::{Deserialize, Serialize};

use super::RunPlace;

use crate::store::Archive;

/// The form of the checkpoint; a program goes on with runs of its own form only.
const CHECKPOINT_FORMAT: u32 = 1;

/// How a run stood when everything that had ended was published.
#[derive(Debug, Deserialize)]
pub(crate) struct Checkpoint {
    format: u32,
    /// What had ended.
    pub(crate) standing: Standing,
    /// Everything that was sent under this lease or earlier ones had ended; `None` if something was on its way.
    pub(crate) lease: Option<u64>,
    /// The files.
    pub(crate) files: FilesWritten,
    /// Requests that were late because too many were in flight.
    pub(crate) held_back: u64,
    /// What was found so far.
    pub(crate) report: Report,
}

/// The same to be written, without a copy of the report.
#[derive(Serialize)]
struct CheckpointRef<'a> {
    format: u32,
    standing: Standing,
    lease: Option<u64>,
    files: FilesWritten,
    held_back: u64,
    report: &'a Report,
}

/// How many files of a run there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilesWritten {
    /// Segments: the number of the next one.
    pub(crate) segments: u64,
    /// Segments from this number on may have rows that are in no report.
    pub(crate) claim_from: u64,
    /// How many such rows are left.
    #[serde(skip)]
    pub(crate) unclaimed: u64,
    /// Files of divergences.
    pub(crate) divergences: u64,
}

/// A run that was begun before.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    /// As it was left; `None` if it was killed before the first one.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// The files that there are.
    pub(crate) files: FilesWritten,
}

impl Checkpoint {
    /// The checkpoint as it is stored.
    pub(super) fn encode(
        standing: Standing,
        lease: Option<u64>,
        files: FilesWritten,
        held_back: u64,
        report: &Report,
    ) -> Vec<u8> {
        serde_json::to_vec(&CheckpointRef {
            format: CHECKPOINT_FORMAT,
            standing,
            lease,
            files,
            held_back,
            report,
        })
        .expect("every field has a JSON form")
    }

    /// Reads a stored checkpoint.
    ///
    /// # Errors
    /// If it is none, or of another form.
    pub(crate) fn from_json(json: &[u8]) -> anyhow::Result<Self> {
        let checkpoint: Self = serde_json::from_slice(json)?;
        anyhow::ensure!(
            checkpoint.format == CHECKPOINT_FORMAT,
            "it has form {}, this program reads form {CHECKPOINT_FORMAT}",
            checkpoint.format
        );
        Ok(checkpoint)
    }
}

/// Empties the files of divergences from number `from` on: a killed process left them, and their rows are compared again.
///
/// # Errors
/// If the store fails.
pub(crate) async fn clear_divergences(
    store: &Archive,
    place: &RunPlace,
    from: u64,
) -> anyhow::Result<()> {
    for number in from.. {
        let path = place.divergences(number);
        match store.head(&path).await {
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => break,
            Err(error) => return Err(error).with_context(|| format!("look for {path}")),
        }
        let empty = encode_divergences(&[], 1, store.keys()).context("encode no divergences")?;
        let put = store.put(&path, empty.into()).await;
        put.with_context(|| format!("write {path}"))?;
    }
    Ok(())
}
