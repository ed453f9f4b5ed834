//! Rules proposed from differences: what an unattended glance would call volatile or equal, with how often it was seen.
//!
//! A rule hides what it names, so a proposal is made only where every difference of a field is of one harmless form:
//!
//! | every difference of the field is | proposed |
//! |---|---|
//! | an effect of a preset | the preset |
//! | another order | `unordered` |
//! | a number within a millionth of the other | `tolerate`, by the largest distance seen |
//! | a time within a minute of the other | `tolerate`, likewise |
//! | the same text but for numbers | `mask` |
//! | another UUID or token, in at least half of the judged requests of the endpoint | `ignore` |
//!
//! Everything else is listed as not proposed, with the reason: it may be what the comparison was made for.

mod text;

use std::collections::BTreeMap;

use schema::{Divergence, DivergenceKind, ExchangeId};

use crate::compare::{Difference, Part};
use crate::location::pattern;
use crate::rules::{Between, Preset};
use crate::value::{Shape, masked, unquoted};

/// Fields that are told apart; differences of others are counted and nothing is proposed for them.
pub const FIELDS_MAX: usize = 10_000;
/// Distance, in parts of the larger number, up to which numbers differ by how they were added up.
const NUMBER_RELATIVE_MAX: f64 = 1e-6;
/// Distance of times that a rule is proposed for, microseconds. Zones differ by more.
const TIME_US_MAX: i64 = 60_000_000;

/// One request's answers, as far as rules look at them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    /// When the replayed request was sent, microseconds since 1970.
    pub sent_us: i64,
    /// Status of the replayed answer.
    pub status: Option<u16>,
}

/// Looks at differences and proposes rules.
#[derive(Debug, Default)]
pub struct Suggester {
    fields: BTreeMap<Field, Evidence>,
    beyond: u64,
}

/// A proposal, or why there is none, for one field of one endpoint.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Suggestion {
    /// Method, host and path template.
    pub endpoint: String,
    /// `status`, `header`, `trailer`, `body` or `outcome`.
    pub part: String,
    /// Where in the part, with `*` for indices and ids.
    pub at: String,
    /// What is proposed: `ignore`, `mask`, `unordered`, `tolerate` or `preset`; null for nothing.
    pub rule: Option<&'static str>,
    /// What the rule says beside its place: `number = 0.01`, or the preset's effect.
    pub says: Option<String>,
    /// Why.
    pub reason: String,
    /// Differences of the field.
    pub differences: u64,
    /// Requests that have one.
    pub requests: u64,
    /// Requests of the endpoint that were judged; null where that is not known.
    pub of: Option<u64>,
    /// A request that has one.
    pub example: String,
    /// What was expected there.
    pub expected: Option<String>,
    /// What came.
    pub actual: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Field {
    endpoint: String,
    part: Part,
    at: String,
}

/// How many differences of a field are of which form.
#[derive(Debug)]
struct Evidence {
    differences: u64,
    requests: u64,
    /// The request that was counted last: one request's differences come together.
    counted: ExchangeId,
    example: (ExchangeId, Option<String>, Option<String>),
    orders: u64,
    values: u64,
    effects: BTreeMap<&'static str, u64>,
    oracle: u64,
    clock: u64,
    numbers: u64,
    distance_max: f64,
    relative_max: f64,
    times: u64,
    apart_us_max: i64,
    masked: u64,
    tokens: u64,
}

impl Suggester {
    /// Takes a difference. Without `moments` nothing is known of when the request was sent again, and no time is put down
    /// to the clock.
    pub fn add(&mut self, divergence: &Divergence, moments: Option<Moments>) {
        let Ok(part) = divergence.part.parse::<Part>() else {
            self.beyond += 1;
            return;
        };
        let field = Field {
            endpoint: divergence.endpoint.clone(),
            part,
            at: pattern(&divergence.location),
        };
        if self.fields.len() >= FIELDS_MAX && !self.fields.contains_key(&field) {
            self.beyond += 1;
            return;
        }
        let evidence = self
            .fields
            .entry(field)
            .or_insert_with(|| Evidence::new(divergence));
        evidence.add(divergence, part, moments);
    }

    /// What is proposed, by endpoint and place. `judged` says how many requests of an endpoint were judged.
    #[must_use]
    pub fn suggestions(&self, judged: impl Fn(&str) -> Option<u64>) -> Vec<Suggestion> {
        let suggestion = |(field, evidence): (&Field, &Evidence)| {
            let of = judged(&field.endpoint);
            let proposal = evidence.propose(field.part, of);
            let (rule, says, reason) = match proposal {
                Ok(proposal) => (Some(proposal.rule), proposal.says, proposal.reason),
                Err(reason) => (None, None, reason),
            };
            let (example, expected, actual) = evidence.example.clone();
            Suggestion {
                endpoint: field.endpoint.clone(),
                part: field.part.as_str().to_owned(),
                at: field.at.clone(),
                rule,
                says,
                reason,
                differences: evidence.differences,
                requests: evidence.requests,
                of,
                example: example.to_string(),
                expected,
                actual,
            }
        };
        self.fields.iter().map(suggestion).collect()
    }

    /// Differences that were not looked at, because there are too many fields.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.beyond
    }
}

pub use text::to_toml;

/// A rule that is proposed.
struct Proposal {
    rule: &'static str,
    says: Option<String>,
    reason: String,
}

