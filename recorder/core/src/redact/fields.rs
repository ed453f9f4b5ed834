//! Pairs of names and values: cookies (RFC 6265 section 4), queries and forms.
//!
//! Programs do not agree where a pair ends: `;` may part pairs of a query, `,` those of a Cookie field. A marked pair that
//! only the other reading shows is taken out up to the end that both readings know.

use super::rule::Found;

/// How pairs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The field `Cookie`.
    Cookie,
    /// The field `Set-Cookie`: the first pair is the cookie, the others are its attributes.
    SetCookie,
    /// A query, a form, or the parameters of a path's segment.
    Query,
}

/// What became of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pairs {
    /// Nothing is marked.
    Kept,
    /// The text without what was marked.
    Rewritten(Vec<u8>),
}

/// Looks up the rule for a name, and gives what stands in the place of a value: `None` takes the pair out.
pub(super) trait Marks {
    fn find(&self, name: &str) -> Option<Found>;
    fn replace(&mut self, found: Found, value: &[u8]) -> Option<String>;
}

impl Kind {
    fn separators(self) -> (u8, u8) {
        match self {
            Self::Cookie | Self::SetCookie => (b';', b','),
            Self::Query => (b'&', b';'),
        }
    }

    fn decode(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Cookie | Self::SetCookie => text.trim_ascii().to_vec(),
            Self::Query => percent_decode(text, true),
        }
    }

    fn encode(self, text: &str) -> String {
        match self {
            Self::Cookie | Self::SetCookie => text.to_owned(),
            Self::Query => percent_encode(text),
        }
    }
}

/// Takes out of `text` what `marks` names.
pub(super) fn redact(kind: Kind, text: &[u8], marks: &mut impl Marks) -> Pairs {
    let (outer, inner) = kind.separators();
    let mut rewritten = Vec::with_capacity(text.len());
    let mut changed = false;
    for (index, piece) in text.split(|&byte| byte == outer).enumerate() {
        let is_attribute = kind == Kind::SetCookie && index > 0;
        let kept = redact_piece(kind, inner, piece, is_attribute, marks);
        changed |= kept.as_ref().is_none_or(|kept| kept != piece);
        let Some(kept) = kept else { continue };
        if index > 0 && !rewritten.is_empty() {
            rewritten.push(outer);
        }
        rewritten.extend_from_slice(&kept);
    }
    if changed {
        Pairs::Rewritten(rewritten)
    } else {
        Pairs::Kept
    }
}

/// What is left of one piece; `None` if it is taken out.
fn redact_piece(
    kind: Kind,
    inner: u8,
    piece: &[u8],
    is_attribute: bool,
    marks: &mut impl Marks,
) -> Option<Vec<u8>> {
    let found = (!is_attribute).then(|| find(kind, piece, marks)).flatten();
    if let Some((found, value)) = found {
        let replaced = marks.replace(found, &kind.decode(&piece[value..]))?;
        return Some([&piece[..value], kind.encode(&replaced).as_bytes()].concat());
    }
    // The same by the other separator; what follows it may belong to the value.
    let mut start = 0;
    while let Some(next) = memchr::memchr(inner, &piece[start..]) {
        let before = start + next;
        start = before + 1;
        let Some((found, value)) = find(kind, &piece[start..], marks) else {
            continue;
        };
        // A text without `=` is no pair here: dates have commas too.
        if value == 0 || !piece[start..start + value].contains(&b'=') {
            continue;
        }
        let Some(replaced) = marks.replace(found, &kind.decode(&piece[start + value..])) else {
            return Some(piece[..before].to_vec());
        };
        let replaced = kind.encode(&replaced);
        return Some([&piece[..start + value], replaced.as_bytes()].concat());
    }
    Some(piece.to_vec())
}

/// The rule for the pair that `piece` is, and where its value begins. What has no name has the empty one.
fn find(kind: Kind, piece: &[u8], marks: &impl Marks) -> Option<(Found, usize)> {
    let blanks = piece.len() - piece.trim_ascii_start().len();
    let equals = memchr::memchr(b'=', piece);
    let (name, value) = equals.map_or((&piece[..0], blanks), |at| (&piece[..at], at + 1));
    if value >= piece.len() && equals.is_none() {
        return None;
    }
    let name = kind.decode(name);
    let found = marks.find(String::from_utf8_lossy(&name).trim())?;
    let blanks = piece[value..].len() - piece[value..].trim_ascii_start().len();
    Some((found, value + blanks))
}

/// Undoes percent-encoding (RFC 3986 section 2.1), and `+` where it is a blank.
pub(super) fn percent_decode(text: &[u8], plus: bool) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let pair = digit(text.get(at + 1)).zip(digit(text.get(at + 2)));
        match (byte, pair) {
            (b'%', Some((high, low))) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 2;
            }
            (b'+', _) if plus => decoded.push(b' '),
            _ => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}

/// Percent-encodes all but unreserved characters and the mask's.
pub(super) fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
