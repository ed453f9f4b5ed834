//! Values that are the whole of something: of a segment, a parameter, a cookie, a field, a JSON value.

use super::super::forms::json_escaped;
use super::super::store::Space;
use super::{Applying, Edit, Place};
use crate::percent::{percent_decoded, percent_encoded};

impl Applying<'_> {
    /// What is to be replaced as a whole, in order.
    pub(super) fn whole_values(&mut self, text: &[u8], place: Place) -> Vec<Edit> {
        match place {
            Place::Path => self.values_between(text, b'/', place, |part| part),
            Place::Query | Place::Form => self.values_between(text, b'&', place, |part| {
                // Without a value there is nothing to look up.
                let at = part.iter().position(|&byte| byte == b'=');
                at.map_or(&part[..0], |at| &part[at + 1..])
            }),
            Place::Cookie => self.cookies(text),
            Place::Header => self.field(text).into_iter().collect(),
            Place::Json => self.scalars(text),
            Place::Body => Vec::new(),
        }
    }

    /// Percent-encoded values between separators; `value_of` gives the end of a part that is its value.
    fn values_between(
        &mut self,
        text: &[u8],
        separator: u8,
        place: Place,
        value_of: impl Fn(&[u8]) -> &[u8],
    ) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut start = 0;
        for part in text.split(|&byte| byte == separator) {
            let end = start + part.len();
            let value = value_of(part);
            let decoded = percent_decoded(value, place != Place::Path);
            if !decoded.is_empty()
                && let Some(actual) = self.whole(Space::Session, &decoded, place)
            {
                edits.push(Edit {
                    start: end - value.len(),
                    end,
                    with: percent_encoded(&actual, true, |_| false).into_owned(),
                });
            }
            start = end + 1;
        }
        edits
    }

    fn cookies(&mut self, text: &[u8]) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut start = 0;
        for part in text.split(|&byte| byte == b';') {
            let pair = part.trim_ascii();
            let pair_start = start + (part.len() - part.trim_ascii_start().len());
            start += part.len() + 1;
            let Some(equals) = pair.iter().position(|&byte| byte == b'=') else {
                continue;
            };
            let value = pair[equals + 1..].trim_ascii();
            let inner = value
                .strip_prefix(b"\"")
                .and_then(|value| value.strip_suffix(b"\""));
            let quote = usize::from(inner.is_some());
            let value = inner.unwrap_or(value);
            let name = pair[..equals].trim_ascii();
            let key = [name, b"=", value].concat();
            let actual = self
                .whole(Space::SessionCookies, &key, Place::Cookie)
                .or_else(|| self.whole(Space::Cookies, &key, Place::Cookie))
                .or_else(|| self.whole(Space::Session, value, Place::Cookie));
            if let Some(with) = actual {
                let blanks = pair[equals + 1..].len() - pair[equals + 1..].trim_ascii_start().len();
                let value_start = pair_start + equals + 1 + blanks + quote;
                edits.push(Edit {
                    start: value_start,
                    end: value_start + value.len(),
                    with,
                });
            }
        }
        edits
    }

    /// A field's value, or what is behind its first word (`Bearer 42`).
    fn field(&mut self, text: &[u8]) -> Option<Edit> {
        let trimmed = text.trim_ascii();
        let start = text.len() - text.trim_ascii_start().len();
        let end = start + trimmed.len();
        if let Some(with) = self.whole(Space::Session, trimmed, Place::Header) {
            return Some(Edit { start, end, with });
        }
        let blank = trimmed.iter().position(|&byte| byte == b' ')?;
        let with = self.whole(Space::Session, &trimmed[blank + 1..], Place::Header)?;
        Some(Edit {
            start: start + blank + 1,
            end,
            with,
        })
    }

    /// Strings and numbers of JSON, but not names of members.
    fn scalars(&mut self, text: &[u8]) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            let start = at;
            match byte {
                b'"' => {
                    at = string_end(text, at);
                    let behind = text[at..].trim_ascii_start();
                    if behind.first() == Some(&b':') || at < start + 2 {
                        continue;
                    }
                    let inner = &text[start + 1..at - 1];
                    if let Some(actual) = self.whole(Space::Session, inner, Place::Json) {
                        edits.push(Edit {
                            start: start + 1,
                            end: at - 1,
                            with: json_escaped(&actual).into_owned(),
                        });
                    }
                }
                b'-' | b'0'..=b'9' => {
                    let is_number =
                        |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                    at += text[at..].iter().take_while(|byte| is_number(byte)).count();
                    if let Some(actual) = self.whole(Space::Session, &text[start..at], Place::Json)
                    {
                        edits.push(Edit {
                            start,
                            end: at,
                            with: as_json(&actual),
                        });
                    }
                }
                _ => at += 1,
            }
        }
        edits
    }
}

/// Behind the closing quote of the string that begins at `start`; the text's end if there is none.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// A value in place of a number: a number if it is one, a string otherwise.
fn as_json(value: &str) -> String {
    let is_number = serde_json::from_str::<serde_json::Number>(value).is_ok();
    if is_number {
        value.to_owned()
    } else {
        format!("\"{}\"", json_escaped(value))
    }
}
