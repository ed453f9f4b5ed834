//! What differs between two runs of one build, learned field by field, and what of a candidate's differences it explains.
//!
//! A field is an endpoint, a part and a place in it (list indices apart), with the kind of difference. Learning looks at
//! every pair of answers of the whole window. What is learned excuses one field of one endpoint, never a request, and only
//! a difference of the kind that was seen:
//!
//! | what the field was | what is excused |
//! |---|---|
//! | `timestamp`: a point in time in every pair | a time that is as far from the moment of its request as times of the baseline were, with half of that spread as slack |
//! | `jitter`: numbers within a millionth of each other, not all of them whole | a number as near as eight times the largest distance seen |
//! | `measure`: numbers, different in at least a third of the pairs, or under a name such as `elapsed_ms` | another number; below zero only if one was |
//! | `random order`: the same elements in another order | another order |
//! | `uuid`, `token`, `counter`, `text with numbers`, `text`, `presence` | a value of the same form (hexadecimal digits of the same case), **where two baseline answers to this very request differ as well** |
//!
//! A value may be the same in both runs by chance and another one in the candidate's. Of one that is a time, or a text with a
//! time in it, two answers tell by themselves: where it is within 5 s of the request in the baseline and in the candidate, and
//! written alike, it is the time of the answer. A binary float whose last digits are beyond what its arithmetic is exact to
//! tells as well: where the baseline's own number has such digits, one a few steps beside it comes of another order of the
//! same sum. (Where the baseline's is a decimal, it is news: so an exact number became a float.) Such fields are listed with the
//! evidence that there is, none.
//!
//! So an id that is the same in every run is not excused because another request of the endpoint makes new ones, and a
//! timestamp that moved by an hour is not excused because it moves by seconds. There is no share under which a difference
//! is noise.

mod stats;

use rustc_hash::{FxHashMap, FxHashSet};
use schema::comparison::NoiseField;
use schema::{DivergenceKind, Exchange, ExchangeId};
use xxhash_rust::xxh3::Xxh3;

use crate::compare::{Difference, Part, Rules, differences, excerpt};
use crate::location::pattern;
use crate::value::{is_float_beside, without_now};

use stats::{Stats, Volatile};

/// Fields that are learned; a window with more has the rest unlearned, which excuses nothing.
pub const FIELDS_MAX: usize = 50_000;
/// Bytes of an example's value that a document shows.
const EXAMPLE_BYTES_MAX: usize = 120;
/// What is excused of a time of the answer that pairs do not tell.
const CLOCK_BOUND: &str = "a time within 5 s of the request in both answers, written alike";
/// What is excused of a sum of floats that pairs do not tell.
const FLOAT_BOUND: &str =
    "a float at most 16 steps beside the baseline's, which has digits beyond its precision";

/// Which field of which endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Field {
    endpoint: String,
    part: Part,
    location: String,
    kind: DivergenceKind,
}

/// What was learned from pairs of answers of one build.
#[derive(Debug, Default)]
pub struct Noise {
    fields: FxHashMap<Field, Learned>,
    /// Fields that two answers explain where nothing that was learned does: what they are.
    unpaired: FxHashMap<Field, (Volatile, Learned)>,
    /// Pairs of answers by endpoint.
    pairs: FxHashMap<String, u64>,
    /// Differences of fields beyond [`FIELDS_MAX`].
    unlearned: u64,
}

#[derive(Debug)]
struct Learned {
    stats: Stats,
    /// The pair that was counted last: one pair's differences come together.
    counted: ExchangeId,
    example: (ExchangeId, Option<String>, Option<String>),
    suppressed: u64,
}

impl Learned {
    fn new(id: ExchangeId, difference: &Difference) -> Self {
        Self {
            stats: Stats::default(),
            counted: id,
            example: (id, difference.expected.clone(), difference.actual.clone()),
            suppressed: 0,
        }
    }
}

/// Places in which two baseline answers to one request differ.
pub(crate) type Unstable = FxHashSet<(Part, String)>;

impl Noise {
    /// Learns from two answers of one build to the same request; pairs that cannot be held against each other teach
    /// nothing.
    pub fn learn(&mut self, endpoint: &str, left: &Exchange, right: &Exchange, rules: &Rules) {
        let Ok(found) = differences(left, right, rules) else {
            return;
        };
        match self.pairs.get_mut(endpoint) {
            Some(pairs) => *pairs += 1,
            None => drop(self.pairs.insert(endpoint.to_owned(), 1)),
        }
        let id = left.id();
        let moments = (moment_us(left), moment_us(right));
        for difference in found.kept {
            let field = field(endpoint, &difference);
            if self.fields.len() >= FIELDS_MAX && !self.fields.contains_key(&field) {
                self.unlearned += 1;
                continue;
            }
            let new = || Learned::new(id, &difference);
            let learned = self.fields.entry(field).or_insert_with(new);
            if learned.stats.evidence == 0 || learned.counted != id {
                learned.stats.evidence += 1;
                learned.counted = id;
            }
            learned.stats.see(&difference, moments);
        }
    }

