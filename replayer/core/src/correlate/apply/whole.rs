//! What takes the place of values that are the whole of something.

use super::super::forms::json_escaped;
use super::super::store::Space;
use super::super::whole::{Of, Whole, wholes};
use super::{Applying, Edit, Place};
use crate::percent::percent_encoded;

impl Applying<'_> {
    /// What is to be replaced as a whole, in order and without overlaps.
    pub(super) fn whole_values(&mut self, text: &[u8], place: Place) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        for whole in wholes(text, place) {
            let is_free = edits
                .last()
                .is_none_or(|edit| edit.end <= whole.range.start);
            if is_free
                && whole.of != Of::Quoted
                && let Some(with) = self.in_place_of(&whole, place)
            {
                edits.push(Edit {
                    start: whole.range.start,
                    end: whole.range.end,
                    with,
                });
            }
        }
        edits
    }

    /// The target's value, written as the recorded one is.
    fn in_place_of(&mut self, whole: &Whole<'_>, place: Place) -> Option<String> {
        if let Of::Cookie(name) = whole.of {
            let key = [name, b"=", &whole.value].concat();
            return self
                .whole(Space::SessionCookies, &key, place)
                .or_else(|| self.whole(Space::Cookies, &key, place))
                .or_else(|| self.whole(Space::Session, &whole.value, place));
        }
        let actual = self.whole(Space::Session, &whole.value, place)?;
        Some(match whole.of {
            Of::Part => percent_encoded(&actual, true, |_| false).into_owned(),
            Of::String => json_escaped(&actual).into_owned(),
            Of::Number => as_json(&actual),
            Of::Cookie(_) | Of::Field | Of::Quoted => actual,
        })
    }
}

/// A value in place of a number: a number if it is one, a string otherwise.
fn as_json(value: &str) -> String {
    let is_number = serde_json::from_str::<serde_json::Number>(value).is_ok();
    if is_number {
        value.to_owned()
    } else {
        format!("\"{}\"", json_escaped(value))
    }
}
