//! What a check found, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schema::{Integrity, Locked};
use serde::Serialize;

use crate::units::{ByteSize, count};

/// Problems that are printed as text; all are in the JSON.
const SHOWN_MAX: usize = 50;

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    archive: String,
    /// Whether the whole archive was checked, so that missing segments were looked for.
    pub(super) everything: bool,
    /// Files that were read.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Those that are as they should be, and their rows.
    sound: u64,
    rows: u64,
    /// Those among them that no checksum vouches for.
    without_checksum: u64,
    /// Those whose checksum is right and whose key was not given, by key: their rows were not looked at.
    locked: BTreeMap<String, u64>,
    /// Files that went while the check ran.
    pub(super) gone: u64,
    /// Exchanges that were not looked for in other segments, because their hour has too many.
    pub(super) not_compared: u64,
    problems: Vec<Problem>,
    /// Files in the folders of segments that are none.
    pub(super) strangers: Vec<String>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
struct Problem {
    kind: Kind,
    /// Below the archive's URL: a file, or a folder.
    path: String,
    what: String,
    what_to_do: &'static str,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Damaged,
    Unreadable,
    Inconsistent,
    Misplaced,
    Missing,
    TwiceNumbered,
    Duplicates,
    Unfinished,
}

impl Kind {
    const fn what_to_do(self) -> &'static str {
        match self {
            Self::Damaged => {
                "put back a copy or an older version of the object; without one remove it: its rows are lost, and a \
                 replay that meets it stops"
            }
            Self::Unreadable => "see why the store does not give it, and check again",
            Self::Inconsistent => {
                "if it was renamed, give it its name back; if it was written by another program, remove it"
            }
            Self::Misplaced => {
                "remove it or move it away: programs that read the tree take it for a segment, and Reprise does not"
            }
            Self::Missing => {
                "see whether it waits in the recorder's spool, or whether a person or a lifecycle rule removed it; its rows \
                 are not in the archive"
            }
            Self::TwiceNumbered => {
                "two recorders share a name, or a segment was copied: see whether the rows are there twice"
            }
            Self::Unfinished => {
                "if no command is at work there, `recorder archive forget` or `compact` finishes it; meanwhile Reprise counts \
                 each row once, and other programs may count some twice"
            }
            Self::Duplicates => {
                "the same traffic was recorded twice: `recorder archive compact` keeps one row where all else is the same"
            }
        }
    }
}

impl Report {
    pub(super) fn new(archive: &str, everything: bool) -> Self {
        Self {
            archive: archive.to_owned(),
            everything,
            files: 0,
            bytes: 0,
            sound: 0,
            rows: 0,
            without_checksum: 0,
            locked: BTreeMap::new(),
            gone: 0,
            not_compared: 0,
            problems: Vec::new(),
            strangers: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, kind: Kind, path: &str, what: &str) {
        self.problems.push(Problem {
            kind,
            path: path.to_owned(),
            what: what.to_owned(),
            what_to_do: kind.what_to_do(),
        });
    }

    pub(super) fn count_sound(&mut self, integrity: Integrity, rows: u64) {
        self.sound += 1;
        self.rows += rows;
        self.without_checksum += u64::from(integrity == Integrity::Unknown);
    }

    pub(super) fn count_locked(&mut self, locked: &Locked) {
        let key = format!("{} ({})", locked.name, locked.fingerprint);
        *self.locked.entry(key).or_default() += 1;
    }

    /// Whether something was not looked into because its key was not given.
    pub(super) fn is_locked(&self) -> bool {
        !self.locked.is_empty()
    }

    pub(super) fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.locked.is_empty()
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text)
            .expect("writing to a string cannot fail");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "{}", self.archive)?;
        writeln!(
            text,
            "{} of {} files are sound: {} rows, {} read",
            count(self.sound),
            count(self.files),
            count(self.rows),
            ByteSize(self.bytes)
        )?;
        let notes = [
            (
                self.without_checksum,
                "files are from before format 1.4 and have no checksum: a changed byte of theirs may go unseen",
            ),
            (self.gone, "files were removed while this ran"),
            (
                self.not_compared,
                "exchanges were not looked for in other segments: their hour has more than 4,000,000",
            ),
        ];
        for (number, what) in notes {
            if number > 0 {
                writeln!(text, "{} {what}", count(number))?;
            }
        }
        for (key, files) in &self.locked {
            let files = count(*files);
            writeln!(
                text,
                "{files} files are encrypted with key {key}, which was not given: their checksums are right, their rows were \
                 not looked at, and missing segments not looked for; give the key's file with --key-file"
            )?;
        }
        if !self.everything {
            let note = "Missing segments are only looked for without a window.";
            writeln!(text, "{note}")?;
        }
        if !self.strangers.is_empty() {
            writeln!(text, "\nNot segments; Reprise passes them by:")?;
        }
        for stranger in &self.strangers {
            writeln!(text, "  {stranger}")?;
        }
        if self.problems.is_empty() {
            let nothing = match self.is_locked() {
                true => "Nothing is wrong with what could be looked at.",
                false => "Nothing is wrong.",
            };
            return writeln!(text, "{nothing}");
        }
        writeln!(text, "\nProblems: {}", count(self.problems.len() as u64))?;
        let mut told = Vec::new();
        for problem in self.problems.iter().take(SHOWN_MAX) {
            writeln!(text, "  {}: {}", problem.path, problem.what)?;
            if !told.contains(&problem.kind) {
                told.push(problem.kind);
                writeln!(text, "    what to do: {}", problem.what_to_do)?;
            }
        }
        if let Some(more) = self.problems.len().checked_sub(SHOWN_MAX + 1) {
            writeln!(text, "  {} more; see --json", count(more as u64 + 1))?;
        }
        Ok(())
    }
}
