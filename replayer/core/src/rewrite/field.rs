//! Fields of a request by name, and what can be done to them.
//!
//! ```text
//! FIELD = "header:" NAME | "cookie:" NAME | "query:" NAME | "form:" NAME | "json:" POINTER
//! ```
//! Names may be globs; those of header fields are in any case, the others as written. `form` and `json` are of a body that says it
//! is one, whatever its Content-Encoding.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schema::{Headers, Pattern, Request};
use serde_json::Value;

use super::body::{self, BodyError};
use crate::percent::{percent_decoded, percent_encoded};
use crate::pointer::{Part, bracketed, pointer};

/// Fields that say where a message ends and what it is: computed, not set.
const KEPT_HEADERS: [&str; 8] = [
    "host",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "trailer",
    "te",
    "upgrade",
];

/// Which fields.
#[derive(Clone, Debug)]
pub struct Field {
    text: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Header(Pattern),
    Cookie(Pattern),
    Query(Pattern),
    Form(Pattern),
    Json(Vec<Part>),
}

/// What is done to a value that is there: it becomes another one, stays, or goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Keep,
    Set(Value),
    Remove,
}

/// A text that names no field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseFieldError(String);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Field {
    type Err = ParseFieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem: &str| ParseFieldError(format!("`{text}`: {problem}"));
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        if name.is_empty() {
            return Err(error(
                "write header:NAME, cookie:NAME, query:NAME, form:NAME or json:/POINTER",
            ));
        }
        let glob =
            || Pattern::value(&bracketed(name)).map_err(|problem| error(&problem.to_string()));
        let place = match kind {
            "header" if KEPT_HEADERS.contains(&name.to_ascii_lowercase().as_str()) => {
                return Err(error("it is computed; the host has a rule of its own"));
            }
            "header" => Place::Header(
                Pattern::host(&bracketed(name)).map_err(|problem| error(&problem.to_string()))?,
            ),
            "cookie" => Place::Cookie(glob()?),
            "query" => Place::Query(glob()?),
            "form" => Place::Form(glob()?),
            "json" => Place::Json(pointer(name).map_err(|problem| error(&problem))?),
            _ => return Err(error("a place is header, cookie, query, form or json")),
        };
        Ok(Self {
            text: text.to_owned(),
            place,
        })
    }
}

impl Field {
    /// The name as typed, if it is no glob: of a field that can be added.
    pub(super) fn literal(&self) -> Option<&str> {
        let (_, name) = self.text.split_once(':')?;
        (!name.contains(['*', '?', '{', '['])).then_some(name)
    }

    /// A value as typed: for JSON, JSON if it can be read so.
    pub(super) fn value(&self, text: &str) -> Value {
        let read = match &self.place {
            Place::Json(_) => serde_json::from_str(text).ok(),
            _ => None,
        };
        read.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// Lets `decide` say what becomes of each value that is there; how many there were. Values of JSON are JSON, others text.
    ///
    /// # Errors
    /// If the field is in a body that cannot be read.
    pub(super) fn each(
        &self,
        request: &mut Request,
        decide: &mut dyn FnMut(&Value) -> Verdict,
    ) -> Result<usize, BodyError> {
        let mut text = |text: &str| decide(&Value::String(text.to_owned()));
        match &self.place {
            Place::Header(name) => Ok(headers(request, name, &mut text)),
            Place::Cookie(name) => Ok(cookies(request, name, &mut text)),
            Place::Query(name) => {
                let Some(query) = request.query.clone() else {
                    return Ok(0);
                };
                let (new, found) = pairs(&query, name, &mut text);
                if let Some(new) = new {
                    request.query = (!new.is_empty()).then_some(new);
                }
                Ok(found)
            }
            Place::Form(name) => {
                let Some(form) = body::form(request)? else {
                    return Ok(0);
                };
                let (new, found) = pairs(&form, name, &mut text);
                if let Some(new) = new {
                    body::replace(request, new.into_bytes())?;
                }
                Ok(found)
            }
            Place::Json(parts) => {
                let Some(mut json) = body::json(request)? else {
                    return Ok(0);
                };
                let mut walk = Walk {
                    decide,
                    found: 0,
                    changed: false,
                };
                walk.value(&mut json, parts);
                let (found, changed) = (walk.found, walk.changed);
                if changed {
                    body::replace(request, json.to_string().into_bytes())?;
                }
                Ok(found)
            }
        }
    }

    /// Adds the field at the end; whether that could be done: JSON needs the object around it, a form the body of one.
    ///
    /// # Errors
    /// If the field is in a body that cannot be read.
    pub(super) fn add(&self, request: &mut Request, value: &Value) -> Result<bool, BodyError> {
        let Some(name) = self.literal() else {
            return Ok(false);
        };
        let text = text_of(value);
        let pair = || format!("{}={}", encoded(name), encoded(&text));
        match &self.place {
            Place::Header(_) => request.headers.push(name, &text),
            Place::Cookie(_) => add_cookie(request, &format!("{name}={text}")),
            Place::Query(_) => {
                let query = request.query.take().filter(|query| !query.is_empty());
                request.query = Some(query.map_or_else(pair, |query| query + "&" + &pair()));
            }
            Place::Form(_) => {
                let Some(form) = body::form(request)? else {
                    return Ok(false);
                };
                let new = if form.is_empty() {
                    pair()
                } else {
                    form + "&" + &pair()
                };
                body::replace(request, new.into_bytes())?;
            }
            Place::Json(_) => {
                let Some(mut json) = body::json(request)? else {
                    return Ok(false);
                };
                let (parent, member) = name.rsplit_once('/').unwrap_or(("", name));
                let member = member.replace("~1", "/").replace("~0", "~");
                let Some(Value::Object(members)) = json.pointer_mut(parent) else {
                    return Ok(false);
                };
                members.insert(member, value.clone());
                body::replace(request, json.to_string().into_bytes())?;
            }
        }
        Ok(true)
    }
}

/// A value as text: a string without its quotes.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn encoded(text: &str) -> Cow<'_, str> {
    percent_encoded(text, true, |_| false)
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&percent_decoded(text.as_bytes(), true)).into_owned()
}

