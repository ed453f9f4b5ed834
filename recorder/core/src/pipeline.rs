//! One shard: every layer, the ledger, and the exchanges that are ready.
use schema::{Exchange, LedgerRow, Timestamp};

use crate::{Counters, Frame, Limits};

/// How exchanges are to be recorded; policy, not bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most bytes of a body that are stored; the true length is kept beside.
    pub body_bytes_max: usize,
    /// Keep response bodies as they were on the wire, Content-Encoding and all.
    pub raw_bodies: bool,
    /// UDP ports that carry VXLAN.
    pub vxlan_ports: Vec<u16>,
}

/// Frames in, exchanges and ledger rows out; owns everything it needs and shares nothing.
#[derive(Debug)]
pub struct Pipeline {}

impl Pipeline {
    /// An empty pipeline.
    #[must_use]
    pub fn new(_limits: Limits, _options: Options) -> Self {
        todo!()
    }
    /// Takes one captured frame; packet time moves to its time if that is later.
    pub fn handle_frame(&mut self, _frame: &Frame<'_>) {
        todo!()
    }
    /// Moves packet time on while the line is silent.
    pub fn handle_timeout(&mut self, _now: Timestamp) {
        todo!()
    }
    /// When [`Pipeline::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        todo!()
    }
    /// The next exchange that is done, in order of completion; call until `None` after each `handle_*`.
    #[must_use]
    pub fn poll_exchange(&mut self) -> Option<Exchange> {
        todo!()
    }
    /// The next ledger row whose minute lies far enough behind packet time to change no more.
    #[must_use]
    pub fn poll_ledger(&mut self) -> Option<LedgerRow> {
        todo!()
    }
    /// The capture has ended: every open connection gives what it has, with its true completeness, and every ledger row is
    /// ready.
    pub fn finish(&mut self) {
        todo!()
    }
    /// Sum over everything so far.
    #[must_use]
    pub fn totals(&self) -> Counters {
        todo!()
    }
}
