//! JSON (RFC 8259): marked values are replaced, everything else stays byte for byte: blanks, order, names that come twice.

use super::Work;
use super::rule::{Action, Found, Part};

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 128;

/// A text that is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoJson;

/// For each rule, the positions of its pointer that are reached: bit `n` says that `n` parts are behind.
type States = Vec<u64>;

/// One text on its way through.
struct Rewrite<'w, 'a> {
    work: &'w mut Work<'a>,
    text: &'w [u8],
    at: usize,
    out: Vec<u8>,
    /// Up to where `text` is in `out` already, or left out.
    copied: usize,
    changed: bool,
}

impl Work<'_> {
    /// What is left of a text of JSON values, usually one, with blanks between; `None` if nothing is marked.
    ///
    /// # Errors
    /// If it is none, or is nested too deep.
    pub(super) fn json(&mut self, text: &[u8]) -> Result<Option<Vec<u8>>, NoJson> {
        let start = if text.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let states: States = vec![1; self.redaction.lookup.json.len()];
        let states = close(states, &self.redaction.lookup.json);
        let found = marked(&states, &self.redaction.lookup.json);
        let mut rewrite = Rewrite {
            work: self,
            text,
            at: start,
            out: Vec::new(),
            copied: 0,
            changed: false,
        };
        rewrite.blanks();
        if rewrite.at == text.len() {
            return Err(NoJson);
        }
        while rewrite.at < text.len() {
            rewrite.value(&states, found, 0)?;
            rewrite.blanks();
        }
        rewrite.copy_to(text.len());
        Ok(rewrite.changed.then_some(rewrite.out))
    }
}

impl Rewrite<'_, '_> {
    /// One value; `found` is the rule that marks it, or what it is in.
    fn value(&mut self, states: &States, found: Option<Found>, depth: usize) -> Result<(), NoJson> {
        if depth > DEPTH_MAX {
            return Err(NoJson);
        }
        let start = self.at;
        match self.peek()? {
            b'{' => self.members(states, found, depth, b'}'),
            b'[' => self.members(states, found, depth, b']'),
            b'"' => {
                let value = self.string()?;
                if let Some(found) = found {
                    let new = self.work.replace(found, &value).unwrap_or_default();
                    self.put(start, &quote(&new));
                }
                Ok(())
            }
            b'-' | b'0'..=b'9' => self.number(found),
            _ => self.word(found),
        }
    }

    /// What is in an object or an array, up to `end`.
    fn members(
        &mut self,
        states: &States,
        found: Option<Found>,
        depth: usize,
        end: u8,
    ) -> Result<(), NoJson> {
        self.at += 1;
        self.blanks();
        if self.peek()? == end {
            self.at += 1;
            return Ok(());
        }
        // Where the text since the last value that was kept begins.
        let mut since = self.at;
        let mut kept = 0_usize;
        for index in 0_usize.. {
            let start = self.at;
            let name = if end == b'}' {
                let name = self.string()?;
                self.blanks();
                self.expect(b':')?;
                self.blanks();
                name
            } else {
                index.to_string().into_bytes()
            };
            let name = String::from_utf8_lossy(&name);
            let rules = &self.work.redaction.lookup.json;
            let below = step(states, &name, rules);
            let mine = found.or_else(|| marked(&below, rules));
            if let Some((rule, Action::Drop)) = mine
                && found.is_none()
            {
                self.work.tally.matches[rule] += 1;
                self.copy_to(since);
                self.skip(depth + 1)?;
                self.copied = self.at;
                self.changed = true;
            } else {
                if kept == 0 && index > 0 {
                    // The members before it are gone, and so is the comma.
                    self.copied = self.copied.max(start);
                }
                self.value(&below, mine, depth + 1)?;
                kept += 1;
            }
            since = self.at;
            self.blanks();
            match self.peek()? {
                b',' => {
                    self.at += 1;
                    self.blanks();
                }
                byte if byte == end => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(NoJson),
            }
        }
        Err(NoJson)
    }

    /// Reads a value and changes nothing in it.
    fn skip(&mut self, depth: usize) -> Result<(), NoJson> {
        let none = vec![0; self.work.redaction.lookup.json.len()];
        self.value(&none, None, depth)
    }

