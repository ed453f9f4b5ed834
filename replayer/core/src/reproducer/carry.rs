//! What an answer gives to later requests: where it stands in the answer, and where it stands in them.
//!
//! | value of an answer | put into later requests |
//! |---|---|
//! | random, or particular under a name such as `csrf_token` | wherever it stands, as the replay does |
//! | a cookie | as the cookie of that name |
//! | any other that the run put into a request in place of a recorded one | where it is the whole of something |
//! | an id that a request that writes was answered with | likewise, if a later path is `<that path>/<id>` |
//!
//! What a client said before an answer did is its own.

mod index;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use schema::{Charset, Protocol, Request, Response};

use index::{Index, Part};

use super::issued::{Context, Issued, Take, issued};
use super::places::{Field, parts, wholes};
use super::shell::quoted;
use crate::correlate::{Place, is_border, is_particular, is_random, is_token_name};
use crate::percent::percent_encoded;

/// Values that one script carries.
const CARRIED_MAX: usize = 200;
/// Values of one answer that are looked at.
const ISSUED_MAX: usize = 5_000;
/// Values without a source that are named.
const FOREIGN_MAX: usize = 5;

/// A request as it was sent, and what came back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) sent: Option<&'a Request>,
    pub(super) recorded: Option<&'a Request>,
    pub(super) answer: Option<&'a Response>,
    pub(super) protocol: Protocol,
    pub(super) charset: Charset,
    /// What of the path is the target's.
    pub(super) path_prefix: &'a str,
}

/// A value that one answer gives and later requests have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// Which request of the chain it is the answer to.
    pub(super) from: usize,
    /// The shell's variable.
    pub(super) variable: String,
    /// What it is called in the answer.
    name: String,
    text: String,
    take: Take,
    reach: Reach,
}

/// A stretch of a request that is a carried value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) range: Range<usize>,
    pub(super) variable: String,
    /// Percent-encoded.
    pub(super) encoded: bool,
}

/// Where in requests a value is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    Anywhere,
    Cookie(String),
    Whole,
}

