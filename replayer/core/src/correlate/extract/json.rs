//! Two JSON values side by side.

use rustc_hash::FxHashSet;

use super::super::rule::RuleSource;
use super::super::{CorrelationRule, Missed};
use super::{Candidates, Extraction};
use crate::compare::Json;
use crate::endpoint::placeholder;
use crate::pointer::{Step, names};

/// Longest name that is shown; a longer one may be data.
const NAME_BYTES_MAX: usize = 40;

impl Extraction<'_> {
    pub(super) fn json(&mut self, left: &Json<'_>, right: &Json<'_>) {
        let mut walk = Walk {
            extraction: self,
            path: Vec::new(),
            candidates: Candidates::default(),
        };
        walk.value(left, right, true);
        let candidates = walk.candidates;
        if candidates.pairs.is_empty() {
            return;
        }
        let mut known = FxHashSet::default();
        leaves(right, &mut known);
        self.take(&candidates, |value| known.contains(value));
    }
}

struct Walk<'e, 'a, 't> {
    extraction: &'e mut Extraction<'a>,
    path: Vec<Step<'t>>,
    candidates: Candidates<'t>,
}

impl<'a, 't> Walk<'_, 'a, 't> {
    /// `certain` is whether both are known to stand for each other.
    fn value(&mut self, left: &'t Json<'t>, right: &'t Json<'t>, certain: bool) {
        match (left, right) {
            (Json::Object(left), Json::Object(right)) => {
                for (place, (name, value)) in left.iter().enumerate() {
                    let there = right.get(place).filter(|(other, _)| other == name);
                    let other = there.or_else(|| right.iter().find(|(other, _)| other == name));
                    self.path.push(Step::Name(name));
                    match other {
                        Some((_, other)) => self.value(value, other, certain),
                        None if self.rule().is_some() => {
                            self.extraction.miss(Missed::AbsentInAnswer);
                        }
                        None => {}
                    }
                    self.path.pop();
                }
            }
            (Json::Array(left), Json::Array(right)) => {
                let certain = certain && left.len() == right.len();
                for (index, (left, right)) in left.iter().zip(right).enumerate() {
                    self.path.push(Step::Index(index));
                    self.value(left, right, certain);
                    self.path.pop();
                }
            }
            _ => self.leaf(left, right, certain),
        }
    }

    fn leaf(&mut self, left: &'t Json<'t>, right: &'t Json<'t>, certain: bool) {
        let (Some(recorded), Some(actual)) = (scalar(left), scalar(right)) else {
            return;
        };
        if recorded == actual {
            return;
        }
        if let Some(rule) = self.rule() {
            return self.extraction.named(rule, recorded, actual);
        }
        if certain && self.extraction.correlation.automatic {
            let path = &self.path;
            let name = match path.last() {
                Some(&Step::Name(name)) => name,
                Some(Step::Index(_)) | None => "",
            };
            self.candidates
                .add(|| source_of(path), name, recorded, actual);
        }
    }

    /// The rule that names the value at this place.
    fn rule(&self) -> Option<&'a CorrelationRule> {
        let is_named = |source: &RuleSource| matches!(source, RuleSource::Json(parts) if names(parts, &self.path));
        self.extraction.rule(is_named)
    }
}

/// `json:/items/*/id`: indices, keys and whatever else may be data are a star.
fn source_of(path: &[Step<'_>]) -> String {
    path.iter().fold("json:".to_owned(), |source, step| {
        let shown = match *step {
            Step::Name(name) if name.len() <= NAME_BYTES_MAX && placeholder(name).is_none() => name,
            Step::Name(_) | Step::Index(_) => "*",
        };
        source + "/" + shown
    })
}

/// The text of a string or a number.
fn scalar<'t>(value: &'t Json<'t>) -> Option<&'t str> {
    match value {
        Json::String(text) => Some(text),
        Json::Number(text) => Some(text),
        _ => None,
    }
}

/// Every string and number of a value.
fn leaves<'t>(value: &'t Json<'t>, into: &mut FxHashSet<&'t str>) {
    match value {
        Json::Object(members) => members.iter().for_each(|(_, value)| leaves(value, into)),
        Json::Array(elements) => elements.iter().for_each(|value| leaves(value, into)),
        _ => into.extend(scalar(value)),
    }
}
