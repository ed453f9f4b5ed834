//! Which differences do not matter, as a user says: a TOML file of rules, and presets for what every migration meets.
//!
//! ```toml
//! presets = ["oracle", "clock"]
//!
//! [[ignore]]                       # not compared at all
//! endpoint = "GET * /orders/{id}"  # glob over "METHOD host /path/template"; all endpoints if it is left out
//! at = "$.trace"                   # glob over the place; * stands for any index or name in it
//!
//! [[tolerate]]                     # near enough
//! at = "$.total"
//! number = 0.01                    # largest distance of two numbers
//! time = "5s"                      # largest distance of two times
//!
//! [[unordered]]                    # the same elements in any order
//! at = "$.items"
//!
//! [[keyed]]                        # elements are told apart by this member
//! at = "$.items"
//! key = "sku"
//!
//! [[mask]]                         # numbers, and words with digits, in a text may differ
//! at = "$.message"
//!
//! [[template]]                     # what of a path is a value; before everything that is learned, the first that matches
//! host = "shop.*"                  # glob; all hosts if it is left out
//! path = "/users/{name}"
//! ```
//! A rule sets aside differences, never a request, and every one that it sets aside is counted under its name.

mod file;
mod presets;

use globset::GlobMatcher;
use rustc_hash::FxHashMap;
use schema::comparison::AppliedRule;
use schema::{DivergenceKind, Exchange};

use crate::compare::{Difference, Part};
use crate::location::pattern;
use crate::noise::moment_us;
use crate::template::FixedTemplate;
use crate::value::{Shape, masked};

pub use file::{RulesError, parse_rules};
pub use presets::Preset;

/// The name under which differences are counted that runs caused themselves.
const SUBSTITUTED: &str = "correlation: values that the runs put into requests";

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// The place is not compared.
    Ignore,
    /// Numbers up to this distance are the same.
    TolerateNumber(f64),
    /// Times up to this distance, microseconds, are the same.
    TolerateTime(i64),
    /// Order does not matter.
    Unordered,
    /// Elements are told apart by this member.
    Keyed(String),
    /// Numbers in a text do not matter.
    Mask,
}

/// One rule.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Which endpoints; all if there is none.
    pub(crate) endpoint: Option<GlobMatcher>,
    /// Which places, as typed, and what matches them.
    pub(crate) at: (String, GlobMatcher),
    /// What it does.
    pub(crate) action: Action,
    /// Its name: file, line and what it says.
    pub(crate) name: String,
}

/// Rules and presets, with how many differences each set aside.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<(Rule, u64)>,
    presets: Vec<Preset>,
    templates: Vec<FixedTemplate>,
    by_preset: std::collections::BTreeMap<&'static str, u64>,
    /// Which rules an endpoint has.
    by_endpoint: FxHashMap<String, Vec<usize>>,
}

/// What rules ask of the two answers that a difference lies between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Between {
    /// When the request of each was made, microseconds since 1970.
    pub(crate) moments_us: (i64, i64),
    /// Status of the second one.
    pub(crate) right_status: Option<u16>,
}

impl Between {
    pub(crate) fn of(left: &Exchange, right: &Exchange) -> Self {
        Self {
            moments_us: (moment_us(left), moment_us(right)),
            right_status: right.response.as_ref().map(|response| response.status),
        }
    }
}

impl RuleSet {
    pub(crate) fn new(
        rules: Vec<Rule>,
        presets: Vec<Preset>,
        templates: Vec<FixedTemplate>,
    ) -> Self {
        Self {
            rules: rules.into_iter().map(|rule| (rule, 0)).collect(),
            presets,
            templates,
            ..Self::default()
        }
    }

    /// Adds a preset, unless it is there.
    pub fn add_preset(&mut self, preset: Preset) {
        if !self.presets.contains(&preset) {
            self.presets.push(preset);
        }
    }

    /// Path templates that the file says.
    #[must_use]
    pub fn templates(&self) -> &[FixedTemplate] {
        &self.templates
    }

