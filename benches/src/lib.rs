//! Seeded traffic for tests and measurements.
//!
//! * [`Traffic`]: what to generate; [`Traffic::exchange`] is the truth, [`Traffic::frames`] what a mirror would deliver.
//! * [`wire`]: frames from the inside out, also used by the tests' packet scripts.
//! * [`write_pcap`]: frames as a capture file.
//! * [`Month`]: archives of many small segments, without recording for a month. [`S3Server`]: a real S3 server on loopback to put
//!   them on.
//!
//! Everything is a pure function of the seed: the same [`Traffic`] gives the same bytes everywhere. Frames are made one
//! exchange at a time, so that a capture of any length is written in little memory.

mod api;
mod content;
mod flood;
mod frames;
mod month;
mod pcap;
mod rng;
mod store;
mod traffic;
pub mod wire;

pub use content::SentExchange;
pub use flood::Flood;
pub use frames::{FrameCounts, Frames, TimedFrame};
pub use month::Month;
pub use pcap::{Written, write_pcap};
pub use rng::Rng;
pub use store::S3Server;
pub use traffic::{Impairment, Mix, Traffic};

#[cfg(test)]
mod tests;
