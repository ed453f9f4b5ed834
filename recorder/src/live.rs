//! The live stream: what is recorded, to whoever asks for it over HTTP, as it is recorded.
//!
//! ```text
//! recording ─Exchange→ Feed: the recent ones ─→ Subscription: one thread each ─Arrow IPC→ bounded channel ─→ hyper
//!                        spool: kept frames  ─↗
//! ```
//! * `feed`: recent exchanges, numbered; `cursor`: where a subscriber is, there or in the spool.
//! * `query`: what a subscriber asks for. `subscription`: what it gets.
//! * `serve`: HTTP and TLS; `access`: who may ask.
//!
//! Recording hands an exchange over and never waits. A subscriber that is slow falls behind the recent exchanges; with a spool
//! it goes on from frames, and without, or when those are gone too, the next row says how many exchanges it has missed.

mod access;
mod cursor;
mod feed;
mod query;
mod serve;
mod subscription;

use std::net::SocketAddr;
use std::sync::Arc;

pub use access::{Token, TokenError};
pub(crate) use access::{server_tls, token_file};
pub(crate) use feed::{Feed, FeedFacts};
pub(crate) use serve::Server;

/// How the live stream is served.
#[derive(Clone, Debug)]
pub struct Live {
    /// Where.
    pub address: SocketAddr,
    /// What a subscriber must present; `None` lets everyone in who can reach the address.
    pub token: Option<Token>,
    /// Certificate and key; `None` is plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}
