//! Two answers in, pairs of values out.
//!
//! What is not certain is not learned: an answer of another status, arrays of different lengths, a random value that the target
//! knows itself (it is somewhere in its answer: rows in another order are no new ids), one recorded value with two actual ones.

mod json;

use rustc_hash::{FxHashMap, FxHashSet};
use schema::{Completeness, Exchange, Outcome, Response};

use super::html::{named_values, random_words};
use super::rule::{Places, RuleSource};
use super::shape::{counterparts, is_particular, is_printable, is_random, is_token_name};
use super::{Correlation, CorrelationRule, Missed};
use crate::Limits;
use crate::compare::policy::{Form, TABLE, row_of};
use crate::compare::{parse_json, plain_body};

/// Deepest nesting of JSON that is read.
const DEPTH_MAX: usize = 128;

/// What an answer teaches.
#[derive(Debug, Default)]
pub struct Extracted {
    pub(super) pairs: Vec<Pair>,
    pub(super) missed: Vec<Missed>,
}

/// A recorded value and the target's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Where it was learned, for people: `json:/items/*/id`.
    pub(super) source: String,
    pub(super) recorded: String,
    pub(super) actual: String,
    pub(super) reach: Reach,
    pub(super) places: Places,
}

/// Where a value counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Wherever it stands.
    Everywhere,
    /// In its session, where it is the whole of something.
    Session,
    /// As the cookie of this name, in its session or in all.
    Cookie { name: String, in_all: bool },
}

impl Extracted {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.missed.is_empty()
    }
}

/// What `actual` teaches about later requests.
pub(super) fn extract(
    correlation: &Correlation,
    recorded: &Exchange,
    actual: &Exchange,
    limits: &Limits,
) -> Extracted {
    let outcome = actual.replay.as_ref().map(|replay| replay.outcome);
    let mut extraction = Extraction {
        correlation,
        pairs_max: limits.correlated_values_per_answer_max,
        found: Extracted::default(),
    };
    if let (Some(expected), Some(answer)) = (&recorded.response, &actual.response)
        && outcome.is_none_or(|outcome| outcome == Outcome::Sent)
    {
        extraction.cookies(expected, answer);
        if expected.status == answer.status {
            extraction.headers(expected, answer);
            let whole = [recorded, actual].map(|side| side.completeness == Completeness::Complete);
            extraction.bodies(expected, answer, whole == [true; 2], limits);
        }
    }
    extraction.found
}

struct Extraction<'a> {
    correlation: &'a Correlation,
    pairs_max: usize,
    found: Extracted,
}

/// Values that were found without being named, before it is known whether they are certain.
#[derive(Default)]
struct Candidates<'a> {
    pairs: Vec<(String, &'a str, &'a str)>,
}

