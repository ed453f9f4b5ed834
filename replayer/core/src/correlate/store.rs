//! What was learned, bounded: recorded values by their hash alone, with the target's.
//!
//! At the bound, by count or by bytes, what was learned first and not used since it was last looked at is forgotten and counted:
//! the clock algorithm. A later request then goes out with the recorded value.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::Scope;
use super::extract::{Pair, Reach};
use super::forms::Form;
use super::rule::Places;
use super::saved::{Learned, SavedValue};
use super::shape::PARTICULAR_BYTES_MIN;
use crate::Limits;
use crate::percent::percent_decoded;

/// A value's bytes, and which values it may be mistaken for.
type Key = u128;
/// The first bytes of a value that is looked for inside of text.
type Start = [u8; PARTICULAR_BYTES_MIN];

/// About how many bytes of memory an entry holds beside its value.
const ENTRY_BYTES: usize = 160;

/// Where a key is from, so that equal bytes are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// Of all sessions.
    Everywhere,
    /// Of one session.
    Session,
    /// `name=value` of all sessions.
    Cookies,
    /// `name=value` of one session.
    SessionCookies,
}

/// A learned value, in one of its forms.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The target's value, as it was learned.
    pub(super) actual: Box<str>,
    /// How the recorded one is written here.
    pub(super) form: Form,
    /// Where it may be put.
    pub(super) places: Places,
    /// Where it was learned.
    pub(super) source: usize,
    /// Where it is looked for inside of text: its first bytes, and how many there are.
    start: Option<(Start, usize)>,
    /// Used since the clock's hand went by.
    recent: bool,
}

/// Everything that was learned.
#[derive(Debug)]
pub(super) struct Store {
    known: FxHashMap<Key, Known>,
    /// The keys of `known`, and of what was taken back, oldest first.
    ages: VecDeque<Key>,
    /// By their first bytes, the lengths of what is looked for inside of text, longest first, with how many have it.
    starts: FxHashMap<Start, Vec<(usize, usize)>>,
    /// How many are looked up as a whole.
    whole: usize,
    bytes: usize,
    forgotten: u64,
    values_max: usize,
    bytes_max: usize,
}

impl Store {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            known: FxHashMap::default(),
            ages: VecDeque::new(),
            starts: FxHashMap::default(),
            whole: 0,
            bytes: 0,
            forgotten: 0,
            values_max: limits.correlated_values_max,
            bytes_max: limits.correlated_bytes_max,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether anything is looked up as a whole.
    pub(super) fn has_whole(&self) -> bool {
        self.whole > 0
    }

    /// How many were forgotten at the bound.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Takes a pair in each of its forms; whether it says something new.
    pub(super) fn learn(&mut self, pair: &Pair, source: usize, scope: Scope) -> bool {
        let mut new = false;
        let mut learn = |recorded: &str, actual: &str, reach: &Reach| {
            let (space, forms): (_, Vec<_>) = match reach {
                Reach::Everywhere => (Space::Everywhere, Form::all(recorded).collect()),
                Reach::Session => (Space::Session, vec![(Form::Plain, recorded.into())]),
                Reach::Cookie { name, in_all } => {
                    let space = if *in_all {
                        Space::Cookies
                    } else {
                        Space::SessionCookies
                    };
                    (
                        space,
                        vec![(Form::Plain, format!("{name}={recorded}").into())],
                    )
                }
            };
            for (form, text) in forms {
                let key = key(space, scope, text.as_bytes());
                self.remove(key);
                if recorded == actual {
                    continue;
                }
                let start = (space == Space::Everywhere).then(|| {
                    text.as_bytes()
                        .first_chunk()
                        .map(|start| (*start, text.len()))
                });
                self.insert(
                    key,
                    Known {
                        actual: actual.into(),
                        form,
                        places: pair.places,
                        source,
                        start: start.flatten(),
                        recent: false,
                    },
                );
                new = true;
            }
        };
        // Scripts read a cookie decoded and send it in a field. Learned first, so that the value itself wins.
        if pair.recorded.contains('%') && pair.reach == Reach::Everywhere {
            let plain = [&pair.recorded, &pair.actual].map(|value| {
                String::from_utf8(percent_decoded(value.as_bytes(), false).into_owned())
            });
            if let [Ok(recorded), Ok(actual)] = plain
                && recorded.len() >= PARTICULAR_BYTES_MIN
                && super::shape::is_printable(&recorded)
                && super::shape::is_printable(&actual)
            {
                learn(&recorded, &actual, &Reach::Everywhere);
            }
        }
        learn(&pair.recorded, &pair.actual, &pair.reach);
        self.keep_bounds();
        new
    }

    /// What is known of a whole value.
    pub(super) fn find(&mut self, space: Space, scope: Scope, value: &[u8]) -> Option<&Known> {
        let known = self.known.get_mut(&key(space, scope, value))?;
        known.recent = true;
        Some(known)
    }

