//! Seeded traffic for tests and measurements.
//!
//! * [`Traffic`]: what to generate; [`Traffic::exchange`] is the truth, [`Traffic::frames`] what a mirror would deliver.
//! * [`wire`]: frames from the inside out, also used by the tests' packet scripts.
//! * [`write_pcap`]: frames as a capture file.
//!
//! Everything is a pure function of the seed: the same [`Traffic`] gives the same bytes everywhere. Frames are made one
//! exchange at a time, so that a capture of any length is written in little memory.

mod api;
mod content;
mod flood;
mod frames;
mod pcap;
mod rng;
mod traffic;
pub mod wire;

pub use content::SentExchange;
pub use flood::Flood;
pub use frames::{FrameCounts, Frames, TimedFrame};
pub use pcap::{Written, write_pcap};
pub use rng::Rng;
pub use traffic::{Impairment, Mix, Traffic};

#[cfg(test)]
mod tests;
