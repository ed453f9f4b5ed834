//! Endpoints, and at each the divergences that are alike.

use rustc_hash::FxHashMap;
use schema::run::{DivergenceGroup, EndpointReport, Example, GroupExample};
use schema::{
    Divergence, DivergenceKind, Exchange, ExchangeId, ExchangeVerdict, Outcome, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::ReportLimits;
use super::example::example;
use super::latency::LatencyStats;
use super::reasons::Reasons;
use crate::compare::Comparison;
use crate::location::pattern;

/// The endpoint that stands for all beyond the bound.
const OTHER: &str = "other";

/// Every endpoint of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Endpoints {
    limits: ReportLimits,
    by_name: FxHashMap<String, EndpointStats>,
    groups: usize,
    examples: usize,
}

/// One endpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct EndpointStats {
    counts: EndpointReport,
    incomparable_by: Reasons,
    latency: LatencyStats,
    #[serde(with = "crate::report::pairs")]
    groups: FxHashMap<GroupKey, Group>,
    ungrouped: u64,
    examples: Vec<Example>,
}

/// What makes divergences alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct GroupKey {
    part: String,
    location: String,
    #[serde(with = "crate::report::text")]
    kind: DivergenceKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Group {
    exchanges: u64,
    divergences: u64,
    #[serde(with = "crate::report::text")]
    first: Timestamp,
    #[serde(with = "crate::report::text")]
    last: Timestamp,
    /// The exchange that was counted last: one exchange's divergences come together.
    #[serde(with = "crate::report::text")]
    counted: ExchangeId,
    examples: Vec<GroupExample>,
}

impl Endpoints {
    pub(super) fn new(limits: ReportLimits) -> Self {
        Self {
            limits,
            by_name: FxHashMap::default(),
            groups: 0,
            examples: 0,
        }
    }

    pub(super) fn add(
        &mut self,
        name: String,
        recorded: &Exchange,
        actual: &Exchange,
        comparison: &Comparison,
        outcome: Outcome,
        latency: Option<(u64, u64)>,
    ) {
        let is_full = self.by_name.len() >= self.limits.endpoints_max;
        let name = if is_full && !self.by_name.contains_key(&name) {
            OTHER.to_owned()
        } else {
            name
        };
        let stats = self.by_name.entry(name).or_default();
        stats.count(comparison, outcome);
        if let Some((recorded, replayed)) = latency {
            stats.latency.add(recorded, replayed);
        }
        let groups_before = stats.groups.len();
        let groups_left = self.limits.groups_max - self.groups;
        for divergence in &comparison.divergences {
            stats.group(divergence, groups_before + groups_left, &self.limits);
        }
        stats.ungrouped += comparison.found - comparison.divergences.len() as u64;
        let groups_new = stats.groups.len() - groups_before;
        self.groups += groups_new;
        // An example is worth its room when it shows something that the ones before do not.
        let has_room = self.examples < self.limits.examples_max
            && stats.examples.len() < self.limits.endpoint_examples_max;
        if has_room
            && groups_new > 0
            && let Some(example) = example(recorded, actual, comparison.found, &self.limits)
        {
            stats.examples.push(example);
            self.examples += 1;
        }
    }

    /// Takes what another report has, within the bounds of this one.
    pub(super) fn merge(&mut self, other: &Self) {
        for (name, stats) in &other.by_name {
            let is_full = self.by_name.len() >= self.limits.endpoints_max;
            let name = if is_full && !self.by_name.contains_key(name) {
                OTHER
            } else {
                name
            };
            let into = self.by_name.entry(name.to_owned()).or_default();
            let (groups, examples) = (into.groups.len(), into.examples.len());
            let examples_left = self.limits.examples_max - self.examples;
            into.merge(
                stats,
                groups + self.limits.groups_max - self.groups,
                (examples + examples_left).min(self.limits.endpoint_examples_max),
                &self.limits,
            );
            self.groups += into.groups.len() - groups;
            self.examples += into.examples.len() - examples;
        }
    }

    /// Those with most exchanges that differ or failed first, then the busiest.
    pub(super) fn reports(&self) -> Vec<EndpointReport> {
        let mut reports: Vec<EndpointReport> = self
            .by_name
            .iter()
            .map(|(name, stats)| stats.report(name))
            .collect();
        reports.sort_by(|a, b| {
            let rank = |e: &EndpointReport| (e.differed + e.failed, e.incomparable, e.planned);
            rank(b)
                .cmp(&rank(a))
                .then_with(|| a.endpoint.cmp(&b.endpoint))
        });
        reports
    }
}

