//! What a comparison concludes: judged requests in, one document out, in bounded memory.
//!
//! ```text
//! Join -> Row -> Judge (blame, rules, noise) -> Tally (endpoints, groups, timeline) -> ComparisonDocument
//! ```
//! Findings of one endpoint, part, place, kind, cause and blame are one group. Its id is a hash of exactly that, so the
//! same change has the same id in every comparison; the ledger is kept by it.

mod chains;
mod conclusion;
mod groups;
mod latency;
mod timeline;

use rustc_hash::FxHashMap;
use schema::comparison::{ComparedEndpoint, ComparedTotals, ComparisonDocument};
use schema::{Blame, Completeness, Exchange, Finding, InDoubt};

use crate::blame::{Blamed, Judge, Judged, RECORDED, Sides};
use crate::compare::{excerpt, unanswered};
use crate::join::Row;
use crate::report::Reasons;
use crate::template::Templates;

use chains::Chains;
use groups::Groups;
use latency::PairedLatency;
use timeline::Timeline;

pub use chains::Place;
pub use conclusion::{Gates, Required, conclude};

/// Bounds of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictLimits {
    /// Endpoints that are told apart; those beyond are one called `other`.
    pub endpoints_max: usize,
    /// Groups of findings; findings beyond are counted as ungrouped.
    pub groups_max: usize,
    /// Groups that show their first answers side by side.
    pub sides_max: usize,
    /// Findings of a group that needs nobody (environment, noise, rule) that are stored; all are counted.
    pub stored_of_quiet_group_max: u64,
    /// Connections whose requests are remembered, for reproducers. At the bound the half of them that was silent for longest is
    /// forgotten, and counted.
    pub connections_max: usize,
    /// Requests of all of them that are remembered, 24 bytes each; likewise.
    pub chained_max: usize,
    /// Requests of a connection that are remembered: the first few, and the last ones.
    pub chain_max: usize,
    /// Buckets of the timeline.
    pub buckets_max: usize,
}

impl Default for VerdictLimits {
    fn default() -> Self {
        Self {
            endpoints_max: 1_000,
            groups_max: 20_000,
            sides_max: 400,
            stored_of_quiet_group_max: 100,
            connections_max: 50_000,
            chained_max: 1_000_000,
            chain_max: 64,
            buckets_max: 240,
        }
    }
}

/// Bytes of a finding's value that are kept.
const VALUE_BYTES_MAX: usize = 240;
/// The endpoint that stands for all beyond the bound.
const OTHER: &str = "other";

/// Judged requests, counted.
#[derive(Debug)]
pub struct Tally {
    limits: VerdictLimits,
    totals: Counted,
    endpoints: FxHashMap<String, EndpointTally>,
    groups: Groups,
    timeline: Timeline,
    chains: Chains,
    /// Rows of runs that the recording does not have, or the filters leave out, by side.
    outside: Vec<u64>,
    lag_us_max: Vec<Option<i64>>,
    in_doubt: Vec<Doubts>,
    templates: Templates,
}

/// Requests of a run that were sent perhaps twice, and those among them whose answers the refactor is blamed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Requests.
    pub sent_again: u64,
    /// Of these, with a finding.
    pub blamed: u64,
}

#[derive(Debug, Default)]
struct EndpointTally {
    totals: Counted,
    latency: PairedLatency,
}

#[derive(Debug, Default)]
struct Counted {
    totals: ComparedTotals,
    incomparable_by: Reasons,
}

impl Tally {
    /// A tally of rows with `sides` sides, put together by these templates.
    #[must_use]
    pub fn new(sides: usize, limits: VerdictLimits, templates: Templates) -> Self {
        Self {
            limits,
            totals: Counted::default(),
            endpoints: FxHashMap::default(),
            groups: Groups::new(limits),
            timeline: Timeline::new(limits.buckets_max),
            chains: Chains::new(&limits),
            outside: vec![0; sides],
            lag_us_max: vec![None; sides],
            in_doubt: vec![Doubts::default(); sides],
            templates,
        }
    }

