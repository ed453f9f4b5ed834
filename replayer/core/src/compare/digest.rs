//! Bodies of which one is longer than what is stored of it: by the digests of all that was sent.
//!
//! Two digests say something where both are of bytes with the same Content-Encoding, and, if they differ, with none: encoders
//! make different bytes of one text. A body that is stored as it was sent has the digest of what is stored.

use schema::{BodyDigest, DivergenceKind, Response};

use super::body::{self, Scope};
use super::{Basis, Difference, Found, Part, Rules};

/// What two digests say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digests {
    expected: BodyDigest,
    actual: BodyDigest,
}

impl Digests {
    /// The digests of both bodies, if they say whether the bodies are the same.
    pub(super) fn of(basis: &Basis<'_>) -> Option<Self> {
        let digests = Self {
            expected: digest(basis.expected, basis.expected_cut)?,
            actual: digest(basis.actual, basis.actual_cut)?,
        };
        let coding = coding(basis.expected);
        let is_alike = coding == self::coding(basis.actual);
        let is_telling = digests.expected == digests.actual || coding.is_empty();
        (is_alike && is_telling).then_some(digests)
    }

    /// Compares two bodies with these digests: where plain text differs in what is stored of it, that is the difference.
    pub(super) fn compare(
        self,
        expected: &Response,
        actual: &Response,
        scope: Scope,
        rules: &Rules,
        found: &mut Found,
    ) {
        if self.expected == self.actual {
            return;
        }
        let before = found.found;
        // An error is about codings, and there are none.
        drop(body::compare(expected, actual, scope, rules, found));
        if found.found > before {
            return;
        }
        let say = |response: &Response, digest: BodyDigest| {
            format!("{} bytes, digest {digest}", response.body.wire_bytes)
        };
        found.add(|| Difference {
            part: Part::Body,
            location: String::new(),
            kind: DivergenceKind::Value,
            expected: Some(say(expected, self.expected)),
            actual: Some(say(actual, self.actual)),
        });
    }
}

/// The digest of all that was sent.
fn digest(response: &Response, is_cut: bool) -> Option<BodyDigest> {
    let body = &response.body;
    let is_as_sent = response.body_encoding.is_some() || coding(response).is_empty();
    let is_whole = !is_cut && is_as_sent && body.bytes.len() as u64 == body.wire_bytes;
    response
        .body_digest
        .or_else(|| is_whole.then(|| BodyDigest::of(&body.bytes)))
}

/// The codings that the body had on the wire, in lower case and without blanks.
fn coding(response: &Response) -> String {
    let named = response.headers.get_all("content-encoding");
    let codings = match &response.body_encoding {
        Some(codings) => codings.clone(),
        None => named.collect::<Vec<_>>().join(","),
    };
    let codings = codings
        .split(',')
        .map(|coding| coding.trim().to_ascii_lowercase());
    let codings: Vec<String> = codings
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    codings.join(",")
}

#[cfg(test)]
mod tests;
