//! JSON by structure: each path that differs is named.
//!
//! * Members of an object are compared by name, in any order (RFC 8259 section 4 makes no promise of one).
//! * Elements of an array are compared with their like: equal elements at the beginning and at the end are put aside, and
//!   what is between is [aligned](super::align), so that one row that is missing in the middle is one `missing` and not a
//!   difference in every row after it. Elements that are in another order are one difference, of kind `order`.
//! * Strings are compared as text, however escaped.
//! * Numbers are compared **as written**: `1.0` and `1` are two values, as are `1e2` and `100`. A client that reads text,
//!   a schema, or a typed parser can tell them apart, and a refactor that changes the scale of a price should be seen;
//!   leniency is for rules to add and a report to say, not for a default to hide.
//! * Text with duplicate names in an object, nested too deep, or with an unpaired surrogate has no one value; it is
//!   compared by bytes.
//!
//! Paths are as in RFC 9535: `$.items[2].price`, `$['odd name']`.

mod parse;

use std::fmt::Write as _;

use rustc_hash::FxHashMap;
use schema::DivergenceKind;

use super::align::align;
use super::excerpt::{beginning, pair};
use super::members::Member;
use super::{Difference, Found, Part, Rules, xml};
use crate::location::pattern;

pub(crate) use parse::write_string;
pub use parse::{Json, JsonError, parse_json};

/// Objects up to this size are searched, larger ones indexed.
const SEARCHED_MAX: usize = 16;

/// What the values were read from, which says how their places are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    /// JSON and what is like it: `$.items[2].price`.
    Json,
    /// XML, as [`xml`] makes it: `/order/item[3]/@sku`.
    Xml,
}

/// Compares two values.
pub(super) fn compare(
    notation: Notation,
    expected: &Json<'_>,
    actual: &Json<'_>,
    rules: &Rules,
    found: &mut Found,
) {
    let root = match notation {
        Notation::Json => "$",
        Notation::Xml => "",
    };
    let mut walk = Walk {
        notation,
        path: root.to_owned(),
        excerpt_bytes_max: rules.excerpt_bytes_max,
        keys: &rules.keys,
        found,
    };
    walk.value(expected, actual);
}

/// Where the comparison is, and what it found. The parser bounds the depth.
#[derive(Debug)]
struct Walk<'f> {
    notation: Notation,
    path: String,
    excerpt_bytes_max: usize,
    keys: &'f [(String, String)],
    found: &'f mut Found,
}

