//! What a request says that an answer must have given: if none of its connection did, one of another has.
//!
//! | value of a request | looked for in |
//! |---|---|
//! | random, or particular under a name such as `csrf_token`: a cookie, `Authorization`, a field with such a name | every answer before |
//! | random or particular, put in by the run in place of a recorded one | every answer before |
//! | random, in path, query or body, as it was recorded | answers to requests that write: those make ids |
//! | any other cookie that the run put in | every `Set-Cookie` of that name |
//! | any other value that the run put in | answers to requests of the same user |
//! | a segment of the path with a digit | answers to `POST` and `PUT` of the path before it, as an id |

use schema::Request;

use super::carry::Step;
use super::places::{Field, Whole, body, parts, whole_texts, wholes};
use crate::correlate::{Place, is_particular, is_random, is_token_name, random_words};

/// A value, and where an answer has it if it is the one that gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lack {
    /// So particular that wherever it stands it is meant.
    Word(String),
    /// A cookie of this name and value.
    Cookie(String, String),
    /// The whole of something, in an answer to the same user.
    Value(String),
    /// An id below the path of a request that writes.
    Id { base: String, id: String },
}

/// What one request lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lacking {
    pub(super) lack: Lack,
    /// Whether it says who the user is.
    pub(super) is_credential: bool,
    /// Whether only what writes can have given it.
    pub(super) is_made: bool,
}

/// Everything that a request says and did not have from nowhere.
pub(super) fn lacks(step: &Step<'_>) -> Vec<Lacking> {
    let Some(request) = step.sent else {
        return Vec::new();
    };
    let recorded = whole_texts(step.recorded);
    let mut found: Vec<Lacking> = Vec::new();
    for (field, place, text) in parts(request) {
        let name = field_name(request, field);
        if place == Place::Body {
            let before = step.recorded.and_then(body).unwrap_or_default();
            let words = random_words(text).into_values().flatten();
            found.extend(words.map(|word| Lacking {
                is_made: step.recorded.is_none() || before.contains(word),
                ..made(word)
            }));
        }
        for whole in wholes(text, place) {
            let is_substituted = step.recorded.is_some() && !recorded.contains(&*whole.text);
            found.extend(lacking(&whole, field, name, is_substituted));
            if field == Field::Path && !is_random(&whole.text) {
                found.extend(id(&whole, text));
            }
        }
    }
    found
}

/// The values that say who the user is, of a request.
pub(super) fn credentials(request: &Request) -> Vec<Lack> {
    let fields = parts(request)
        .into_iter()
        .filter(|(field, ..)| matches!(field, Field::Header(_)));
    let mut found = Vec::new();
    for (_, place, text) in fields {
        for whole in wholes(text, place) {
            if let Some(name) = whole.cookie {
                found.push(Lack::Cookie(name.to_owned(), whole.text.to_string()));
            }
            if is_particular(&whole.text) {
                found.push(Lack::Word(whole.text.into_owned()));
            }
        }
    }
    found
}

impl Lack {
    /// The text of the value.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Value(text) | Self::Cookie(_, text) => text,
            Self::Id { id, .. } => id,
        }
    }
}

fn lacking(whole: &Whole<'_>, field: Field, name: &str, is_substituted: bool) -> Option<Lacking> {
    let text = &*whole.text;
    let is_field = matches!(field, Field::Header(_));
    let name = whole.cookie.unwrap_or(name);
    let is_credential = whole.cookie.is_some()
        || name.eq_ignore_ascii_case("authorization")
        || (is_field && is_token_name(name));
    let is_word = is_random(text)
        || (is_particular(text) && (is_substituted || (is_credential && is_token_name(name))));
    let lack = match whole.cookie {
        _ if is_word => Lack::Word(text.to_owned()),
        _ if !is_substituted => return None,
        Some(cookie) => Lack::Cookie(cookie.to_owned(), text.to_owned()),
        None => Lack::Value(text.to_owned()),
    };
    if is_word && !is_substituted && !is_credential {
        // A field that is no credential and went out as recorded is the client's own, such as the id of a trace.
        return (!is_field).then(|| made(text));
    }
    Some(Lacking {
        lack,
        is_credential,
        is_made: false,
    })
}

/// A random value that only what writes can have given.
fn made(word: &str) -> Lacking {
    Lacking {
        lack: Lack::Word(word.to_owned()),
        is_credential: false,
        is_made: true,
    }
}

/// What a segment of a path lacks if a request to the path before it made it.
fn id(whole: &Whole<'_>, path: &str) -> Option<Lacking> {
    let base = path[..whole.range.start].trim_end_matches('/');
    let has_digit = whole.text.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && !base.is_empty()).then(|| Lacking {
        lack: Lack::Id {
            base: base.to_owned(),
            id: whole.text.to_string(),
        },
        is_credential: false,
        is_made: true,
    })
}

/// The name of the field that a part of a request is; empty for what is no field.
fn field_name(request: &Request, field: Field) -> &str {
    let Field::Header(index) = field else {
        return "";
    };
    let field = request.headers.iter().nth(index);
    field.map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests;
