//! Every bound of a replay, in one place.

/// How much a replay may hold. Reaching a bound makes the replay late, which lag shows; nothing is dropped unless
/// `--when-behind skip` asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests sent and not yet answered. At the bound the next one waits for an answer, or is skipped.
    pub in_flight_max: usize,
    /// Requests that are due and wait for their predecessor's answer. At the bound the schedule waits for one of them, or the next is skipped.
    pub waiting_max: usize,
    /// Bytes of memory of the exchanges that were read and not sent. At the bound reading stops until some are sent.
    pub held_bytes_max: usize,
    /// Exchanges read from the archive ahead of the schedule, beside those that wait for an answer. At the bound reading
    /// stops until some are sent.
    pub read_ahead_max: usize,
    /// Bytes of an answer's body that are stored; its true length is kept whatever it is.
    pub body_bytes_max: usize,
    /// Bytes of an answer's heads, interim ones and trailers included; longer ones are a failure of the target.
    pub head_bytes_max: usize,
    /// Bytes of a line with a chunk's size and extensions; a longer one is a failure of the target.
    pub chunk_line_bytes_max: usize,
    /// Values that were learned from answers, each form of one counted. At the bound the one that was learned first and not used
    /// lately is forgotten, and counted.
    pub correlated_values_max: usize,
    /// Bytes of memory of these values; likewise.
    pub correlated_bytes_max: usize,
    /// Values that are learned from one answer. What is beyond is counted and not learned.
    pub correlated_values_per_answer_max: usize,
    /// Bytes of a body, before and after its Content-Encoding is undone, that values are looked for in. A longer one is counted
    /// and left as it is.
    pub correlated_body_bytes_max: usize,
    /// Bytes of memory of the exchanges that came over a live stream and are not due soon. At the bound nothing more is read of the
    /// stream until some are; the recorder keeps it, and counts what it cannot keep.
    pub follow_waiting_bytes_max: usize,
    /// Exchanges that were given out and are remembered, so that they are not when they come again. At the bound the one that was
    /// given out first is forgotten; what comes and started before that is not sent, and is counted.
    pub remembered_max: usize,
    /// Pairs of values that two runs put into requests in place of one recorded value. What is beyond is counted, and a difference
    /// that it would have explained stays one.
    pub substituted_pairs_max: usize,
    /// Segments opened before the first of their exchanges is needed. At the bound the next is opened when one of them is needed.
    pub prefetch_segments_max: usize,
    /// Bytes of the segments that are open ahead of need; likewise.
    pub prefetch_bytes_max: u64,
    /// The same for small segments, of which many are opened ahead: each takes as long to fetch as a large one, and is over sooner.
    pub prefetch_small_segments_max: usize,
    /// Bytes of all segments ahead of need up to which they count as small ones.
    pub prefetch_small_bytes_max: u64,
}

impl Limits {
    /// Whether a segment may be opened ahead of need where `ahead` others are, which hold `bytes` together with it.
    #[must_use]
    pub fn prefetches(&self, ahead: usize, bytes: u64) -> bool {
        (ahead < self.prefetch_segments_max && bytes <= self.prefetch_bytes_max)
            || (ahead < self.prefetch_small_segments_max && bytes <= self.prefetch_small_bytes_max)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight_max: 1_024,
            waiting_max: 65_536,
            held_bytes_max: 128 << 20,
            read_ahead_max: 8_192,
            body_bytes_max: 16 << 20,
            head_bytes_max: 256 << 10,
            chunk_line_bytes_max: 4 << 10,
            correlated_values_max: 1 << 18,
            correlated_bytes_max: 64 << 20,
            correlated_values_per_answer_max: 1_024,
            correlated_body_bytes_max: 1 << 20,
            follow_waiting_bytes_max: 128 << 20,
            remembered_max: 1 << 20,
            substituted_pairs_max: 1 << 20,
            prefetch_segments_max: 4,
            prefetch_bytes_max: 256 << 20,
            prefetch_small_segments_max: 32,
            prefetch_small_bytes_max: 4 << 20,
        }
    }
}
