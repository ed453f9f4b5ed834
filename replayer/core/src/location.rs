//! Places in an answer: which are alike, whatever the index or the id in them.

use globset::{GlobBuilder, GlobMatcher};

use crate::endpoint::{literal_placeholders, placeholder};

/// A location with `*` for array indices, none for those of XML and HTML, and `*` for offsets and member names that look like keys.
#[must_use]
pub fn pattern(location: &str) -> String {
    for start in ["@", "line ", "message "] {
        if let Some(number) = location.strip_prefix(start)
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            return format!("{start}*");
        }
    }
    if location.starts_with('/') {
        return without_positions(location);
    }
    if !location.starts_with('$') {
        return location.to_owned();
    }
    let mut pattern = String::with_capacity(location.len());
    let mut rest = location;
    while !rest.is_empty() {
        let step = step_length(rest);
        let (this, next) = rest.split_at(step);
        let inner = this.trim_start_matches(['.', '[']).trim_end_matches(']');
        let name = inner.strip_prefix('\'').and_then(|n| n.strip_suffix('\''));
        let is_index = this.starts_with('[') && name.is_none();
        if is_index {
            pattern.push_str("[*]");
        } else if this != "$" && placeholder(name.unwrap_or(inner)).is_some() {
            pattern.push_str(".*");
        } else {
            pattern.push_str(this);
        }
        rest = next;
    }
    pattern
}

/// A glob over places: `*` stands for any part of one, brackets for themselves.
///
/// # Errors
/// If it is none.
pub(crate) fn glob(text: &str) -> Result<GlobMatcher, globset::Error> {
    let mut escaped = String::with_capacity(text.len() + 8);
    // Braces first: the brackets that make them literal are not to be made literal themselves.
    for (index, part) in literal_placeholders(text).split("[{]").enumerate() {
        escaped.push_str(if index > 0 { "[{]" } else { "" });
        for (index, part) in part.split("[}]").enumerate() {
            escaped.push_str(if index > 0 { "[}]" } else { "" });
            for character in part.chars() {
                match character {
                    '[' | ']' => escaped.extend(['[', character, ']']),
                    _ => escaped.push(character),
                }
            }
        }
    }
    Ok(GlobBuilder::new(&escaped).build()?.compile_matcher())
}

/// The glob that matches this place, and at most places that differ from it in a brace or a backslash.
pub(crate) fn glob_of(location: &str) -> String {
    location.replace(['{', '}', '\\'], "?")
}

/// A place as in XPath without which one of its name each element is: `/order/item/@sku`, which in XPath is all of them.
fn without_positions(location: &str) -> String {
    let mut pattern = String::with_capacity(location.len());
    let mut rest = location;
    while let Some((before, from)) = rest.split_once('[') {
        pattern.push_str(before);
        match from.split_once(']') {
            Some((position, after)) if position.bytes().all(|byte| byte.is_ascii_digit()) => {
                rest = after;
            }
            _ => {
                pattern.push('[');
                rest = from;
            }
        }
    }
    pattern.push_str(rest);
    pattern
}

/// Bytes of the first step of a JSON path: `$`, `.name`, `[2]` or `['name']`.
fn step_length(path: &str) -> usize {
    let bytes = path.as_bytes();
    if path.starts_with("['") {
        let mut at = 2;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 2,
                b'\'' if bytes.get(at + 1) == Some(&b']') => return at + 2,
                _ => at += 1,
            }
        }
        return path.len();
    }
    path[1..].find(['.', '[']).map_or(path.len(), |end| end + 1)
}
