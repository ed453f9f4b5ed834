//! Where a message's body ends: RFC 9112 section 6.3, as one table.

use schema::Certainty;

use crate::http::head::{ContentLength, Fields, Transfer};
use crate::http::message::Asked;
use crate::{Anomaly, Counters};

/// Which message the length is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response { status: u16, asked: Asked },
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// There is none.
    Empty,
    /// So many bytes, at least one.
    Bytes(u64),
    /// As the chunked coding says.
    Chunked,
    /// All that comes until the connection closes.
    UntilClose,
    /// There is none, and the connection speaks something else from here on.
    Tunnel,
}

/// The length of a message's body, and whether the rules leave no doubt about it.
///
/// The rules of RFC 9112 section 6.3 in their order, with 101 (RFC 9110 section 15.2.2) beside CONNECT. Where they call a
/// message unrecoverable, the reading is the one after which the next message is found soonest, and it is assumed. So is
/// every length that would be another one if the unseen request were HEAD or CONNECT.
pub(super) fn length(
    message: Message,
    fields: &Fields,
    counters: &mut Counters,
) -> (Length, Certainty) {
    use {ContentLength as Content, Length as L, Message as M};

    let contradictory = fields.doubtful
        || matches!(fields.content_length, Content::Invalid(_))
        || fields.transfer == Transfer::Other
        || (fields.transfer == Transfer::Chunked && fields.content_length != Content::Absent);
    let (length, recoverable) = match (message, fields.transfer, fields.content_length) {
        // 1. No body whatever the fields say.
        (
            M::Response {
                asked: Asked::Head, ..
            },
            _,
            _,
        ) => return (L::Empty, Certainty::Exact),
        (M::Response { status: 101, .. }, _, _) => return (L::Tunnel, Certainty::Exact),
        (
            M::Response {
                status: 100..=199 | 204 | 304,
                ..
            },
            _,
            _,
        ) => {
            return (L::Empty, Certainty::Exact);
        }
        // 2. A tunnel.
        (
            M::Response {
                status: 200..=299,
                asked: Asked::Connect,
            },
            _,
            _,
        ) => {
            return (L::Tunnel, Certainty::Exact);
        }
        // 3. and 4. Transfer-Encoding wins over Content-Length.
        (_, Transfer::Chunked, _) => (L::Chunked, true),
        (M::Response { .. }, Transfer::Other, _) => (L::UntilClose, true),
        (M::Request, Transfer::Other, _) => (L::Empty, false),
        // 5. No valid length: the first valid one, as readers do that take it at all.
        (_, _, Content::Invalid(Some(0))) => (L::Empty, false),
        (_, _, Content::Invalid(Some(first))) => (L::Bytes(first), false),
        (M::Response { .. }, _, Content::Invalid(None)) => (L::UntilClose, false),
        (M::Request, _, Content::Invalid(None)) => (L::Empty, false),
        // 6. The length it says.
        (_, _, Content::Bytes(0)) => (L::Empty, true),
        (_, _, Content::Bytes(bytes)) => (L::Bytes(bytes), true),
        // 7. and 8. No length at all.
        (M::Request, _, Content::Absent) => (L::Empty, true),
        (M::Response { .. }, _, Content::Absent) => (L::UntilClose, true),
    };
    if contradictory {
        counters.count(Anomaly::HttpFramingFaulty);
    }
    let unasked = matches!(
        message,
        M::Response {
            asked: Asked::Unknown,
            ..
        }
    );
    let exact = recoverable && !fields.doubtful && (!unasked || length == L::Empty);
    (
        length,
        if exact {
            Certainty::Exact
        } else {
            Certainty::Assumed
        },
    )
}
