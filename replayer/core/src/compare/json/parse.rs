//! A JSON parser (RFC 8259) that keeps what a comparison must not lose: numbers as written, the order of members, and
//! whether a name occurs twice. It borrows from the text and allocates only for lists and for strings with escapes.

use std::borrow::Cow;
use std::fmt::Write as _;

use rustc_hash::FxHashSet;

/// Objects up to this size are checked for duplicate names by comparing each with each.
const COMPARED_MAX: usize = 16;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(&'a str),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object: names differ from each other, in the order of the text.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl Json<'_> {
    /// The value as compact JSON text. Text that gets longer than `max` bytes ends after the value that makes it so.
    #[must_use]
    pub fn to_text(&self, max: usize) -> String {
        let mut text = String::new();
        self.write(&mut text, max);
        text
    }

    fn write(&self, text: &mut String, max: usize) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(true) => text.push_str("true"),
            Self::Bool(false) => text.push_str("false"),
            Self::Number(number) => text.push_str(number),
            Self::String(string) => write_string(string, text),
            Self::Array(elements) => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if text.len() > max {
                        return;
                    }
                    if index > 0 {
                        text.push(',');
                    }
                    element.write(text, max);
                }
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if text.len() > max {
                        return;
                    }
                    if index > 0 {
                        text.push(',');
                    }
                    write_string(name, text);
                    text.push(':');
                    value.write(text, max);
                }
                text.push('}');
            }
        }
    }
}

/// Writes a string with the escapes that RFC 8259 section 7 demands and no others.
pub(crate) fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            // Writing to a string cannot fail.
            control if control < ' ' => drop(write!(text, "\\u{:04x}", u32::from(control))),
            other => text.push(other),
        }
    }
    text.push('"');
}

/// Why text was not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is no JSON.
    #[error("not JSON")]
    Malformed,
    /// An object has a name twice (RFC 8259 section 4: what that means is anyone's guess).
    #[error("duplicate name in an object")]
    DuplicateName,
    /// It nests deeper than the limit.
    #[error("nested too deep")]
    TooDeep,
    /// A string has half a surrogate pair (RFC 8259 section 8.2).
    #[error("unpaired surrogate")]
    UnpairedSurrogate,
}

/// Parses one JSON text, nested at most `depth_max` deep.
///
/// # Errors
/// If it is no JSON, or JSON without one value; the first trouble in the text is reported.
pub fn parse_json(text: &[u8], depth_max: usize) -> Result<Json<'_>, JsonError> {
    let text = std::str::from_utf8(text).map_err(|_| JsonError::Malformed)?;
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        depth_left: depth_max,
    };
    let value = parser.value()?;
    parser.skip_whitespace();
    if parser.at == text.len() {
        Ok(value)
    } else {
        Err(JsonError::Malformed)
    }
}

#[derive(Debug)]
struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth_left: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Json<'a>, JsonError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            _ => Err(JsonError::Malformed),
        }
    }

    fn object(&mut self) -> Result<Json<'a>, JsonError> {
        self.descend()?;
        let mut members = Vec::new();
        if !self.ends_at_once(b'}') {
            loop {
                self.skip_whitespace();
                let name = self.string()?;
                self.skip_whitespace();
                self.expect(b':')?;
                members.push((name, self.value()?));
                if self.ends_after_element(b'}')? {
                    break;
                }
            }
        }
        self.depth_left += 1;
        if has_duplicate(&members) {
            return Err(JsonError::DuplicateName);
        }
        Ok(Json::Object(members))
    }

    fn array(&mut self) -> Result<Json<'a>, JsonError> {
        self.descend()?;
        let mut elements = Vec::new();
        if !self.ends_at_once(b']') {
            loop {
                elements.push(self.value()?);
                if self.ends_after_element(b']')? {
                    break;
                }
            }
        }
        self.depth_left += 1;
        Ok(Json::Array(elements))
    }

    /// Enters a list: takes its first byte.
    fn descend(&mut self) -> Result<(), JsonError> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(JsonError::TooDeep)?;
        self.at += 1;
        Ok(())
    }

    fn ends_at_once(&mut self, end: u8) -> bool {
        self.skip_whitespace();
        let ends = self.peek() == Some(end);
        self.at += usize::from(ends);
        ends
    }

    fn ends_after_element(&mut self, end: u8) -> Result<bool, JsonError> {
        self.skip_whitespace();
        let next = self.peek();
        self.at += 1;
        match next {
            Some(b',') => Ok(false),
            Some(byte) if byte == end => Ok(true),
            _ => Err(JsonError::Malformed),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        let length = memchr::memchr2(b'"', b'\\', &self.bytes[start..]);
        let end = start + length.ok_or(JsonError::Malformed)?;
        let plain = self.checked(start, end)?;
        self.at = end + 1;
        if self.bytes[end] == b'"' {
            return Ok(Cow::Borrowed(plain));
        }
        let mut unescaped = plain.to_owned();
        loop {
            unescaped.push(self.escape()?);
            let start = self.at;
            let length = memchr::memchr2(b'"', b'\\', &self.bytes[start..]);
            let end = start + length.ok_or(JsonError::Malformed)?;
            unescaped.push_str(self.checked(start, end)?);
            self.at = end + 1;
            if self.bytes[end] == b'"' {
                return Ok(Cow::Owned(unescaped));
            }
        }
    }

    /// The text between two places, which must have no control character (RFC 8259 section 7).
    fn checked(&self, start: usize, end: usize) -> Result<&'a str, JsonError> {
        if self.bytes[start..end].iter().any(|&byte| byte < b' ') {
            return Err(JsonError::Malformed);
        }
        // Both ends stand beside ASCII bytes, so they are borders of characters.
        Ok(&self.text[start..end])
    }

    /// The character that an escape stands for; its backslash is taken already.
    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.peek().ok_or(JsonError::Malformed)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(JsonError::Malformed),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first).ok_or(JsonError::Malformed);
        }
        if first >= 0xdc00 || !self.bytes[self.at..].starts_with(b"\\u") {
            return Err(JsonError::UnpairedSurrogate);
        }
        self.at += 2;
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(JsonError::UnpairedSurrogate);
        }
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code).ok_or(JsonError::Malformed)
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self
            .bytes
            .get(self.at..self.at + 4)
            .ok_or(JsonError::Malformed)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, &digit| {
            let digit = char::from(digit).to_digit(16).ok_or(JsonError::Malformed)?;
            Ok(code << 4 | digit)
        })
    }

    /// A number as RFC 8259 section 6 writes it.
    fn number(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.digits() {
            0 => return Err(JsonError::Malformed),
            1 => {}
            // No zero may lead.
            length if self.bytes[self.at - length] == b'0' => return Err(JsonError::Malformed),
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(JsonError::Malformed);
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(JsonError::Malformed);
            }
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(JsonError::Malformed)
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(JsonError::Malformed)
        }
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

fn has_duplicate(members: &[(Cow<'_, str>, Json<'_>)]) -> bool {
    if members.len() <= COMPARED_MAX {
        return members
            .iter()
            .enumerate()
            .any(|(index, (name, _))| members[..index].iter().any(|(other, _)| other == name));
    }
    let mut names = FxHashSet::default();
    members.iter().any(|(name, _)| !names.insert(&**name))
}
