//! Whether the target answered as production did.
//!
//! `compare` is a pure function of two exchanges and [`Rules`]. It looks at the status, at header and trailer fields by
//! the table in [`policy`], and at the body, after Content-Encoding is undone:
//!
//! | body | compared | a place in it |
//! |---|---|---|
//! | JSON | by structure | `$.items[2].price` |
//! | JSON in lines | as an array of the lines | `$[3].price` |
//! | XML | by structure | `/order/item[3]/@sku` |
//! | form fields | by name | `$.city` |
//! | HTML | by normalised lines | `/html/body/table/tr[2]/td`, `/html/body/a/@href` |
//! | gRPC | message by message | `message 3` |
//! | other text | by lines | `line 12` |
//! | anything else, and what is no valid one of these on both sides | by bytes | `@1040` |
//! | any of these that is not stored whole, on either side | by the digest of all of it, where there is one | the whole |
//!
//! What cannot be judged is never a match. An exchange is [`ExchangeVerdict::Incomparable`], with a reason of a bounded
//! set, when the request was not replayed as recorded or one of the answers is missing. Of an answer that was recorded in
//! part, the part is compared: a difference there is a difference, and no difference there proves nothing.
//!
//! | recorded | compared | without a difference |
//! |---|---|---|
//! | `complete` | everything | match |
//! | `response_truncated`, and both bodies have a digest of all that was sent | everything | match |
//! | `response_truncated` without that | status, headers, the stored beginning of the body | incomparable |
//! | `response_gap` | status, headers | incomparable |
//! | `no_response`, `no_request`, `request_gap`, `request_truncated`, `aborted`, `upgraded` | nothing | incomparable |

mod align;
mod body;
mod digest;
pub(crate) mod excerpt;
mod form;
mod grpc;
pub(crate) mod headers;
mod html;
mod json;
mod members;
mod octets;
pub mod policy;
#[cfg(test)]
pub(crate) mod sample;
mod text;
mod xml;

use schema::{
    Completeness, Divergence, DivergenceKind, Exchange, ExchangeVerdict, Headers, Outcome, Request,
    Response,
};

use crate::endpoint;

pub use body::undo_content_encoding;
pub use json::{Json, JsonError, parse_json};
pub use policy::NotComparedSet;

pub(crate) use body::{laid_out, plain_body, request_values};
pub(crate) use json::write_string;

/// Bounds and choices of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Divergences kept of one exchange; those beyond are counted.
    pub divergences_max: usize,
    /// Bytes of text kept of each side of a divergence.
    pub excerpt_bytes_max: usize,
    /// How deep JSON may nest to be compared by structure; deeper is compared by bytes.
    pub json_depth_max: usize,
    /// How large a body may be to be compared by structure; larger is compared by bytes.
    pub json_bytes_max: usize,
    /// How large a body may become when its Content-Encoding is undone; a larger one is not judged.
    pub body_bytes_max: usize,
    /// Members that name the elements of an array, by the array's path with `*` for indices: (`$.items`, `sku`). Where
    /// none is given, one is looked for.
    pub keys: Vec<(String, String)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            divergences_max: 100,
            excerpt_bytes_max: 240,
            json_depth_max: 128,
            json_bytes_max: 16 << 20,
            body_bytes_max: 64 << 20,
            keys: Vec::new(),
        }
    }
}

/// What comparing one answer concluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Match, differ or incomparable.
    pub verdict: ExchangeVerdict,
    /// Why it is incomparable, or with which reservation it differs.
    pub reason: Option<String>,
    /// The differences, at most [`Rules::divergences_max`].
    pub divergences: Vec<Divergence>,
    /// How many there are, kept or not.
    pub found: u64,
    /// Header fields that were there and are not compared.
    pub not_compared: NotComparedSet,
}

impl Comparison {
    /// An answer that cannot be judged, or was not to be.
    #[must_use]
    pub fn incomparable(reason: String) -> Self {
        Self {
            verdict: ExchangeVerdict::Incomparable,
            reason: Some(reason),
            divergences: Vec::new(),
            found: 0,
            not_compared: NotComparedSet::default(),
        }
    }
}

/// A part of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    /// Whether there is an answer at all.
    Outcome,
    Status,
    Header,
    Trailer,
    Body,
}

