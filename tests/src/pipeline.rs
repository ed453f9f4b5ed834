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
    let mut pipeline = Pipeline::new(limits, options);
    let (mut exchanges, mut ledger) = (Vec::new(), Vec::new());
    for frame in script.frames() {
        pipeline.handle_frame(&Frame {
            at: frame.at,
            link: script.link_type(),
            bytes: &frame.bytes,
            wire_len: frame.wire_len,
            source: &source,
        });
        exchanges.extend(std::iter::from_fn(|| pipeline.poll_exchange()));
        ledger.extend(std::iter::from_fn(|| pipeline.poll_ledger()));
    }
    pipeline.finish();
    exchanges.extend(std::iter::from_fn(|| pipeline.poll_exchange()));
    ledger.extend(std::iter::from_fn(|| pipeline.poll_ledger()));
    Recording {
        exchanges,
        ledger,
        totals: pipeline.totals(),
    }
}
