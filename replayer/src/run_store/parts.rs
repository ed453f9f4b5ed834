//! A run in parts: several machines replay one window, each the sessions of its own shard.
//!
//! Every machine writes its own document and checkpoint; nobody writes another's. The run's own document is begun by whoever
//! comes first, and says which window and which flags hold for all. It is put together from the parts by whoever ends last,
//! and by whoever reads the run before that.

use anyhow::{Context as _, bail};
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode};
use replayer_core::correlate::Learned;
use replayer_core::report::{Report, conclude};
use schema::run::{RunDocument, RunPart, RunState};

use super::{Checkpoint, RunPlace, put_document};

use crate::store::Archive;

/// Begins the run that `part` describes a part of, or joins it if another part has begun it.
///
/// # Errors
/// If it was begun with other flags, in another number of parts, or over another window.
pub(crate) async fn join(store: &Archive, part: &RunDocument) -> anyhow::Result<()> {
    let whole = RunDocument {
        shard: None,
        ..part.clone()
    };
    let path = RunPlace::of(&whole).document();
    let payload = store.seal(whole.to_json(), &path);
    match store.put_opts(&path, payload, PutMode::Create.into()).await {
        Ok(_) => return Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => {}
        Err(error) => return Err(error).with_context(|| format!("write {path}")),
    }
    let begun = read(store, &RunPlace::of(&whole))
        .await?
        .with_context(|| format!("{path} is gone"))?;
    let run = &whole.run;
    if begun.shards == 0 {
        bail!("run {run} exists in this archive, and not in parts: give this run another name");
    }
    if begun.shards != whole.shards {
        bail!(
            "run {run} was begun in {} parts, and this would be one of {}",
            begun.shards,
            whole.shards
        );
    }
    let flags = |document: &RunDocument| {
        let files = document.option_files.clone();
        (document.options.clone(), files)
    };
    if flags(&begun) != flags(&whole) {
        bail!(
            "another part began run {run} with other flags, or another file: give all parts the same, or this run another name"
        );
    }
    if begun.source.window() != whole.source.window() {
        bail!(
            "another part began run {run} at this moment over {}, and the archive has grown: begin this part again",
            begun.source.window()
        );
    }
    Ok(())
}

/// The document of a run, or of a part of one; `None` if it has not begun.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn read(store: &Archive, place: &RunPlace) -> anyhow::Result<Option<RunDocument>> {
    read_json(store, &place.document(), RunDocument::from_json).await
}

/// The checkpoint of a run, or of a part of one; `None` if there has been none.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn read_checkpoint(
    store: &Archive,
    place: &RunPlace,
) -> anyhow::Result<Option<Checkpoint>> {
    read_json(store, &place.checkpoint(), Checkpoint::from_json).await
}

/// What a run, or a part of one, had learned from answers when that was last kept; `None` if nothing was.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn read_learned(
    store: &Archive,
    place: &RunPlace,
) -> anyhow::Result<Option<Learned>> {
    read_json(store, &place.learned(), |json| serde_json::from_slice(json)).await
}

/// What `parse` makes of the file at `path`; `None` if there is none.
async fn read_json<T, E: Into<anyhow::Error>>(
    store: &Archive,
    path: &Path,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> anyhow::Result<Option<T>> {
    let reading = || format!("read {path}");
    let object = match store.get(path).await {
        Ok(object) => object,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error).with_context(reading),
    };
    let json = object.bytes().await.with_context(reading)?;
    let json = store.open(json, path).with_context(reading)?;
    parse(&json)
        .map(Some)
        .map_err(Into::into)
        .with_context(reading)
}

/// Puts the run `name` together if every part has ended.
///
/// # Errors
/// If the parts cannot be read, or the document cannot be written.
pub(crate) async fn publish_if_ended(store: &Archive, name: &str) -> anyhow::Result<()> {
    let begun = read(store, &RunPlace::new(name, None)).await?;
    let begun = begun.with_context(|| format!("the document of run {name} is gone"))?;
    let whole = put_together(store, begun).await?;
    if whole.state == RunState::Running {
        return Ok(());
    }
    put_document(store, &whole).await
}

/// The whole of a run in parts, as far as these have come. Another run is given back as it is.
///
/// # Errors
/// If a part cannot be read, or its sums do not fit its report.
pub(crate) async fn put_together(
    store: &Archive,
    begun: RunDocument,
) -> anyhow::Result<RunDocument> {
    if begun.shards == 0 || begun.shard.is_some() {
        return Ok(begun);
    }
    let mut whole = begun;
    let mut report = Report::of(&whole);
    let (mut read_in_all, mut filtered_out, mut held_back) = (0, 0, 0);
    let mut parts = Vec::new();
    whole.resumed.clear();
    (whole.rewriting, whole.correlation) = (None, None);
    for shard in 0..whole.shards {
        let place = RunPlace::new(&whole.run, Some(shard));
        let Some(part) = read(store, &place).await? else {
            continue;
        };
        if let Some(checkpoint) = read_checkpoint(store, &place).await? {
            report.merge(&checkpoint.report);
        }
        // A part that runs has a document of its last checkpoint, and does not know yet what it will read.
        read_in_all += part.totals.read;
        filtered_out += part.totals.filtered_out;
        held_back += part.report.schedule.held_back;
        if let Some(rewriting) = &part.rewriting {
            whole.rewriting.get_or_insert_default().merge(rewriting);
        }
        match (&mut whole.correlation, &part.correlation) {
            (Some(whole), Some(correlation)) => whole.merge(correlation),
            (whole @ None, Some(correlation)) => *whole = Some(correlation.clone()),
            (_, None) => {}
        }
        whole.started_at = whole.started_at.min(part.started_at);
        whole.finished_at = whole.finished_at.max(part.finished_at);
        parts.push(described(shard, &part));
        whole.resumed.extend(part.resumed);
    }
    whole.state = state(&parts, whole.shards);
    whole.parts = parts;
    whole.report.schedule.held_back = held_back;
    report.write_into(
        &mut whole,
        read_in_all.max(report.planned() + filtered_out),
        filtered_out,
    );
    whole.conclusion = match whole.state {
        RunState::Running => {
            whole.finished_at = None;
            None
        }
        _ => Some(conclude(&whole)),
    };
    Ok(whole)
}

/// A run has ended when all of its parts have, and as the worst of them did.
fn state(parts: &[RunPart], shards: u32) -> RunState {
    let has = |state: RunState| parts.iter().any(|part| part.state == state);
    if parts.len() < shards as usize || has(RunState::Running) {
        RunState::Running
    } else if has(RunState::Failed) {
        RunState::Failed
    } else if has(RunState::Interrupted) {
        RunState::Interrupted
    } else {
        RunState::Finished
    }
}

fn described(shard: u32, part: &RunDocument) -> RunPart {
    RunPart {
        shard,
        state: part.state,
        started_at: part.started_at,
        finished_at: part.finished_at,
        segments: part.source.segments,
        planned: part.totals.planned,
        sent: part.totals.sent,
        failed: part.totals.failed,
        skipped: part.totals.skipped,
        lag_own_max_us: part.report.schedule.lag_own_max_us,
    }
}
