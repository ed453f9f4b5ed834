//! What a user names.
//!
//! ```text
//! RULE   = SOURCE [ "=" PLACE { "," PLACE } ]              without places: wherever the value stands
//! SOURCE = "json:" POINTER | "header:" NAME | "cookie:" NAME | "html:" NAME
//! PLACE  = "path" | "query" | "header" | "cookie" | "json" | "form" | "body"
//! ```

use std::fmt;
use std::str::FromStr;

use schema::Pattern;

use super::Place;
use crate::pointer::{Part, pattern, pointer};

/// A value of answers that is learned, and where it may be put.
#[derive(Clone, Debug)]
pub struct CorrelationRule {
    text: String,
    pub(super) source: RuleSource,
    pub(super) places: Places,
}

/// Where in an answer the value stands.
#[derive(Clone, Debug)]
pub(super) enum RuleSource {
    /// A cookie that is set.
    Cookie(Pattern),
    /// A header field; of a URL, each part that differs.
    Header(Pattern),
    /// A field of a form, or a `meta` element.
    Html(Pattern),
    /// Values of a JSON body.
    Json(Vec<Part>),
}

/// A set of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places(pub(super) u8);

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseCorrelationRuleError(String);

impl Places {
    pub(super) const ALL: Self = Self(u8::MAX);

    pub(super) const fn holds(self, place: Place) -> bool {
        self.0 & (1 << place as u8) != 0
    }
}

impl PartialEq for CorrelationRule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CorrelationRule {}

impl fmt::Display for CorrelationRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for CorrelationRule {
    type Err = ParseCorrelationRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).map_err(ParseCorrelationRuleError)
    }
}

fn parse(text: &str) -> Result<CorrelationRule, String> {
    let (source, places) = match text.rsplit_once('=') {
        Some((source, places)) => (source, parse_places(places)?),
        None => (text, Places::ALL),
    };
    let (kind, name) = source.split_once(':').unwrap_or((source, ""));
    if name.is_empty() {
        return Err("write json:/POINTER, header:NAME, cookie:NAME or html:NAME".to_owned());
    }
    let source = match kind {
        "cookie" => RuleSource::Cookie(pattern(name)?),
        "header" => RuleSource::Header(pattern(name)?),
        "html" => RuleSource::Html(pattern(name)?),
        "json" => RuleSource::Json(pointer(name)?),
        _ => {
            return Err(format!(
                "`{kind}` is no source; write json, header, cookie or html"
            ));
        }
    };
    Ok(CorrelationRule {
        text: text.to_owned(),
        source,
        places,
    })
}

fn parse_places(text: &str) -> Result<Places, String> {
    let bits = text.split(',').map(|word| {
        let word = word.trim();
        let place = Place::ALL.into_iter().find(|place| place.as_str() == word);
        place.map(|place| 1 << place as u8).ok_or_else(|| {
            format!("`{word}` is no place; write path, query, header, cookie, json, form or body")
        })
    });
    bits.sum::<Result<u8, String>>().map(Places)
}

#[cfg(test)]
mod tests;
