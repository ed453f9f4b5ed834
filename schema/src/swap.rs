//! How segments of one hour take the place of others, so that a reader sees each row once at any moment.
//!
//! A store changes one object at a time, so which segments of an hour count is said by small files beside them. Their names begin
//! with `_`, which Spark, Hive, Athena, Trino and pyarrow pass by, and do not end with `.parquet`.
//!
//! ```text
//! _staged-<id>              the new segment, not in its place yet
//! _swap-<id>.json           from now on: if the new segment is in its place, those that it replaces do not count
//! <new segment>.parquet     the moment of the change
//!                           … the replaced segments are removed …
//! _swapped-<new segment>.mark
//!                           a listing that shows this and not the new segment was made over the change: list again
//! ```
//! [`steps`] is the protocol; [`Listing::resolve`] is what a reader makes of what it listed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Error, SegmentKey};

/// The only version of the document.
const FORMAT: u32 = 1;
const STAGED: &str = "_staged-";
const SWAP: &str = "_swap-";
const SWAPPED: &str = "_swapped-";
const MARK: &str = ".mark";

/// What `_swap-<id>.json` says. Names are of files in the same folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapDocument {
    format: u32,
    /// What tells this change from others: 16 hex digits, drawn.
    pub id: String,
    /// The segments that do not count any more once `by` is there.
    pub replaces: Vec<String>,
    /// The segment that takes their place.
    pub by: String,
}

/// What a file in an hour's folder is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HourFile<'a> {
    /// A segment, if its name is a key.
    Segment,
    /// A document, with its id.
    Swap(&'a str),
    /// A staged segment, with the id of its document.
    Staged(&'a str),
    /// What is left of a change, with the name of the segment that came.
    Swapped(&'a str),
}

/// Reads the name of a file.
#[must_use]
pub fn hour_file(name: &str) -> HourFile<'_> {
    let swap = || name.strip_prefix(SWAP)?.strip_suffix(".json");
    let swapped = || name.strip_prefix(SWAPPED)?.strip_suffix(MARK);
    if let Some(id) = swap() {
        HourFile::Swap(id)
    } else if let Some(id) = name.strip_prefix(STAGED) {
        HourFile::Staged(id)
    } else if let Some(segment) = swapped() {
        HourFile::Swapped(segment)
    } else {
        HourFile::Segment
    }
}

impl SwapDocument {
    /// A change of segments of one hour, all of one folder.
    ///
    /// # Panics
    /// If nothing is replaced, or the new segment is among what is replaced.
    #[must_use]
    pub fn new(id: &str, replaces: &[SegmentKey], by: &SegmentKey) -> Self {
        let replaces: Vec<_> = replaces.iter().map(SegmentKey::file_name).collect();
        let by = by.file_name();
        assert!(!replaces.is_empty(), "a change replaces something");
        assert!(
            !replaces.contains(&by),
            "a segment cannot take its own place"
        );
        Self {
            format: FORMAT,
            id: id.to_owned(),
            replaces,
            by,
        }
    }

    /// Name of the document's file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{SWAP}{}.json", self.id)
    }

    /// Name of the file in which the new segment waits.
    #[must_use]
    pub fn staged_name(&self) -> String {
        format!("{STAGED}{}", self.id)
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names are JSON")
    }

    /// Reads what [`SwapDocument::to_json`] wrote.
    ///
    /// # Errors
    /// If it is something else, or newer.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let document: Self = serde_json::from_slice(json)
            .map_err(|error| Error::Format(format!("a change of segments: {error}")))?;
        if document.format > FORMAT {
            let found = format!("of a change of segments {}", document.format);
            return Err(Error::Newer { found, known: "1" });
        }
        Ok(document)
    }
}

/// One step of a change. Names are of files in the hour's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwapStep {
    /// Put the new segment under this name, where nobody looks.
    Stage(String),
    /// Create the document under this name, which must be new. From here on the change is finished by whoever finds it.
    Announce(String),
    /// Create the second name with the content of the first, unless it is there already.
    Place(String, String),
    /// Remove the file, if it is there.
    Remove(String),
    /// Write an empty file.
    Mark(String),
}

/// The steps of a change, in order. What comes behind [`SwapStep::Announce`] may be done again from its beginning, by anyone and
/// by several at once.
#[must_use]
pub fn steps(document: &SwapDocument) -> Vec<SwapStep> {
    let (staged, file) = (document.staged_name(), document.file_name());
    let mut steps = vec![
        SwapStep::Stage(staged.clone()),
        SwapStep::Announce(file.clone()),
    ];
    // What tells of a segment goes before the segment does.
    let marks = document.replaces.iter();
    steps.extend(marks.map(|name| SwapStep::Remove(mark(name))));
    steps.push(SwapStep::Place(staged.clone(), document.by.clone()));
    let replaced = document.replaces.iter();
    steps.extend(replaced.map(|name| SwapStep::Remove(name.clone())));
    steps.push(SwapStep::Mark(mark(&document.by)));
    steps.push(SwapStep::Remove(staged));
    steps.push(SwapStep::Remove(file));
    steps
}

/// Name of the file that says that a segment came.
fn mark(segment: &str) -> String {
    format!("{SWAPPED}{segment}{MARK}")
}

/// What lies in the folder of one hour, as a reader listed it.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Names of segments.
    pub segments: BTreeSet<String>,
    /// The documents.
    pub swaps: Vec<SwapDocument>,
    /// The segments that `_swapped-…` files name.
    pub swapped: Vec<String>,
}

impl Listing {
    /// The segments that count; `None` if the listing was made over a change and has to be made again.
    #[must_use]
    pub fn resolve(mut self) -> Option<BTreeSet<String>> {
        if self
            .swapped
            .iter()
            .any(|name| !self.segments.contains(name))
        {
            return None;
        }
        for swap in &self.swaps {
            if self.segments.contains(&swap.by) {
                for name in &swap.replaces {
                    self.segments.remove(name);
                }
            } else if !swap
                .replaces
                .iter()
                .all(|name| self.segments.contains(name))
            {
                return None;
            }
        }
        Some(self.segments)
    }
}

#[cfg(test)]
mod tests;
