//! The harness that every test here is written with.
//!
//! * [`PacketScript`]: TCP conversations written down as a story, and the capture that a mirror would make of them.
//! * [`record`]: frames through the recorder's core; [`render()`]: what came out, as text for golden files.
//! * [`recorder()`], [`replayer()`]: the built programs, run with a time limit.
//! * [`Target`]: an HTTP server on loopback that answers as told and remembers what arrived, byte for byte.
//! * [`S3Server`]: a real S3 server on loopback. [`read_archive`]: an archive on disk, back as exchanges.
//! * [`shared_captures`], [`transactions`]: other people's captures, with a second opinion on each.

mod archive;
mod bin;
mod packets;
mod pipeline;
mod proxy;
mod python;
mod render;
mod shared;
mod store;
mod target;
mod workspace;

pub use archive::{decode_segment, files_below, read_archive, read_ledger, read_run};
pub use bin::{Ran, TIME_LIMIT, recorder, replayer, run, run_with_input, run_within};
pub use packets::{PacketScript, ScriptFrame};
pub use pipeline::{Recording, options, record, record_with};
pub use proxy::ThrottlingProxy;
pub use python::{python, run_python};
pub use render::{render, render_exchange};
pub use shared::{Transaction, shared, shared_captures, transactions};
pub use store::S3Server;
pub use target::{Answer, Arrival, Target};
pub use workspace::{source_files, workspace};
