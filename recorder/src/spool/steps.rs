//! What is done to a spool's folder, as steps: the order is the protocol, and a test breaks it off between any two of them.
//!
//! The rule behind all of it: what replaces something is durable before what it replaces is removed.

use bytes::Bytes;

use super::layout::{Entry, Kept, Sealed};

/// One change of the folder. Paths are below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make a folder that only its owner may read.
    MakeFolder(String),
    /// Write a whole new file that only its owner may read.
    Write(String, Bytes),
    /// Make a file's content durable.
    SyncFile(String),
    /// Make the names in a folder durable; the spool's own is the empty path.
    SyncFolder(String),
    /// Give a file or folder another name, replacing a file.
    Rename(String, String),
    /// Remove a file, if it is there.
    Remove(String),
    /// Remove an empty folder, if it is there and empty.
    RemoveFolder(String),
}

const ROOT: String = String::new();

/// An empty file whose name says something.
pub(super) fn mark(entry: &Entry) -> Vec<Step> {
    let name = entry.to_string();
    vec![
        Step::Write(name.clone(), Bytes::new()),
        Step::SyncFile(name),
        Step::SyncFolder(ROOT),
    ]
}

/// A new file of frames, which begins with `header`.
pub(super) fn begin_frames(generation: u64, header: Bytes) -> Vec<Step> {
    let name = Entry::Frames(generation).to_string();
    vec![
        Step::Write(name.clone(), header),
        Step::SyncFile(name),
        Step::SyncFolder(ROOT),
    ]
}

/// A folder for the segments of everything up to `generation`.
pub(super) fn begin_seal(generation: u64) -> Vec<Step> {
    vec![Step::MakeFolder(Entry::Sealing(generation).to_string())]
}

/// One segment into that folder.
pub(super) fn add_segment(generation: u64, name: &str, bytes: Bytes) -> Vec<Step> {
    let path = format!("{}/{name}", Entry::Sealing(generation));
    vec![Step::Write(path.clone(), bytes), Step::SyncFile(path)]
}

/// The segments take the place of the frames of `generations`: the rename is the moment at which they do. Whether the frames
/// are gone for good does not matter: the folder's name says that they are done with, also when it is empty. Those of `keep`
/// stay under another name, and `marks` go with them.
pub(super) fn commit_seal(
    sealed: Sealed,
    generations: &[u64],
    keep: &[Kept],
    marks: &[Entry],
) -> Vec<Step> {
    let sealing = Entry::Sealing(sealed.generation).to_string();
    let folder = Entry::Sealed(sealed).to_string();
    let mut steps = vec![
        Step::SyncFolder(sealing.clone()),
        Step::Rename(sealing, folder),
        Step::SyncFolder(ROOT),
    ];
    for &generation in generations {
        let frames = Entry::Frames(generation).to_string();
        let kept = keep.iter().find(|kept| kept.generation == generation);
        steps.push(match kept {
            Some(kept) => Step::Rename(frames, Entry::Kept(*kept).to_string()),
            None => Step::Remove(frames),
        });
    }
    steps.extend(marks.iter().map(|mark| Step::Remove(mark.to_string())));
    steps
}

/// A folder whose segments are all published, once a later one is there.
pub(super) fn retire(sealed: Sealed) -> Vec<Step> {
    vec![Step::RemoveFolder(Entry::Sealed(sealed).to_string())]
}

/// A segment that the store has confirmed.
pub(super) fn forget_segment(sealed: Sealed, name: &str) -> Vec<Step> {
    vec![Step::Remove(format!("{}/{name}", Entry::Sealed(sealed)))]
}

/// A segment gives way to a smaller one of the same name.
pub(super) fn replace_segment(sealed: Sealed, name: &str, bytes: Bytes) -> Vec<Step> {
    let folder = Entry::Sealed(sealed).to_string();
    let path = format!("{folder}/{name}");
    let temporary = format!("{path}.tmp");
    vec![
        Step::Write(temporary.clone(), bytes),
        Step::SyncFile(temporary.clone()),
        Step::Rename(temporary, path),
        Step::SyncFolder(folder),
    ]
}

/// A segment that cannot be published because another one has its place.
pub(super) fn set_aside(sealed: Sealed, name: &str) -> Vec<Step> {
    let folder = Entry::Sealed(sealed).to_string();
    let path = format!("{folder}/{name}");
    vec![
        Step::Rename(path.clone(), format!("{path}.conflict")),
        Step::SyncFolder(folder),
    ]
}

/// What is worth nothing any more. A folder is emptied first, of the files that `files` names.
pub(super) fn clear(entry: &Entry, files: &[String]) -> Vec<Step> {
    let name = entry.to_string();
    if !matches!(entry, Entry::Sealing(_)) {
        return vec![Step::Remove(name)];
    }
    let mut steps: Vec<_> = files
        .iter()
        .map(|file| Step::Remove(format!("{name}/{file}")))
        .collect();
    steps.push(Step::RemoveFolder(name));
    steps
}

#[cfg(test)]
mod tests;
