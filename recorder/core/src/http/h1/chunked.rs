//! The chunked coding (RFC 9112 section 7.1), undone as its bytes come.

use crate::Limits;

/// Where in the coding the next byte stands.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// In a chunk-size line, with the size so far.
    Size {
        size: u64,
        /// Bytes of the line so far.
        line_bytes: usize,
        /// Digits were seen.
        digits: bool,
        /// The size is over: blanks or an extension follow.
        extension: bool,
    },
    /// In a chunk, with the bytes that are left of it.
    Data(u64),
    /// At the line end after a chunk.
    DataEnd,
    /// In the trailer section, with the bytes of its line so far that are no CR.
    Trailers { line_bytes: usize },
}

/// What the decoder found in the bytes that it took.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Bytes of the body.
    Data(&'a [u8]),
    /// Framing.
    Framing,
    /// The last byte of the message.
    End,
    /// The next byte is none that the coding allows; it was not taken.
    Malformed,
}

/// Undoes the coding.
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    /// A chunk-size line was read.
    begun: bool,
    /// The trailer section so far, with its line ends; allocated with its first byte.
    trailers: Vec<u8>,
    /// The trailer section outgrew its limit.
    trailers_cut: bool,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            state: State::line(),
            begun: false,
            trailers: Vec::new(),
            trailers_cut: false,
        }
    }

    /// Whether a chunk-size line was read.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The trailer section with its empty line, if it has a field; and whether it was longer than the limit.
    pub(super) fn into_trailers(self) -> (Option<Vec<u8>>, bool) {
        let fields = self
            .trailers
            .iter()
            .any(|byte| !matches!(byte, b'\r' | b'\n'));
        (fields.then_some(self.trailers), self.trailers_cut)
    }

    /// Bytes that are known to be left of the current chunk.
    pub(super) fn left(&self) -> u64 {
        match self.state {
            State::Data(left) => left,
            _ => 0,
        }
    }

    /// Passes over `len` lost bytes if they lie in the current chunk.
    pub(super) fn skip(&mut self, len: u64) -> bool {
        match self.state {
            State::Data(left) if len <= left => {
                self.state = if len == left {
                    State::DataEnd
                } else {
                    State::Data(left - len)
                };
                true
            }
            _ => false,
        }
    }

    /// Takes bytes off the front of `bytes`, which are not empty.
    pub(super) fn step<'a>(&mut self, bytes: &mut &'a [u8], limits: &Limits) -> Step<'a> {
        if let State::Data(left) = self.state {
            let len = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (data, rest) = bytes.split_at(len);
            *bytes = rest;
            self.skip(len as u64);
            return Step::Data(data);
        }
        let rest = *bytes;
        for (at, &byte) in rest.iter().enumerate() {
            let step = self.framing(byte, limits);
            let taken = at + usize::from(step != Some(Step::Malformed));
            *bytes = &rest[taken..];
            if let Some(step) = step {
                return step;
            }
        }
        Step::Framing
    }

    /// Takes one byte that is none of the body's; `None` if more framing follows.
    fn framing(&mut self, byte: u8, limits: &Limits) -> Option<Step<'static>> {
        match &mut self.state {
            State::Size {
                size,
                line_bytes,
                digits,
                extension,
            } => {
                *line_bytes += 1;
                if *line_bytes > limits.http_chunk_line_bytes_max {
                    return Some(Step::Malformed);
                }
                match (byte, char::from(byte).to_digit(16)) {
                    (b'\n', _) if *digits => {
                        self.begun = true;
                        self.state = match *size {
                            0 => State::Trailers { line_bytes: 0 },
                            size => State::Data(size),
                        };
                        return Some(Step::Framing);
                    }
                    (b'\n', _) => return Some(Step::Malformed),
                    (_, _) if *extension => {}
                    (_, Some(digit)) => {
                        let Some(longer) = size.checked_mul(16) else {
                            return Some(Step::Malformed);
                        };
                        *size = longer + u64::from(digit);
                        *digits = true;
                    }
                    (b';' | b' ' | b'\t' | b'\r', _) if *digits => *extension = true,
                    (b' ' | b'\t', _) => {}
                    _ => return Some(Step::Malformed),
                }
                None
            }
            State::DataEnd => match byte {
                b'\r' => None,
                b'\n' => {
                    self.state = State::line();
                    None
                }
                _ => Some(Step::Malformed),
            },
            State::Trailers { line_bytes } => {
                let line_empty = *line_bytes == 0;
                match byte {
                    b'\n' => *line_bytes = 0,
                    b'\r' => {}
                    _ => *line_bytes += 1,
                }
                if self.trailers.len() < limits.http_trailer_bytes_max {
                    self.trailers.push(byte);
                } else {
                    self.trailers_cut = true;
                }
                (byte == b'\n' && line_empty).then_some(Step::End)
            }
            State::Data(_) => None,
        }
    }
}

impl State {
    fn line() -> Self {
        Self::Size {
            size: 0,
            line_bytes: 0,
            digits: false,
            extension: false,
        }
    }
}

#[cfg(test)]
mod tests;
