//! Bodies: by structure when both are JSON, else by bytes, after Content-Encoding is undone on both sides.

use std::borrow::Cow;

use bytes::Bytes;
use schema::{ContentError, DivergenceKind, Response, decode_content};

use super::excerpt::pair_of_bytes;
use super::json::{self, JsonError, parse_json};
use super::{Difference, Found, Part, Rules, octets};

/// How much of the bodies there is to compare, and how finely.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    /// The recorded body was cut.
    pub(super) expected_cut: bool,
    /// The target's body was cut.
    pub(super) actual_cut: bool,
    /// A difference is one difference of the whole body, wherever it is.
    pub(super) as_a_whole: bool,
}

/// Compares two bodies; an error is the reason why finding nothing proves nothing.
pub(super) fn compare(
    expected: &Response,
    actual: &Response,
    scope: Scope,
    rules: &Rules,
    found: &mut Found,
) -> Result<(), String> {
    let is_cut = scope.expected_cut || scope.actual_cut;
    let same_bytes =
        expected.body_encoding == actual.body_encoding && expected.body.bytes == actual.body.bytes;
    if same_bytes {
        return Ok(());
    }
    let limit = rules.body_bytes_max;
    match (plain_body(expected, limit), plain_body(actual, limit)) {
        (Ok(expected_bytes), Ok(actual_bytes)) => {
            let looks_json = [(expected, &expected_bytes), (actual, &actual_bytes)]
                .into_iter()
                .any(|(response, bytes)| is_json(response, bytes));
            if is_cut {
                // The beginnings of two JSON texts may differ although the values are equal.
                if !looks_json {
                    compare_beginnings(&expected_bytes, &actual_bytes, scope, rules, found);
                }
            } else if scope.as_a_whole {
                compare_whole(&expected_bytes, &actual_bytes, rules, found);
            } else if looks_json {
                compare_json(expected, &expected_bytes, &actual_bytes, rules, found);
            } else {
                octets::compare(&expected_bytes, &actual_bytes, rules, found);
            }
            Ok(())
        }
        // Whatever is wrong with it, a client would get it like this on both sides.
        (Err(ContentError::Malformed), Err(ContentError::Malformed)) if !is_cut => {
            octets::compare(&expected.body.bytes, &actual.body.bytes, rules, found);
            Ok(())
        }
        (Ok(_), Err(ContentError::Malformed)) | (Err(ContentError::Malformed), Ok(_))
            if !is_cut =>
        {
            found.add(|| undecodable(expected, actual, rules));
            Ok(())
        }
        (Err(error), _) => Err(format!("recorded body: {error}")),
        (_, Err(error)) => Err(format!("answer body: {error}")),
    }
}

/// One side is what its Content-Encoding says, the other is not.
fn undecodable(expected: &Response, actual: &Response, rules: &Rules) -> Difference {
    let say = |response: &Response| match &response.body_encoding {
        Some(coding) if plain_body(response, rules.body_bytes_max).is_err() => {
            format!(
                "{} bytes that do not decode as {coding}",
                response.body.bytes.len()
            )
        }
        _ => format!("{} bytes", response.body.bytes.len()),
    };
    Difference {
        part: Part::Body,
        location: String::new(),
        kind: DivergenceKind::Type,
        expected: Some(say(expected)),
        actual: Some(say(actual)),
    }
}

fn compare_json(
    expected_answer: &Response,
    expected: &[u8],
    actual: &[u8],
    rules: &Rules,
    found: &mut Found,
) {
    let too_large = expected.len().max(actual.len()) > rules.json_bytes_max;
    if too_large || !is_json(expected_answer, expected) {
        return octets::compare(expected, actual, rules, found);
    }
    let parse = |bytes| parse_json(bytes, rules.json_depth_max);
    match (parse(expected), parse(actual)) {
        (Ok(expected), Ok(actual)) => json::compare(&expected, &actual, rules, found),
        (Ok(_), Err(JsonError::Malformed)) if !actual.is_empty() => found.add(|| {
            let (expected, actual) = pair_of_bytes(expected, actual, rules.excerpt_bytes_max);
            Difference {
                part: Part::Body,
                location: String::new(),
                kind: DivergenceKind::Type,
                expected: Some(expected),
                actual: Some(actual),
            }
        }),
        _ => octets::compare(expected, actual, rules, found),
    }
}

fn compare_whole(expected: &[u8], actual: &[u8], rules: &Rules, found: &mut Found) {
    if expected == actual {
        return;
    }
    found.add(|| {
        let (expected_text, actual_text) = pair_of_bytes(expected, actual, rules.excerpt_bytes_max);
        Difference {
            part: Part::Body,
            location: String::new(),
            kind: match (expected.is_empty(), actual.is_empty()) {
                (false, true) => DivergenceKind::Missing,
                (true, false) => DivergenceKind::Extra,
                _ => DivergenceKind::Value,
            },
            expected: (!expected.is_empty()).then_some(expected_text),
            actual: (!actual.is_empty()).then_some(actual_text),
        }
    });
}

/// Compares as far as both are stored, and says so where the whole one ends before the cut one.
fn compare_beginnings(
    expected: &[u8],
    actual: &[u8],
    scope: Scope,
    rules: &Rules,
    found: &mut Found,
) {
    let common = expected.len().min(actual.len());
    let same_beginning = expected[..common] == actual[..common];
    let ends_early = !scope.actual_cut && actual.len() < expected.len();
    let goes_on = !scope.expected_cut && expected.len() < actual.len();
    if !same_beginning || ends_early || goes_on {
        octets::compare(expected, actual, rules, found);
    }
}

/// The body without its Content-Encoding.
pub(crate) fn plain_body(response: &Response, limit: usize) -> Result<Cow<'_, [u8]>, ContentError> {
    match &response.body_encoding {
        // An answer to HEAD names a coding and has no body; no coding makes nothing of nothing.
        Some(_) if response.body.bytes.is_empty() => Ok(Cow::Borrowed(&[])),
        Some(coding) => decode_content(coding, &response.body.bytes, limit).map(Cow::Owned),
        None => Ok(Cow::Borrowed(&response.body.bytes)),
    }
}

/// Stores the body without its Content-Encoding, if it decodes to at most `limit` bytes; else leaves it as it is.
pub fn undo_content_encoding(response: &mut Response, limit: usize) {
    if response.body_encoding.is_some()
        && let Ok(Cow::Owned(plain)) = plain_body(response, limit)
    {
        response.body.bytes = Bytes::from(plain);
        response.body_encoding = None;
    }
}

/// Whether a body says that it is JSON, or begins as an object or an array does.
fn is_json(response: &Response, body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'['))
        || (first.is_some()
            && response
                .headers
                .get("content-type")
                .is_some_and(is_json_type))
}

/// Whether a Content-Type is JSON (RFC 8259 section 11, RFC 6838 section 4.2.8).
fn is_json_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let Some((_, subtype)) = essence.split_once('/') else {
        return false;
    };
    let ends_with_json = subtype
        .len()
        .checked_sub("+json".len())
        .and_then(|at| subtype.get(at..))
        .is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"));
    subtype.eq_ignore_ascii_case("json") || ends_with_json
}
