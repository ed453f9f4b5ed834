//! Which groups of findings a person has accepted, across runs: a TOML file that lives in version control.
//!
//! ```toml
//! [[accepted]]
//! group = "0123456789abcdef"
//! what = "GET shop.test /orders/{id} body $.total: another last digit"
//! by = "ada"
//! why = "the new rounding is what the contract says"
//! until = "2027-01-31"             # last day; for ever if it is left out
//! state = "accepted"               # or "fixed": it did not come up any more
//! ```
//! A group that is not in the file is *new*, one that is accepted is *known* up to its last day and new after it, and one
//! that was fixed and comes up again is *returned*. People and programs write the file: [`LedgerFile`] changes entries and
//! leaves everything else as it was typed.

mod edit;

use std::collections::HashMap;

use schema::Timestamp;
use schema::comparison::{AcceptedGroup, FindingGroup};
use serde::Deserialize;
use toml::Spanned;

pub use edit::LedgerFile;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    accepted: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    group: String,
    what: String,
    by: String,
    why: String,
    until: Option<String>,
    state: State,
}

/// The file as typed, with where each value stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    accepted: Vec<TypedEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedEntry {
    group: Spanned<String>,
    what: String,
    by: Spanned<String>,
    why: Spanned<String>,
    until: Option<Spanned<String>>,
    #[serde(default)]
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Accepted,
    Fixed,
}

/// How a group of findings stands to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has looked at it, or its acceptance is over.
    New,
    /// Accepted.
    Known,
    /// It was fixed, and is there again.
    Returned,
}

impl Standing {
    /// The word of the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
            Self::Returned => "returned",
        }
    }
}

/// Who accepts, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// The last day, `2027-01-31`; for ever if there is none.
    pub until: Option<String>,
}

impl Ledger {
    /// Reads the file.
    ///
    /// # Errors
    /// If it is not one, or says what cannot be: an id that is none, a day that is none, the same group twice, nobody or
    /// nothing as who or why. With the line.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        let error = |at: usize, problem: &str| {
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            format!("{file}:{line}: {problem}")
        };
        let typed: Typed = toml::from_str(text).map_err(|problem| {
            let at = problem.span().map_or(0, |span| span.start);
            error(at, problem.message().trim())
        })?;
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for entry in &typed.accepted {
            let (group, at) = (entry.group.as_ref(), entry.group.span().start);
            if !is_group_id(group) {
                let problem =
                    format!("`{group}` is no group; a group's id has 16 hexadecimal digits");
                return Err(error(at, &problem));
            }
            if let Some(first) = seen.insert(group, at) {
                let line = text[..first].matches('\n').count() + 1;
                let problem = format!("group {group} is there twice, first in line {line}");
                return Err(error(at, &problem));
            }
            for (name, value) in [("by", &entry.by), ("why", &entry.why)] {
                if value.as_ref().trim().is_empty() {
                    return Err(error(value.span().start, &format!("`{name}` is empty")));
                }
            }
            if let Some(until) = &entry.until
                && !is_day(until.as_ref())
            {
                let problem = format!("`{}` is no day such as 2027-01-31", until.as_ref());
                return Err(error(until.span().start, &problem));
            }
        }
        let accepted = typed.accepted.into_iter().map(TypedEntry::valid).collect();
        Ok(Self { accepted })
    }

    /// How a group stands on the day of `now`, and who accepted it.
    #[must_use]
    pub fn standing(&self, group: &str, now: Timestamp) -> (Standing, Option<AcceptedGroup>) {
        let Some(entry) = self.accepted.iter().find(|entry| entry.group == group) else {
            return (Standing::New, None);
        };
        let today = now.to_string();
        let is_over = entry
            .until
            .as_ref()
            .is_some_and(|until| today.get(..10) > Some(until));
        let standing = match entry.state {
            State::Fixed => Standing::Returned,
            State::Accepted if is_over => Standing::New,
            State::Accepted => Standing::Known,
        };
        (standing, Some(entry.accepted()))
    }

    /// Accepted groups that are not among these: what was fixed.
    #[must_use]
    pub fn fixed(&self, groups: &[FindingGroup]) -> Vec<AcceptedGroup> {
        let is_gone = |entry: &&Entry| {
            entry.state == State::Accepted && groups.iter().all(|group| group.group != entry.group)
        };
        self.accepted
            .iter()
            .filter(is_gone)
            .map(Entry::accepted)
            .collect()
    }
}

impl TypedEntry {
    fn valid(self) -> Entry {
        Entry {
            group: self.group.into_inner(),
            what: self.what,
            by: self.by.into_inner(),
            why: self.why.into_inner(),
            until: self.until.map(Spanned::into_inner),
            state: self.state,
        }
    }
}

impl Entry {
    fn accepted(&self) -> AcceptedGroup {
        AcceptedGroup {
            group: self.group.clone(),
            what: self.what.clone(),
            by: self.by.clone(),
            why: self.why.clone(),
            until: self.until.clone(),
        }
    }
}

/// A group in one line.
#[must_use]
pub fn what(group: &FindingGroup) -> String {
    let place = if group.location.is_empty() { "" } else { " " };
    format!(
        "{} {}{place}{}: {}",
        group.endpoint, group.part, group.location, group.cause
    )
}

/// Whether text is a group's id: 16 hexadecimal digits.
#[must_use]
pub fn is_group_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether text is a day, `2027-01-31`.
#[must_use]
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok()
}

#[cfg(test)]
mod tests;
