//! HTTP/2: frames, streams, header tables and what becomes of them where bytes are lost.

mod bounds;
mod loss;
mod properties;
mod streams;

/// The harness's, which is no dependency of a core.
#[path = "../../../../../tests/src/h2.rs"]
#[expect(
    unreachable_pub,
    clippy::cast_possible_truncation,
    reason = "it is public in the harness, which may truncate"
)]
mod peer;
