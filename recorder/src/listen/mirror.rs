//! Requests that proxies copy to us over HTTP (`--http-mirror`): answered at once, and recorded by a thread of their own.
//!
//! ```text
//! proxy ─TCP→ serve: MirrorConnection ─answer→ proxy
//!             (tokio, a task each)    ╲
//!                                      desk: bounded ─→ thread: Pipeline ─Batch→ queue, as from shards
//! ```
//!
//! Nothing here can be felt by production: an answer never waits for what happens to the request, and at every bound the
//! request is let go and counted (`exchanges_shed`).

mod desk;
mod serve;
mod thread;

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use recorder_core::Mirrored;
use tokio::net::TcpListener;

use super::limits::ListenLimits;
use super::stats::Shared;
use crate::config::Config;

use desk::Desk;

pub(super) use desk::Books;
pub(super) use thread::MirrorThread;

/// Begins to take requests; gives what the thread needs that records them.
pub(super) fn start(
    listener: TcpListener,
    config: &Config,
    limits: &ListenLimits,
    shared: &Arc<Shared>,
) -> (Receiver<Mirrored>, Arc<Books>) {
    let (desk, requests, books) = Desk::new(limits);
    let service = serve::Service::new(desk, config, limits.clone());
    tokio::spawn(service.serve(listener, Arc::clone(shared)));
    (requests, books)
}
