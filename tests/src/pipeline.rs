//! Frames through the recorder's core.

use std::sync::Arc;

use recorder_core::{Counters, Frame, Limits, Options, Pipeline};
use schema::{Exchange, LedgerRow};

use crate::PacketScript;

/// All that a pipeline gave.
#[derive(Debug)]
pub struct Recording {
    /// In the order in which they were done.
    pub exchanges: Vec<Exchange>,
    /// The ledger.
    pub ledger: Vec<LedgerRow>,
    /// Sums over everything.
    pub totals: Counters,
}

/// The options that `recorder read` has when no flag is given.
#[must_use]
pub fn options() -> Options {
    Options::default()
}

/// Records a script with default limits and options, as the capture file `script.pcap`.
#[must_use]
pub fn record(script: &PacketScript) -> Recording {
    record_with(script, Limits::default(), options())
}

/// Records a script as the capture file `script.pcap`.
#[must_use]
pub fn record_with(script: &PacketScript, limits: Limits, options: Options) -> Recording {
    let source: Arc<str> = "script.pcap".into();
    let frames = script.frames().iter().map(|frame| Frame {
        at: frame.at,
        link: script.link_type(),
        bytes: &frame.bytes,
        wire_len: frame.wire_len,
        source: &source,
    });
    record_frames(frames, limits, options)
}

/// Records frames.
///
/// # Panics
/// If more connections are held than `limits` allow.
#[must_use]
pub fn record_frames<'a>(
    frames: impl IntoIterator<Item = Frame<'a>>,
    limits: Limits,
    options: Options,
) -> Recording {
    let connections_max = limits.connections_max.max(1);
    let mut pipeline = Pipeline::new(limits, options);
    let (mut exchanges, mut ledger) = (Vec::new(), Vec::new());
    for frame in frames {
        pipeline.handle_frame(&frame);
        assert!(pipeline.connections() <= connections_max);
        exchanges.extend(std::iter::from_fn(|| {
            pipeline.poll_exchange().map(|it| *it)
        }));
        ledger.extend(std::iter::from_fn(|| pipeline.poll_ledger()));
    }
    pipeline.finish();
    exchanges.extend(std::iter::from_fn(|| {
        pipeline.poll_exchange().map(|it| *it)
    }));
    ledger.extend(std::iter::from_fn(|| pipeline.poll_ledger()));
    Recording {
        exchanges,
        ledger,
        totals: pipeline.totals(),
    }
}

/// Checks the sums that hold whatever came in: every frame, payload byte and exchange is accounted for, in the totals and in
/// the ledger.
///
/// # Panics
/// If one does not hold.
#[track_caller]
pub fn check_conservation(frames: u64, recording: &Recording) {
    let Recording {
        exchanges,
        ledger,
        totals,
    } = recording;
    let sum = |column: fn(&LedgerRow) -> u64| ledger.iter().map(column).sum::<u64>();
    assert_eq!(totals.ledger.frames, frames);
    assert_eq!(totals.frames_accounted(), frames);
    assert_eq!(totals.bytes_accounted(), totals.bytes_payload);
    assert_eq!(
        totals.bytes_http + totals.ledger.bytes_not_http + totals.ledger.bytes_tls,
        totals.bytes_delivered
    );
    assert_eq!(totals.ledger.exchanges, exchanges.len() as u64);
    assert_eq!(sum(|row| row.frames), frames);
    assert_eq!(sum(|row| row.exchanges), exchanges.len() as u64);
    assert_eq!(sum(|row| row.gap_bytes), totals.ledger.gap_bytes);
    assert_eq!(sum(|row| row.bytes_not_http), totals.ledger.bytes_not_http);
}