impl EndpointStats {
    fn count(&mut self, comparison: &Comparison, outcome: Outcome) {
        let counts = &mut self.counts;
        counts.planned += 1;
        match outcome {
            Outcome::Sent => counts.sent += 1,
            Outcome::Failed => counts.failed += 1,
            Outcome::Skipped => counts.skipped += 1,
        }
        match comparison.verdict {
            ExchangeVerdict::Match => counts.matched += 1,
            ExchangeVerdict::Differ => counts.differed += 1,
            ExchangeVerdict::Incomparable => {
                counts.incomparable += 1;
                let reason = comparison.reason.as_deref();
                self.incomparable_by
                    .add(reason.unwrap_or("no reason given"));
            }
        }
    }

    fn group(&mut self, divergence: &Divergence, groups_max: usize, limits: &ReportLimits) {
        let key = GroupKey {
            part: divergence.part.clone(),
            location: pattern(&divergence.location),
            kind: divergence.kind,
        };
        if self.groups.len() >= groups_max && !self.groups.contains_key(&key) {
            self.ungrouped += 1;
            return;
        }
        let start = divergence.recorded_start;
        let group = self.groups.entry(key).or_insert_with(|| Group {
            exchanges: 1,
            divergences: 0,
            first: start,
            last: start,
            counted: divergence.exchange,
            examples: Vec::new(),
        });
        group.divergences += 1;
        let is_first_of_exchange = group.divergences == 1 || group.counted != divergence.exchange;
        if group.counted != divergence.exchange {
            group.exchanges += 1;
            group.counted = divergence.exchange;
        }
        group.first = group.first.min(start);
        group.last = group.last.max(start);
        if is_first_of_exchange && group.examples.len() < limits.group_examples_max {
            group.examples.push(GroupExample {
                exchange: divergence.exchange.to_string(),
                location: divergence.location.clone(),
                expected: divergence.expected.clone(),
                actual: divergence.actual.clone(),
            });
        }
    }

    fn merge(
        &mut self,
        other: &Self,
        groups_max: usize,
        examples_max: usize,
        limits: &ReportLimits,
    ) {
        let (counts, others) = (&mut self.counts, &other.counts);
        counts.planned += others.planned;
        counts.sent += others.sent;
        counts.failed += others.failed;
        counts.skipped += others.skipped;
        counts.matched += others.matched;
        counts.differed += others.differed;
        counts.incomparable += others.incomparable;
        self.incomparable_by.merge(&other.incomparable_by);
        self.latency.merge(&other.latency);
        self.ungrouped += other.ungrouped;
        for (key, group) in &other.groups {
            if let Some(into) = self.groups.get_mut(key) {
                into.merge(group, limits.group_examples_max);
            } else if self.groups.len() < groups_max {
                self.groups.insert(key.clone(), group.clone());
            } else {
                self.ungrouped += group.divergences;
            }
        }
        let room = examples_max.saturating_sub(self.examples.len());
        self.examples
            .extend(other.examples.iter().take(room).cloned());
    }

    fn report(&self, name: &str) -> EndpointReport {
        let mut groups: Vec<DivergenceGroup> = self
            .groups
            .iter()
            .map(|(key, group)| DivergenceGroup {
                part: key.part.clone(),
                location: key.location.clone(),
                kind: kind_word(key.kind).to_owned(),
                exchanges: group.exchanges,
                divergences: group.divergences,
                first: group.first.to_micros_precision(),
                last: group.last.to_micros_precision(),
                examples: group.examples.clone(),
            })
            .collect();
        groups.sort_by(|a, b| {
            let place = |g: &DivergenceGroup| {
                let part = ["status", "body", "header", "trailer"];
                let part = part.iter().position(|part| *part == g.part);
                (part, g.location.clone(), g.kind.clone())
            };
            b.exchanges
                .cmp(&a.exchanges)
                .then_with(|| place(a).cmp(&place(b)))
        });
        EndpointReport {
            endpoint: name.to_owned(),
            incomparable_by: self.incomparable_by.counts(),
            latency: self.latency.report(),
            groups,
            ungrouped: self.ungrouped,
            examples: self.examples.clone(),
            ..self.counts.clone()
        }
    }
}

impl Group {
    fn merge(&mut self, other: &Self, examples_max: usize) {
        self.exchanges += other.exchanges;
        self.divergences += other.divergences;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        let room = examples_max.saturating_sub(self.examples.len());
        self.examples
            .extend(other.examples.iter().take(room).cloned());
    }
}

/// The word for a kind of divergence.
const fn kind_word(kind: DivergenceKind) -> &'static str {
    match kind {
        DivergenceKind::Missing => "missing",
        DivergenceKind::Extra => "extra",
        DivergenceKind::Type => "type",
        DivergenceKind::Value => "value",
        DivergenceKind::Order => "order",
    }
}
