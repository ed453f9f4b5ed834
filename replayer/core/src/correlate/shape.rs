//! Which values are meant wherever they come up, and which parts of two texts stand for each other.

/// Fewest characters of a value that is looked for inside of longer text; `store` rests on it.
pub(super) const PARTICULAR_BYTES_MIN: usize = 8;
/// Fewest letters and digits of a value that is learned without being named.
const RANDOM_BYTES_MIN: usize = 16;
/// Longest value that is learned: ASP.NET's view state is one.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// Fewest digits of a number that is learned without being named: a time in microseconds has 16.
const NUMBER_DIGITS_MIN: usize = 17;

/// Whether every character is printable ASCII: what can stand in every place of a request.
pub(super) fn is_printable(text: &str) -> bool {
    text.len() <= VALUE_BYTES_MAX && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Whether a value that was named is particular enough to be looked for in text: 8 characters without a blank, a digit or both
/// cases among them.
pub(crate) fn is_particular(text: &str) -> bool {
    let has = |of: fn(&u8) -> bool| text.as_bytes().iter().any(of);
    text.len() >= PARTICULAR_BYTES_MIN
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && (has(u8::is_ascii_digit) || (has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase)))
}

/// Whether a value is random: of 16 letters and digits or more, changing between upper case, lower case and digits as no word,
/// date or path does. A time in any usual form is not; a number of 17 digits or more is.
pub(crate) fn is_random(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut signs, mut digits, mut changes) = (0_usize, 0_usize, 0_usize);
    let mut before = Class::Other;
    for &byte in bytes {
        let Some(class) = Class::of(byte) else {
            return false;
        };
        signs += usize::from(class != Class::Other);
        digits += usize::from(class == Class::Digit);
        changes += usize::from(class != before && class != Class::Other && before != Class::Other);
        before = class;
    }
    if signs < RANDOM_BYTES_MIN || bytes.len() > VALUE_BYTES_MAX {
        return false;
    }
    if digits == bytes.len() {
        return digits >= NUMBER_DIGITS_MIN;
    }
    // Random hexadecimal digits change in 47 of 100 places, letters and digits in 62; camelCase in some 35.
    if digits * 10 >= signs {
        changes * 5 >= signs
    } else {
        changes * 20 >= signs * 9
    }
}

/// Whether a name says that its value is one of those that servers issue.
pub(crate) fn is_token_name(name: &str) -> bool {
    const WORDS: [&str; 10] = [
        "csrf",
        "xsrf",
        "token",
        "nonce",
        "session",
        "verification",
        "viewstate",
        "eventvalidation",
        "jwt",
        "ticket",
    ];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Digit,
    Lower,
    Upper,
    /// A sign that tokens have.
    Other,
}

impl Class {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'0'..=b'9' => Self::Digit,
            b'a'..=b'z' => Self::Lower,
            b'A'..=b'Z' => Self::Upper,
            b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=' | b':' | b'|' | b'%' | b'!' | b'*'
            | b'$' => Self::Other,
            _ => return None,
        })
    }
}

/// What of two texts in one place stands for each other: both as a whole, or, of URLs and of words in a row, each part that
/// differs, if all that is between the parts is equal.
pub(super) fn counterparts<'a>(recorded: &'a str, actual: &'a str) -> Vec<(&'a str, &'a str)> {
    if recorded == actual {
        return Vec::new();
    }
    if is_one(recorded) {
        return vec![(recorded, actual)];
    }
    let (left, right) = (local(recorded), local(actual));
    if let (Some(left), Some(right)) = (parts(left), parts(right))
        && left.len() == right.len()
        && left.iter().zip(&right).all(|((_, a), (_, b))| a == b)
    {
        let both = left.into_iter().zip(right);
        return both
            .map(|((a, _), (b, _))| (a, b))
            .filter(|(a, b)| a != b)
            .collect();
    }
    vec![(recorded, actual)]
}

/// Whether a text is one value and not a URL or several words.
fn is_one(text: &str) -> bool {
    !text.starts_with('/')
        && !text.contains("://")
        && !text
            .bytes()
            .any(|byte| byte != b'/' && byte != b'=' && is_between(byte))
}

/// A URL without the origin.
fn local(text: &str) -> &str {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text;
    };
    if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return text;
    }
    rest.find(['/', '?', '#']).map_or("", |at| &rest[at..])
}

pub(crate) const fn is_between(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'?'
            | b'&'
            | b'='
            | b'#'
            | b';'
            | b','
            | b'"'
            | b'\''
            | b'<'
            | b'>'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
    ) || byte.is_ascii_whitespace()
}

/// Parts of a text, each with the sign behind it; `None` if there are too many to be a URL.
fn parts(text: &str) -> Option<Vec<(&str, u8)>> {
    const PARTS_MAX: usize = 256;
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if is_between(byte) {
            parts.push((&text[start..at], byte));
            start = at + 1;
            if parts.len() > PARTS_MAX {
                return None;
            }
        }
    }
    parts.push((&text[start..], 0));
    Some(parts)
}

#[cfg(test)]
mod tests;
