//! What the values of one field were, and what that makes of it.

use schema::DivergenceKind;

use crate::compare::{Difference, Part};
use crate::value::{Shape, is_token, masked, time_form, unquoted};

/// Distance, in parts of the larger number, up to which two numbers are the same but for how they were added up.
const JITTER_MAX: f64 = 1e-6;
/// How much farther than the largest distance seen a number may be.
const JITTER_SLACK: f64 = 8.0;
/// Slack of a timestamp, microseconds, however narrow the times of the baseline lie.
const TIME_SLACK_US: i64 = 5_000_000;
/// Ends and beginnings of names under which a service says how long something took.
const MEASURES: [&str; 9] = [
    "elapsed", "duration", "took", "latency", "_ms", "_us", "millis", "uptime", "load",
];

/// What kind of value changes from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Volatile {
    Timestamp,
    Jitter,
    Measure,
    RandomOrder,
    Uuid,
    Token,
    Counter,
    TextWithNumbers,
    Text,
    Presence,
}

impl Volatile {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Jitter => "jitter",
            Self::Measure => "measure",
            Self::RandomOrder => "random order",
            Self::Uuid => "uuid",
            Self::Token => "token",
            Self::Counter => "counter",
            Self::TextWithNumbers => "text with numbers",
            Self::Text => "text",
            Self::Presence => "presence",
        }
    }
}

/// What was seen of one field, in pairs that differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Stats {
    /// Pairs of answers that differ in it.
    pub(super) evidence: u64,
    values: u64,
    times: u64,
    /// Smallest and largest distance of a time from the moment of its request, microseconds.
    from_moment_us: Option<(i64, i64)>,
    /// How times were written.
    forms: Forms,
    integers: u64,
    numbers: u64,
    /// Numbers below zero.
    negative: u64,
    /// Largest distance of two numbers, in parts of the larger one.
    relative_max: f64,
    uuids: u64,
    tokens: u64,
    /// Pairs whose texts are the same but for words with digits.
    alike_masked: u64,
    pairs: u64,
}

impl Stats {
    /// Takes a difference between two answers of one build, requested at these moments.
    pub(super) fn see(&mut self, difference: &Difference, moments_us: (i64, i64)) {
        let (Some(left), Some(right)) = (&difference.expected, &difference.actual) else {
            return;
        };
        self.pairs += 1;
        self.alike_masked += u64::from(masked(left) == masked(right));
        let mut numbers = Vec::new();
        for (text, moment_us) in [(left, moments_us.0), (right, moments_us.1)] {
            self.values += 1;
            // Also where its digits happen to make a number.
            self.tokens += u64::from(is_token(unquoted(text)));
            match Shape::of(text, moment_us) {
                Shape::Time(us) => {
                    self.times += 1;
                    let offset = us - moment_us;
                    let (low, high) = self.from_moment_us.unwrap_or((offset, offset));
                    self.from_moment_us = Some((low.min(offset), high.max(offset)));
                    self.forms.see(unquoted(text));
                }
                Shape::Integer(number) => {
                    self.integers += 1;
                    numbers.push(number);
                }
                Shape::Number(number) => {
                    self.numbers += 1;
                    numbers.push(number);
                }
                Shape::Uuid => self.uuids += 1,
                Shape::Token | Shape::Null | Shape::Bool | Shape::Text | Shape::Composite => {}
            }
        }
        let negative = numbers.iter().filter(|number| **number < 0.0).count();
        self.negative += negative as u64;
        if let [left, right] = numbers[..] {
            self.relative_max = self.relative_max.max(relative(left, right));
        }
    }

    /// What the field is, of an endpoint of which `pairs` pairs were looked at.
    pub(super) fn volatile(&self, location: &str, kind: DivergenceKind, pairs: u64) -> Volatile {
        let all = |count: u64| count == self.values && self.values > 0;
        match kind {
            DivergenceKind::Order => return Volatile::RandomOrder,
            DivergenceKind::Missing | DivergenceKind::Extra | DivergenceKind::Type => {
                return Volatile::Presence;
            }
            DivergenceKind::Value => {}
        }
        if all(self.times) {
            return Volatile::Timestamp;
        }
        if all(self.integers + self.numbers) {
            let name = location.rsplit(['.', '[']).next().unwrap_or_default();
            let is_named = MEASURES.iter().any(|measure| name.contains(measure));
            // Whole numbers near each other are of a sequence that is far along: nothing was added up in another order.
            return if self.relative_max <= JITTER_MAX && self.numbers > 0 {
                Volatile::Jitter
            } else if is_named || (self.numbers > 0 && self.evidence * 3 >= pairs) {
                Volatile::Measure
            } else {
                Volatile::Counter
            };
        }
        if all(self.uuids) {
            Volatile::Uuid
        } else if all(self.tokens) {
            Volatile::Token
        } else if self.alike_masked == self.pairs {
            Volatile::TextWithNumbers
        } else {
            Volatile::Text
        }
    }

