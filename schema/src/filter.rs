//! Which exchanges of a window are meant.
//!
//! Every condition that is given has to hold; within one condition any of its values suffices. A condition on something
//! that an exchange does not have (the path where the request was not seen) does not hold.

use std::fmt;
use std::str::FromStr;

use crate::{Exchange, ExchangeId, ParsePatternError, Pattern, Sample, StatusRange};
use rustc_hash::FxHashSet;

/// The conditions; an empty one lets everything through.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These exchanges.
    pub exchanges: FxHashSet<ExchangeId>,
    /// Methods, in any case.
    pub methods: Vec<String>,
    /// Hosts, in any case.
    pub hosts: Vec<Pattern>,
    /// Paths without the query.
    pub paths: Vec<Pattern>,
    /// Paths that are left out.
    pub excluded_paths: Vec<Pattern>,
    /// Recorded statuses.
    pub statuses: Vec<StatusRange>,
    /// Request headers.
    pub headers: Vec<HeaderPattern>,
    /// A share of the traffic.
    pub sample: Option<Sample>,
}

impl Filter {
    /// Whether `exchange` is meant.
    #[must_use]
    pub fn keeps(&self, exchange: &Exchange) -> bool {
        let request = exchange.request.as_ref();
        let method = request.map(|request| request.method.as_str());
        let host = request.and_then(|request| request.host.as_deref());
        let path = request.map(|request| request.path.as_str());
        let status = exchange.response.as_ref().map(|response| response.status);
        (self.exchanges.is_empty() || self.exchanges.contains(&exchange.id()))
            && any(&self.methods, method, |a, b| a.eq_ignore_ascii_case(b))
            && any(&self.hosts, host, Pattern::matches)
            && any(&self.paths, path, Pattern::matches)
            && !self
                .excluded_paths
                .iter()
                .any(|pattern| path.is_some_and(|path| pattern.matches(path)))
            && any(&self.statuses, status, |range, status| {
                range.contains(status)
            })
            && self.headers.iter().all(|pattern| {
                request.is_some_and(|request| {
                    request
                        .headers
                        .get_all(&pattern.name)
                        .any(|value| pattern.value.matches(value))
                })
            })
            && self
                .sample
                .as_ref()
                .is_none_or(|sample| sample.keeps(exchange))
    }

    /// Whether heads are needed to decide, beside the columns of a summary.
    #[must_use]
    pub fn needs_headers(&self) -> bool {
        use crate::SampleBy::{Cookie, Header};
        let by = self.sample.as_ref().map(|sample| &sample.by);
        !self.headers.is_empty() || matches!(by, Some(Header(_) | Cookie(_)))
    }
}

/// Whether there is no condition, or one that holds for the value.
fn any<C, T>(conditions: &[C], value: Option<T>, holds: impl Fn(&C, T) -> bool) -> bool
where
    T: Copy,
{
    conditions.is_empty() || value.is_some_and(|value| conditions.iter().any(|c| holds(c, value)))
}

/// A header whose value matches: `NAME=GLOB`.
#[derive(Clone, Debug)]
pub struct HeaderPattern {
    name: String,
    value: Pattern,
}

impl fmt::Display for HeaderPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

impl FromStr for HeaderPattern {
    type Err = ParsePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, glob) = text
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| ParsePatternError::new(text, "NAME=GLOB such as user-agent=*Mobile*"))?;
        Ok(Self {
            name: name.to_owned(),
            value: Pattern::value(glob)?,
        })
    }
}

#[cfg(test)]
mod tests;
