//! Answers feed requests: what the target issues in place of a recorded value goes out where the recorded value would.
//!
//! A recorded session replayed against another server carries cookies, tokens and ids that this server never issued. So each
//! recorded answer is held against the actual one, what stands in the same place on both sides is learned, and a later request
//! gets the actual value wherever it has the recorded one. Comparison by value alone: an archive with pseudonyms works, because
//! a value has the same pseudonym in answers and requests.
//!
//! * [`rule`](CorrelationRule): what a user names, `json:/token`.
//! * `shape`: which values are so random that where they come up again they are meant.
//! * `extract`: two answers in, pairs of values out. `html`: fields of forms.
//! * `store`: what was learned, bounded. `forms`: a value as it looks in a URL or in JSON.
//! * `saved`: the same to be kept, for a process that goes on.
//! * `whole`: values that are the whole of something. `apply`: a request with the target's values in place of the recorded ones. `tally`: what is told of all this, never a value.
//!
//! | value | learned | put into |
//! |---|---|---|
//! | random (16 or more letters and digits that are no words), in `Set-Cookie`, a header field, JSON, an HTML form or text | by itself | all later requests, wherever it stands, also inside of longer text |
//! | 8 or more characters under a name such as `csrf_token`, or named by a rule | by itself, or by the rule | the same |
//! | any other cookie | by itself | the cookie of that name, in the same session (with a rule: in every session) |
//! | any other value that a rule names | by the rule | the same session, where it is the whole of a path segment, a parameter, a JSON value, a cookie or a field |

mod apply;
mod extract;
mod forms;
mod html;
mod rule;
mod saved;
mod shape;
mod store;
mod tally;
mod whole;

use schema::run::RunCorrelation;
use schema::{Exchange, Request};

use crate::Limits;
use extract::extract;
use store::Store;
use tally::Tally;

pub use extract::Extracted;
pub use rule::{CorrelationRule, ParseCorrelationRuleError};
pub use saved::Learned;

pub(crate) use apply::{is_border, is_kept_header};
pub(crate) use extract::set_cookies;
pub(crate) use html::{named_values, random_words};
pub(crate) use shape::{is_between, is_particular, is_random, is_token_name};
pub(crate) use whole::{Of, wholes};

/// What is learned: by itself, and by rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correlation {
    /// Whether cookies and random values are learned without a rule.
    pub automatic: bool,
    /// What else is.
    pub rules: Vec<CorrelationRule>,
}

/// Whose values an exchange sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The session: what keeps its order together, or the connection.
    pub session: u64,
    /// Which replay of the window this is; what one pass learned says nothing to another.
    pub pass: u64,
}

/// Where in a request a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// A parameter of the query.
    Query,
    /// A header field.
    Header,
    /// A cookie.
    Cookie,
    /// A JSON body.
    Json,
    /// A form (`application/x-www-form-urlencoded`).
    Form,
    /// Any other body.
    Body,
}

impl Place {
    /// Every place, in the order of a request.
    pub const ALL: [Self; 7] = [
        Self::Path,
        Self::Query,
        Self::Header,
        Self::Cookie,
        Self::Json,
        Self::Form,
        Self::Body,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Json => "json",
            Self::Form => "form",
            Self::Body => "body",
        }
    }
}

/// Why something was not correlated that might have had to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Missed {
    /// The target's answer lacks a cookie, or what a rule names, that the recorded one has.
    AbsentInAnswer,
    /// One recorded value stands for several actual ones in one answer.
    Ambiguous,
    /// A body of an answer does not decode, or is not whole.
    AnswerBodyUnreadable,
    /// A body of an answer is larger than the bound.
    AnswerBodyTooLarge,
    /// An answer has more new values than the bound.
    TooManyInAnswer,
    /// A value has characters beyond printable ASCII.
    NotAscii,
    /// The request's body has a coding that cannot be undone, or does not decode.
    RequestBodyUnreadable,
    /// The request's body is larger than the bound.
    RequestBodyTooLarge,
    /// The request's body is no text, and the new value has another length.
    RequestBodyBinary,
}

impl Missed {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::AbsentInAnswer,
        Self::Ambiguous,
        Self::AnswerBodyUnreadable,
        Self::AnswerBodyTooLarge,
        Self::TooManyInAnswer,
        Self::NotAscii,
        Self::RequestBodyUnreadable,
        Self::RequestBodyTooLarge,
        Self::RequestBodyBinary,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbsentInAnswer => "absent_in_answer",
            Self::Ambiguous => "ambiguous",
            Self::AnswerBodyUnreadable => "answer_body_unreadable",
            Self::AnswerBodyTooLarge => "answer_body_too_large",
            Self::TooManyInAnswer => "too_many_in_answer",
            Self::NotAscii => "not_ascii",
            Self::RequestBodyUnreadable => "request_body_unreadable",
            Self::RequestBodyTooLarge => "request_body_too_large",
            Self::RequestBodyBinary => "request_body_binary",
        }
    }
}

impl Correlation {
    /// What is learned from an answer; without effect until [`Correlator::learn`] takes it, so that a long body can be read
    /// elsewhere.
    #[must_use]
    pub fn extract(&self, recorded: &Exchange, actual: &Exchange, limits: &Limits) -> Extracted {
        extract(self, recorded, actual, limits)
    }
}

/// What a run has learned, and what it did with it.
#[derive(Debug)]
pub struct Correlator {
    rules: Correlation,
    store: Store,
    tally: Tally,
    body_bytes_max: usize,
}

impl Correlator {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(rules: Correlation, limits: &Limits) -> Self {
        Self {
            tally: Tally::new(&rules),
            rules,
            store: Store::new(limits),
            body_bytes_max: limits.correlated_body_bytes_max,
        }
    }

    /// Takes what an answer taught.
    pub fn learn(&mut self, extracted: Extracted, scope: Scope) {
        for missed in extracted.missed {
            self.tally.miss(missed);
        }
        for pair in extracted.pairs {
            let source = self.tally.source(&pair.source);
            if self.store.learn(&pair, source, scope) {
                self.tally.learned(source);
            }
        }
    }

    /// Puts what was learned into `request`; whether anything changed.
    pub fn apply(&mut self, request: &mut Request, scope: Scope) -> bool {
        if self.store.is_empty() {
            return false;
        }
        let mut applying = apply::Applying {
            store: &mut self.store,
            tally: &mut self.tally,
            scope,
            body_bytes_max: self.body_bytes_max,
        };
        let changed = applying.request(request);
        self.tally.requests_changed += u64::from(changed);
        changed
    }

    /// What was learned and used, for the run's document.
    #[must_use]
    pub fn report(&self) -> RunCorrelation {
        self.tally.report(&self.rules, self.store.forgotten())
    }
}

#[cfg(test)]
mod tests;
