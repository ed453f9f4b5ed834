//! Frames in, exchanges out: the recorder without its sockets, files, threads and clocks.
//!
//! Bytes and [`Timestamp`](schema::Timestamp)s are pushed in, [`Exchange`](schema::Exchange)s are pulled out. The layers,
//! bottom up; each calls only downward and none knows its user:
//!
//! * `wire`: a captured [`Frame`] becomes a TCP `Packet`, whatever it is wrapped in.
//! * `flow`: the bounded table of connections, expired by packet time.
//! * `tcp`: two halves of a connection; out-of-order bytes become ordered chunks and gaps.
//! * `http`: chunks and gaps become messages, framed by RFC 9112 section 6.3.
//! * `pairing`: messages become exchanges.
//! * [`Selection`]: which of them are recorded; [`Redaction`]: what is taken out of those.
//! * [`MirrorConnection`]: requests that a proxy copies to us become exchanges without packets.
//! * [`Pipeline`]: one shard of all of it, and the ledger. [`Dispatcher`] says which shard a frame belongs to.
//!
//! Captured traffic never makes any of it fail: what is odd is an [`Anomaly`], counted in [`Counters`]. Every bound is in
//! [`Limits`].

#![warn(missing_docs, clippy::cast_possible_truncation)]

mod counters;
mod dispatch;
mod flow;
mod http;
mod ledger;
mod limits;
mod mirrored;
mod pairing;
mod pipeline;
mod redact;
mod rotation;
mod selection;
mod tcp;
mod tls;
mod wire;

pub use counters::{Anomaly, Counters};
pub use dispatch::Dispatcher;
pub use limits::Limits;
pub use mirrored::{MirrorConnection, MirrorStep, Mirrored, NotRequest};
pub use pipeline::{Options, Pipeline};
pub use redact::{KeyTooShort, ParseRuleError, RedactKey, Redaction, RedactionError, RuleWatch};
pub use rotation::{Cut, Rotation};
pub use selection::{Filter, ParseFilterError, Selection};
pub use tls::{TlsServers, TlsTraffic};
pub use wire::{Frame, LinkType, TunnelPorts};
