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
//! that was fixed and comes up again is *returned*. Whoever accepts after a comparison has the groups that did not come up
//! marked as fixed.

use schema::Timestamp;
use schema::comparison::{AcceptedGroup, ComparisonDocument, FindingGroup};
use serde::{Deserialize, Serialize};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    #[serde(default)]
    accepted: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    group: String,
    what: String,
    by: String,
    why: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(default)]
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// If it is not one, with the line.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        let ledger: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start).min(text.len());
            let line = text[..at].matches('\n').count() + 1;
            format!("{file}:{line}: {}", error.message().trim())
        })?;
        for entry in &ledger.accepted {
            if let Some(until) = &entry.until
                && !is_day(until)
            {
                return Err(format!(
                    "{file}: group {}: until `{until}` is no day such as 2027-01-31",
                    entry.group
                ));
            }
        }
        Ok(ledger)
    }

    /// The file.
    ///
    /// # Panics
    /// Never: every field has a TOML form.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for entry in &self.accepted {
            text.push_str("[[accepted]]\n");
            let state = match entry.state {
                State::Accepted => "accepted",
                State::Fixed => "fixed",
            };
            let until = entry.until.as_deref();
            let fields = [
                ("group", Some(entry.group.as_str())),
                ("what", Some(&entry.what)),
                ("by", Some(&entry.by)),
                ("why", Some(&entry.why)),
                ("until", until),
                ("state", Some(state)),
            ];
            for (name, value) in fields {
                if let Some(value) = value {
                    let mut quoted = String::new();
                    // A basic string of TOML has the escapes of JSON.
                    crate::compare::write_string(value, &mut quoted);
                    text.push_str(&format!("{name} = {quoted}\n"));
                }
            }
            text.push('\n');
        }
        text
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

    /// Accepts groups of a comparison, and marks as fixed what did not come up in it.
    pub fn accept(
        &mut self,
        document: &ComparisonDocument,
        groups: &[&FindingGroup],
        how: &Acceptance,
    ) {
        for fixed in self.fixed(&document.groups) {
            let entry = self
                .accepted
                .iter_mut()
                .find(|entry| entry.group == fixed.group);
            if let Some(entry) = entry {
                entry.state = State::Fixed;
            }
        }
        for group in groups {
            self.accepted.retain(|entry| entry.group != group.group);
            self.accepted.push(Entry {
                group: group.group.clone(),
                what: what(group),
                by: how.by.clone(),
                why: how.why.clone(),
                until: how.until.clone(),
                state: State::Accepted,
            });
        }
        self.accepted
            .sort_by(|a, b| (&a.what, &a.group).cmp(&(&b.what, &b.group)));
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

/// Whether text is a day, `2027-01-31`.
#[must_use]
pub fn is_day(text: &str) -> bool {
    text.len() == 10 && format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok()
}

#[cfg(test)]
mod tests;
