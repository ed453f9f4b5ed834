//! Text made harmless in HTML, and the part of two texts that differs.

use std::fmt::{self, Write as _};

/// `text` for element content and for quoted attributes.
pub(super) fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

/// Text whose every character is shown and none is obeyed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(character)?,
                // Controls, and the marks that turn the direction of text, could make a page look like what it is not.
                c if c.is_control() => f.write_char('\u{fffd}')?,
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Both texts, escaped, with what differs marked: `<del>` in the first, `<ins>` in the second.
pub(super) fn marked(expected: &str, actual: &str) -> (String, String) {
    let before = common(expected.chars(), actual.chars());
    let (expected_rest, actual_rest) = (&expected[before..], &actual[before..]);
    let after = common(expected_rest.chars().rev(), actual_rest.chars().rev());
    let mark = |text: &str, tag: &str| {
        let middle = &text[before..text.len() - after];
        let (start, end) = (&text[..before], &text[text.len() - after..]);
        let middle = if middle.is_empty() {
            String::new()
        } else {
            format!("<{tag}>{}</{tag}>", escape(middle))
        };
        format!("{}{middle}{}", escape(start), escape(end))
    };
    (mark(expected, "del"), mark(actual, "ins"))
}

/// Bytes of the characters that both begin with.
fn common(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    a.zip(b)
        .take_while(|(a, b)| a == b)
        .map(|(a, _)| a.len_utf8())
        .sum()
}