impl Part {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Status => "status",
            Self::Header => "header",
            Self::Trailer => "trailer",
            Self::Body => "body",
        }
    }
}

impl std::str::FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts = [
            Self::Outcome,
            Self::Status,
            Self::Header,
            Self::Trailer,
            Self::Body,
        ];
        parts
            .into_iter()
            .find(|part| part.as_str() == text)
            .ok_or(())
    }
}

/// One difference, before it is told whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) part: Part,
    pub(crate) location: String,
    pub(crate) kind: DivergenceKind,
    pub(crate) expected: Option<String>,
    pub(crate) actual: Option<String>,
}

/// Differences so far: kept up to a bound, counted beyond.
#[derive(Debug)]
pub(crate) struct Found {
    kept: Vec<Difference>,
    kept_max: usize,
    found: u64,
}

impl Found {
    pub(crate) fn new(rules: &Rules) -> Self {
        Self {
            kept: Vec::new(),
            kept_max: rules.divergences_max,
            found: 0,
        }
    }

    /// Counts a difference, and asks for its text only if it will be kept.
    pub(crate) fn add(&mut self, difference: impl FnOnce() -> Difference) {
        self.found += 1;
        if self.kept.len() < self.kept_max {
            self.kept.push(difference());
        }
    }
}

/// What of two answers can be held against each other.
#[derive(Debug)]
struct Basis<'a> {
    expected: &'a Response,
    actual: &'a Response,
    /// Bytes are missing in the middle of the recorded body: only heads can be compared.
    head_only: bool,
    /// The recorded body was cut at the body limit.
    expected_cut: bool,
    /// The target's body was cut at the body limit.
    actual_cut: bool,
    /// Why finding no difference proves nothing.
    reservation: Option<String>,
}

/// What holding two answers against each other found.
#[derive(Debug)]
pub(crate) struct Differences {
    /// Those that are kept, at most [`Rules::divergences_max`].
    pub(crate) kept: Vec<Difference>,
    /// How many there are, kept or not.
    pub(crate) found: u64,
    /// Why finding none proves nothing.
    pub(crate) reservation: Option<String>,
    not_compared: NotComparedSet,
}

/// Holds the answer of the target against the recorded one.
///
/// `actual` is the exchange as it was replayed: its `replay` says whether it was sent at all, its `completeness` whether
/// its answer is whole.
#[must_use]
pub fn compare(recorded: &Exchange, actual: &Exchange, rules: &Rules) -> Comparison {
    match differences(recorded, actual, rules) {
        Ok(differences) => conclude(recorded, differences),
        Err(reason) => Comparison::incomparable(reason),
    }
}

/// Holds two answers to one request against each other, each recorded or replayed; an error is why that cannot be done.
pub(crate) fn differences(
    left: &Exchange,
    right: &Exchange,
    rules: &Rules,
) -> Result<Differences, String> {
    let basis = basis(left, right)?;
    let mut found = Found::new(rules);
    let mut reservation = basis.reservation.clone();
    let (expected, answer) = (basis.expected, basis.actual);
    let same_status = expected.status == answer.status;
    if !same_status {
        found.add(|| Difference {
            part: Part::Status,
            location: String::new(),
            kind: DivergenceKind::Value,
            expected: Some(expected.status.to_string()),
            actual: Some(answer.status.to_string()),
        });
    }
    let hosts = headers::Hosts {
        expected: host(left),
        actual: host(right),
    };
    let mut not_compared = NotComparedSet::default();
    let mut fields = headers::Fields {
        hosts,
        rules,
        found: &mut found,
        not_compared: &mut not_compared,
    };
    fields.compare(Part::Header, &expected.headers, &answer.headers);
    let is_cut = basis.expected_cut || basis.actual_cut;
    let digests = if is_cut && !basis.head_only {
        digest::Digests::of(&basis)
    } else {
        None
    };
    if !basis.head_only && (!is_cut || digests.is_some()) {
        let none = Headers::default();
        fields.compare(
            Part::Trailer,
            expected.trailers.as_ref().unwrap_or(&none),
            answer.trailers.as_ref().unwrap_or(&none),
        );
    }
    if !basis.head_only {
        let scope = body::Scope {
            expected_cut: basis.expected_cut,
            actual_cut: basis.actual_cut,
            // What comes with another status is another document: each of its fields is no news of its own.
            as_a_whole: !same_status,
        };
        if let Some(digests) = digests {
            reservation = None;
            digests.compare(expected, answer, scope, rules, &mut found);
        } else if let Err(reason) = body::compare(expected, answer, scope, rules, &mut found) {
            reservation = Some(reason);
        }
    }
    Ok(Differences {
        kept: found.kept,
        found: found.found,
        reservation,
        not_compared,
    })
}

