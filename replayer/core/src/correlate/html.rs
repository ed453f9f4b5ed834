//! Values in a page: fields of forms and `meta` elements by name, and random words in any text by what is before them.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::shape::is_random;

/// Bytes before a word that say which one it is.
const CONTEXT_BYTES: usize = 24;

/// The named values of a page, each name with its values in order: `<input name=… value=…>`, `<meta name=… content=…>`, and
/// whatever else has these attributes.
pub(super) fn named_values(page: &str) -> FxHashMap<&str, Vec<Cow<'_, str>>> {
    let mut found: FxHashMap<&str, Vec<Cow<'_, str>>> = FxHashMap::default();
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let name_end = rest
            .find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/')
            .unwrap_or(rest.len());
        rest = &rest[name_end..];
        let (mut name, mut value) = (None, None);
        while let Some((attribute, text, behind)) = next_attribute(rest) {
            if attribute.eq_ignore_ascii_case("name") {
                name = Some(text);
            } else if attribute.eq_ignore_ascii_case("value")
                || attribute.eq_ignore_ascii_case("content")
            {
                value = Some(text);
            }
            rest = behind;
        }
        if let (Some(name), Some(value)) = (name, value) {
            found.entry(name).or_default().push(unescaped(value));
        }
    }
    found
}

/// The next attribute of a start tag, its value as written, and what is behind; `None` at the tag's end.
fn next_attribute(tag: &str) -> Option<(&str, &str, &str)> {
    let tag = tag.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
    if tag.is_empty() || tag.starts_with(['>', '<']) {
        return None;
    }
    let ends_name = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
    // A name is at least one character, whatever it is, so that each call gets further.
    let first = tag.chars().next().map_or(1, char::len_utf8);
    let name_end = tag[first..]
        .find(ends_name)
        .map_or(tag.len(), |end| first + end);
    let (name, rest) = tag.split_at(name_end);
    let after_blanks = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let Some(value) = after_blanks.strip_prefix('=') else {
        return Some((name, "", rest));
    };
    let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let end = quoted.find(quote)?;
            return Some((name, &quoted[..end], &quoted[end + 1..]));
        }
    }
    let end = value
        .find(|c: char| c.is_ascii_whitespace() || c == '>')
        .unwrap_or(value.len());
    Some((name, &value[..end], &value[end..]))
}

/// Character references undone: those that escaping makes, and numbers.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|&end| end <= 10);
        match end.and_then(|end| Some((reference(&rest[1..end])?, end))) {
            Some((character, end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    plain.into()
}

fn reference(name: &str) -> Option<char> {
    let number = |text: &str, radix| char::from_u32(u32::from_str_radix(text, radix).ok()?);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "equals" => Some('='),
        "plus" => Some('+'),
        _ => {
            let digits = name.strip_prefix('#')?;
            match digits.strip_prefix(['x', 'X']) {
                Some(hex) => number(hex, 16),
                None => number(digits, 10),
            }
        }
    }
}

/// The random words of a text, by what is before each.
pub(super) fn random_words(text: &str) -> FxHashMap<&[u8], Vec<&str>> {
    let mut found: FxHashMap<&[u8], Vec<&str>> = FxHashMap::default();
    let bytes = text.as_bytes();
    let is_word =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let (mut at, mut last_end) = (0, 0);
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        let word = &text[start..at];
        if is_random(word) {
            let context = &bytes[start.saturating_sub(CONTEXT_BYTES).max(last_end)..start];
            found.entry(context).or_default().push(word);
            last_end = at;
        }
    }
    found
}

#[cfg(test)]
mod tests;
