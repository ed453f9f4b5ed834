//! Path templates that are learned from the traffic: `/users/ada` and `/users/bob` are one endpoint, `/users/{name}`.
//!
//! [`endpoint`] knows keys by how they look. What looks like a word is one of two things: a part of the interface
//! (`/users/search`), or a value (`/users/ada`). Mistaking a value for a part of the interface makes a report long; mistaking
//! parts of the interface for values would judge different things as one, and let the noise of one excuse the other. So
//! words become `{name}` only where it is plain. Of the words behind one host and path, those that are in at least every
//! twentieth request stay as they are. The others are values if they are
//!
//! * at least [`NUMBERED_MIN`] of the same letters with different numbers behind them (`/issue7`, `/issue12`): they become
//!   `issue{id}`, as a word with three digits does, however often each was seen; or
//! * at least [`ALIKE_MIN`], nine in ten of them seen at most [`SELDOM_MAX`] times, and nine in ten answered with JSON of one
//!   form, the same members down to the third level; or
//! * at least [`SELDOM_MIN`], nine in ten of them seen at most [`SELDOM_MAX`] times; or
//! * more than [`WORDS_MAX`].
//!
//! These are properties of the set of requests: in whatever order they come, the templates are the same. Another window may
//! have others, so what is compared again and again should be pinned as `[[template]]` in the file of rules, which comes
//! before what is learned.

mod fixed;
mod learn;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use schema::Exchange;
use schema::comparison::PathTemplate;

use crate::endpoint;

pub use fixed::FixedTemplate;
pub use learn::{ALIKE_MIN, NUMBERED_MIN, SELDOM_MAX, SELDOM_MIN, TemplateLearner, WORDS_MAX};

/// What a learned value is called.
const NAME: &str = "{name}";

/// The templates of a window: fixed ones of the file of rules, then learned ones.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    fixed: Vec<FixedTemplate>,
    /// By host, in lower case.
    learned: BTreeMap<String, Node>,
    /// Whether there were too many different paths to learn from.
    is_overfull: bool,
}

/// A place in the paths of a host, if there are values at or behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    /// Behind segments that stand for themselves.
    next: BTreeMap<Box<str>, Self>,
    values: Option<Box<Values>>,
    /// Words with numbers, by what is before them.
    numbered: BTreeMap<Box<str>, Numbered>,
}

/// Words that differ by a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbered {
    /// How many different numbers there were.
    values: u64,
    /// Requests that had one.
    requests: u64,
}

/// Words at one place that are values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Values {
    /// Words at this place that are none.
    words: Vec<Box<str>>,
    /// How many different values there were.
    values: u64,
    /// Requests that had one.
    requests: u64,
    node: Node,
}

impl Templates {
    /// Fixed templates alone.
    #[must_use]
    pub fn of_rules(fixed: Vec<FixedTemplate>) -> Self {
        Self {
            fixed,
            ..Self::default()
        }
    }

    /// The endpoint of an exchange: `GET shop.example /users/{name}`.
    #[must_use]
    pub fn endpoint(&self, exchange: &Exchange) -> String {
        let has_any = !self.fixed.is_empty() || !self.learned.is_empty();
        let Some(request) = exchange.request.as_ref().filter(|_| has_any) else {
            return endpoint::of(exchange);
        };
        let host = request.host.as_deref().unwrap_or("-").to_ascii_lowercase();
        let fixed = self.fixed.iter();
        let mut fixed = fixed.filter_map(|template| template.of(&host, &request.path));
        if let Some(template) = fixed.next() {
            return endpoint::with_template(exchange, template);
        }
        let Some(node) = self.learned.get(&host) else {
            return endpoint::of(exchange);
        };
        let path = endpoint::template(&request.path);
        endpoint::with_template(exchange, &node.applied(&path))
    }

    /// Every template, with what it was learned from.
    #[must_use]
    pub fn described(&self) -> Vec<PathTemplate> {
        let fixed = self.fixed.iter().map(|template| PathTemplate {
            host: template.host_text().to_owned(),
            template: template.path().to_owned(),
            source: template.name().to_owned(),
            values: 0,
            requests: 0,
            words: Vec::new(),
        });
        let mut described: Vec<PathTemplate> = fixed.collect();
        for (host, node) in &self.learned {
            node.describe(host, &mut String::new(), &mut described);
        }
        described
    }

    /// Whether nothing was learned because there were too many different paths.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.is_overfull
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        self.next.is_empty() && self.values.is_none() && self.numbered.is_empty()
    }

    /// The template with learned values in it.
    fn applied(&self, template: &str) -> String {
        let mut applied = String::with_capacity(template.len());
        let mut at = Some(self);
        for segment in template.split('/').skip(1) {
            applied.push('/');
            let segment = &*at.map_or(Cow::Borrowed(segment), |node| node.with_id(segment));
            let values = at.and_then(|node| node.values.as_deref());
            match values.filter(|values| values.has(segment)) {
                Some(values) => {
                    applied.push_str(NAME);
                    at = Some(&values.node);
                }
                None => {
                    applied.push_str(segment);
                    at = at.and_then(|node| node.next.get(segment));
                }
            }
        }
        applied
    }

    /// The segment, with its number replaced if it is one of many.
    fn with_id<'a>(&self, segment: &'a str) -> Cow<'a, str> {
        match numbered(segment) {
            Some(letters) if self.numbered.contains_key(letters) => with_id(letters).into(),
            _ => segment.into(),
        }
    }

    fn describe(&self, host: &str, path: &mut String, into: &mut Vec<PathTemplate>) {
        let length = path.len();
        for (letters, &Numbered { values, requests }) in &self.numbered {
            into.push(PathTemplate {
                host: host.to_owned(),
                template: format!("{path}/{}", with_id(letters)),
                source: "learned".to_owned(),
                values,
                requests,
                words: Vec::new(),
            });
        }
        if let Some(values) = &self.values {
            // Writing to a string cannot fail.
            let _ = write!(path, "/{NAME}");
            into.push(PathTemplate {
                host: host.to_owned(),
                template: path.clone(),
                source: "learned".to_owned(),
                values: values.values,
                requests: values.requests,
                words: values.words.iter().map(|word| word.to_string()).collect(),
            });
            values.node.describe(host, path, into);
            path.truncate(length);
        }
        for (segment, node) in &self.next {
            let _ = write!(path, "/{segment}");
            node.describe(host, path, into);
            path.truncate(length);
        }
    }
}

impl Values {
    fn has(&self, segment: &str) -> bool {
        is_word(segment) && !self.words.iter().any(|word| **word == *segment)
    }
}

/// Whether a segment of a template is neither empty nor a placeholder.
fn is_word(segment: &str) -> bool {
    !segment.is_empty() && segment != "…" && !segment.contains('{')
}

/// What is before the number of a word that ends in one, if it is letters; `None` of other words.
fn numbered(segment: &str) -> Option<&str> {
    let letters = segment.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_' | b'.');
    let is_numbered = is_word(segment) && letters.len() < segment.len();
    (is_numbered && !letters.is_empty() && letters.bytes().all(is_letter)).then_some(letters)
}

fn with_id(letters: &str) -> String {
    format!("{letters}{{id}}")
}

#[cfg(test)]
mod tests;
