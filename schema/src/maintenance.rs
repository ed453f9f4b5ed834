//! What was taken out of an archive on purpose: a document for each time that something was.
//!
//! It says what went and never what it held. `check` knows from it which segments are not missing.

use serde::{Deserialize, Serialize};

use crate::{Error, SegmentNumbers, Timestamp};

const FORMAT: u32 = 1;

/// What one `expire` or `forget` did, at `maintenance/<time>-<command>-<id>.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceDocument {
    format: u32,
    /// `expire` or `forget`.
    pub command: String,
    /// Name and version of the program.
    pub program: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// Of `expire`: everything of whole hours before this time went, RFC 3339.
    #[serde(default)]
    pub before: Option<String>,
    /// Of `forget`: which kinds of condition chose what went (`--header`, `--path`), without their values.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Of `forget`: why, as whoever did it said.
    #[serde(default)]
    pub reason: Option<String>,
    /// Rows that were erased out of segments that stay, in all tables.
    #[serde(default)]
    pub rows_erased: u64,
    /// Segments that went, by table.
    pub removed: Vec<RemovedSegments>,
    /// Runs that went whole.
    #[serde(default)]
    pub runs: Vec<String>,
}

/// Segments of one table that are not there any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedSegments {
    /// The table's folder.
    pub table: String,
    /// How many.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Which: recorder, first and last number, both included.
    pub numbers: Vec<(String, u64, u64)>,
}

impl MaintenanceDocument {
    /// A document that says nothing yet.
    #[must_use]
    pub fn new(command: &str, program: &str, at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            command: command.to_owned(),
            program: program.to_owned(),
            at: at.to_string(),
            before: None,
            conditions: Vec::new(),
            reason: None,
            rows_erased: 0,
            removed: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Where it belongs, below the archive's URL; `id` tells apart what was done at the same time.
    #[must_use]
    pub fn path(&self, id: u64) -> String {
        let at = self.at.parse().unwrap_or(Timestamp::MIN);
        let (micros, command) = (at.as_micros(), &self.command);
        format!("maintenance/{micros:016}-{command}-{id:016x}.json")
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and numbers are JSON")
    }

    /// Reads what [`MaintenanceDocument::to_json`] wrote.
    ///
    /// # Errors
    /// If it is something else, or newer.
    pub fn from_json(json: &[u8]) -> Result<Self, Error> {
        let document: Self = serde_json::from_slice(json)
            .map_err(|error| Error::Format(format!("a document of maintenance: {error}")))?;
        if document.format > FORMAT {
            let found = format!("of a document of maintenance {}", document.format);
            return Err(Error::Newer { found, known: "1" });
        }
        Ok(document)
    }
}

impl RemovedSegments {
    /// Segments of the table in `table` with these numbers.
    #[must_use]
    pub fn new(table: String, segments: u64, bytes: u64, numbers: &SegmentNumbers) -> Self {
        let numbers = numbers.ranges();
        Self {
            table,
            segments,
            bytes,
            numbers: numbers
                .map(|(name, a, b)| (name.to_owned(), a, b))
                .collect(),
        }
    }

    /// Their numbers.
    #[must_use]
    pub fn numbers(&self) -> SegmentNumbers {
        let mut numbers = SegmentNumbers::default();
        for (recorder, first, last) in &self.numbers {
            numbers.insert(recorder, *first, (*last).max(*first));
        }
        numbers
    }
}
