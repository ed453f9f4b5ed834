//! What an answer gives: its cookies, fields, JSON values, fields of forms and random words, each with how to take it out.

use std::ops::Range;

use schema::Response;

use super::lines::json_lines;
use crate::compare::plain_body;
use crate::compare::policy::{Form, TABLE, row_of};
use crate::correlate::{is_between, named_values, random_words, set_cookies};

/// Longest body of an answer that is looked at.
const BODY_BYTES_MAX: usize = 4 << 20;
/// Most bytes of text before a value that tell where it is.
const CONTEXT_BYTES_MAX: usize = 80;

/// A value of an answer.
#[derive(Clone, Debug)]
pub(super) struct Issued {
    pub(super) text: String,
    pub(super) take: Take,
    /// The name that it has.
    pub(super) name: String,
}

/// Where in an answer a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Cookie(String),
    Header(String, Option<Context>),
    Json(String, Option<Context>),
    Text(Context),
}

/// What is around a value: the text before it, which time that comes up, and the sign behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) before: String,
    pub(super) nth: usize,
    pub(super) end: String,
}

/// Everything that an answer gives.
pub(super) fn issued(answer: &Response) -> Vec<Issued> {
    let mut found = cookies(answer);
    for (name, value) in answer.headers.iter() {
        let is_noise = row_of(name).is_some_and(|row| TABLE[row].form == Form::Ignored);
        if is_noise || name.eq_ignore_ascii_case("set-cookie") {
            continue;
        }
        let name = name.to_ascii_lowercase();
        let is_first = answer.headers.get(&name) == Some(value);
        if is_first {
            let take = |context| Take::Header(name.clone(), context);
            values(value.trim(), &name, take, &mut found);
        }
    }
    let Ok(body) = plain_body(answer, BODY_BYTES_MAX) else {
        return found;
    };
    match (json_lines(&body), std::str::from_utf8(&body)) {
        (Some(lines), _) => json_values(&lines, &mut found),
        (None, Ok(text)) => text_values(text, &mut found),
        (None, Err(_)) => {}
    }
    found
}

fn cookies(answer: &Response) -> Vec<Issued> {
    let cookies = set_cookies(answer).into_iter();
    let cookies = cookies.map(|(name, value)| Issued {
        text: value.to_owned(),
        take: Take::Cookie(name.to_owned()),
        name: name.to_owned(),
    });
    cookies.collect()
}

/// A value, and of a URL, a list or what has quotes each of its parts.
fn values(
    value: &str,
    name: &str,
    take: impl Fn(Option<Context>) -> Take,
    found: &mut Vec<Issued>,
) {
    let mut add = |text: &str, name: &str, context| {
        found.push(Issued {
            text: text.to_owned(),
            take: take(context),
            name: name.to_owned(),
        });
    };
    add(value, name, None);
    let mut start = 0;
    for part in value.split(|c: char| c.is_ascii() && is_between(c as u8)) {
        let end = start + part.len();
        if part.len() < value.len() && !part.is_empty() {
            // The parameter's name, or the segment before, says which part it is.
            let before = &value[..start];
            let from = before.trim_end_matches(|c: char| c.is_ascii() && is_between(c as u8));
            let from = from
                .rfind(|c: char| c.is_ascii() && is_between(c as u8))
                .map_or(0, |at| at);
            let before = &before[from..];
            let is_stable = !before.bytes().any(|byte| byte.is_ascii_digit());
            let before = if is_stable {
                before
            } else {
                &before[before.len() - 1..]
            };
            let own = before.trim_matches(|c: char| c.is_ascii() && is_between(c as u8));
            let name = if before.ends_with('=') && !own.is_empty() {
                own
            } else {
                name
            };
            if let Some(context) = Context::of(value, before, start..end) {
                add(part, name, Some(context));
            }
        }
        start = end + 1;
    }
}

fn json_values(lines: &[String], found: &mut Vec<Issued>) {
    for line in lines {
        let Some((path, written)) = line.split_once(" = ") else {
            continue;
        };
        let text = match written
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'))
        {
            Some(_) => serde_json::from_str::<String>(written).unwrap_or_default(),
            None if written.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                written.to_owned()
            }
            None => continue,
        };
        let name = path
            .rsplit(['.', '\''])
            .find(|name| !name.is_empty() && !name.starts_with(']'));
        let take = |context| Take::Json(path.to_owned(), context);
        values(&text, name.unwrap_or_default(), take, found);
    }
}

/// Fields of forms and `meta` elements by name, and random words.
fn text_values(text: &str, found: &mut Vec<Issued>) {
    let mut add = |value: String, name: &str| {
        // The first place that has it between signs that no value has.
        let quoted = text.find(&format!("\"{value}\"")).map(|at| at + 1);
        let Some(start) = quoted.or_else(|| text.find(&value)) else {
            return;
        };
        let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let element = text[line..start].rfind('<').map_or(line, |at| line + at);
        let from = element.max(start.saturating_sub(CONTEXT_BYTES_MAX));
        let from = (from..=start)
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(start);
        if let Some(context) = Context::of(text, &text[from..start], start..start + value.len()) {
            found.push(Issued {
                text: value,
                take: Take::Text(context),
                name: name.to_owned(),
            });
        }
    };
    let mut named: Vec<(String, Vec<String>)> = named_values(text).into_iter().collect();
    named.sort();
    for (name, values) in named {
        for value in values {
            add(value, &name);
        }
    }
    let mut words: Vec<&str> = random_words(text).into_values().flatten().collect();
    words.sort_unstable();
    for word in words {
        add(word.to_owned(), "");
    }
}

impl Context {
    /// The context of `range` in `text`, whose beginning is `before`; `None` if it has none.
    fn of(text: &str, before: &str, range: Range<usize>) -> Option<Self> {
        if before.is_empty() || before.contains(['\n', '\r']) {
            return None;
        }
        // As `after` counts: one behind the other.
        let nth = text[..range.start].matches(before).count();
        let end = text[range.end..]
            .chars()
            .next()
            .filter(|c| !matches!(c, '\n' | '\r'));
        let found = Self {
            before: before.to_owned(),
            nth,
            end: end.map(String::from).unwrap_or_default(),
        };
        (found.taken(text).as_deref() == Some(&text[range])).then_some(found)
    }

    /// What the shell's `after` gives.
    fn taken(&self, text: &str) -> Option<String> {
        let mut seen = 0;
        for line in text.split('\n') {
            let mut rest = line;
            while let Some(at) = rest.find(&self.before) {
                rest = &rest[at + self.before.len()..];
                seen += 1;
                if seen == self.nth {
                    let end = if self.end.is_empty() {
                        None
                    } else {
                        rest.find(&self.end)
                    };
                    return Some(rest[..end.unwrap_or(rest.len())].to_owned());
                }
            }
        }
        None
    }
}
