//! The one integration-test binary.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod archive;
mod browser;
mod captures;
mod cli_recorder;
mod cli_replayer;
mod compare;
mod demo;
mod deploy;
mod encryption;
mod faults;
mod flood;
mod format;
mod fuzz;
mod golden;
mod harness;
mod http2;
mod interface;
mod join;
mod laws;
mod limits;
mod listen;
mod maintain;
mod mirror;
mod mutants;
mod pitfalls;
mod privacy;
mod properties;
mod reading;
mod record;
mod replay;
mod report;
mod round_trip;
mod selection;
mod spool;
mod tidy;
