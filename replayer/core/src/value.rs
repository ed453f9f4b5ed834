//! What a value looks like, and what changed from one to another: for noise, for rules, and for grouping alike changes.
//!
//! Values come as the text that a difference shows: JSON text for what was JSON (`"abc"`, `1.50`, `null`), and the bare
//! text of header fields and of bodies that are none.

mod cause;
mod float;
mod time;

pub(crate) use cause::cause;
pub(crate) use float::is_float_beside;
pub(crate) use time::{parse_time, time_form, without_now};

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A point in time, microseconds since 1970.
    Time(i64),
    /// A number without fraction or exponent.
    Integer(f64),
    /// Any other number.
    Number(f64),
    /// A UUID (RFC 9562).
    Uuid,
    /// Text of letters and digits that is no word: 12 or more characters, digits among them.
    Token,
    /// Any other text.
    Text,
    /// An object or an array.
    Composite,
}

impl Shape {
    /// The shape of `text`, seen at about `now_us`: a number is only a time if it is one within ten years of that.
    pub(crate) fn of(text: &str, now_us: i64) -> Self {
        let inner = unquoted(text);
        let is_quoted = inner.len() != text.len();
        match text.as_bytes().first() {
            Some(b'{' | b'[') => return Self::Composite,
            _ if text == "null" => return Self::Null,
            _ if text == "true" || text == "false" => return Self::Bool,
            _ => {}
        }
        if let Some(us) = parse_time(inner, now_us) {
            return Self::Time(us);
        }
        // A hexadecimal token may happen to look like a number with an exponent that no number has.
        if let (false, Some(number)) =
            (is_quoted, text.parse().ok().filter(|n: &f64| n.is_finite()))
        {
            let is_integer = !text.contains(['.', 'e', 'E']);
            return if is_integer {
                Self::Integer(number)
            } else {
                Self::Number(number)
            };
        }
        if is_uuid(inner) {
            return Self::Uuid;
        }
        if is_token(inner) {
            Self::Token
        } else {
            Self::Text
        }
    }

    /// What it is called.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "boolean",
            Self::Time(_) => "time",
            Self::Integer(_) | Self::Number(_) => "number",
            Self::Uuid | Self::Token | Self::Text => "text",
            Self::Composite => "structure",
        }
    }
}

/// The text of a JSON string as it stands between its quotes; other text as it is.
pub(crate) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// The digits of a decimal number without zeros that say nothing; text with an exponent as it is.
pub(crate) fn decimal(text: &str) -> String {
    if text.contains(['e', 'E']) {
        return text.to_owned();
    }
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text), |digits| ("-", digits));
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    // NUMBER to text leaves the zero before the point out.
    let digits = digits.trim_start_matches('0');
    match digits {
        "" => "0".to_owned(),
        digits => format!("{sign}{digits}"),
    }
}

/// The text with `#` for every number in it, and for every word that has a digit.
pub(crate) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let is_word = |c: char| c.is_alphanumeric();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, next) = rest.split_at(end);
        if word.bytes().any(|byte| byte.is_ascii_digit()) {
            masked.push('#');
        } else {
            masked.push_str(word);
        }
        rest = next;
    }
    masked
}

/// Whether text without quotes is of letters and digits and no word: 12 or more characters, digits among them.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() >= 12
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_+/=.".contains(&byte))
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests;
