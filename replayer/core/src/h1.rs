//! HTTP/1.1 as a client speaks it (RFC 9112): what goes on the wire for a request, and what the bytes that come back mean.
//!
//! The recorded bytes are what is sent. A library for clients puts names of fields in a case of its own, groups fields of
//! one name, and refuses request targets that browsers and scripts do send; a replay that does so tests another request
//! than the recorded one. So both directions are here, without I/O:
//!
//! * [`RequestWriter`]: a request as slices to write, with `Expect: 100-continue` and chunks.
//! * [`AnswerReader`]: bytes in, [`Event`]s out; interim answers, every framing, bounded heads.

mod answer;
mod chunked;
mod head;
mod request;

pub use answer::{AnswerReader, Asked, Bounds, Event, ReadError};
pub use head::Head;
pub use request::{NotSendable, RequestWriter};
