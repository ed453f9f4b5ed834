//! Alike findings together.

use rustc_hash::FxHashMap;
use schema::comparison::{FindingExample, FindingGroup, SideBySide};
use schema::{Blame, DivergenceKind, Exchange, ExchangeId, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use super::chains::{Chain, Chains};
use super::{Place, VALUE_BYTES_MAX, VerdictLimits};
use crate::blame::Blamed;
use crate::compare::{Part, excerpt};
use crate::join::Row;
use crate::location::pattern;
use crate::noise::moment_us;
use crate::report::three_way;
use crate::value::cause;

/// Examples of a group that are kept.
const EXAMPLES_MAX: usize = 3;

/// What makes findings alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    endpoint: String,
    part: Part,
    location: String,
    kind: DivergenceKind,
    cause: String,
    blame: Blame,
}

#[derive(Debug)]
struct Group {
    requests: u64,
    findings: u64,
    first: Timestamp,
    last: Timestamp,
    /// The request that was counted last: one request's findings come together.
    counted: ExchangeId,
    examples: Vec<FindingExample>,
    /// The shortest chain of requests that ends with one that differs.
    chain: Option<Chain>,
    sides: Option<SideBySide>,
}

/// All groups.
#[derive(Debug)]
pub(super) struct Groups {
    limits: VerdictLimits,
    groups: FxHashMap<Key, Group>,
    sides: usize,
    ungrouped: u64,
}

/// The answers to one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers<'a> {
    pub(super) recorded: &'a Exchange,
    pub(super) baseline: Option<&'a Exchange>,
    pub(super) candidate: Option<&'a Exchange>,
}

/// Where a finding was put.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) group: String,
    pub(super) cause: String,
    /// Findings of the group so far.
    pub(super) findings: u64,
}

impl Groups {
    pub(super) fn new(limits: VerdictLimits) -> Self {
        Self {
            limits,
            groups: FxHashMap::default(),
            sides: 0,
            ungrouped: 0,
        }
    }

    /// Puts a finding into its group; `None` if there are too many groups.
    pub(super) fn add(
        &mut self,
        endpoint: &str,
        row: &Row,
        answers: Answers<'_>,
        blamed: &Blamed,
        (place, chains): (Place, &Chains),
    ) -> Option<Placed> {
        let difference = &blamed.difference;
        let now_us = answers.candidate.map_or(0, moment_us);
        let key = Key {
            endpoint: endpoint.to_owned(),
            part: difference.part,
            location: pattern(&difference.location),
            kind: difference.kind,
            cause: cause(difference, now_us),
            blame: blamed.blame,
        };
        if self.groups.len() >= self.limits.groups_max && !self.groups.contains_key(&key) {
            self.ungrouped += 1;
            return None;
        }
        let id = key.id();
        let cause = key.cause.clone();
        let needs_person = matches!(blamed.blame, Blame::Refactor | Blame::Fixed);
        let group = self.groups.entry(key).or_insert_with(|| Group {
            requests: 0,
            findings: 0,
            first: row.recorded_start,
            last: row.recorded_start,
            counted: row.id,
            examples: Vec::new(),
            chain: None,
            sides: None,
        });
        group.findings += 1;
        let is_first_of_request = group.requests == 0 || group.counted != row.id;
        if is_first_of_request {
            group.requests += 1;
            group.counted = row.id;
            if group.examples.len() < EXAMPLES_MAX {
                group.examples.push(example(row, answers.recorded, blamed));
            }
            let length = chains.len(row.id.connection);
            if group
                .chain
                .as_ref()
                .is_none_or(|chain| length < chain.len())
            {
                group.chain = Some(chains.ending_with(place));
            }
        }
        group.first = group.first.min(row.recorded_start);
        group.last = group.last.max(row.recorded_start);
        if needs_person
            && group.requests == 1
            && group.sides.is_none()
            && self.sides < self.limits.sides_max
            && let (Some(baseline), Some(candidate)) = (answers.baseline, answers.candidate)
        {
            // With the recording as the baseline there are two sides, not three.
            let is_run = baseline.replay.is_some();
            let recorded = is_run.then_some(answers.recorded);
            group.sides = three_way(recorded, baseline, candidate);
            self.sides += usize::from(group.sides.is_some());
        }
        Some(Placed {
            group: id,
            cause,
            findings: group.findings,
        })
    }

