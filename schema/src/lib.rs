//! Reprise's archive: what is in it and how it is laid out, without any I/O.
//!
//! An archive is a tree of Parquet segments that other programs read as they are; `README.md` beside this crate is the
//! specification. The layers, from the unit up:
//!
//! * [`Exchange`]: one HTTP request with the response it got; [`Headers`], ids and [`Timestamp`]s are its parts.
//! * [`columns`]: the Arrow schema of each table.
//! * [`SegmentBuilder`]: exchanges in, one [`SealedSegment`] of Parquet bytes out.
//! * [`SegmentDecoder`]: byte ranges in, exchanges in time order out; it asks for what it needs and reads nothing itself.
//! * [`SegmentKey`] and [`Table`]: where a segment lies, so that a window is found from a listing.
//! * [`inspect()`], [`verify()`], [`SegmentNumbers`]: whether a file, and all of them, are what they should be.
//! * [`Keyring`]: keys that encrypt all of it.
//! * [`merge`], [`TwinFinder`]: rows of many segments in the order of time, and which of them are one exchange.
//! * [`swap`]: how segments take the place of others, seen once by every reader.
//! * [`live`]: the stream that a running recorder serves.
//! * [`LedgerRow`], [`Divergence`], [`RunDocument`]: what else an archive holds.
//! * [`window`], [`filter`], [`coverage`]: which part of an archive is meant, and how whole it is.
//!
//! Times are UTC. Sizes are bytes. Nothing here reads a clock, a file, a socket or the environment.

#![warn(missing_docs, clippy::cast_possible_truncation)]

mod builder;
pub mod columns;
pub mod comparison;
mod content;
pub mod coverage;
mod decoder;
mod digest;
mod divergence;
mod emptied;
mod error;
mod exchange;
pub mod filter;
mod finding;
mod footer;
mod headers;
mod id;
mod inspect;
mod integrity;
mod key;
mod keyring;
#[cfg(test)]
mod laws;
mod ledger;
pub mod live;
mod maintenance;
pub mod merge;
mod metadata;
mod numbers;
mod pattern;
mod properties;
mod rewrite;
pub mod run;
mod same;
mod sample;
pub mod swap;
mod table;
#[cfg(test)]
mod testing;
mod time;
mod twins;
pub mod window;

pub use builder::{Pushed, SealedSegment, SegmentBuilder, SegmentOptions};
pub use content::{ContentError, decode_content, encode_content};
pub use decoder::{Projection, SegmentDecoder, Step, decode_segment};
pub use digest::{BodyDigest, BodyHasher};
pub use divergence::{Divergence, DivergenceKind, decode_divergences, encode_divergences};
pub use emptied::empty_segment;
pub use error::Error;
pub use exchange::{
    Body, Certainty, Charset, Completeness, ConnectionInfo, Exchange, ExchangeVerdict, InDoubt,
    Outcome, Protocol, Replay, Request, Response, TcpSpan,
};
pub use finding::{Blame, Finding, decode_findings, encode_findings};
pub use footer::{Footer, FooterStep, read_footer};
pub use headers::Headers;
pub use id::{ConnectionId, ExchangeId, ParseIdError, RecorderId, Vni};
pub use inspect::{Inspected, inspect};
pub use integrity::{Integrity, verify};
pub use key::{SegmentKey, Table};
pub use keyring::{Key, Keyring, Locked, ParseKeyError, is_sealed};
pub use ledger::{LedgerRow, decode_ledger, encode_ledger, merge_ledger};
pub use maintenance::{MaintenanceDocument, RemovedSegments};
pub use numbers::SegmentNumbers;
pub use pattern::{ParsePatternError, Pattern, StatusRange};
pub use rewrite::{Rewritten, chosen_rows, rewrite_segment};
pub use run::RunDocument;
pub use same::same_content;
pub use sample::{Sample, SampleBy, cookie, parse_share};
pub use time::{ParseTimestampError, TimeWindow, Timestamp};
pub use twins::{Joiner, TwinCounts, TwinFinder, Twins};
