//! Finding the next plausible message start where bytes were lost, or where none was seen yet.
//!
//! What is looked for is a start line as nearly every program writes it: `METHOD SP target SP HTTP/1.d` and a line end, or
//! `HTTP/1.d SP ddd`. It need not begin a line, because bodies end without one, nor a chunk, because retransmissions have
//! other borders. Whatever is found must prove itself by a whole well-formed head ([`Scan`](crate::http::head::Scan) in its
//! strict form); if it does not, the search goes on behind what was looked at, so that each byte is searched once.

use memchr::{memchr, memmem, memrchr};

use crate::Limits;
use crate::http::buffer::{Buffer, Input};
use crate::http::head::{Expected, Kind, METHOD_BYTES_MAX, METHODS, is_usual_in_method};

/// What both start lines hold.
const VERSION: &[u8] = b"HTTP/1.";

/// Where a search stands.
#[derive(Debug)]
pub(super) struct Search {
    /// The line that is not whole yet, as far as it came in earlier chunks.
    line: Buffer,
    /// The line's first byte may begin a message whatever method it names: nothing, a line end or a gap is before it.
    at_border: bool,
    /// How far the line was searched.
    searched: usize,
}

/// What became of the bytes at hand.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A message may start at the first byte that is left.
    Found,
    /// A message may start with these earlier bytes and go on with what is left.
    FoundEarlier(Buffer),
    /// No message may start in them; none is left.
    Nothing,
}

impl Search {
    /// A search that begins with the byte at `input`, which a gap, a line end or nothing is before.
    pub(super) fn new(line: Buffer) -> Self {
        Self {
            line,
            at_border: true,
            searched: 0,
        }
    }

    /// Bytes that it holds.
    pub(super) fn held(&self) -> usize {
        self.line.bytes().len()
    }

    /// Goes on with `input`. `passed` counts the bytes that turn out to start no message.
    pub(super) fn advance(
        &mut self,
        input: &mut Input<'_>,
        expected: Expected,
        passed: &mut u64,
        limits: &Limits,
    ) -> Outcome {
        let window = limits.http_search_line_bytes_max;
        if self.held() > 0 {
            let before = self.held();
            let line_end = memchr(b'\n', input.bytes);
            let rest = line_end.map_or(input.bytes.len(), |end| end + 1);
            self.line.extend(&input.bytes[..rest], input.place);
            let found = self.find(None, expected, window);
            if let Some(start) = found {
                *passed += start.min(before) as u64;
                if start >= before {
                    *passed += (start - before) as u64;
                    input.take(start - before);
                    return Outcome::Found;
                }
                self.line.truncate(before);
                self.line.drop_front(start);
                let place = self.line.place(0);
                return Outcome::FoundEarlier(std::mem::replace(
                    &mut self.line,
                    Buffer::new(place),
                ));
            }
            input.take(rest);
            if line_end.is_none() {
                *passed += self.trim(window);
                return Outcome::Nothing;
            }
            *passed += self.held() as u64;
            *self = Self::new(Buffer::new(input.place));
        }
        self.search_borrowed(input, expected, passed, window)
    }

    /// Searches bytes at hand, with nothing held.
    fn search_borrowed(
        &mut self,
        input: &mut Input<'_>,
        expected: Expected,
        passed: &mut u64,
        window: usize,
    ) -> Outcome {
        if let Some(start) = self.find(Some(input.bytes), expected, window) {
            *passed += start as u64;
            input.take(start);
            return Outcome::Found;
        }
        let line = memrchr(b'\n', input.bytes).map_or(0, |end| end + 1);
        *passed += line as u64;
        self.at_border |= line > 0;
        self.searched = self.searched.saturating_sub(line);
        input.take(line);
        self.line.extend(input.bytes, input.place);
        input.take(input.bytes.len());
        *passed += self.trim(window);
        Outcome::Nothing
    }

    /// Where the next candidate starts in `bytes`, or in the line held.
    fn find(&mut self, bytes: Option<&[u8]>, expected: Expected, window: usize) -> Option<usize> {
        let bytes = bytes.unwrap_or_else(|| self.line.bytes());
        while let Some(at) = memmem::find(&bytes[self.searched..], VERSION) {
            let version = self.searched + at;
            match judge(bytes, version, self.at_border, expected, window) {
                Judgement::Start(start) => return Some(start),
                Judgement::Undecided => {
                    self.searched = version;
                    return None;
                }
                Judgement::No => self.searched = version + VERSION.len(),
            }
        }
        self.searched = self
            .searched
            .max(bytes.len().saturating_sub(VERSION.len() - 1));
        None
    }

    /// Forgets what no start line within the window can use; moves the rest at most once a byte on average.
    fn trim(&mut self, window: usize) -> u64 {
        let surplus = self.searched.saturating_sub(window + METHOD_BYTES_MAX + 2);
        if surplus == 0 || surplus * 2 < self.held() {
            return 0;
        }
        self.line.drop_front(surplus);
        self.searched -= surplus;
        self.at_border = false;
        surplus as u64
    }
}

enum Judgement {
    Start(usize),
    No,
    /// More bytes are needed.
    Undecided,
}

/// Whether the version at `version` belongs to a start line that is looked for.
fn judge(
    bytes: &[u8],
    version: usize,
    at_border: bool,
    expected: Expected,
    window: usize,
) -> Judgement {
    let after = &bytes[version + VERSION.len()..];
    let kind = match after {
        [] | [b'0'..=b'9'] | [b'0'..=b'9', b'\r'] => return Judgement::Undecided,
        [b'0'..=b'9', b'\n', ..] | [b'0'..=b'9', b'\r', b'\n', ..] => Kind::Request,
        [b'0'..=b'9', b' ', status @ ..] => match status {
            [
                b'0'..=b'9',
                b'0'..=b'9',
                b'0'..=b'9',
                b' ' | b'\r' | b'\n',
                ..,
            ] => Kind::Response,
            _ if status.len() < 4 && status.iter().all(u8::is_ascii_digit) => {
                return Judgement::Undecided;
            }
            _ => return Judgement::No,
        },
        _ => return Judgement::No,
    };
    let start = match kind {
        Kind::Response => Some(version),
        Kind::Request => request_start(&bytes[..version], at_border),
    };
    match start {
        Some(start) if expected.allows(kind) && version - start <= window => {
            Judgement::Start(start)
        }
        _ => Judgement::No,
    }
}

/// Where the request line starts that goes on with a version after `before`.
fn request_start(before: &[u8], at_border: bool) -> Option<usize> {
    let line_start = memrchr(b'\n', before).map_or(0, |end| end + 1);
    let line = before[line_start..].strip_suffix(b" ")?;
    let method_end = memrchr(b' ', line)?;
    let target = &line[method_end + 1..];
    if target.is_empty() || target.iter().any(|&byte| byte <= b' ' || byte == 0x7f) {
        return None;
    }
    let letters = line[..method_end]
        .iter()
        .rev()
        .take_while(|byte| is_usual_in_method(byte))
        .count();
    let run = &line[method_end - letters.min(METHOD_BYTES_MAX)..method_end];
    let known = METHODS
        .iter()
        .filter(|method| run.ends_with(method))
        .map(|method| method.len());
    let begins_line = letters == method_end && (line_start > 0 || at_border);
    let unknown = (begins_line && !run.is_empty() && letters == run.len()).then_some(run.len());
    let len = known.max().or(unknown)?;
    Some(line_start + method_end - len)
}

#[cfg(test)]
mod tests;
