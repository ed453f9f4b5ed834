//! A value as it looks in other places: in a URL, in JSON.

use std::borrow::Cow;

/// How a value that was found is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it was learned.
    Plain,
    /// Percent-encoded (RFC 3986 section 2.1), with digits in upper or lower case.
    Percent { upper: bool },
    /// In a JSON string whose slashes are escaped, as PHP does.
    JsonSlash,
}

impl Form {
    /// The value in each form that it can be told apart in, the plain one last.
    pub(super) fn all(value: &str) -> impl Iterator<Item = (Self, Cow<'_, str>)> {
        let upper = percent_encoded(value, true, |_| false);
        let lower = percent_encoded(value, false, |_| false);
        let slash = value.contains('/').then(|| value.replace('/', "\\/"));
        let other = lower != upper;
        [
            Some((Self::Percent { upper: true }, upper)),
            other.then_some((Self::Percent { upper: false }, lower)),
            slash.map(|slash| (Self::JsonSlash, Cow::Owned(slash))),
        ]
        .into_iter()
        .flatten()
        .filter(move |(_, form)| *form != value)
        .chain([(Self::Plain, Cow::Borrowed(value))])
    }
}

/// Percent-encoded, but for unreserved characters (RFC 3986 section 2.3) and those that `keep` names.
pub(super) fn percent_encoded(value: &str, upper: bool, keep: impl Fn(u8) -> bool) -> Cow<'_, str> {
    let stays = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') || keep(byte)
    };
    if value.bytes().all(stays) {
        return value.into();
    }
    let mut encoded = String::with_capacity(value.len() * 2);
    for byte in value.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                encoded.push(if upper {
                    digit.to_ascii_uppercase()
                } else {
                    digit
                });
            }
        }
    }
    encoded.into()
}

/// Percent-decoded, and a plus as a blank if `plus` (the coding of forms); what is no code stays.
pub(super) fn percent_decoded(text: &[u8], plus: bool) -> Cow<'_, [u8]> {
    if !text
        .iter()
        .any(|&byte| byte == b'%' || (plus && byte == b'+'))
    {
        return text.into();
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let digit = |at: usize| {
            let byte = *text.get(at)?;
            char::from(byte).to_digit(16)
        };
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                at += 3;
            }
            (b'+', ..) if plus => {
                decoded.push(b' ');
                at += 1;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded.into()
}

/// In a JSON string: printable ASCII has two characters that need an escape.
pub(super) fn json_escaped(value: &str) -> Cow<'_, str> {
    if value.contains(['"', '\\']) {
        value.replace('\\', "\\\\").replace('"', "\\\"").into()
    } else {
        value.into()
    }
}