    /// Whether the difference is what runs of one build show as well.
    pub(super) fn excuses(
        &self,
        volatile: Volatile,
        difference: &Difference,
        moment_us: i64,
        is_unstable: bool,
    ) -> bool {
        // A status is never a number among numbers.
        if difference.part == Part::Status {
            return is_unstable;
        }
        let texts = (difference.expected.as_deref(), difference.actual.as_deref());
        let (Some(expected), Some(actual)) = texts else {
            return is_unstable;
        };
        let shape = Shape::of(actual, moment_us);
        match volatile {
            Volatile::RandomOrder => true,
            Volatile::Presence | Volatile::Text => is_unstable,
            Volatile::Timestamp => {
                matches!(shape, Shape::Time(us) if self.holds(us - moment_us))
                    && self.forms.hold(unquoted(actual))
            }
            Volatile::Jitter => {
                let numbers = (expected.parse::<f64>(), actual.parse::<f64>());
                let bound = self.relative_max * JITTER_SLACK;
                matches!(numbers, (Ok(a), Ok(b)) if relative(a, b) <= bound)
            }
            Volatile::Measure => self.is_number(shape),
            Volatile::Counter => is_unstable && self.is_number(shape),
            Volatile::Uuid => {
                is_unstable && shape == Shape::Uuid && !is_other_case(expected, actual)
            }
            Volatile::Token => {
                let (expected, actual) = (unquoted(expected), unquoted(actual));
                let same_length = expected.len().abs_diff(actual.len()) <= 2;
                is_unstable && same_length && is_token(actual) && !is_other_case(expected, actual)
            }
            Volatile::TextWithNumbers => is_unstable && masked(expected) == masked(actual),
        }
    }

    /// Whether it is a number, and below zero only if one was.
    fn is_number(&self, shape: Shape) -> bool {
        matches!(shape, Shape::Integer(number) | Shape::Number(number) if number >= 0.0 || self.negative > 0)
    }

    /// Whether a time so far from the moment of its request is where times of the baseline were.
    fn holds(&self, from_moment_us: i64) -> bool {
        let Some((low, high)) = self.from_moment_us else {
            return false;
        };
        let slack = self.time_slack_us(low, high);
        (low - slack..=high + slack).contains(&from_moment_us)
    }

    fn time_slack_us(&self, low: i64, high: i64) -> i64 {
        ((high - low) / 2).max(TIME_SLACK_US)
    }

    /// What is excused, in words.
    pub(super) fn bound(&self, volatile: Volatile) -> String {
        let here = "where two baseline answers to the same request differ";
        match volatile {
            Volatile::Timestamp => {
                let (low, high) = self.from_moment_us.unwrap_or((0, 0));
                let slack = self.time_slack_us(low, high);
                let seconds = |us: i64| us as f64 / 1e6;
                format!(
                    "a time from {:+.1} s to {:+.1} s of the request, written as the baseline writes it",
                    seconds(low - slack),
                    seconds(high + slack)
                )
            }
            Volatile::Jitter => format!(
                "a number within {:.1e} of the baseline's, relatively",
                self.relative_max * JITTER_SLACK
            ),
            Volatile::Measure if self.negative == 0 => "any number from zero".to_owned(),
            Volatile::Measure => "any number".to_owned(),
            Volatile::RandomOrder => "the same elements in any order".to_owned(),
            Volatile::Uuid => format!("another UUID, {here}"),
            Volatile::Token => format!("another token of about this length, {here}"),
            Volatile::Counter => format!("another number, {here}"),
            Volatile::TextWithNumbers => format!("the same text with other numbers, {here}"),
            Volatile::Text => format!("another text, {here}"),
            Volatile::Presence => format!("the same kind of difference, {here}"),
        }
    }
}

/// Forms that are remembered of one field; with more, how a time is written says nothing.
const FORMS_MAX: usize = 8;
/// Times below which nothing is said of how many digits the fraction of a second may lack: one in ten ends in a zero, which some
/// services do not write.
const TIMES_OF_FIXED_FRACTION: u64 = 40;

/// How the times of one field are written.
#[derive(Clone, Debug, Default)]
struct Forms {
    seen: Vec<String>,
    /// Fewest and most digits of the fraction of a second.
    fraction: Option<(usize, usize)>,
    times: u64,
}

impl Forms {
    fn see(&mut self, time: &str) {
        let (form, digits) = time_form(time);
        if self.seen.len() <= FORMS_MAX && !self.seen.contains(&form) {
            self.seen.push(form);
        }
        let (low, high) = self.fraction.unwrap_or((digits, digits));
        self.fraction = Some((low.min(digits), high.max(digits)));
        self.times += 1;
    }

    /// Whether a time is written as those that were seen. A zone that is gone, or a fraction of another precision, is news.
    fn hold(&self, time: &str) -> bool {
        let (form, digits) = time_form(time);
        let Some((low, high)) = self.fraction else {
            return true;
        };
        let is_known = self.seen.len() > FORMS_MAX || self.seen.contains(&form);
        let has_digits = match digits {
            // A millisecond without any comes once in a thousand times.
            0 => low == 0 || (low < high && high <= 3),
            _ if digits < low => low < high || self.times < TIMES_OF_FIXED_FRACTION,
            _ => digits <= high,
        };
        is_known && has_digits
    }
}

/// Whether hexadecimal digits of one text are all lower case and of the other all upper case.
fn is_other_case(a: &str, b: &str) -> bool {
    let case = |text: &str| {
        let letters = || text.bytes().filter(u8::is_ascii_alphabetic);
        let is_hex = letters().all(|letter| letter.is_ascii_hexdigit());
        let is_one = letters().all(|letter| letter.is_ascii_lowercase())
            || letters().all(|letter| letter.is_ascii_uppercase());
        let first = letters().next().filter(|_| is_hex && is_one);
        first.map(|letter| letter.is_ascii_lowercase())
    };
    matches!((case(a), case(b)), (Some(a), Some(b)) if a != b)
}

/// The distance of two numbers, in parts of the larger one.
fn relative(a: f64, b: f64) -> f64 {
    let larger = a.abs().max(b.abs());
    if larger == 0.0 {
        0.0
    } else {
        (a - b).abs() / larger
    }
}
