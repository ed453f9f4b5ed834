//! A chain with the requests of other connections that it takes.

use std::collections::BTreeSet;

use schema::ExchangeId;

use super::entries::{Entry, Given};
use super::{Link, Search};

/// A chain, completed.
#[derive(Clone, Debug, Default)]
pub struct Completed {
    /// The requests, in the order they were recorded; the last one differs.
    pub links: Vec<Link>,
    /// What is missing, in sentences.
    pub lacks: Vec<String>,
}

/// What is missing, counted.
#[derive(Debug, Default)]
struct Missing {
    lost: u64,
    writes: u64,
    gives: u64,
    is_any_unknown: bool,
}

impl Search {
    /// Completes the chain that was added with this number.
    #[must_use]
    pub fn complete(&self, number: usize, chain: Vec<Link>) -> Completed {
        let mut links = chain;
        let Some(last) = links.pop() else {
            return Completed::default();
        };
        let mut known: BTreeSet<ExchangeId> = links.iter().map(|link| link.recorded.id()).collect();
        known.insert(last.recorded.id());
        let mut missing = Missing::default();
        let mut others: Vec<ExchangeId> = Vec::new();
        let mut seen = BTreeSet::new();
        self.follow(
            &self.chains[number],
            &mut seen,
            &mut others,
            &known,
            &mut missing,
        );
        // The last ones first, for as long as there is room; each with what it lacks itself.
        let end = last.sent().start();
        let mut writes: Vec<Given> = Vec::new();
        for &entry in &seen {
            let entry = self.entries.get(entry);
            if entry.is_credential() && entry.given.is_some() {
                writes.extend(
                    entry
                        .writes
                        .iter()
                        .filter(|write| write.start < end)
                        .copied(),
                );
                missing.writes += entry.writes_left_out;
            }
        }
        writes.sort_unstable_by_key(|write| (std::cmp::Reverse(write.start), write.id));
        writes.dedup();
        for write in writes {
            if known.contains(&write.id) || others.contains(&write.id) {
                continue;
            }
            let mut with = others.clone();
            let mut seen_with = seen.clone();
            self.take(write.id, &mut seen_with, &mut with, &known, &mut missing);
            if with.len() > self.limits.others_max {
                missing.writes += 1;
            } else {
                (others, seen) = (with, seen_with);
            }
        }
        others.truncate(self.limits.others_max);
        let found = others.iter().filter_map(|id| self.found.get(id));
        links.extend(found.map(|found| found.link.clone()));
        links.sort_by_key(|link| (link.recorded.start(), link.recorded.id()));
        links.push(last);
        Completed {
            links,
            lacks: missing.sentences(self),
        }
    }

    /// Takes the answers that gave these values, and what their requests lack.
    fn follow(
        &self,
        entries: &[usize],
        seen: &mut BTreeSet<usize>,
        others: &mut Vec<ExchangeId>,
        known: &BTreeSet<ExchangeId>,
        missing: &mut Missing,
    ) {
        let mut open = entries.to_vec();
        while let Some(number) = open.pop() {
            if !seen.insert(number) {
                continue;
            }
            let entry: &Entry = self.entries.get(number);
            missing.is_any_unknown |= entry.is_lost();
            let Some(given) = entry.given else { continue };
            if known.contains(&given.id) || others.contains(&given.id) {
                continue;
            }
            match self.found.get(&given.id) {
                None => missing.lost += 1,
                Some(_) if others.len() >= self.limits.others_max => missing.gives += 1,
                Some(found) => {
                    others.push(given.id);
                    open.extend(&found.entries);
                }
            }
        }
    }

    /// Takes a request that writes, and what it lacks.
    fn take(
        &self,
        id: ExchangeId,
        seen: &mut BTreeSet<usize>,
        others: &mut Vec<ExchangeId>,
        known: &BTreeSet<ExchangeId>,
        missing: &mut Missing,
    ) {
        let Some(found) = self.found.get(&id) else {
            missing.lost += 1;
            return;
        };
        others.push(id);
        self.follow(&found.entries, seen, others, known, missing);
    }
}

impl Missing {
    fn sentences(&self, search: &Search) -> Vec<String> {
        let mut told = Vec::new();
        if self.lost > 0 {
            told.push(format!(
                "{} requests of other connections could not be read back, or not all be held in memory: left out.",
                self.lost
            ));
        }
        if self.writes + self.gives > 0 {
            told.push(format!(
                "At least {} more requests of other connections wrote for the same users or gave what is sent: left out, more than {} are not taken.",
                self.writes + self.gives,
                search.limits.others_max
            ));
        }
        if self.is_any_unknown && search.is_exhausted {
            told.push(format!(
                "Where what is sent comes from was looked for in {} exchanges of that run and not before them.",
                search.looked_at
            ));
        }
        if search.entries.left_out > 0 {
            told.push(format!(
                "{} values that requests say were not looked for: there are more than {}.",
                search.entries.left_out, search.limits.lacks_max
            ));
        }
        told
    }
}
