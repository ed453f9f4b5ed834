//! Bodies that are not both JSON: equal byte for byte, or not.

use schema::DivergenceKind;

use super::excerpt::{first_difference, pair_of_bytes};
use super::{Difference, Found, Part, Rules};

/// Compares two bodies byte for byte. The location of a difference is `@` and the offset of the first byte that differs,
/// or empty where one side has no body at all.
///
/// An answer that is only the beginning of the expected one is `missing` the rest, one that goes on after it has something
/// `extra`, and anything else is another `value`.
pub(super) fn compare(expected: &[u8], actual: &[u8], rules: &Rules, found: &mut Found) {
    if expected == actual {
        return;
    }
    found.add(|| {
        let offset = first_difference(expected, actual);
        let kind = if offset == actual.len() {
            DivergenceKind::Missing
        } else if offset == expected.len() {
            DivergenceKind::Extra
        } else {
            DivergenceKind::Value
        };
        let (expected_text, actual_text) = pair_of_bytes(expected, actual, rules.excerpt_bytes_max);
        Difference {
            part: Part::Body,
            location: if expected.is_empty() || actual.is_empty() {
                String::new()
            } else {
                format!("@{offset}")
            },
            kind,
            expected: (!expected.is_empty()).then_some(expected_text),
            actual: (!actual.is_empty()).then_some(actual_text),
        }
    });
}
