//! The bytes of one capture, decompressed, in one buffer that is used again and again.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use super::Fault;

/// Room for bytes that are read and not yet used. Large enough that a read costs little beside parsing, small enough to
/// stay in the second-level cache.
const BUFFER_BYTES: usize = 256 << 10;

/// Most bytes that one packet or block may have. libpcap itself stops at 256 KiB for networks; what claims to be longer
/// than this is damage.
pub(super) const RECORD_BYTES_MAX: usize = 16 << 20;

/// A capture's bytes; what is not yet used lies in one piece in `buffer[start..end]`.
pub(super) struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes used so far, uncompressed.
    offset: u64,
}

impl Input {
    /// Opens a file; what is read of it is added to `progress`, compressed as it is.
    pub(super) fn open(path: &Path, progress: &Arc<AtomicU64>) -> io::Result<Self> {
        Self::new(Box::new(File::open(path)?), progress)
    }

    /// Opens standard input.
    pub(super) fn stdin(progress: &Arc<AtomicU64>) -> io::Result<Self> {
        Self::new(Box::new(io::stdin()), progress)
    }

    /// Finds out by its first bytes how `reader` is compressed: names lie.
    pub(super) fn new(reader: Box<dyn Read + Send>, progress: &Arc<AtomicU64>) -> io::Result<Self> {
        let mut reader = Counted {
            reader,
            read: Arc::clone(progress),
        };
        let mut magic = Vec::with_capacity(4);
        Read::by_ref(&mut reader).take(4).read_to_end(&mut magic)?;
        let compression = Compression::detect(&magic);
        let whole = Cursor::new(magic).chain(reader);
        let reader: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(whole),
            Compression::Gzip => Box::new(MultiGzDecoder::new(whole)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(whole)?),
        };
        Ok(Self {
            reader,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
            offset: 0,
        })
    }

    /// What is read and not yet used.
    pub(super) fn available(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Marks the next `len` bytes as used and says where they lie; [`Input::used`] gives them until the next read.
    pub(super) fn consume(&mut self, len: usize) -> usize {
        let at = self.start;
        self.start += len;
        self.offset += len as u64;
        debug_assert!(self.start <= self.end, "no more is used than was read");
        at
    }

    /// Bytes that [`Input::consume`] said lie at `at`.
    pub(super) fn used(&self, at: usize, len: usize) -> &[u8] {
        &self.buffer[at..at + len]
    }

    /// Everything used so far, as far as it is still in the buffer.
    pub(super) fn all_used(&self) -> &[u8] {
        &self.buffer[..self.start]
    }

    /// Reads until at least `len` bytes are available; false if the capture ends before.
    pub(super) fn fill(&mut self, len: usize) -> Result<bool, Fault> {
        while self.end - self.start < len {
            if !self.read_more(len)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One read behind what is available; false at the end.
    fn read_more(&mut self, len: usize) -> Result<bool, Fault> {
        if len > RECORD_BYTES_MAX {
            return Err(self.damaged(format!("a packet of {len} bytes")));
        }
        if self.start + len > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if len > self.buffer.len() {
                self.buffer.resize(len.next_power_of_two(), 0);
            }
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.cut("the compressed data ends in the middle"));
                }
                Err(error) => {
                    return Err(Fault(format!(
                        "cannot be read after byte {}: {error}",
                        self.offset
                    )));
                }
            }
        }
    }

    /// The fault of a capture that ends in the middle of something.
    pub(super) fn cut(&self, how: &str) -> Fault {
        Fault(format!(
            "cut off: {how} (after {} whole bytes)",
            self.offset
        ))
    }

    /// The fault of a capture that holds something that cannot be.
    pub(super) fn damaged(&self, what: impl std::fmt::Display) -> Fault {
        Fault(format!("damaged: {what} at byte {}", self.offset))
    }
}

/// How a capture is compressed.
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    fn detect(magic: &[u8]) -> Self {
        match *magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or a skippable one as seekable and parallel writers put first (RFC 8878 section 3.1).
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Counts what is read through it.
struct Counted {
    reader: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
