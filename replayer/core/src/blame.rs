//! Whose a difference is: up to three answers to one request, and what runs of one build differ in.
//!
//! Of the candidate's answer against the baseline's, each difference is, first that holds:
//!
//! 1. **rule**: a rule sets it aside;
//! 2. **rule** as well: the runs themselves sent the two values ([`substituted`](crate::substituted));
//! 3. **noise**: runs of the baseline's build differ there as well ([`noise`](crate::noise));
//! 4. **fixed**: the baseline differs from the recording there, and the candidate does not;
//! 5. **refactor**.
//!
//! What the baseline answers otherwise than production, and the candidate like the baseline, is **environment**. A request
//! is as bad as its worst difference. A candidate that does not answer what the baseline answers is a difference, of the
//! part `outcome`. Everything else that keeps two answers from being held against each other makes the request
//! **incomparable**, with the reason.

use schema::{Blame, Completeness, DivergenceKind, Exchange};

use crate::compare::{Difference, Differences, Part, Rules, differences, unanswered};
use crate::join::Row;
use crate::noise::{Noise, Unstable};
use crate::rules::{Between, RuleSet};
use crate::substituted::{Counterparts, Held, Substituted};

/// Why a request got no answer that was in flight when its run was asked to stop.
const CUT_OFF: &str = "failed: interrupted";

/// Which side of a joined row is which. The recording is always the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// What the candidate is held against; 0 for the recording.
    pub baseline: usize,
    /// What is judged.
    pub candidate: usize,
    /// More runs of the baseline's build.
    pub noise: Vec<usize>,
}

/// The place of the recording in a row.
pub const RECORDED: usize = 0;

/// One difference and whose it is.
#[derive(Debug)]
pub(crate) struct Blamed {
    pub(crate) difference: Difference,
    pub(crate) blame: Blame,
    /// What set it aside.
    pub(crate) reason: Option<String>,
}

/// What was made of one request.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// Why it could not be judged.
    pub(crate) incomparable: Option<String>,
    /// Every difference; none if all answers are the same.
    pub(crate) blamed: Vec<Blamed>,
}

impl Judged {
    /// The worst of its differences; `None` if there is none.
    pub(crate) fn worst(&self) -> Option<Blame> {
        self.blamed.iter().map(|blamed| blamed.blame).min()
    }
}

/// Judges requests, and counts what rules and noise set aside.
#[derive(Debug)]
pub struct Judge {
    sides: Sides,
    options: Rules,
    rules: RuleSet,
    noise: Noise,
    substituted: Substituted,
}

impl Judge {
    /// A judge of rows with these sides.
    #[must_use]
    pub fn new(sides: Sides, rules: RuleSet, noise: Noise, substituted: Substituted) -> Self {
        Self {
            options: options(&rules),
            sides,
            rules,
            noise,
            substituted,
        }
    }

    /// Which side is which.
    #[must_use]
    pub fn sides(&self) -> &Sides {
        &self.sides
    }

    /// The rules, with what they set aside so far.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The noise, with what it set aside so far.
    #[must_use]
    pub fn noise(&self) -> &Noise {
        &self.noise
    }

    pub(crate) fn judge(&mut self, endpoint: &str, row: &Row) -> Judged {
        let incomparable = |reason: String| Judged {
            incomparable: Some(reason),
            blamed: Vec::new(),
        };
        let side = |index: usize| row.sides[index].as_deref();
        let recorded = side(RECORDED);
        let Some(candidate) = side(self.sides.candidate) else {
            return incomparable("not in the candidate's run".to_owned());
        };
        let Some(baseline) = side(self.sides.baseline) else {
            return incomparable("not in the baseline's run".to_owned());
        };
        let is_run = self.sides.baseline != RECORDED;
        match (unanswered(baseline), unanswered(candidate)) {
            (None, None) => {}
            (None, Some(reason)) if reason.starts_with("failed") && reason != CUT_OFF => {
                if !is_run && baseline.response.is_none() {
                    return incomparable(format!("recorded {}", baseline.completeness));
                }
                return Judged {
                    incomparable: None,
                    blamed: vec![no_answer(baseline, reason)],
                };
            }
            (_, Some(reason)) => return incomparable(format!("candidate {reason}")),
            (Some(reason), None) => return incomparable(format!("baseline {reason}")),
        }
        let found = match differences(baseline, candidate, &self.options) {
            Ok(found) => found,
            Err(reason) => return incomparable(reason),
        };
        if let (0, Some(reason)) = (found.found, &found.reservation) {
            return incomparable(reason.clone());
        }
        // Without a whole recording there is nothing to hold the baseline against.
        let recorded =
            recorded.filter(|recorded| is_run && recorded.completeness == Completeness::Complete);
        self.blame(endpoint, row, (recorded, baseline, candidate), found)
    }