impl<'a> Extraction<'a> {
    fn rule(&self, holds: impl Fn(&RuleSource) -> bool) -> Option<&'a CorrelationRule> {
        let rules = &self.correlation.rules;
        rules.iter().find(|rule| holds(&rule.source))
    }

    fn miss(&mut self, missed: Missed) {
        self.found.missed.push(missed);
    }

    fn push(&mut self, pair: Pair) {
        if !is_printable(&pair.recorded) || !is_printable(&pair.actual) {
            self.miss(Missed::NotAscii);
        } else if self.found.pairs.len() >= self.pairs_max {
            self.miss(Missed::TooManyInAnswer);
        } else {
            self.found.pairs.push(pair);
        }
    }

    /// A value that a rule names.
    fn named(&mut self, rule: &CorrelationRule, recorded: &str, actual: &str) {
        for (recorded, actual) in counterparts(recorded, actual) {
            if recorded.is_empty() || actual.is_empty() {
                continue;
            }
            let reach = if is_particular(recorded) {
                Reach::Everywhere
            } else {
                Reach::Session
            };
            self.push(Pair {
                source: rule.to_string(),
                recorded: recorded.to_owned(),
                actual: actual.to_owned(),
                reach,
                places: rule.places,
            });
        }
    }

    /// Every cookie that the recorded answer sets. One whose value is the same again is a pair, too: it takes back an older one.
    fn cookies(&mut self, expected: &Response, answer: &Response) {
        let expected = set_cookies(expected);
        if expected.is_empty() {
            return;
        }
        let actual = set_cookies(answer);
        for (name, recorded) in expected {
            let rule = self
                .rule(|source| matches!(source, RuleSource::Cookie(glob) if glob.matches(name)));
            if recorded.is_empty() || (rule.is_none() && !self.correlation.automatic) {
                continue;
            }
            let found = actual.iter().find(|(other, _)| *other == name);
            let Some((_, value)) = found.filter(|(_, value)| !value.is_empty()) else {
                self.miss(Missed::AbsentInAnswer);
                continue;
            };
            let particular = rule.is_some() && is_particular(recorded);
            let reach = if particular || is_random(recorded) {
                Reach::Everywhere
            } else {
                Reach::Cookie {
                    name: name.to_owned(),
                    in_all: rule.is_some(),
                }
            };
            self.push(Pair {
                source: rule.map_or_else(|| format!("cookie:{name}"), ToString::to_string),
                recorded: recorded.to_owned(),
                actual: (*value).to_owned(),
                reach,
                places: rule.map_or(Places::ALL, |rule| rule.places),
            });
        }
    }

    fn headers(&mut self, expected: &Response, answer: &Response) {
        let mut candidates = Candidates::default();
        let mut ordinals: FxHashMap<String, usize> = FxHashMap::default();
        let mut in_place = (expected.headers.has_names_of(&answer.headers))
            .then(|| answer.headers.iter().map(|(_, value)| value));
        for (name, recorded) in expected.headers.iter() {
            let beside = in_place.as_mut().and_then(Iterator::next);
            // Without rules, what is the same on both sides teaches nothing.
            let is_plain = self.correlation.rules.is_empty() && beside == Some(recorded);
            if is_plain || name.eq_ignore_ascii_case("set-cookie") {
                continue;
            }
            let rule = self
                .rule(|source| matches!(source, RuleSource::Header(glob) if glob.matches(name)));
            let is_noise = row_of(name).is_some_and(|row| TABLE[row].form == Form::Ignored);
            if rule.is_none() && (is_noise || !self.correlation.automatic) {
                continue;
            }
            let actual = beside.or_else(|| {
                let ordinal = ordinals.entry(name.to_ascii_lowercase()).or_default();
                *ordinal += 1;
                answer.headers.get_all(name).nth(*ordinal - 1)
            });
            match (rule, actual) {
                (Some(rule), Some(actual)) => self.named(rule, recorded, actual),
                (Some(_), None) => self.miss(Missed::AbsentInAnswer),
                (None, Some(actual)) => candidates.add(
                    || format!("header:{}", name.to_ascii_lowercase()),
                    name,
                    recorded,
                    actual,
                ),
                (None, None) => {}
            }
        }
        self.take(&candidates, |_| false);
    }

    fn bodies(&mut self, expected: &Response, answer: &Response, whole: bool, limits: &Limits) {
        let same = expected.body_encoding == answer.body_encoding
            && expected.body.bytes == answer.body.bytes;
        if same || expected.body.bytes.is_empty() {
            return;
        }
        if !whole {
            return self.miss(Missed::AnswerBodyUnreadable);
        }
        let bound = limits.correlated_body_bytes_max;
        let is_long = |response: &Response| response.body.bytes.len() > bound;
        if is_long(expected) || is_long(answer) {
            return self.miss(Missed::AnswerBodyTooLarge);
        }
        let (Ok(left), Ok(right)) = (plain_body(expected, bound), plain_body(answer, bound)) else {
            return self.miss(Missed::AnswerBodyUnreadable);
        };
        let is_json =
            |text: &[u8]| matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'));
        if is_json(&left)
            && let (Ok(left), Ok(right)) =
                (parse_json(&left, DEPTH_MAX), parse_json(&right, DEPTH_MAX))
        {
            return self.json(&left, &right);
        }
        if let (Ok(left), Ok(right)) = (std::str::from_utf8(&left), std::str::from_utf8(&right)) {
            self.text(left, right);
        }
    }

    /// A page: fields by name; random words by what is before them.
    fn text(&mut self, left: &str, right: &str) {
        let (expected, actual) = (named_values(left), named_values(right));
        let mut candidates = Candidates::default();
        for (name, values) in &expected {
            let rule =
                self.rule(|source| matches!(source, RuleSource::Html(glob) if glob.matches(name)));
            let others = actual.get(name).map_or(&[][..], Vec::as_slice);
            if rule.is_some() && others.is_empty() {
                self.miss(Missed::AbsentInAnswer);
            }
            if rule.is_none() && values.len() != others.len() {
                continue;
            }
            for (recorded, actual) in values.iter().zip(others) {
                match rule {
                    Some(rule) => self.named(rule, recorded, actual),
                    None => {
                        candidates.add(|| format!("html:{name}"), name, recorded, actual);
                    }
                }
            }
        }
        let named: FxHashSet<String> = candidates
            .pairs
            .iter()
            .map(|(_, value, _)| (*value).to_owned())
            .collect();
        let (left, right) = (random_words(left), random_words(right));
        for (context, words) in &left {
            let Some(others) = right
                .get(context)
                .filter(|others| others.len() == words.len())
            else {
                continue;
            };
            for (recorded, actual) in words.iter().zip(others) {
                if !named.contains(*recorded) {
                    candidates.add(|| "text".to_owned(), "", recorded, actual);
                }
            }
        }
        let known: FxHashSet<&str> = right.values().flatten().copied().collect();
        self.take(&candidates, |value| known.contains(value));
    }

    /// Takes the candidates that are certain; `is_known` says whether the target's answer has a value of itself.
    fn take(&mut self, candidates: &Candidates<'_>, is_known: impl Fn(&str) -> bool) {
        if !self.correlation.automatic || candidates.pairs.is_empty() {
            return;
        }
        let mut meanings: FxHashMap<&str, Option<&str>> = FxHashMap::default();
        for &(_, recorded, actual) in &candidates.pairs {
            let meaning = meanings.entry(recorded).or_insert(Some(actual));
            if *meaning != Some(actual) {
                *meaning = None;
            }
        }
        let mut ambiguous = 0;
        let mut taken = FxHashSet::default();
        let mut pairs = Vec::new();
        for (source, recorded, actual) in &candidates.pairs {
            if !taken.insert(recorded) || is_known(recorded) {
                continue;
            }
            if meanings[recorded].is_none() {
                ambiguous += 1;
                continue;
            }
            pairs.push(Pair {
                source: source.clone(),
                recorded: (*recorded).to_owned(),
                actual: (*actual).to_owned(),
                reach: Reach::Everywhere,
                places: Places::ALL,
            });
        }
        for pair in pairs {
            self.push(pair);
        }
        for _ in 0..ambiguous {
            self.miss(Missed::Ambiguous);
        }
    }
}

impl<'a> Candidates<'a> {
    /// What of two values called `name` stands for each other and is random, or particular with a name that says enough.
    fn add(&mut self, source: impl Fn() -> String, name: &str, recorded: &'a str, actual: &'a str) {
        for (recorded, actual) in counterparts(recorded, actual) {
            let meant = is_random(recorded) || (is_particular(recorded) && is_token_name(name));
            if meant && !actual.is_empty() {
                self.pairs.push((source(), recorded, actual));
            }
        }
    }
}

/// The cookies that an answer sets, by name, the last one of a name (RFC 6265 section 5.3); without quotes.
pub(crate) fn set_cookies(response: &Response) -> Vec<(&str, &str)> {
    let mut cookies: Vec<(&str, &str)> = Vec::new();
    for field in response.headers.get_all("set-cookie") {
        let pair = field.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let inner = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        cookies.retain(|(other, _)| *other != name);
        cookies.push((name, inner.unwrap_or(value)));
    }
    cookies
}