    /// Which member names the elements of which arrays.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, String)> {
        let keyed = self
            .rules
            .iter()
            .filter_map(|(rule, _)| match &rule.action {
                Action::Keyed(key) => Some((pattern(&rule.at.0), key.clone())),
                _ => None,
            });
        keyed.collect()
    }

    /// The rule that sets a difference aside, by name, and counts it; `None` if none does.
    pub(crate) fn sets_aside(
        &mut self,
        endpoint: &str,
        difference: &Difference,
        between: Between,
    ) -> Option<String> {
        for index in self.of_endpoint(endpoint) {
            let (rule, count) = &mut self.rules[index];
            if rule.holds(difference, between) {
                *count += 1;
                return Some(rule.name.clone());
            }
        }
        let effect = self
            .presets
            .iter()
            .find_map(|preset| preset.effect(difference, between))?;
        *self.by_preset.entry(effect).or_default() += 1;
        Some(effect.to_owned())
    }

    /// Counts a difference that is in nothing but what the runs put into requests, and names what sets it aside.
    pub(crate) fn count_substituted(&mut self) -> String {
        *self.by_preset.entry(SUBSTITUTED).or_default() += 1;
        SUBSTITUTED.to_owned()
    }

    /// Every rule and every effect of a preset, with how many differences it set aside.
    #[must_use]
    pub fn applied(&self) -> Vec<AppliedRule> {
        let rules = self
            .rules
            .iter()
            .map(|(rule, count)| (rule.name.clone(), *count));
        let effects = self.presets.iter().flat_map(|preset| preset.effects());
        let own = self.by_preset.get_key_value(SUBSTITUTED);
        let effects = effects.chain(own.map(|(name, _)| name));
        let effects = effects.map(|effect| {
            let count = self.by_preset.get(effect).copied().unwrap_or(0);
            ((*effect).to_owned(), count)
        });
        rules
            .chain(effects)
            .map(|(rule, suppressed)| AppliedRule { rule, suppressed })
            .collect()
    }

    fn of_endpoint(&mut self, endpoint: &str) -> Vec<usize> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        if let Some(found) = self.by_endpoint.get(endpoint) {
            return found.clone();
        }
        let holds = |(rule, _): &(Rule, u64)| {
            let glob = rule.endpoint.as_ref();
            glob.is_none_or(|glob| glob.is_match(endpoint))
        };
        let found: Vec<usize> = (0..self.rules.len())
            .filter(|&i| holds(&self.rules[i]))
            .collect();
        self.by_endpoint.insert(endpoint.to_owned(), found.clone());
        found
    }
}

impl Rule {
    fn holds(&self, difference: &Difference, between: Between) -> bool {
        if matches!(difference.part, Part::Outcome) {
            return false;
        }
        let place = if difference.part == Part::Status {
            "status"
        } else {
            difference.location.as_str()
        };
        let at = &self.at.1;
        if !at.is_match(place) && !at.is_match(pattern(place)) {
            return false;
        }
        let texts = (difference.expected.as_deref(), difference.actual.as_deref());
        let is_value = difference.kind == DivergenceKind::Value;
        match (&self.action, texts) {
            (Action::Ignore, _) => true,
            (Action::Unordered, _) => difference.kind == DivergenceKind::Order,
            (Action::TolerateNumber(most), (Some(left), Some(right))) if is_value => {
                let numbers = (number(left), number(right));
                // Decimal distances are not exact in binary: a billionth more is still the same distance.
                matches!(numbers, (Some(a), Some(b)) if (a - b).abs() <= most * (1.0 + 1e-9))
            }
            (Action::TolerateTime(most), (Some(left), Some(right))) if is_value => {
                let shapes = (
                    Shape::of(left, between.moments_us.0),
                    Shape::of(right, between.moments_us.1),
                );
                matches!(shapes, (Shape::Time(a), Shape::Time(b)) if (a - b).abs() <= *most)
            }
            (Action::Mask, (Some(left), Some(right))) if is_value => masked(left) == masked(right),
            _ => false,
        }
    }
}

/// The number that a value is, as a number or as text.
fn number(text: &str) -> Option<f64> {
    crate::value::unquoted(text).parse().ok()
}

#[cfg(test)]
mod tests;
