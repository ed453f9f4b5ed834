//! The chunked coding of an answer (RFC 9112 section 7.1), undone as its bytes come.

/// Where in the coding the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the digits of a chunk's size.
    Size { size: u64, digits: bool },
    /// In what follows them up to the line's end.
    Extension { size: u64 },
    /// In a chunk, with the bytes that are left of it.
    Data(u64),
    /// At the line end after a chunk.
    DataEnd,
    /// In the trailer section; whether the line has a byte yet.
    Trailers { line_begun: bool },
}

/// What the decoder found at the front of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes of framing, and more is needed.
    NeedsInput,
    /// So many bytes of framing, then so many of the body.
    Data(usize),
    /// The message ended.
    End,
}

/// Undoes the coding.
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    /// Bytes of the current line of size and extension.
    line_bytes: usize,
    line_bytes_max: usize,
    /// The trailer section so far, with its line ends.
    trailers: Vec<u8>,
}

impl Decoder {
    pub(super) fn new(line_bytes_max: usize) -> Self {
        Self {
            state: State::SIZE,
            line_bytes: 0,
            line_bytes_max,
            trailers: Vec::new(),
        }
    }

    /// The trailer section with its empty line; empty if there is no field.
    pub(super) fn trailers(&self) -> &[u8] {
        let fields = self
            .trailers
            .iter()
            .any(|byte| !matches!(byte, b'\r' | b'\n'));
        if fields { &self.trailers } else { &[] }
    }

    /// Takes framing off the front of `bytes`: how many bytes, and what follows. `None` at a byte that the coding does not
    /// allow, or where a line or the trailers grow beyond their bound.
    pub(super) fn step(&mut self, bytes: &[u8], trailer_bytes_max: usize) -> Option<(usize, Step)> {
        for (at, &byte) in bytes.iter().enumerate() {
            match self.state {
                State::Data(left) => {
                    let rest = bytes.len() - at;
                    let len = usize::try_from(left).map_or(rest, |left| left.min(rest));
                    self.state = match left - len as u64 {
                        0 => State::DataEnd,
                        left => State::Data(left),
                    };
                    return Some((at, Step::Data(len)));
                }
                State::Trailers { line_begun } => {
                    if self.trailers.len() == trailer_bytes_max {
                        return None;
                    }
                    self.trailers.push(byte);
                    match byte {
                        b'\n' if !line_begun => return Some((at + 1, Step::End)),
                        b'\r' => {}
                        _ => {
                            self.state = State::Trailers {
                                line_begun: byte != b'\n',
                            }
                        }
                    }
                }
                state => self.state = self.size_line(state, byte)?,
            }
        }
        Some((bytes.len(), Step::NeedsInput))
    }

    fn size_line(&mut self, state: State, byte: u8) -> Option<State> {
        self.line_bytes += 1;
        if self.line_bytes > self.line_bytes_max {
            return None;
        }
        let next = match (state, byte) {
            (State::DataEnd, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => State::SIZE,
            (State::Size { size, digits: true } | State::Extension { size }, b'\n') => {
                self.line_bytes = 0;
                match size {
                    0 => State::Trailers { line_begun: false },
                    size => State::Data(size),
                }
            }
            (State::Size { size, digits: true }, b';' | b' ' | b'\t' | b'\r') => {
                State::Extension { size }
            }
            (State::Size { digits: false, .. }, b' ' | b'\t') => state,
            (State::Size { size, .. }, byte) => {
                let digit = char::from(byte).to_digit(16)?;
                State::Size {
                    size: size.checked_mul(16)? + u64::from(digit),
                    digits: true,
                }
            }
            (State::Extension { .. }, _) => state,
            _ => return None,
        };
        Some(next)
    }
}

impl State {
    const SIZE: Self = Self::Size {
        size: 0,
        digits: false,
    };
}