    /// The longest known value that `text` begins with and that ends where `ends` says; with its length.
    pub(super) fn find_at(
        &mut self,
        scope: Scope,
        text: &[u8],
        ends: impl Fn(usize) -> bool,
    ) -> Option<(usize, &Known)> {
        let start = text.first_chunk::<PARTICULAR_BYTES_MIN>()?;
        let lengths = self.starts.get(start)?;
        let fits = lengths
            .iter()
            .filter(|(length, _)| *length <= text.len() && ends(*length));
        let found = fits
            .map(|&(length, _)| (length, key(Space::Everywhere, scope, &text[..length])))
            .find(|(_, key)| self.known.contains_key(key));
        let (length, key) = found?;
        let known = self.known.get_mut(&key)?;
        known.recent = true;
        Some((length, known))
    }

    /// The values that were learned last, oldest first, within bounds of their number and bytes; and how many are not among them.
    pub(super) fn save(&self, values_max: usize, bytes_max: usize) -> (Vec<SavedValue>, u64) {
        let mut seen = rustc_hash::FxHashSet::default();
        let mut values = Vec::new();
        let mut bytes = 0;
        for key in self.ages.iter().rev() {
            let Some(known) = self.known.get(key).filter(|_| seen.insert(*key)) else {
                continue;
            };
            bytes += known.actual.len();
            if values.len() >= values_max || bytes > bytes_max {
                break;
            }
            values.push(SavedValue {
                key: format!("{key:032x}"),
                actual: known.actual.clone(),
                form: known.form.code(),
                places: known.places.0,
                source: known.source,
                start: known.start,
            });
        }
        values.reverse();
        let left_out = (self.known.len() - values.len()) as u64;
        (values, left_out)
    }

    /// Takes what was kept, whose sources have these numbers now.
    pub(super) fn restore(&mut self, learned: Learned, numbers: &[usize]) {
        for value in learned.values {
            let Ok(key) = Key::from_str_radix(&value.key, 16) else {
                continue;
            };
            self.remove(key);
            let known = Known {
                actual: value.actual,
                form: Form::of_code(value.form),
                places: Places(value.places),
                source: numbers[value.source],
                start: value.start,
                recent: false,
            };
            self.insert(key, known);
        }
        self.forgotten += learned.forgotten + learned.left_out;
        self.keep_bounds();
    }

    fn insert(&mut self, key: Key, known: Known) {
        match known.start {
            Some((start, length)) => {
                let lengths = self.starts.entry(start).or_default();
                match lengths.iter_mut().find(|(other, _)| *other == length) {
                    Some((_, count)) => *count += 1,
                    None => {
                        lengths.push((length, 1));
                        lengths.sort_unstable_by(|a, b| b.cmp(a));
                    }
                }
            }
            None => self.whole += 1,
        }
        self.bytes += ENTRY_BYTES + known.actual.len();
        self.known.insert(key, known);
        self.ages.push_back(key);
    }

    fn remove(&mut self, key: Key) -> bool {
        let Some(known) = self.known.remove(&key) else {
            return false;
        };
        self.bytes -= ENTRY_BYTES + known.actual.len();
        let Some((start, length)) = known.start else {
            self.whole -= 1;
            return true;
        };
        if let Some(lengths) = self.starts.get_mut(&start) {
            for (_, count) in lengths.iter_mut().filter(|(other, _)| *other == length) {
                *count -= 1;
            }
            lengths.retain(|(_, count)| *count > 0);
            if lengths.is_empty() {
                self.starts.remove(&start);
            }
        }
        true
    }

    fn keep_bounds(&mut self) {
        while self.known.len() > self.values_max || self.bytes > self.bytes_max {
            let Some(key) = self.ages.pop_front() else {
                return;
            };
            match self.known.get_mut(&key) {
                Some(known) if known.recent => {
                    known.recent = false;
                    self.ages.push_back(key);
                }
                Some(_) => self.forgotten += u64::from(self.remove(key)),
                // Taken back, or learned anew: then it is in line a second time.
                None => {}
            }
        }
        // What was taken back is in line still; the line must not outgrow what is known by much.
        if self.ages.len() > 2 * self.known.len() + 64 {
            let mut seen = rustc_hash::FxHashSet::default();
            let known = &self.known;
            self.ages
                .retain(|key| known.contains_key(key) && seen.insert(*key));
        }
    }
}

/// Hashes of 128 bits are taken for the values themselves: two of a billion values are alike once in 10^20 runs.
fn key(space: Space, scope: Scope, value: &[u8]) -> Key {
    let seed = match space {
        Space::Everywhere => scope.pass,
        Space::Cookies => scope.pass ^ 0x636f_6f6b_6965_7321,
        Space::Session => scope.session,
        Space::SessionCookies => scope.session ^ 0x636f_6f6b_6965_7321,
    };
    let space_seed = (space as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    xxh3_128_with_seed(value, seed.wrapping_add(space_seed))
}

#[cfg(test)]
mod tests;