    fn blame(
        &mut self,
        endpoint: &str,
        row: &Row,
        (recorded, baseline, candidate): (Option<&Exchange>, &Exchange, &Exchange),
        found: Differences,
    ) -> Judged {
        let against = |left: Option<&Exchange>, right| {
            left.and_then(|left| differences(left, right, &self.options).ok())
        };
        let of_environment = against(recorded, baseline);
        let has_found = !found.kept.is_empty();
        let of_candidate = has_found.then(|| against(recorded, candidate)).flatten();
        let unstable = if has_found {
            self.unstable(row, baseline)
        } else {
            Unstable::default()
        };
        let environment = of_environment
            .as_ref()
            .map_or_else(Vec::new, |list| besides(&list.kept, &found.kept));
        let mut blamed = Vec::with_capacity(found.kept.len());
        let counterparts = Counterparts::new(Held::Refactor, baseline, candidate);
        for difference in found.kept {
            let excused =
                self.set_aside(endpoint, &difference, &counterparts, |noise, difference| {
                    noise.excuses(endpoint, difference, (baseline, candidate), &unstable)
                });
            let (blame, reason) = excused.unwrap_or_else(|| {
                let was_off = is_in(of_environment.as_ref(), &difference);
                let is_off = is_in(of_candidate.as_ref(), &difference);
                if was_off && of_candidate.is_some() && !is_off {
                    (Blame::Fixed, None)
                } else {
                    (Blame::Refactor, None)
                }
            });
            blamed.push(Blamed {
                difference,
                blame,
                reason,
            });
        }
        let counterparts =
            Counterparts::new(Held::Environment, recorded.unwrap_or(baseline), baseline);
        for difference in environment {
            let excused =
                self.set_aside(endpoint, &difference, &counterparts, |noise, difference| {
                    noise.knows(endpoint, difference)
                });
            let (blame, reason) = excused.unwrap_or((Blame::Environment, None));
            blamed.push(Blamed {
                difference,
                blame,
                reason,
            });
        }
        Judged {
            incomparable: None,
            blamed,
        }
    }

    /// What makes a difference no news: a rule, what the runs sent, or noise.
    fn set_aside(
        &mut self,
        endpoint: &str,
        difference: &Difference,
        counterparts: &Counterparts<'_>,
        noise: impl FnOnce(&mut Noise, &Difference) -> Option<&'static str>,
    ) -> Option<(Blame, Option<String>)> {
        let between = Between::of(counterparts.left, counterparts.right);
        if let Some(rule) = self.rules.sets_aside(endpoint, difference, between) {
            return Some((Blame::Rule, Some(rule)));
        }
        if self.substituted.explains(counterparts, difference) {
            return Some((Blame::Rule, Some(self.rules.count_substituted())));
        }
        noise(&mut self.noise, difference).map(|kind| (Blame::Noise, Some(kind.to_owned())))
    }

    /// Places in which answers of the baseline's build to this request differ.
    fn unstable(&self, row: &Row, baseline: &Exchange) -> Unstable {
        let others = self
            .sides
            .noise
            .iter()
            .filter_map(|&side| row.sides[side].as_deref());
        others
            .filter_map(|other| differences(baseline, other, &self.options).ok())
            .flat_map(|found| found.kept)
            .map(|difference| (difference.part, difference.location))
            .collect()
    }
}

/// Whether a list has a difference at the same place.
fn is_in(list: Option<&Differences>, difference: &Difference) -> bool {
    list.is_some_and(|list| list.kept.iter().any(|like| is_same_place(like, difference)))
}

/// The differences of a list at places where `others` has none.
fn besides(list: &[Difference], others: &[Difference]) -> Vec<Difference> {
    let stays = |d: &&Difference| !others.iter().any(|other| is_same_place(other, d));
    list.iter().filter(stays).cloned().collect()
}

fn is_same_place(a: &Difference, b: &Difference) -> bool {
    (a.part, &a.location) == (b.part, &b.location)
}

/// How answers are compared under these rules: long values whole, so that rules and noise see all of them.
#[must_use]
pub fn options(rules: &RuleSet) -> Rules {
    Rules {
        divergences_max: 2_000,
        excerpt_bytes_max: 2_048,
        keys: rules.keys(),
        ..Rules::default()
    }
}

fn no_answer(baseline: &Exchange, reason: String) -> Blamed {
    let status = baseline
        .response
        .as_ref()
        .map(|response| response.status.to_string());
    Blamed {
        difference: Difference {
            part: Part::Outcome,
            location: String::new(),
            kind: DivergenceKind::Missing,
            expected: status,
            actual: Some(reason),
        },
        blame: Blame::Refactor,
        reason: None,
    }
}

#[cfg(test)]
mod tests;