    /// Why a difference of the candidate is no news, and counts it; `None` if it is.
    ///
    /// `unstable` holds the places in which baseline answers to this request differ.
    pub(crate) fn excuses(
        &mut self,
        endpoint: &str,
        difference: &Difference,
        (baseline, candidate): (&Exchange, &Exchange),
        unstable: &Unstable,
    ) -> Option<&'static str> {
        let pairs = *self.pairs.get(endpoint)?;
        let field = field(endpoint, difference);
        if let Some(learned) = self.fields.get_mut(&field) {
            let is_unstable = unstable.contains(&(difference.part, difference.location.clone()));
            let volatile = learned.stats.volatile(&field.location, field.kind, pairs);
            let moment_us = moment_us(candidate);
            if learned
                .stats
                .excuses(volatile, difference, moment_us, is_unstable)
            {
                learned.suppressed += 1;
                return Some(volatile.as_str());
            }
        }
        let is_value = matches!(field.part, Part::Header | Part::Body)
            && field.kind == DivergenceKind::Value
            && (self.unpaired.len() < FIELDS_MAX || self.unpaired.contains_key(&field));
        if !is_value {
            return None;
        }
        let volatile = unpaired(difference, (baseline, candidate))?;
        let new = || (volatile, Learned::new(baseline.id(), difference));
        let (_, learned) = self.unpaired.entry(field).or_insert_with(new);
        learned.suppressed += 1;
        Some(volatile.as_str())
    }

    /// Whether the field differs between runs of one build, whatever its value.
    pub(crate) fn knows(&self, endpoint: &str, difference: &Difference) -> Option<&'static str> {
        let field = field(endpoint, difference);
        let pairs = self.pairs.get(endpoint).copied().unwrap_or(0);
        let learned = self.fields.get(&field)?;
        Some(
            learned
                .stats
                .volatile(&field.location, field.kind, pairs)
                .as_str(),
        )
    }

    /// Everything that was learned, by endpoint and place, and what it excused.
    #[must_use]
    pub fn fields(&self) -> Vec<NoiseField> {
        let learned = self.fields.iter().map(|(field, learned)| {
            let pairs = self.pairs.get(&field.endpoint).copied().unwrap_or(0);
            let volatile = learned.stats.volatile(&field.location, field.kind, pairs);
            (field, volatile, learned.stats.bound(volatile), learned)
        });
        let unpaired = self.unpaired.iter().map(|(field, (volatile, learned))| {
            let is_time = *volatile == Volatile::Timestamp;
            let bound = if is_time { CLOCK_BOUND } else { FLOAT_BOUND };
            (field, *volatile, bound.to_owned(), learned)
        });
        let mut fields: Vec<_> = learned.chain(unpaired).collect();
        fields.sort_unstable_by_key(|(field, _, _, learned)| (*field, learned.stats.evidence == 0));
        let short = |text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| excerpt::beginning(text, EXAMPLE_BYTES_MAX))
        };
        fields
            .into_iter()
            .map(|(field, volatile, bound, learned)| {
                let pairs = self.pairs.get(&field.endpoint).copied().unwrap_or(0);
                let (example, left, right) = &learned.example;
                NoiseField {
                    endpoint: field.endpoint.clone(),
                    part: field.part.as_str().to_owned(),
                    location: field.location.clone(),
                    kind: field.kind.as_str().to_owned(),
                    volatile: volatile.as_str().to_owned(),
                    bound,
                    evidence: learned.stats.evidence,
                    of: pairs,
                    suppressed: learned.suppressed,
                    example: example.to_string(),
                    left: short(left),
                    right: short(right),
                }
            })
            .collect()
    }

    /// Pairs of answers that were looked at.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.pairs.values().sum()
    }

    /// Differences that were not learned because there are too many fields.
    #[must_use]
    pub fn unlearned(&self) -> u64 {
        self.unlearned
    }

    /// A number that is the same for the same profile.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hash = Xxh3::new();
        for field in self.fields() {
            let texts = [
                field.endpoint,
                field.part,
                field.location,
                field.kind,
                field.volatile,
                field.bound,
            ];
            for text in texts {
                hash.update(text.as_bytes());
                hash.update(&[0]);
            }
        }
        hash.digest()
    }
}

/// What two answers say by themselves that the field is, if they explain the difference.
fn unpaired(
    difference: &Difference,
    (baseline, candidate): (&Exchange, &Exchange),
) -> Option<Volatile> {
    let (expected, actual) = (difference.expected.as_ref()?, difference.actual.as_ref()?);
    if is_float_beside(expected, actual) {
        return Some(Volatile::Jitter);
    }
    let expected = without_now(expected, moment_us(baseline))?;
    let is_now = without_now(actual, moment_us(candidate))? == expected;
    is_now.then_some(Volatile::Timestamp)
}

fn field(endpoint: &str, difference: &Difference) -> Field {
    Field {
        endpoint: endpoint.to_owned(),
        part: difference.part,
        location: pattern(&difference.location),
        kind: difference.kind,
    }
}

/// When the request of an answer was made, microseconds since 1970.
pub(crate) fn moment_us(exchange: &Exchange) -> i64 {
    exchange.start().as_micros()
}

#[cfg(test)]
mod tests;
