//! Which values of two answers stand for each other because the runs themselves put them into the requests.
//!
//! A run that [correlates](crate::correlate) sends, in place of a recorded id or token, the one that its own target issued.
//! So two runs send the same request with two ids, and both builds rightly answer with the id that they were asked about.
//! What two runs sent in the same place of the same request is a pair; an answer that differs in nothing but such pairs is
//! no difference, and is counted apart.
//!
//! * A value that is [particular](crate::correlate) is known everywhere, also in the answer that first issued it: pairs are
//!   learned over the whole window before anything is judged.
//! * Any other value, such as a short number, only in the answer to the very request that it was sent in.
//!
//! Memory is bounded: beyond [`Limits::substituted_pairs_max`](crate::Limits) pairs are counted and not known, and what they
//! would have explained stays a difference.

use std::cell::OnceCell;

use rustc_hash::FxHashSet;
use schema::{DivergenceKind, Exchange, Request};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::Limits;
use crate::blame::{RECORDED, Sides};
use crate::compare::{Difference, Part, Rules, excerpt, request_values};
use crate::correlate::{is_kept_header, is_particular};
use crate::join::Row;
use crate::value::unquoted;

/// Pairs of values, of the recording and the baseline, and of the baseline and the candidate.
#[derive(Clone, Debug, Default)]
pub struct Substituted {
    /// Whether any run put anything into a request.
    is_used: bool,
    environment: Pairs,
    refactor: Pairs,
}

/// Which two answers are held against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The baseline's against the recorded one.
    Environment,
    /// The candidate's against the baseline's.
    Refactor,
}

/// Values that stand for each other, by hash.
#[derive(Clone, Debug, Default)]
struct Pairs {
    known: FxHashSet<u128>,
    left_out: u64,
}

impl Substituted {
    /// Nothing learned yet, of runs of which one put values into requests.
    #[must_use]
    pub fn new() -> Self {
        Self {
            is_used: true,
            ..Self::default()
        }
    }

    /// Learns from the requests of a row.
    pub fn learn(&mut self, row: &Row, sides: &Sides, limits: &Limits) {
        let side = |index: usize| row.sides[index].as_deref();
        let max = limits.substituted_pairs_max;
        if let Some((baseline, candidate)) = side(sides.baseline).zip(side(sides.candidate)) {
            self.refactor.learn(baseline, candidate, max);
        }
        if sides.baseline != RECORDED
            && let Some((recorded, baseline)) = side(RECORDED).zip(side(sides.baseline))
        {
            self.environment.learn(recorded, baseline, max);
        }
    }

    /// Pairs that are not known because there are too many.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.environment.left_out + self.refactor.left_out
    }

    /// Whether the answers to the requests of `counterparts` differ in nothing there but in what was sent.
    pub(crate) fn explains(
        &self,
        counterparts: &Counterparts<'_>,
        difference: &Difference,
    ) -> bool {
        let is_of_values =
            difference.kind == DivergenceKind::Value && difference.part != Part::Status;
        let (true, true, Some(expected), Some(actual)) = (
            self.is_used,
            is_of_values,
            difference.expected.as_deref(),
            difference.actual.as_deref(),
        ) else {
            return false;
        };
        // What an excerpt leaves out may differ in anything.
        if excerpt::is_cut(expected) || excerpt::is_cut(actual) {
            return false;
        }
        let known = match counterparts.held {
            Held::Environment => &self.environment.known,
            Held::Refactor => &self.refactor.known,
        };
        let (expected, actual) = (unquoted(expected), unquoted(actual));
        let is_known = |left: &str, right: &str| known.contains(&pair(left, right));
        if stand_for_each_other(expected, actual, is_known) {
            return true;
        }
        let sent = counterparts.sent_otherwise();
        let is_here = |left: &str, right: &str| {
            let pair = pair(left, right);
            sent.contains(&pair) || known.contains(&pair)
        };
        !sent.is_empty() && stand_for_each_other(expected, actual, is_here)
    }
}