fn conclude(recorded: &Exchange, differences: Differences) -> Comparison {
    let verdict = match (differences.found, &differences.reservation) {
        (0, None) => ExchangeVerdict::Match,
        (0, Some(_)) => ExchangeVerdict::Incomparable,
        _ => ExchangeVerdict::Differ,
    };
    Comparison {
        verdict,
        reason: differences.reservation,
        divergences: rows(recorded, differences.kept),
        found: differences.found,
        not_compared: differences.not_compared,
    }
}

/// What can be compared, or why nothing can.
fn basis<'a>(recorded: &'a Exchange, actual: &'a Exchange) -> Result<Basis<'a>, String> {
    if let Some(reason) = unanswered(actual) {
        return Err(reason);
    }
    if let Some(reason) = unanswered(recorded) {
        return Err(format!("baseline {reason}"));
    }
    let whose = if recorded.replay.is_some() {
        "baseline answer"
    } else {
        "recorded"
    };
    let reason = || format!("{whose} {}", recorded.completeness);
    let (head_only, expected_cut) = match recorded.completeness {
        Completeness::Complete => (false, false),
        Completeness::ResponseTruncated => (false, true),
        Completeness::ResponseGap => (true, false),
        Completeness::NoResponse
        | Completeness::NoRequest
        | Completeness::RequestGap
        | Completeness::RequestTruncated
        | Completeness::Aborted
        | Completeness::Upgraded => return Err(reason()),
    };
    let answer_reason = || format!("answer {}", actual.completeness);
    let actual_cut = match actual.completeness {
        Completeness::Complete => false,
        Completeness::ResponseTruncated => true,
        _ => return Err(answer_reason()),
    };
    let reservation = if head_only || expected_cut {
        Some(reason())
    } else {
        actual_cut.then(answer_reason)
    };
    Ok(Basis {
        expected: recorded.response.as_ref().ok_or_else(reason)?,
        actual: actual.response.as_ref().ok_or("answer missing")?,
        head_only,
        expected_cut,
        actual_cut,
        reservation,
    })
}

/// Why a replayed request has no answer; `None` if it has one, or was not replayed.
pub(crate) fn unanswered(exchange: &Exchange) -> Option<String> {
    let replay = exchange.replay.as_ref()?;
    (replay.outcome != Outcome::Sent).then(|| {
        let reason = replay.outcome_reason.as_deref();
        let colon = if reason.is_some() { ": " } else { "" };
        format!("{}{colon}{}", replay.outcome, reason.unwrap_or_default())
    })
}

fn host(exchange: &Exchange) -> Option<&str> {
    exchange
        .request
        .as_ref()
        .and_then(|request| request.host.as_deref())
}

/// Gives differences their place: a row each.
fn rows(recorded: &Exchange, differences: Vec<Difference>) -> Vec<Divergence> {
    if differences.is_empty() {
        return Vec::new();
    }
    let request: Option<&Request> = recorded.request.as_ref();
    let endpoint = endpoint::of(recorded);
    differences
        .into_iter()
        .map(|difference| Divergence {
            exchange: recorded.id(),
            recorded_start: recorded.start(),
            method: request.map_or_else(String::new, |request| request.method.clone()),
            host: request.and_then(|request| request.host.clone()),
            path: request.map_or_else(String::new, |request| request.path.clone()),
            endpoint: endpoint.clone(),
            part: difference.part.as_str().to_owned(),
            location: difference.location,
            kind: difference.kind,
            expected: difference.expected,
            actual: difference.actual,
        })
        .collect()
}

#[cfg(test)]
mod tests;