    /// The groups, those that need a person first, and how many findings are in none.
    pub(super) fn written(&self, judged: impl Fn(&str) -> u64) -> (Vec<FindingGroup>, u64) {
        let mut groups: Vec<(&Key, &Group)> = self.groups.iter().collect();
        groups.sort_by(|(a, x), (b, y)| {
            let place = |key: &Key| {
                (
                    key.endpoint.clone(),
                    key.part,
                    key.location.clone(),
                    key.kind,
                    key.cause.clone(),
                )
            };
            (a.blame, y.requests, place(a)).cmp(&(b.blame, x.requests, place(b)))
        });
        let written = groups.into_iter().map(|(key, group)| FindingGroup {
            group: key.id(),
            endpoint: key.endpoint.clone(),
            part: key.part.as_str().to_owned(),
            location: key.location.clone(),
            kind: key.kind.as_str().to_owned(),
            cause: key.cause.clone(),
            blame: key.blame.as_str().to_owned(),
            standing: None,
            requests: group.requests,
            findings: group.findings,
            of: judged(&key.endpoint),
            first: group.first.to_micros_precision(),
            last: group.last.to_micros_precision(),
            examples: group.examples.clone(),
            reproducer: group
                .places()
                .iter()
                .map(|place| place.exchange.to_string())
                .collect(),
            script: String::new(),
            script_lacks: Vec::new(),
            accepted: None,
            sides: group.sides.clone(),
        });
        (written.collect(), self.ungrouped)
    }

    /// The chains of the groups that need a person, most requests first.
    pub(super) fn reproducers(&self, groups_max: usize) -> Vec<(String, Vec<Place>)> {
        let mut groups: Vec<(&Key, &Group)> = self
            .groups
            .iter()
            .filter(|(key, _)| key.blame == Blame::Refactor)
            .collect();
        groups.sort_by_key(|(key, group)| (std::cmp::Reverse(group.requests), key.id()));
        groups
            .into_iter()
            .take(groups_max)
            .map(|(key, group)| (key.id(), group.places()))
            .collect()
    }
}

impl Group {
    fn places(&self) -> Vec<Place> {
        self.chain.as_ref().map_or_else(Vec::new, Chain::places)
    }
}

impl Key {
    /// 16 hexadecimal digits, the same for the same key in every comparison.
    fn id(&self) -> String {
        let text = [
            self.endpoint.as_str(),
            self.part.as_str(),
            &self.location,
            self.kind.as_str(),
            &self.cause,
            self.blame.as_str(),
        ]
        .join("\0");
        format!("{:016x}", xxh3_64(text.as_bytes()))
    }
}

fn example(row: &Row, recorded: &Exchange, blamed: &Blamed) -> FindingExample {
    let request = recorded
        .request
        .as_ref()
        .map_or_else(String::new, |request| {
            let query = request
                .query
                .as_ref()
                .map_or_else(String::new, |query| format!("?{query}"));
            format!("{} {}{query}", request.method, request.path)
        });
    let cut = |text: &Option<String>| {
        text.as_deref()
            .map(|text| excerpt::beginning(text, VALUE_BYTES_MAX))
    };
    FindingExample {
        exchange: row.id.to_string(),
        request: excerpt::beginning(&request, VALUE_BYTES_MAX),
        location: blamed.difference.location.clone(),
        recorded: None,
        expected: cut(&blamed.difference.expected),
        actual: cut(&blamed.difference.actual),
    }
}