/// Two sides of an exchange whose answers are held against each other.
#[derive(Debug)]
pub(crate) struct Counterparts<'e> {
    held: Held,
    pub(crate) left: &'e Exchange,
    pub(crate) right: &'e Exchange,
    /// The pairs of their own requests, once anything has asked for them: bodies are parsed for that.
    sent: OnceCell<FxHashSet<u128>>,
}

impl<'e> Counterparts<'e> {
    pub(crate) fn new(held: Held, left: &'e Exchange, right: &'e Exchange) -> Self {
        Self {
            held,
            left,
            right,
            sent: OnceCell::new(),
        }
    }

    fn sent_otherwise(&self) -> &FxHashSet<u128> {
        self.sent.get_or_init(|| {
            let mut sent = FxHashSet::default();
            sent_otherwise(self.left, self.right, &mut |left, right| {
                sent.insert(pair(left, right));
            });
            sent
        })
    }
}

impl Pairs {
    fn learn(&mut self, left: &Exchange, right: &Exchange, max: usize) {
        sent_otherwise(left, right, &mut |left, right| {
            if !is_particular(left) || !is_particular(right) {
                return;
            }
            if self.known.len() < max {
                self.known.insert(pair(left, right));
            } else {
                self.left_out += 1;
            }
        });
    }
}

/// One number for two values.
fn pair(left: &str, right: &str) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&xxh3_128(left.as_bytes()).to_le_bytes());
    hash.update(&xxh3_128(right.as_bytes()).to_le_bytes());
    hash.digest128()
}

/// Whether two texts are a known pair, or differ in nothing but words that are.
fn stand_for_each_other(left: &str, right: &str, is_known: impl Fn(&str, &str) -> bool) -> bool {
    is_known(left, right)
        || differing_words(left, right).is_some_and(|words| {
            !words.is_empty() && words.iter().all(|(left, right)| is_known(left, right))
        })
}

/// What two requests have of values in the same places, and differ in: wholes, and the words in them.
fn sent_otherwise(left: &Exchange, right: &Exchange, give: &mut impl FnMut(&str, &str)) {
    let (Some(left), Some(right)) = (&left.request, &right.request) else {
        return;
    };
    let mut both = |left: &str, right: &str| {
        if left == right {
            return;
        }
        give(left, right);
        for (left, right) in differing_words(left, right).into_iter().flatten() {
            give(left, right);
        }
    };
    both(&left.path, &right.path);
    let query = |request: &Request| request.query.clone().unwrap_or_default();
    both(&query(left), &query(right));
    if left.headers.len() == right.headers.len() {
        for ((name, left), (other, right)) in left.headers.iter().zip(right.headers.iter()) {
            if name.eq_ignore_ascii_case(other) && !is_kept_header(name) {
                both(left, right);
            }
        }
    }
    if left.body.bytes != right.body.bytes {
        for (left, right) in request_values(&left.body.bytes, &right.body.bytes, &Rules::default())
        {
            both(unquoted(&left), unquoted(&right));
        }
    }
}

/// The words in which two texts differ, if everything between words is the same: letters, digits, `-` and `_`.
fn differing_words<'t>(left: &'t str, right: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut words = Vec::new();
    let (mut left, mut right) = (left, right);
    while !left.is_empty() || !right.is_empty() {
        let ends = [left, right].map(|text| text.find(|c| !is_word(c)).unwrap_or(text.len()));
        let (a, b) = (&left[..ends[0]], &right[..ends[1]]);
        if a != b {
            words.push((a, b));
        }
        (left, right) = (&left[ends[0]..], &right[ends[1]..]);
        let gaps = [left, right].map(|text| text.find(is_word).unwrap_or(text.len()));
        if left[..gaps[0]] != right[..gaps[1]] {
            return None;
        }
        (left, right) = (&left[gaps[0]..], &right[gaps[1]..]);
    }
    Some(words)
}

#[cfg(test)]
mod tests;
