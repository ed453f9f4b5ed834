//! Changing the acceptance file without touching what is not changed: comments, order and spaces stay as they were typed.

use schema::comparison::{AcceptedGroup, ComparisonDocument, FindingGroup};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::{Acceptance, Ledger, State, what};

/// What stands at the head of a new file.
const HEAD: &str = "\
# Differences that somebody looked at and accepted, group by group. `replayer accept` writes entries, people may edit
# them, and `replayer compare --accepted` reads the file. It belongs into version control.
";

/// The acceptance file, to be changed.
#[derive(Clone, Debug)]
pub struct LedgerFile {
    ledger: Ledger,
    document: DocumentMut,
}

impl LedgerFile {
    /// Reads the text of the file; that of a file that is not there yet is empty.
    ///
    /// # Errors
    /// As [`Ledger::parse`], and if the groups are written as a list in one line.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        let ledger = Ledger::parse(text, file)?;
        let text = if text.trim().is_empty() { HEAD } else { text };
        let mut document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| format!("{file}: {}", error.message().trim()))?;
        let groups = document
            .entry("accepted")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        if !groups.is_array_of_tables() {
            return Err(format!(
                "{file}: `accepted` is a list in brackets; write each group as a table, below a line [[accepted]]"
            ));
        }
        Ok(Self { ledger, document })
    }

    /// What the file says now.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// Accepts a group. An entry that is there is changed in its place, another comes at the end.
    pub fn accept(&mut self, group: &FindingGroup, how: &Acceptance) -> AcceptedGroup {
        let accepted = AcceptedGroup {
            group: group.group.clone(),
            what: what(group),
            by: how.by.clone(),
            why: how.why.clone(),
            until: how.until.clone(),
        };
        let place = self.place(&group.group);
        let head = if self.tables().is_empty() {
            let head = self.document.trailing().as_str().unwrap_or_default();
            let head = head.to_owned();
            self.document.set_trailing("");
            head
        } else {
            String::new()
        };
        let tables = self.tables();
        let table = match place.and_then(|place| tables.get_mut(place)) {
            Some(table) => table,
            None => {
                let mut table = Table::new();
                // What stands in a file without entries, its head, stays before the first.
                table.decor_mut().set_prefix(format!("{head}\n"));
                tables.push(table);
                let last = tables.len() - 1;
                tables.get_mut(last).expect("it was pushed")
            }
        };
        set(table, "group", &accepted.group);
        set(table, "what", &accepted.what);
        set(table, "by", &accepted.by);
        set(table, "why", &accepted.why);
        match &accepted.until {
            Some(until) => set(table, "until", until),
            None => drop(table.remove("until")),
        }
        table.remove("state");
        self.reread();
        accepted
    }

    /// Marks as fixed what did not come up in a comparison although its endpoint was judged; gives what that is.
    pub fn mark_fixed(&mut self, document: &ComparisonDocument) -> Vec<AcceptedGroup> {
        let is_judged = |what: &str| {
            document.endpoints.iter().any(|endpoint| {
                let rest = what.strip_prefix(&endpoint.endpoint);
                endpoint.totals.judged > 0 && rest.is_some_and(|rest| rest.starts_with(' '))
            })
        };
        let gone = self.ledger.fixed(&document.groups);
        let fixed: Vec<AcceptedGroup> = gone.into_iter().filter(|g| is_judged(&g.what)).collect();
        for group in &fixed {
            let place = self.place(&group.group);
            let tables = self.tables();
            if let Some(table) = place.and_then(|place| tables.get_mut(place)) {
                set(table, "state", "fixed");
            }
        }
        self.reread();
        fixed
    }

    /// Whether a group is accepted and was not marked as fixed, whatever its last day.
    #[must_use]
    pub fn accepts(&self, group: &str) -> bool {
        let entries = &self.ledger.accepted;
        let mut found = entries.iter().filter(|entry| entry.group == group);
        found.any(|entry| entry.state == State::Accepted)
    }

    fn place(&self, group: &str) -> Option<usize> {
        let entries = &self.ledger.accepted;
        entries.iter().position(|entry| entry.group == group)
    }

    fn tables(&mut self) -> &mut ArrayOfTables {
        self.document["accepted"]
            .as_array_of_tables_mut()
            .expect("it was one when the file was read")
    }

    fn reread(&mut self) {
        self.ledger = Ledger::parse(&self.text(), "").expect("entries that were made are valid");
    }
}

/// Sets a field and keeps what stands around its value.
fn set(table: &mut Table, name: &str, text: &str) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = Value::from(text);
            *old.decor_mut() = decor;
        }
        None => drop(table.insert(name, value(text))),
    }
}
