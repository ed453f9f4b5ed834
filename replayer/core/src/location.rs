//! Places in an answer: which are alike, whatever the index or the id in them.

use crate::endpoint::placeholder;

/// A location with `*` for array indices, offsets, and member names that look like keys.
#[must_use]
pub fn pattern(location: &str) -> String {
    for start in ["@", "line ", "message "] {
        if let Some(number) = location.strip_prefix(start)
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            return format!("{start}*");
        }
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
