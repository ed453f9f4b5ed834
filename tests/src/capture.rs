//! Capture files, whole in memory.

use std::path::Path;
use std::sync::Arc;

use recorder::Captures;
use recorder_core::{Frame, LinkType};
use schema::Timestamp;

/// One frame of a capture, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// Capture time.
    pub at: Timestamp,
    /// How the bytes begin.
    pub link: LinkType,
    /// What was captured.
    pub bytes: Vec<u8>,
    /// How long the frame was on the wire.
    pub wire_len: u32,
    /// The capture's name.
    pub source: Arc<str>,
}

impl CapturedFrame {
    /// As the recorder's core takes it.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            at: self.at,
            link: self.link,
            bytes: &self.bytes,
            wire_len: self.wire_len,
            source: &self.source,
        }
    }
}

/// Every frame of a capture file of any format that `recorder read` takes; a damaged file gives what is before the damage.
///
/// # Panics
/// If the file is no capture.
#[must_use]
pub fn read_capture(path: &Path) -> Vec<CapturedFrame> {
    let fail = |error| panic!("read {}: {error:#}", path.display());
    let mut captures = Captures::open(&[path.to_path_buf()]).unwrap_or_else(fail);
    let mut frames = Vec::new();
    while let Some(frame) = captures
        .next_frame()
        .unwrap_or_else(|error| panic!("read {}: {error:#}", path.display()))
    {
        frames.push(CapturedFrame {
            at: frame.at,
            link: frame.link,
            bytes: frame.bytes.to_vec(),
            wire_len: frame.wire_len,
            source: Arc::clone(frame.source),
        });
    }
    frames
}