impl Evidence {
    fn new(divergence: &Divergence) -> Self {
        Self {
            differences: 0,
            requests: 0,
            counted: divergence.exchange,
            example: (
                divergence.exchange,
                divergence.expected.clone(),
                divergence.actual.clone(),
            ),
            orders: 0,
            values: 0,
            effects: BTreeMap::new(),
            oracle: 0,
            clock: 0,
            numbers: 0,
            distance_max: 0.0,
            relative_max: 0.0,
            times: 0,
            apart_us_max: 0,
            masked: 0,
            tokens: 0,
        }
    }

    fn add(&mut self, divergence: &Divergence, part: Part, moments: Option<Moments>) {
        if self.requests == 0 || self.counted != divergence.exchange {
            self.requests += 1;
            self.counted = divergence.exchange;
        }
        self.differences += 1;
        self.orders += u64::from(divergence.kind == DivergenceKind::Order);
        let recorded_us = divergence.recorded_start.as_micros();
        let between = Between {
            moments_us: (recorded_us, moments.map_or(recorded_us, |m| m.sent_us)),
            right_status: moments.and_then(|moments| moments.status),
        };
        let difference = Difference {
            part,
            location: divergence.location.clone(),
            kind: divergence.kind,
            expected: divergence.expected.clone(),
            actual: divergence.actual.clone(),
        };
        if let Some(effect) = Preset::Oracle.effect(&difference, between) {
            self.oracle += 1;
            *self.effects.entry(effect).or_default() += 1;
        }
        if moments.is_some()
            && let Some(effect) = Preset::Clock.effect(&difference, between)
        {
            self.clock += 1;
            *self.effects.entry(effect).or_default() += 1;
        }
        if let (DivergenceKind::Value, Some(left), Some(right)) =
            (divergence.kind, &divergence.expected, &divergence.actual)
        {
            self.values += 1;
            self.see(left, right, between);
        }
    }

    fn see(&mut self, left: &str, right: &str, between: Between) {
        self.masked += u64::from(masked(left) == masked(right));
        let shapes = (
            Shape::of(left, between.moments_us.0),
            Shape::of(right, between.moments_us.1),
        );
        match shapes {
            (Shape::Time(a), Shape::Time(b)) => {
                self.times += 1;
                self.apart_us_max = self.apart_us_max.max((a - b).abs());
            }
            (Shape::Integer(a) | Shape::Number(a), Shape::Integer(b) | Shape::Number(b)) => {
                self.numbers += 1;
                let distance = (a - b).abs();
                self.distance_max = self.distance_max.max(distance);
                let larger = a.abs().max(b.abs());
                if larger > 0.0 {
                    self.relative_max = self.relative_max.max(distance / larger);
                }
            }
            (Shape::Uuid, Shape::Uuid) => self.tokens += 1,
            (Shape::Token, Shape::Token) => {
                let lengths = (unquoted(left).len(), unquoted(right).len());
                self.tokens += u64::from(lengths.0.abs_diff(lengths.1) <= 2);
            }
            _ => {}
        }
    }

    /// The rule that would set all of it aside, or why none is proposed.
    fn propose(&self, part: Part, of: Option<u64>) -> Result<Proposal, String> {
        let all = |count: u64| count == self.differences;
        let proposal = |rule, says, reason: &str| {
            Ok(Proposal {
                rule,
                says,
                reason: reason.to_owned(),
            })
        };
        if matches!(part, Part::Status | Part::Outcome) {
            return Err("another status, or no answer, is never noise".to_owned());
        }
        if all(self.orders) {
            return proposal("unordered", None, "the same elements in another order");
        }
        if all(self.clock) {
            return proposal("preset", Some("clock".to_owned()), "moved with the request");
        }
        if all(self.oracle) {
            let effects: Vec<&str> = self.effects.keys().copied().collect();
            return proposal("preset", Some("oracle".to_owned()), &effects.join(", "));
        }
        if !all(self.values) {
            return Err("something is missing, new, or of another type".to_owned());
        }
        if all(self.numbers) {
            if self.relative_max > NUMBER_RELATIVE_MAX {
                return Err(format!("numbers up to {} apart", self.distance_max));
            }
            let says = format!("number = {}", decimal(self.distance_max));
            return proposal("tolerate", Some(says), "numbers that are nearly the same");
        }
        if all(self.times) {
            if self.apart_us_max > TIME_US_MAX {
                let hours = self.apart_us_max as f64 / 3.6e9;
                return Err(format!("times up to {hours:.2} h apart"));
            }
            let seconds = self.apart_us_max.div_euclid(1_000_000) + 1;
            let says = format!("time = \"{seconds}s\"");
            return proposal("tolerate", Some(says), "times that are nearly the same");
        }
        if all(self.tokens) {
            return if of.is_some_and(|of| self.requests * 2 >= of) {
                proposal("ignore", None, "another id or token in most requests")
            } else {
                Err("another id or token, but in few requests only".to_owned())
            };
        }
        if all(self.masked) {
            return proposal("mask", None, "the same text with other numbers");
        }
        Err("other values".to_owned())
    }
}

/// A distance as TOML: with a point, and not below the number itself.
fn decimal(distance: f64) -> String {
    let text = format!("{:e}", distance * 1.000_001);
    // TOML takes 1e-7, and 1.5e-7, as floats.
    if text.contains('.') || text.contains("e-") {
        text
    } else {
        format!("{distance:.1}")
    }
}

#[cfg(test)]
mod tests;
