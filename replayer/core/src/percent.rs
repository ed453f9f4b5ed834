//! Percent-encoding (RFC 3986 section 2.1), and that of forms.

use std::borrow::Cow;

/// Percent-encoded, but for unreserved characters (RFC 3986 section 2.3) and those that `keep` names.
pub(crate) fn percent_encoded(value: &str, upper: bool, keep: impl Fn(u8) -> bool) -> Cow<'_, str> {
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
pub(crate) fn percent_decoded(text: &[u8], plus: bool) -> Cow<'_, [u8]> {
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