    /// Takes a joined row, has it judged, and gives the findings that are to be stored.
    pub fn add(&mut self, judge: &mut Judge, row: &Row) -> Vec<Finding> {
        for (side, exchange) in row.sides.iter().enumerate() {
            let replay = exchange
                .as_ref()
                .and_then(|exchange| exchange.replay.as_ref());
            self.lag_us_max[side] = self.lag_us_max[side].max(replay.map(|replay| replay.lag_us));
        }
        let Some(recorded) = row.sides[RECORDED].as_deref() else {
            for (side, exchange) in row.sides.iter().enumerate() {
                self.outside[side] += u64::from(exchange.is_some());
            }
            return Vec::new();
        };
        let place = place(row, judge.sides());
        self.chains.add(&place);
        let name = self.templates.endpoint(recorded);
        let judged = judge.judge(&name, row);
        let candidate = row.sides[judge.sides().candidate].as_deref();
        let baseline = row.sides[judge.sides().baseline].as_deref();
        self.totals.count(recorded, candidate, &judged);
        self.timeline.add(row.recorded_start, &judged);
        self.count_doubts(row, &judged);
        let is_full = self.endpoints.len() >= self.limits.endpoints_max;
        let tally = if is_full && !self.endpoints.contains_key(&name) {
            self.endpoints.entry(OTHER.to_owned()).or_default()
        } else {
            self.endpoints.entry(name.clone()).or_default()
        };
        tally.totals.count(recorded, candidate, &judged);
        if judged.incomparable.is_none()
            && let Some((baseline, candidate)) = baseline.zip(candidate)
        {
            tally.latency.add(baseline, candidate);
        }
        let mut findings = Vec::new();
        for blamed in &judged.blamed {
            if let Some(finding) =
                self.group(&name, row, place, (recorded, baseline, candidate), blamed)
            {
                findings.push(finding);
            }
        }
        findings
    }

    /// The requests of a row that are not in the recording, or not selected, by side.
    #[must_use]
    pub fn outside(&self) -> &[u64] {
        &self.outside
    }

    /// The largest lag of each side, microseconds; `None` for the recording.
    #[must_use]
    pub fn lag_us_max(&self) -> &[Option<i64>] {
        &self.lag_us_max
    }

    /// The requests of each side that were in doubt.
    #[must_use]
    pub fn in_doubt(&self) -> &[Doubts] {
        &self.in_doubt
    }

    /// Connections whose requests were forgotten: reproducers of what came on them later begin later.
    #[must_use]
    pub const fn forgotten_connections(&self) -> u64 {
        self.chains.forgotten
    }

    /// Requests to look up for the reproducers of the groups that need a person, by group.
    #[must_use]
    pub fn reproducers(&self, groups_max: usize) -> Vec<(String, Vec<Place>)> {
        self.groups.reproducers(groups_max)
    }

    /// Writes everything that was counted into the document.
    pub fn write_into(&self, document: &mut ComparisonDocument) {
        document.totals = self.totals.written();
        let mut endpoints: Vec<ComparedEndpoint> = self
            .endpoints
            .iter()
            .map(|(name, tally)| ComparedEndpoint {
                endpoint: name.clone(),
                totals: tally.totals.written(),
                latency: tally.latency.report(),
                slower: tally.latency.slower(),
            })
            .collect();
        endpoints.sort_by(|a, b| {
            let rank = |e: &ComparedEndpoint| {
                (e.totals.refactor, e.totals.incomparable, e.totals.selected)
            };
            rank(b)
                .cmp(&rank(a))
                .then_with(|| a.endpoint.cmp(&b.endpoint))
        });
        document.endpoints = endpoints;
        let judged = |endpoint: &str| {
            self.endpoints
                .get(endpoint)
                .map_or(0, |tally| tally.totals.totals.judged)
        };
        (document.groups, document.ungrouped) = self.groups.written(judged);
        document.timeline = self.timeline.written();
        document.templates = self.templates.described();
        document.templates_overfull = self.templates.is_overfull();
    }

