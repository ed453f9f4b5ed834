//! What changed, in a few words that are the same for alike changes.

use schema::DivergenceKind;

use super::{Shape, decimal, parse_time, unquoted};
use crate::compare::{Difference, Part};

const MINUTE_US: i64 = 60_000_000;

/// What `difference` did: `text became null`, `time shifted by +1 h`, `another number`. `now_us` is about when it was seen.
pub(crate) fn cause(difference: &Difference, now_us: i64) -> String {
    let (expected, actual) = (difference.expected.as_deref(), difference.actual.as_deref());
    if matches!(difference.part, Part::Status | Part::Outcome) {
        return format!(
            "{} became {}",
            expected.unwrap_or("-"),
            actual.unwrap_or("-")
        );
    }
    let shape = |text: Option<&str>| Shape::of(text.unwrap_or_default(), now_us);
    match difference.kind {
        DivergenceKind::Missing => format!("{} is gone", shape(expected).as_str()),
        DivergenceKind::Extra => format!("{} is new", shape(actual).as_str()),
        DivergenceKind::Order => "another order".to_owned(),
        DivergenceKind::Type => {
            let name = |text: Option<&str>| match text {
                Some("\"\"") => "empty text",
                // A time that is written as a number changed its type, not its being a time.
                Some(text) if text.starts_with('"') => "text",
                text => match shape(text) {
                    Shape::Time(_) => "number",
                    shape => shape.as_str(),
                },
            };
            format!("{} became {}", name(expected), name(actual))
        }
        DivergenceKind::Value => value(
            expected.unwrap_or_default(),
            actual.unwrap_or_default(),
            now_us,
        ),
    }
}

fn value(expected: &str, actual: &str, now_us: i64) -> String {
    match (Shape::of(expected, now_us), Shape::of(actual, now_us)) {
        (Shape::Time(a), Shape::Time(b)) => time(a, b),
        (Shape::Integer(a) | Shape::Number(a), Shape::Integer(b) | Shape::Number(b)) => {
            number((expected, a), (actual, b)).to_owned()
        }
        (Shape::Bool, Shape::Bool) => format!("{expected} became {actual}"),
        _ => text(unquoted(expected), unquoted(actual), now_us).to_owned(),
    }
}

fn time(a: i64, b: i64) -> String {
    let shift = b - a;
    if shift == 0 {
        return "same time, written otherwise".to_owned();
    }
    // Zones differ by whole quarters of an hour, up to 26 hours.
    if shift % (15 * MINUTE_US) == 0 && shift.abs() <= 26 * 60 * MINUTE_US {
        let hours = shift as f64 / (60 * MINUTE_US) as f64;
        return format!("time shifted by {hours:+} h");
    }
    let is_cut = |us: i64| us % 1_000_000 == 0;
    if shift.abs() < 1_000_000 && is_cut(a) != is_cut(b) {
        return "time of another precision".to_owned();
    }
    "another time".to_owned()
}

fn number((a_text, a): (&str, f64), (b_text, b): (&str, f64)) -> &'static str {
    let decimals = |text: &str| {
        text.split_once('.')
            .map_or(0, |(_, fraction)| fraction.len())
    };
    let (a_decimals, b_decimals) = (decimals(a_text), decimals(b_text));
    // A float holds some 16 digits, and an id or an amount may have more.
    let has_exponent = [a_text, b_text]
        .iter()
        .any(|text| text.contains(['e', 'E']));
    #[expect(clippy::float_cmp, reason = "the same number, or not")]
    let is_same = a == b && (has_exponent || decimal(a_text) == decimal(b_text));
    if is_same {
        return "same number, written otherwise";
    }
    let unit = 10_f64.powi(-i32::try_from(a_decimals.min(b_decimals)).unwrap_or(0));
    if a_decimals != b_decimals && (a - b).abs() <= unit {
        return "rounded otherwise";
    }
    if a_decimals == b_decimals && a_decimals > 0 && (a - b).abs() <= unit * 1.000_001 {
        return "another last digit";
    }
    if (a + b).abs() < f64::EPSILON {
        return "another sign";
    }
    "another number"
}

fn text(expected: &str, actual: &str, now_us: i64) -> &'static str {
    let is_time = |text| parse_time(text, now_us).is_some();
    match (is_time(expected), is_time(actual)) {
        (true, false) | (false, true) => return "time written otherwise",
        _ => {}
    }
    if actual.is_empty() {
        return "text became empty";
    }
    if expected.is_empty() {
        return "empty text was filled";
    }
    if expected.to_lowercase() == actual.to_lowercase() {
        return "text in another case";
    }
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if squeezed(expected) == squeezed(actual) {
        return "text with other spaces";
    }
    if expected.starts_with(actual) {
        return "text was cut";
    }
    let is_broken = |text: &str| text.contains(['\u{fffd}', 'Ã', 'Â']);
    let is_ascii = expected.is_ascii() && actual.is_ascii();
    if is_broken(expected) != is_broken(actual)
        || (!is_ascii && letters(expected) == letters(actual))
    {
        return "text in another encoding";
    }
    "another text"
}

/// The text without what encodings disagree about.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii() && *c != '?').collect()
}
