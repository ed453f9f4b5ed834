//! Which exchanges are recorded: filters first, then a consistent sample; a policy without I/O.
//!
//! What is left out is counted by the pipeline and never stored. An exchange is decided as a whole, when it is done.

mod filter;

use std::fmt;

use schema::{Exchange, Sample};

pub use filter::{Filter, ParseFilterError};

/// Which exchanges are recorded; an empty one takes all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// If there are any, only exchanges that pass one of these are recorded.
    pub keep: Vec<Filter>,
    /// Exchanges that pass one of these are not recorded, whatever [`Selection::keep`] says.
    pub drop: Vec<Filter>,
    /// A share of the rest.
    pub sample: Option<Sample>,
}

/// Why an exchange is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// A filter says so.
    Filtered,
    /// It is not in the sample.
    Sampled,
}

impl Selection {
    /// Whether everything is recorded.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.keep.is_empty() && self.drop.is_empty() && self.sample.is_none()
    }

    /// Why the filters leave the exchange out, if they do.
    pub(crate) fn filter(&self, exchange: &Exchange) -> Option<LeftOut> {
        let passes = |filter: &Filter| filter.passes(exchange);
        let kept = self.keep.is_empty() || self.keep.iter().any(passes);
        (!kept || self.drop.iter().any(passes)).then_some(LeftOut::Filtered)
    }

    /// Whether the sample looks at what redaction may change: then it is decided by the pseudonym, which is what a replay
    /// sees.
    pub(crate) fn samples_redacted(&self) -> bool {
        use schema::SampleBy::{Cookie, Header};
        let by = self.sample.as_ref().map(|sample| &sample.by);
        matches!(by, Some(Header(_) | Cookie(_)))
    }

    /// Why the sample leaves the exchange out, if it does.
    pub(crate) fn sample(&self, exchange: &Exchange) -> Option<LeftOut> {
        let sample = self.sample.as_ref()?;
        (!sample.keeps(exchange)).then_some(LeftOut::Sampled)
    }
}

impl fmt::Display for Selection {
    /// As the metadata of a segment says it: `keep host=api.* method=GET; drop path=/health; 0.1 by cookie:session`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keep = self.keep.iter().map(|filter| format!("keep {filter}"));
        let drop = self.drop.iter().map(|filter| format!("drop {filter}"));
        let sample = self.sample.iter().map(ToString::to_string);
        let parts: Vec<_> = keep.chain(drop).chain(sample).collect();
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
pub(crate) mod tests;