    fn group(
        &mut self,
        endpoint: &str,
        row: &Row,
        place: Place,
        (recorded, baseline, candidate): (&Exchange, Option<&Exchange>, Option<&Exchange>),
        blamed: &Blamed,
    ) -> Option<Finding> {
        let sides = groups::Answers {
            recorded,
            baseline,
            candidate,
        };
        let chain = (place, &self.chains);
        let placed = self.groups.add(endpoint, row, sides, blamed, chain)?;
        let is_quiet = !matches!(blamed.blame, Blame::Refactor | Blame::Fixed);
        if is_quiet && placed.findings > self.limits.stored_of_quiet_group_max {
            return None;
        }
        let request = recorded.request.as_ref();
        let difference = &blamed.difference;
        let cut = |text: &Option<String>| {
            text.as_deref()
                .map(|text| excerpt::beginning(text, VALUE_BYTES_MAX))
        };
        Some(Finding {
            exchange: row.id,
            recorded_start: row.recorded_start,
            method: request.map_or_else(String::new, |request| request.method.clone()),
            host: request.and_then(|request| request.host.clone()),
            path: request.map_or_else(String::new, |request| request.path.clone()),
            endpoint: endpoint.to_owned(),
            part: difference.part.as_str().to_owned(),
            location: difference.location.clone(),
            kind: difference.kind,
            blame: blamed.blame,
            reason: blamed.reason.clone(),
            cause: placed.cause,
            group: placed.group,
            expected: cut(&difference.expected),
            actual: cut(&difference.actual),
        })
    }

    fn count_doubts(&mut self, row: &Row, judged: &Judged) {
        let is_blamed = judged.worst() == Some(Blame::Refactor);
        for (exchange, doubts) in row.sides.iter().zip(&mut self.in_doubt) {
            let replay = exchange.as_ref().and_then(|side| side.replay.as_ref());
            if replay.is_some_and(|replay| replay.in_doubt == Some(InDoubt::SentAgain)) {
                doubts.sent_again += 1;
                doubts.blamed += u64::from(is_blamed);
            }
        }
    }
}

/// Where the request of a row is found.
fn place(row: &Row, sides: &Sides) -> Place {
    let start = |side: usize| row.sides[side].as_ref().map(|exchange| exchange.start());
    let is_run = sides.baseline != RECORDED;
    Place {
        exchange: row.id,
        recorded: row.recorded_start,
        baseline: is_run.then(|| start(sides.baseline)).flatten(),
        candidate: start(sides.candidate),
    }
}

impl Counted {
    fn count(&mut self, recorded: &Exchange, candidate: Option<&Exchange>, judged: &Judged) {
        let totals = &mut self.totals;
        totals.selected += 1;
        totals.captured += u64::from(recorded.completeness == Completeness::Complete);
        let is_sent = candidate.is_some_and(|candidate| unanswered(candidate).is_none());
        totals.sent += u64::from(is_sent);
        if let Some(reason) = &judged.incomparable {
            totals.incomparable += 1;
            self.incomparable_by.add(reason);
            return;
        }
        totals.judged += 1;
        let of = match judged.worst() {
            None => &mut totals.same,
            Some(Blame::Refactor) => &mut totals.refactor,
            Some(Blame::Fixed) => &mut totals.fixed,
            Some(Blame::Environment) => &mut totals.environment,
            Some(Blame::Noise) => &mut totals.noise,
            Some(Blame::Rule | Blame::Incomparable) => &mut totals.rule,
        };
        *of += 1;
        for blamed in &judged.blamed {
            match blamed.blame {
                Blame::Refactor => totals.findings += 1,
                Blame::Noise => totals.noise_suppressed += 1,
                Blame::Rule => totals.rule_suppressed += 1,
                Blame::Fixed | Blame::Environment | Blame::Incomparable => {}
            }
        }
    }

    fn written(&self) -> ComparedTotals {
        ComparedTotals {
            incomparable_by: self.incomparable_by.counts(),
            ..self.totals.clone()
        }
    }
}

#[cfg(test)]
mod tests;