impl Walk<'_> {
    fn value(&mut self, expected: &Json<'_>, actual: &Json<'_>) {
        if self.notation == Notation::Xml
            && std::mem::discriminant(expected) != std::mem::discriminant(actual)
        {
            return self.element_of_another_form(expected, actual);
        }
        match (expected, actual) {
            (Json::Object(expected), Json::Object(actual)) => self.object(expected, actual),
            (Json::Array(expected), Json::Array(actual)) => self.array(expected, actual),
            (Json::Null, Json::Null) => {}
            (Json::Bool(a), Json::Bool(b)) if a == b => {}
            (Json::Number(a), Json::Number(b)) if a == b => {}
            (Json::String(a), Json::String(b)) if a == b => {}
            (Json::Bool(_), Json::Bool(_))
            | (Json::Number(_), Json::Number(_))
            | (Json::String(_), Json::String(_)) => {
                self.differ(DivergenceKind::Value, Some(expected), Some(actual));
            }
            _ => self.differ(DivergenceKind::Type, Some(expected), Some(actual)),
        }
    }

    fn object(&mut self, expected: &[Member<'_>], actual: &[Member<'_>]) {
        if self.notation == Notation::Xml
            && let Some((before, after)) = xml::another_order(expected, actual)
        {
            let text = |order: String| Json::String(order.into());
            let (before, after) = (text(before), text(after));
            self.differ(DivergenceKind::Order, Some(&before), Some(&after));
        }
        let find = Finder::new(actual);
        let mut in_both = 0;
        for (place, (name, value)) in expected.iter().enumerate() {
            if self.is_order(name) {
                in_both += usize::from(find.find(name, place).is_some());
                continue;
            }
            let length = self.enter_name(name);
            match find.find(name, place) {
                Some(actual) => {
                    in_both += 1;
                    self.value(value, actual);
                }
                None => self.differ(DivergenceKind::Missing, Some(value), None),
            }
            self.path.truncate(length);
        }
        if in_both == actual.len() {
            return;
        }
        let find = Finder::new(expected);
        for (place, (name, value)) in actual.iter().enumerate() {
            if find.find(name, place).is_none() && !self.is_order(name) {
                let length = self.enter_name(name);
                self.differ(DivergenceKind::Extra, None, Some(value));
                self.path.truncate(length);
            }
        }
    }

    /// Elements of one name that are one on one side and several on the other, or of which one has nothing but text.
    fn element_of_another_form(&mut self, expected: &Json<'_>, actual: &Json<'_>) {
        match (expected, actual) {
            (Json::Array(expected), _) => self.array(expected, std::slice::from_ref(actual)),
            (_, Json::Array(actual)) => self.array(std::slice::from_ref(expected), actual),
            _ => self.object(&xml::members(expected), &xml::members(actual)),
        }
    }

    fn array(&mut self, expected: &[Json<'_>], actual: &[Json<'_>]) {
        let shorter = expected.len().min(actual.len());
        let same = |(a, b): &(&Json<'_>, &Json<'_>)| same(a, b);
        let before = expected.iter().zip(actual).take_while(same).count();
        let ends = expected.iter().rev().zip(actual.iter().rev());
        let after = ends.take(shorter - before).take_while(same).count();
        let key = (!self.keys.is_empty())
            .then(|| pattern(&self.path))
            .and_then(|path| self.keys.iter().find(|(at, _)| *at == path));
        let middles = (
            &expected[before..expected.len() - after],
            &actual[before..actual.len() - after],
        );
        let Some(alignment) = align(middles.0, middles.1, key.map(|(_, key)| &**key)) else {
            for index in 0..middles.0.len().max(middles.1.len()) {
                let pair = (middles.0.get(index), middles.1.get(index));
                self.element(before + index, pair.0, pair.1);
            }
            return;
        };
        if alignment.is_reordered {
            let expected = Json::Array(middles.0.to_vec());
            let actual = Json::Array(middles.1.to_vec());
            self.differ(DivergenceKind::Order, Some(&expected), Some(&actual));
        }
        for &(expected, actual) in &alignment.pairs {
            let pair = (&middles.0[expected], &middles.1[actual]);
            self.element(before + expected, Some(pair.0), Some(pair.1));
        }
        for &place in &alignment.missing {
            self.element(before + place, Some(&middles.0[place]), None);
        }
        for &place in &alignment.extra {
            self.element(before + place, None, Some(&middles.1[place]));
        }
    }

    fn element(&mut self, index: usize, expected: Option<&Json<'_>>, actual: Option<&Json<'_>>) {
        let length = self.path.len();
        // Writing to a string cannot fail. XPath counts from one.
        let _ = match self.notation {
            Notation::Json => write!(self.path, "[{index}]"),
            Notation::Xml => write!(self.path, "[{}]", index + 1),
        };
        match (expected, actual) {
            (Some(expected), Some(actual)) => self.value(expected, actual),
            (Some(_), None) => self.differ(DivergenceKind::Missing, expected, None),
            (None, _) => self.differ(DivergenceKind::Extra, None, actual),
        }
        self.path.truncate(length);
    }

    /// Appends a member's name to the path; gives the length to cut it to afterwards.
    fn enter_name(&mut self, name: &str) -> usize {
        let length = self.path.len();
        if self.notation == Notation::Xml {
            self.path.push('/');
            self.path.push_str(xml::step(name));
            return length;
        }
        let is_plain = name.bytes().enumerate().all(|(place, byte)| {
            byte.is_ascii_alphabetic() || byte == b'_' || (place > 0 && byte.is_ascii_digit())
        });
        if is_plain && !name.is_empty() {
            self.path.push('.');
            self.path.push_str(name);
        } else {
            let name = name.replace('\\', r"\\").replace('\'', r"\'");
            let _ = write!(self.path, "['{name}']");
        }
        length
    }

    /// Whether a member is no part of the document, but says in which order the others stand.
    fn is_order(&self, name: &str) -> bool {
        self.notation == Notation::Xml && name == xml::ORDER
    }

    fn differ(
        &mut self,
        kind: DivergenceKind,
        expected: Option<&Json<'_>>,
        actual: Option<&Json<'_>>,
    ) {
        let max = self.excerpt_bytes_max;
        let (path, notation) = (&self.path, self.notation);
        self.found.add(|| {
            // A long text is written whole, so that the cut can be made around the difference.
            let write_up_to = |value: &Json<'_>, most: usize| match (notation, value) {
                (Notation::Xml, Json::String(text)) => text.clone().into_owned(),
                _ => value.to_text(most),
            };
            let write = |value: &Json<'_>| write_up_to(value, max.max(64 << 10));
            let (expected, actual) = match (expected, actual) {
                (Some(expected), Some(actual)) => {
                    let (expected, actual) = pair(&write(expected), &write(actual), max);
                    (Some(expected), Some(actual))
                }
                (expected, actual) => {
                    let one = |value: Option<&Json<'_>>| {
                        value.map(|value| beginning(&write_up_to(value, max), max))
                    };
                    (one(expected), one(actual))
                }
            };
            Difference {
                part: Part::Body,
                location: path.clone(),
                kind,
                expected,
                actual,
            }
        });
    }
}

/// Finds members by name.
#[derive(Debug)]
struct Finder<'m, 'a> {
    members: &'m [Member<'a>],
    index: Option<FxHashMap<&'m str, &'m Json<'a>>>,
}

impl<'m, 'a> Finder<'m, 'a> {
    fn new(members: &'m [Member<'a>]) -> Self {
        let index = (members.len() > SEARCHED_MAX).then(|| {
            members
                .iter()
                .map(|(name, value)| (&**name, value))
                .collect()
        });
        Self { members, index }
    }

    /// The value called `name`, which probably stands at `place`.
    fn find(&self, name: &str, place: usize) -> Option<&'m Json<'a>> {
        match self.members.get(place) {
            Some((found, value)) if found == name => return Some(value),
            _ => {}
        }
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self
                .members
                .iter()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value),
        }
    }
}

/// Whether two values are the same.
pub(super) fn same(expected: &Json<'_>, actual: &Json<'_>) -> bool {
    match (expected, actual) {
        (Json::Object(a), Json::Object(b)) => {
            let find = Finder::new(b);
            a.len() == b.len()
                && a.iter().enumerate().all(|(place, (name, value))| {
                    find.find(name, place)
                        .is_some_and(|actual| same(value, actual))
                })
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ => expected == actual,
    }
}

#[cfg(test)]
mod tests;