    /// The content of a string, without its escapes.
    fn string(&mut self) -> Result<Vec<u8>, NoJson> {
        let text = self.text;
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let rest = &text[self.at..];
            let next = memchr::memchr2(b'"', b'\\', rest).ok_or(NoJson)?;
            self.at += next + 1;
            if rest[next] == b'"' {
                break;
            }
            self.at += 1;
        }
        let inside = text.get(start..self.at - 1).ok_or(NoJson)?;
        if memchr::memchr(b'\\', inside).is_none() {
            return Ok(inside.to_vec());
        }
        // Bytes that are not UTF-8 are none of the escapes' business.
        let lossy = String::from_utf8_lossy(&text[start - 1..self.at]);
        serde_json::from_str::<String>(&lossy)
            .map(String::into_bytes)
            .map_err(|_| NoJson)
    }

    fn number(&mut self, found: Option<Found>) -> Result<(), NoJson> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let len = self.text[start..]
            .iter()
            .take_while(|byte| is_part(byte))
            .count();
        self.at += len;
        let number = std::str::from_utf8(&self.text[start..self.at]).map_err(|_| NoJson)?;
        serde_json::from_str::<serde_json::Number>(number).map_err(|_| NoJson)?;
        let Some(found) = found else { return Ok(()) };
        let new = match found.1 {
            Action::Pseudonymise(_) => {
                // The exponent and the sign stay; the digits before them are one number.
                let digits_end = number.find(['e', 'E']).unwrap_or(number.len());
                let sign = usize::from(number.starts_with('-'));
                let digits = (
                    found.0,
                    Action::Pseudonymise(super::pseudonym::Shape::Digits),
                );
                let new = self
                    .work
                    .replace(digits, &number.as_bytes()[sign..digits_end]);
                // What is too long to be permuted has become a token, which is no number.
                let new = new
                    .filter(|new| !new.starts_with('p'))
                    .unwrap_or_else(|| "0".to_owned());
                format!("{}{new}{}", &number[..sign], &number[digits_end..])
            }
            _ => {
                self.work.replace(found, b"0");
                "0".to_owned()
            }
        };
        self.put(start, &new);
        Ok(())
    }

    /// `true`, `false` and `null`; a marked truth value becomes `false`, and null, which holds nothing, stays.
    fn word(&mut self, found: Option<Found>) -> Result<(), NoJson> {
        let start = self.at;
        let words = ["true", "false", "null"];
        let rest = &self.text[start..];
        let word = words
            .into_iter()
            .find(|word| rest.starts_with(word.as_bytes()));
        let word = word.ok_or(NoJson)?;
        self.at += word.len();
        if let Some(found) = found {
            self.work.replace(found, word.as_bytes());
            if word != "null" {
                self.put(start, "false");
            }
        }
        Ok(())
    }

    /// Puts `new` in the place of what was read since `start`.
    fn put(&mut self, start: usize, new: &str) {
        self.copy_to(start);
        self.out.extend_from_slice(new.as_bytes());
        self.copied = self.at;
        self.changed = true;
    }

    fn copy_to(&mut self, end: usize) {
        if end > self.copied {
            self.out.extend_from_slice(&self.text[self.copied..end]);
            self.copied = end;
        }
    }

    fn blanks(&mut self) {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        while self.text.get(self.at).is_some_and(is_blank) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8, NoJson> {
        self.text.get(self.at).copied().ok_or(NoJson)
    }

    fn expect(&mut self, byte: u8) -> Result<(), NoJson> {
        if self.peek()? != byte {
            return Err(NoJson);
        }
        self.at += 1;
        Ok(())
    }
}

/// A JSON string of ASCII text without quotes, backslashes and controls.
fn quote(text: &str) -> String {
    format!("\"{text}\"")
}

/// The positions below a member called `name`.
fn step(states: &States, name: &str, rules: &[(Vec<Part>, Found)]) -> States {
    let next = states.iter().zip(rules).map(|(&state, (parts, _))| {
        let mut next = 0;
        let mut left = state;
        while left != 0 {
            let position = left.trailing_zeros() as usize;
            left &= left - 1;
            match parts.get(position) {
                Some(Part::Any) => next |= 1 << position,
                Some(Part::One(glob)) if glob.matches(name) => next |= 1 << (position + 1),
                _ => {}
            }
        }
        next
    });
    close(next.collect(), rules)
}

/// `**` may stand for nothing.
fn close(mut states: States, rules: &[(Vec<Part>, Found)]) -> States {
    for (state, (parts, _)) in states.iter_mut().zip(rules) {
        for (position, part) in parts.iter().enumerate() {
            if matches!(part, Part::Any) && *state & (1 << position) != 0 {
                *state |= 1 << (position + 1);
            }
        }
    }
    states
}

/// The first rule whose pointer ends here.
fn marked(states: &States, rules: &[(Vec<Part>, Found)]) -> Option<Found> {
    let ends =
        |(state, (parts, _)): &(&u64, &(Vec<Part>, Found))| **state & (1 << parts.len()) != 0;
    states
        .iter()
        .zip(rules)
        .find(ends)
        .map(|(_, &(_, found))| found)
}
