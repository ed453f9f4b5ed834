//! Values in a page: fields of forms and `meta` elements by name, and random words in any text by what is before them.

use html5gum::{DefaultEmitter, Token, Tokenizer};
use rustc_hash::FxHashMap;

use super::shape::is_random;

/// Bytes before a word that say which one it is.
const CONTEXT_BYTES: usize = 24;

/// The named values of a page, each name with its values in order: `<input name=… value=…>`, `<meta name=… content=…>`, and
/// whatever else has these attributes.
pub(crate) fn named_values(page: &str) -> FxHashMap<String, Vec<String>> {
    let mut emitter = DefaultEmitter::default();
    // What looks like a tag in a script is none.
    emitter.naively_switch_states(true);
    let mut found: FxHashMap<String, Vec<String>> = FxHashMap::default();
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(Token::StartTag(tag)) = token else {
            continue;
        };
        let (mut name, mut value) = (None, None);
        for (attribute, text) in &tag.attributes {
            let text = || Some(String::from_utf8_lossy(text).into_owned());
            match &attribute[..] {
                b"name" => name = text(),
                b"value" | b"content" => value = text(),
                _ => {}
            }
        }
        if let (Some(name), Some(value)) = (name, value) {
            found.entry(name).or_default().push(value);
        }
    }
    found
}

/// The random words of a text, by what is before each.
pub(crate) fn random_words(text: &str) -> FxHashMap<&[u8], Vec<&str>> {
    let mut found: FxHashMap<&[u8], Vec<&str>> = FxHashMap::default();
    let bytes = text.as_bytes();
    let is_word =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let (mut at, mut last_end) = (0, 0);
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        let word = &text[start..at];
        if is_random(word) {
            let context = &bytes[start.saturating_sub(CONTEXT_BYTES).max(last_end)..start];
            found.entry(context).or_default().push(word);
            last_end = at;
        }
    }
    found
}

#[cfg(test)]
mod tests;
