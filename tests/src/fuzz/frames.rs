//! Any frames, through the whole core with narrow bounds.

use std::sync::Arc;
use std::time::Duration;

use recorder_core::{Dispatcher, Frame, Limits, TunnelPorts};
use schema::{Completeness, Exchange, Timestamp};

use super::LINKS;
use super::input::Input;
use crate::{check_conservation, options, record_frames};

/// Takes records of a link layer (one byte, see [`LINKS`]), time since the last one (one byte, 16 ms), bytes that the capture
/// cut (one byte), length (two bytes, low first), and the frame.
///
/// # Panics
/// If a frame or a byte is not accounted for, a bound is passed, or a row contradicts itself.
pub fn fuzz_frames(data: &[u8]) {
    let mut input = Input(data);
    let source: Arc<str> = "fuzz".into();
    let mut at = Timestamp::from_micros(1_795_352_400_000_000);
    let mut frames = Vec::new();
    while !input.is_empty() {
        let link = LINKS[usize::from(input.byte()) % LINKS.len()];
        at = at.saturating_add(Duration::from_millis(16) * u32::from(input.byte()));
        let cut = u32::from(input.byte());
        let len = usize::from(input.word());
        let bytes = input.take(len);
        frames.push(Frame {
            at,
            link,
            bytes,
            wire_len: bytes.len() as u32 + cut,
            source: &source,
        });
    }
    let mut dispatcher = Dispatcher::new(TunnelPorts::default(), narrow());
    for frame in &frames {
        let hash = dispatcher.hash(frame);
        assert_eq!(hash, dispatcher.hash(frame), "a copy goes elsewhere");
    }
    for limits in [Limits::default(), narrow()] {
        let recording = record_frames(frames.iter().copied(), limits, options());
        check_conservation(frames.len() as u64, &recording);
        recording.exchanges.iter().for_each(check);
    }
}

/// Bounds that a small input hits.
fn narrow() -> Limits {
    Limits {
        tunnels_max: 2,
        sources_max: 3,
        fragmented_datagrams_max: 2,
        fragment_bytes_max: 2_048,
        connections_max: 3,
        ledger_rows_max: 3,
        ledger_empty_minutes_max: 3,
        gap_grace_frames: 4,
        gap_bytes_one_sided: 512,
        held_bytes_half_max: 512,
        held_bytes_max: 768,
        http_head_bytes_max: 512,
        http_headers_max: 4,
        http_chunk_line_bytes_max: 16,
        http_trailer_bytes_max: 64,
        http_search_line_bytes_max: 128,
        http_probe_bytes_max: 256,
        http_pipeline_depth_max: 3,
        http_pending_bytes_max: 256,
        ..Limits::default()
    }
}

/// What a row says of itself holds together.
fn check(exchange: &Exchange) {
    let Exchange {
        request, response, ..
    } = exchange;
    assert!(request.is_some() || response.is_some(), "{exchange:?}");
    let whole = exchange.completeness == Completeness::Complete;
    let lacking = exchange.request_missing_bytes + exchange.response_missing_bytes;
    assert!(!whole || (request.is_some() && response.is_some() && lacking == 0));
    if let Some(request) = request {
        let stored = request.body.bytes.len() as u64;
        assert!(stored <= request.body.wire_bytes, "{exchange:?}");
        assert!(!whole || stored == request.body.wire_bytes, "{exchange:?}");
        assert!(request.start <= request.end, "{exchange:?}");
    }
    if let Some(response) = response {
        assert!(response.start <= response.end, "{exchange:?}");
    }
}
