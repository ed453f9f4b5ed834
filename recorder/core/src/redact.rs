//! Redaction: what rules mark in an exchange is dropped, masked or replaced by a pseudonym before anything is stored.
//!
//! * `rule`: the rules as they are typed, and as they are looked up.
//! * `pseudonym`: keyed pseudonyms: the same value gets the same one, wherever and whenever it is seen.
//! * `fields`: cookies, queries and forms; `url`: URLs wherever they stand; `json`: JSON, byte for byte but for values.
//! * `head`, `body`: the places of an exchange.
//!
//! Two rules hold for all of it. A place that is marked and cannot be read is taken out whole and counted, never kept. And
//! what is not marked stays as it is, byte for byte, because it is replayed.

mod body;
mod fields;
mod head;
mod json;
mod pseudonym;
mod rule;
mod url;
mod watch;

use std::fmt;
use std::sync::Arc;

use ring::digest;
use schema::{Charset, Completeness, Exchange, SampleBy};

use rule::{Action, Lookup};

pub use pseudonym::{KeyTooShort, RedactKey};
pub use rule::ParseRuleError;
pub use watch::RuleWatch;

/// What a masked value is replaced by.
const MASK: &str = "***";

/// The rules of a recording, and the key of its pseudonyms.
#[derive(Clone)]
pub struct Redaction(Arc<Inner>);

struct Inner {
    /// The rules as typed.
    rules: Vec<String>,
    lookup: Lookup,
    key: Option<RedactKey>,
}

/// Why rules and key make no redaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedactionError {
    /// A rule is none.
    #[error("{error}")]
    Rule {
        /// Which, from 0.
        index: usize,
        /// Why.
        error: ParseRuleError,
    },
    /// A rule needs a key and there is none.
    #[error("`{0}` makes pseudonyms and needs a key")]
    NoKey(String),
}

/// What redaction did, to be counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// How often each rule found something, in the order of the rules.
    pub(crate) matches: Vec<u64>,
    /// Bodies that were taken out because they could not be read.
    pub(crate) bodies_masked: u64,
}

/// One exchange under the rules.
struct Work<'a> {
    redaction: &'a Inner,
    tally: &'a mut Tally,
    charset: Charset,
    /// Most bytes that a body may decode to.
    body_bytes_max: usize,
}

impl Redaction {
    /// Reads rules.
    ///
    /// # Errors
    /// If one of them is none, or needs a key and there is none.
    pub fn new(rules: &[String], key: Option<RedactKey>) -> Result<Self, RedactionError> {
        let mut lookup = Lookup::default();
        for (index, rule) in rules.iter().enumerate() {
            let action = lookup
                .add(index, rule)
                .map_err(|error| RedactionError::Rule { index, error })?;
            if matches!(action, Action::Pseudonymise(_)) && key.is_none() {
                return Err(RedactionError::NoKey(rule.clone()));
            }
        }
        let rules = rules.to_vec();
        Ok(Self(Arc::new(Inner { rules, lookup, key })))
    }

    /// The rules as typed.
    #[must_use]
    pub fn rules(&self) -> &[String] {
        &self.0.rules
    }

    /// The rule that takes away what `by` tells users apart by, if there is one: with it, a sample would be all or nothing.
    #[must_use]
    pub fn blinds(&self, by: &SampleBy) -> Option<&str> {
        let found = match by {
            SampleBy::ClientIp | SampleBy::Connection => None,
            SampleBy::Header(name) => self.0.lookup.header(name),
            SampleBy::Cookie(name) => {
                // A field that is replaced as a whole has no cookies any more.
                if let Some((rule, _)) = self.0.lookup.header("cookie") {
                    return Some(&self.0.rules[rule]);
                }
                self.0.lookup.cookie(name)
            }
        };
        let (rule, action) = found?;
        (!matches!(action, Action::Pseudonymise(_))).then(|| self.0.rules[rule].as_str())
    }

    /// Takes out of the exchange what is marked.
    pub(crate) fn apply(&self, exchange: &mut Exchange, tally: &mut Tally, body_bytes_max: usize) {
        tally.matches.resize(self.0.rules.len(), 0);
        let mut work = Work {
            redaction: &self.0,
            tally,
            charset: exchange.charset,
            body_bytes_max,
        };
        let gap = exchange.request_missing_bytes > 0;
        if let Some(request) = &mut exchange.request
            && work.request(request, gap)
            && is_otherwise_whole(exchange.completeness)
        {
            exchange.completeness = Completeness::RequestTruncated;
        }
        let gap = exchange.response_missing_bytes > 0;
        if let Some(response) = &mut exchange.response
            && work.response(response, gap)
            && is_otherwise_whole(exchange.completeness)
        {
            exchange.completeness = Completeness::ResponseTruncated;
        }
    }
}

/// Whether nothing that is said before truncation applies.
fn is_otherwise_whole(completeness: Completeness) -> bool {
    matches!(
        completeness,
        Completeness::Complete | Completeness::Upgraded | Completeness::ResponseTruncated
    )
}

impl fmt::Display for Redaction {
    /// As the metadata of a segment says it: `3 rules sha256:0123456789abcdef, key 0123456789abcdef`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { rules, key, .. } = &*self.0;
        let digest = digest::digest(&digest::SHA256, rules.join("\n").as_bytes());
        let noun = if rules.len() == 1 { "rule" } else { "rules" };
        write!(f, "{} {noun} sha256:", rules.len())?;
        pseudonym::write_hex(f, &digest.as_ref()[..8])?;
        key.as_ref()
            .map_or(Ok(()), |key| write!(f, ", key {}", key.id()))
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redaction({self})")
    }
}

impl Work<'_> {
    /// What stands in the place of a value, if anything does; counts the match.
    fn replace(&mut self, (rule, action): (usize, Action), value: &[u8]) -> Option<String> {
        self.tally.matches[rule] += 1;
        match action {
            Action::Drop => None,
            _ if value.is_empty() => Some(String::new()),
            Action::Mask => Some(MASK.to_owned()),
            Action::Pseudonymise(shape) => {
                let key = self.redaction.key.as_ref();
                Some(key.map_or_else(|| MASK.to_owned(), |key| key.pseudonym(shape, value)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
