//! Bodies, after Content-Encoding is undone on both sides: by structure where both are of a form that has one, text by
//! lines, and everything else by bytes.
//!
//! A form is what Content-Type says, and JSON and XML also what begins like them. Whoever has another form than the
//! expected one, or breaks it, is a difference of kind `type`; what no comparison can read on both sides is compared by
//! the next plainer one, down to bytes. So two bodies are equal only where one comparison understood both, or where they
//! are the same bytes.

mod form_of;

use std::borrow::Cow;

use bytes::Bytes;
use schema::{ContentError, DivergenceKind, Response, decode_content};

use super::excerpt::pair_of_bytes;
use super::json::{self, Json, JsonError, Notation, parse_json};
use super::{Difference, Found, Part, Rules, form, grpc, html, octets, text, xml};

use form_of::{Form, form_of};

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
            let sides = (expected, &*expected_bytes, actual, &*actual_bytes);
            let form = form_of(sides);
            if is_cut {
                // The beginnings of two texts with a structure may differ although the values are equal.
                if !form.has_structure() {
                    compare_beginnings(&expected_bytes, &actual_bytes, scope, rules, found);
                }
                return Ok(());
            }
            if scope.as_a_whole {
                compare_whole(&expected_bytes, &actual_bytes, rules, found);
                return Ok(());
            }
            compare_plain(form, sides, rules, found)
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

/// Two answers, each with its body without Content-Encoding.
pub(crate) type Bodies<'b> = (&'b Response, &'b [u8], &'b Response, &'b [u8]);

fn compare_plain(
    form: Form,
    bodies: Bodies<'_>,
    rules: &Rules,
    found: &mut Found,
) -> Result<(), String> {
    let (expected_answer, expected, actual_answer, actual) = bodies;
    if expected == actual {
        return Ok(());
    }
    let too_large = expected.len().max(actual.len()) > rules.json_bytes_max;
    let by_lines = |found: &mut Found, html: bool| {
        let decoded =
            text::decoded(expected_answer, expected).zip(text::decoded(actual_answer, actual));
        decoded.is_some_and(|(expected, actual)| {
            expected == actual
                || (html && html::compare(&expected, &actual, rules, found))
                || text::compare(&expected, &actual, rules, found)
        })
    };
    let is_done = match form {
        _ if expected.is_empty() || actual.is_empty() => false,
        Form::Grpc => {
            let sides = ((expected_answer, expected), (actual_answer, actual));
            grpc::compare(sides.0, sides.1, rules, found)?
        }
        _ if too_large => false,
        Form::Json => compare_json(expected, actual, rules, found),
        Form::JsonLines => compare_json_lines(expected, actual, rules, found),
        Form::Xml => compare_xml(expected, actual, rules, found) || by_lines(found, false),
        Form::Fields => match (form::parse(expected), form::parse(actual)) {
            (Some(expected), Some(actual)) => {
                json::compare(Notation::Json, &expected, &actual, rules, found);
                true
            }
            _ => false,
        },
        Form::Html => by_lines(found, true),
        Form::Text => by_lines(found, false),
        Form::Octets => false,
    };
    if !is_done {
        octets::compare(expected, actual, rules, found);
    }
    Ok(())
}

/// Compares two bodies of which one is JSON; `false` if the expected one has no one value.
fn compare_json(expected: &[u8], actual: &[u8], rules: &Rules, found: &mut Found) -> bool {
    let parse = |bytes| parse_json(bytes, rules.json_depth_max);
    match (parse(expected), parse(actual)) {
        (Ok(expected), Ok(actual)) => {
            json::compare(Notation::Json, &expected, &actual, rules, found);
            true
        }
        (Ok(_), Err(JsonError::Malformed)) => {
            found.add(|| another_form(expected, actual, rules));
            true
        }
        (Err(JsonError::Malformed), _) => compare_json_lines(expected, actual, rules, found),
        _ => false,
    }
}

/// Compares lines of JSON as the elements of an array; `false` if a line is none on either side.
fn compare_json_lines(expected: &[u8], actual: &[u8], rules: &Rules, found: &mut Found) -> bool {
    fn lines(bytes: &[u8], depth_max: usize) -> Option<Json<'_>> {
        let lines = bytes.split(|&byte| byte == b'\n');
        let lines = lines.filter(|line| !line.trim_ascii().is_empty());
        let lines = lines.map(|line| parse_json(line, depth_max).ok());
        lines.collect::<Option<Vec<_>>>().map(Json::Array)
    }
    let depth_max = rules.json_depth_max;
    match (lines(expected, depth_max), lines(actual, depth_max)) {
        (Some(expected), Some(actual)) => {
            json::compare(Notation::Json, &expected, &actual, rules, found);
            true
        }
        _ => false,
    }
}

/// Compares two bodies of which one is XML; `false` if the expected one is none that is compared by structure.
fn compare_xml(expected: &[u8], actual: &[u8], rules: &Rules, found: &mut Found) -> bool {
    let parse = |bytes| xml::parse(&xml::decoded(bytes)?, rules.json_depth_max);
    match (parse(expected), parse(actual)) {
        (Some(expected), Some(actual)) => {
            json::compare(Notation::Xml, &expected, &actual, rules, found);
            true
        }
        (Some(_), None) => {
            found.add(|| another_form(expected, actual, rules));
            true
        }
        _ => false,
    }
}

/// The expected body is of a form that the answer's is not.
fn another_form(expected: &[u8], actual: &[u8], rules: &Rules) -> Difference {
    let (expected, actual) = pair_of_bytes(expected, actual, rules.excerpt_bytes_max);
    Difference {
        part: Part::Body,
        location: String::new(),
        kind: DivergenceKind::Type,
        expected: Some(expected),
        actual: Some(actual),
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

/// Two bodies of XML or HTML as lines that can be laid side by side, whatever lines they were written in; `None` for others.
pub(crate) fn laid_out(bodies: Bodies<'_>, depth_max: usize) -> Option<(Vec<String>, Vec<String>)> {
    let (expected_answer, expected, actual_answer, actual) = bodies;
    match form_of(bodies) {
        Form::Xml => xml::lines(expected, depth_max).zip(xml::lines(actual, depth_max)),
        Form::Html => {
            let lines = |response, bytes| html::lines(&text::decoded(response, bytes)?);
            lines(expected_answer, expected).zip(lines(actual_answer, actual))
        }
        _ => None,
    }
}

/// Values of two requests' bodies, JSON or form fields, that differ in the same place.
pub(crate) fn request_values(left: &[u8], right: &[u8], rules: &Rules) -> Vec<(String, String)> {
    let json = |bytes| parse_json(bytes, rules.json_depth_max).ok();
    let both = json(left)
        .zip(json(right))
        .or_else(|| form::parse(left).zip(form::parse(right)));
    let Some((left, right)) = both else {
        return Vec::new();
    };
    let mut found = Found::new(rules);
    json::compare(Notation::Json, &left, &right, rules, &mut found);
    let values = found.kept.into_iter();
    values
        .filter(|difference| difference.kind == DivergenceKind::Value)
        .filter_map(|difference| difference.expected.zip(difference.actual))
        .collect()
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