fn headers(
    request: &mut Request,
    name: &Pattern,
    decide: &mut dyn FnMut(&str) -> Verdict,
) -> usize {
    let mut found = 0;
    let old = &request.headers;
    let mut new = Headers::with_capacity(old.len(), old.memory());
    for (field, value) in old.iter() {
        let kept = KEPT_HEADERS
            .iter()
            .any(|kept| field.eq_ignore_ascii_case(kept));
        if kept || !name.matches(field) {
            new.push(field, value);
            continue;
        }
        found += 1;
        match decide(value) {
            Verdict::Keep => new.push(field, value),
            Verdict::Set(value) => new.push(field, &text_of(&value)),
            Verdict::Remove => {}
        }
    }
    if found > 0 {
        request.headers = new;
    }
    found
}

fn cookies(
    request: &mut Request,
    name: &Pattern,
    decide: &mut dyn FnMut(&str) -> Verdict,
) -> usize {
    let mut found = 0;
    let old = &request.headers;
    let mut new = Headers::with_capacity(old.len(), old.memory());
    for (field, value) in old.iter() {
        if !field.eq_ignore_ascii_case("cookie") {
            new.push(field, value);
            continue;
        }
        let mut kept = Vec::new();
        for pair in value.split(';') {
            let (key, old) = pair.split_once('=').unwrap_or((pair, ""));
            if !name.matches(key.trim()) {
                kept.push(pair.trim().to_owned());
                continue;
            }
            found += 1;
            match decide(old.trim()) {
                Verdict::Keep => kept.push(pair.trim().to_owned()),
                Verdict::Set(value) => kept.push(format!("{}={}", key.trim(), text_of(&value))),
                Verdict::Remove => {}
            }
        }
        if !kept.is_empty() {
            new.push(field, &kept.join("; "));
        }
    }
    if found > 0 {
        request.headers = new;
    }
    found
}

fn add_cookie(request: &mut Request, pair: &str) {
    let old = &request.headers;
    let mut new = Headers::with_capacity(old.len() + 1, old.memory());
    let mut added = false;
    for (field, value) in old.iter() {
        if !added && field.eq_ignore_ascii_case("cookie") {
            new.push(field, &format!("{value}; {pair}"));
            added = true;
        } else {
            new.push(field, value);
        }
    }
    if !added {
        new.push("Cookie", pair);
    }
    request.headers = new;
}

/// `name=value&…` with what was decided, if it differs; and how many were found. What is not touched stays byte for byte.
fn pairs(
    text: &str,
    name: &Pattern,
    decide: &mut dyn FnMut(&str) -> Verdict,
) -> (Option<String>, usize) {
    let mut found = 0;
    let mut changed = false;
    let mut kept: Vec<String> = Vec::new();
    for pair in text.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let verdict = if name.matches(&decoded(key)) {
            found += 1;
            decide(&decoded(value))
        } else {
            Verdict::Keep
        };
        match verdict {
            Verdict::Keep => kept.push(pair.to_owned()),
            Verdict::Set(value) => {
                changed = true;
                kept.push(format!("{key}={}", encoded(&text_of(&value))));
            }
            Verdict::Remove => changed = true,
        }
    }
    (changed.then(|| kept.join("&")), found)
}

/// A JSON value on its way.
struct Walk<'d> {
    decide: &'d mut dyn FnMut(&Value) -> Verdict,
    found: usize,
    changed: bool,
}

impl Walk<'_> {
    /// Whether the value is to be removed.
    fn value(&mut self, value: &mut Value, parts: &[Part]) -> bool {
        let Some((part, rest)) = parts.split_first() else {
            self.found += 1;
            return match (self.decide)(value) {
                Verdict::Keep => false,
                Verdict::Set(new) => {
                    self.changed |= *value != new;
                    *value = new;
                    false
                }
                Verdict::Remove => {
                    self.changed = true;
                    true
                }
            };
        };
        if matches!(part, Part::Any) && self.value(value, rest) {
            return true;
        }
        let below = if matches!(part, Part::Any) {
            parts
        } else {
            rest
        };
        match value {
            Value::Object(members) => {
                members.retain(|name, member| {
                    let gone = part.matches(name) && self.value(member, below);
                    !gone
                });
            }
            Value::Array(elements) => {
                let mut index = 0;
                elements.retain_mut(|element| {
                    let matches = part.matches(&index.to_string());
                    index += 1;
                    !(matches && self.value(element, below))
                });
            }
            _ => {}
        }
        false
    }
}
