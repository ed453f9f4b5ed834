//! Path templates that are learned from the traffic: `/users/ada` and `/users/bob` are one endpoint, `/users/{name}`.
//!
//! [`endpoint`] knows keys by how they look. What looks like a word is one of two things: a part of the interface
//! (`/users/search`), or a value (`/users/ada`). Mistaking a value for a part of the interface makes a report long; mistaking
//! parts of the interface for values would judge different things as one, and let the noise of one excuse the other. So
//! words become `{name}` only where it is plain. Of the words behind one host and path, those that are in at least every
//! twentieth request stay as they are. The others are values if they are
//!
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

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schema::Exchange;
use schema::comparison::PathTemplate;

use crate::endpoint;

pub use fixed::FixedTemplate;
pub use learn::{ALIKE_MIN, SELDOM_MAX, SELDOM_MIN, TemplateLearner, WORDS_MAX};

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
        self.next.is_empty() && self.values.is_none()
    }

    /// The template with learned values in it.
    fn applied(&self, template: &str) -> String {
        let mut applied = String::with_capacity(template.len());
        let mut at = Some(self);
        for segment in template.split('/').skip(1) {
            applied.push('/');
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

    fn describe(&self, host: &str, path: &mut String, into: &mut Vec<PathTemplate>) {
        let length = path.len();
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

#[cfg(test)]
mod tests;