/// The values that the answers of a chain give to its later requests, each from the answer that had it first.
///
/// Every value of every answer is looked up in an index of what requests say, and only what may be said is looked for.
pub(super) fn carried(steps: &[Step<'_>]) -> Vec<Carried> {
    let index = Index::of(steps);
    let mut carried: Vec<Carried> = Vec::new();
    for (from, step) in steps.iter().enumerate() {
        let Some(answer) = step.answer.filter(|_| from + 1 < steps.len()) else {
            continue;
        };
        let made = made_below(step, &steps[from + 1..]);
        for issued in issued(answer).into_iter().take(ISSUED_MAX) {
            let is_substituted = index.is_substituted_behind(&issued.text, from);
            let Some(reach) = reach(&issued, is_substituted, &made) else {
                continue;
            };
            if carried.len() == CARRIED_MAX {
                return carried;
            }
            if !index.may_be_said_behind(&issued.text, &reach, from) {
                continue;
            }
            let value = Carried {
                from,
                variable: variable(&issued.name, carried.len() + 1),
                name: issued.name,
                text: issued.text,
                take: issued.take,
                reach,
            };
            let is_known = carried
                .iter()
                .any(|other| other.text == value.text && other.reach == value.reach);
            let said = |parts: &Vec<Part<'_>>| value.is_in(parts);
            if !is_known
                && !index.parts[..=from].iter().any(said)
                && index.parts[from + 1..].iter().any(said)
            {
                carried.push(value);
            }
        }
    }
    carried
}

/// The values that those steps which are kept give to each other, by their places among the kept.
pub(super) fn among(carried: Vec<Carried>, steps: &[Step<'_>], kept: &[bool]) -> Vec<Carried> {
    let index = Index::of(steps);
    let mut among: Vec<Carried> = Vec::new();
    for value in carried.into_iter().filter(|value| kept[value.from]) {
        let later = (value.from + 1..steps.len()).filter(|&number| kept[number]);
        if later
            .into_iter()
            .any(|number| value.is_in(&index.parts[number]))
        {
            let before = kept[..value.from].iter().filter(|kept| **kept);
            among.push(Carried {
                from: before.count(),
                variable: variable(&value.name, among.len() + 1),
                ..value
            });
        }
    }
    among
}

/// What requests have that no answer of the chain gave, and the recorded ones had otherwise, or that is random: by its place.
pub(super) fn foreign(steps: &[Step<'_>], carried: &[Carried]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (number, step) in steps.iter().enumerate() {
        let Some(request) = step.sent else { continue };
        for (field, place, text) in parts(request) {
            let uses = uses(text, place, number, carried);
            for whole in wholes(text, place) {
                let is_used = uses.iter().any(|used| {
                    used.range.start < whole.range.end && whole.range.start < used.range.end
                });
                let name = match field {
                    Field::Header(index) => request
                        .headers
                        .iter()
                        .nth(index)
                        .map_or("", |(name, _)| name),
                    _ => "",
                };
                let is_credential = whole.cookie.is_some()
                    || name.eq_ignore_ascii_case("authorization")
                    || is_token_name(name);
                if !is_used && is_credential && is_random(&whole.text) {
                    found.insert(match whole.cookie {
                        Some(cookie) => format!("the cookie {cookie}"),
                        None => name.to_owned(),
                    });
                }
            }
        }
    }
    found
        .into_iter()
        .take(FOREIGN_MAX)
        .map(|name| name.replace(char::is_control, " "))
        .collect()
}

/// Where `text`, a part of the request of this number, has carried values; in order, without overlaps.
pub(super) fn uses(text: &str, place: Place, number: usize, carried: &[Carried]) -> Vec<Use> {
    let mut found = Vec::new();
    for value in carried.iter().filter(|value| value.from < number) {
        found.extend(value.uses_in(text, place));
    }
    found.sort_by_key(|used: &Use| (used.range.start, std::cmp::Reverse(used.range.end)));
    let mut end = 0;
    found.retain(|used| {
        let is_free = used.range.start >= end;
        end = if is_free { used.range.end } else { end };
        is_free
    });
    found
}

impl Carried {
    /// The value.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The lines that take the value out of the last answer.
    pub(super) fn taken(&self) -> String {
        let after = |context: &Context| {
            format!(
                "after {} {} {}",
                quoted(&context.before),
                quoted(&context.end),
                context.nth
            )
        };
        let (what, command) = match &self.take {
            Take::Cookie(name) => (format!("cookie {name}"), format!("cookie {}", quoted(name))),
            Take::Header(name, context) => {
                let fields = format!("fields {}", quoted(name));
                let command = context.as_ref().map_or_else(
                    || format!("{fields} | head -n 1"),
                    |context| format!("{fields} | {}", after(context)),
                );
                (format!("header {name}"), command)
            }
            Take::Json(path, context) => {
                let json = format!("json {}", quoted(path));
                let command = context.as_ref().map_or_else(
                    || json.clone(),
                    |context| format!("{json} | {}", after(context)),
                );
                (path.clone(), command)
            }
            Take::Text(context) => (
                format!("text after {}", context.before.trim()),
                format!("{} < \"$work/body\"", after(context)),
            ),
        };
        let variable = &self.variable;
        format!(
            "{variable}=$({command})\n[ -n \"${variable}\" ] || {{ lost {}; {variable}={}; }}\n",
            quoted(&what),
            quoted(&self.text)
        )
    }

    fn is_in(&self, parts: &[Part<'_>]) -> bool {
        let mut parts = parts.iter();
        parts.any(|(_, place, text)| !self.uses_in(text, *place).is_empty())
    }

    fn uses_in(&self, text: &str, place: Place) -> Vec<Use> {
        let used = |range: Range<usize>| {
            let encoded = text[range.clone()] != self.text;
            Use {
                range,
                variable: self.variable.clone(),
                encoded,
            }
        };
        match &self.reach {
            Reach::Anywhere => {
                let mut found = Vec::new();
                let upper = percent_encoded(&self.text, true, |_| false);
                let lower = percent_encoded(&self.text, false, |_| false);
                let forms: BTreeSet<&str> = [&*self.text, &*upper, &*lower].into();
                for form in forms {
                    let ranges = text.match_indices(form).map(|(at, _)| at..at + form.len());
                    let bytes = text.as_bytes();
                    found.extend(
                        ranges
                            .filter(|range| {
                                is_border(bytes, range.start) && is_border(bytes, range.end)
                            })
                            .map(used),
                    );
                }
                found
            }
            Reach::Cookie(name) if place == Place::Cookie => {
                let wholes = wholes(text, place).into_iter();
                wholes
                    .filter(|whole| whole.cookie == Some(name) && whole.text == self.text)
                    .map(|whole| used(whole.range))
                    .collect()
            }
            Reach::Cookie(_) => Vec::new(),
            Reach::Whole => {
                let wholes = wholes(text, place).into_iter();
                wholes
                    .filter(|whole| whole.text == self.text)
                    .map(|whole| used(whole.range))
                    .collect()
            }
        }
    }
}

/// Where later requests mean a value, if anywhere.
fn reach(issued: &Issued, is_substituted: bool, made: &BTreeSet<&str>) -> Option<Reach> {
    let text = issued.text.as_str();
    if text.is_empty() || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let is_particular = is_particular(text);
    if is_random(text) || (is_particular && (is_substituted || is_token_name(&issued.name))) {
        return Some(Reach::Anywhere);
    }
    if let Take::Cookie(name) = &issued.take {
        return Some(Reach::Cookie(name.clone()));
    }
    (is_substituted || made.contains(text)).then_some(Reach::Whole)
}

/// The ids that later requests have behind the path of a request that writes, `<its path>/<id>`.
fn made_below<'a>(step: &Step<'_>, later: &[Step<'a>]) -> BTreeSet<&'a str> {
    let writes = |request: &&Request| matches!(request.method.as_str(), "POST" | "PUT");
    let Some(request) = step.sent.filter(writes) else {
        return BTreeSet::new();
    };
    let base = request.path.trim_end_matches('/');
    let below = later.iter().filter_map(|step| {
        let rest = step.sent?.path.strip_prefix(base)?.strip_prefix('/')?;
        rest.split('/').next()
    });
    let has_digit = |id: &&str| id.bytes().any(|byte| byte.is_ascii_digit());
    below.filter(has_digit).collect()
}

/// A name for the shell that says where the value is from.
fn variable(name: &str, number: usize) -> String {
    let mut variable = String::new();
    for c in name.chars().take(24) {
        variable.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
    }
    let begins = variable.starts_with(|c: char| c.is_ascii_lowercase());
    let mut variable = if begins {
        variable
    } else {
        format!("value_{variable}")
    };
    // Writing to a string cannot fail.
    let _ = write!(variable, "_{number}");
    variable
}

#[cfg(test)]
mod tests;
