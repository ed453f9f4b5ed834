//! Messages that tshark sees and the archive rightly lacks, each with the reason that the packets give.

/// Messages of one capture that need not be found.
#[derive(Debug)]
pub(super) struct Exception {
    /// Name of the capture file.
    pub(super) capture: &'static str,
    /// How many of tshark's messages are missed; no more and no fewer.
    pub(super) messages: usize,
    /// What the packets show.
    pub(super) reason: &'static str,
}

/// Every exception.
pub(super) const EXCEPTIONS: &[Exception] = &[];
