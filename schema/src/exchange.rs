//! The archived unit: one HTTP request with the response it got, as it was on the wire.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::digest::BodyDigest;
use crate::headers::Headers;
use crate::id::{ConnectionId, ExchangeId, Vni};
use crate::time::Timestamp;

/// One HTTP request with the response it got (RFC 9110 section 3.4).
///
/// At least one of `request` and `response` is present. Text in heads is the wire's bytes read as [`Charset`] says.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The connection that carried it.
    pub connection: Arc<ConnectionInfo>,
    /// Its order in the connection, from 0.
    pub index: u32,
    /// The HTTP/2 stream, null for HTTP/1.
    pub stream_id: Option<u32>,
    /// Version of the protocol.
    pub protocol: Protocol,
    /// The request; `None` where only the response was seen (`no_request`).
    pub request: Option<Request>,
    /// The final response; `None` where none was seen.
    pub response: Option<Response>,
    /// Statuses of the interim (1xx) responses, in order.
    pub interim_statuses: Vec<u16>,
    /// Bytes of the request that the mirror lost.
    pub request_missing_bytes: u64,
    /// Bytes of the response that the mirror lost.
    pub response_missing_bytes: u64,
    /// How whole the exchange is.
    pub completeness: Completeness,
    /// Whether where the messages end is known or assumed.
    pub framing: Certainty,
    /// Whether it is known or assumed that the response answers the request.
    pub pairing: Certainty,
    /// How the text of both heads was read from bytes.
    pub charset: Charset,
    /// Where the one message of a one-sided exchange (`no_request`, `no_response`) lies in its TCP connection, so that it can
    /// be joined with the other one, recorded elsewhere. `None` where both messages were seen, and for HTTP/2.
    pub tcp: Option<TcpSpan>,
    /// In a run: how this exchange was replayed. `None` in a recording.
    pub replay: Option<Box<Replay>>,
}

/// Where a message lies in the sequence numbers of its TCP connection (RFC 9293 section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSpan {
    /// Sequence number of its first byte.
    pub sequence: u32,
    /// The sequence number after its last byte that was seen.
    pub sequence_end: u32,
    /// How far its sender had acknowledged the other end when it sent the first byte.
    pub acknowledgement: u32,
}

impl Exchange {
    /// The id, `<connection_id>-<index>`.
    #[must_use]
    pub fn id(&self) -> ExchangeId {
        ExchangeId {
            connection: self.connection.id,
            index: self.index,
        }
    }

    /// The exchange's place in time: the request's first byte, or the response's where the request was not seen; in a run,
    /// when it was due where there is neither.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        match (&self.request, &self.response) {
            (Some(request), _) => request.start,
            (None, Some(response)) => response.start,
            (None, None) => self
                .replay
                .as_ref()
                .map_or(Timestamp::MIN, |replay| replay.due),
        }
    }

    /// Rewrites heads that were read as UTF-8 as if they had been read as latin-1, for a row whose other head is not UTF-8:
    /// a row has one charset. Nothing changes where the charset is latin-1 already.
    ///
    /// A recorder that learns of it message by message converts one with [`Request::make_latin1`] or
    /// [`Response::make_latin1`], and sets `charset` itself.
    pub fn make_latin1(&mut self) {
        if self.charset == Charset::Latin1 {
            return;
        }
        self.charset = Charset::Latin1;
        if let Some(request) = &mut self.request {
            request.make_latin1();
        }
        if let Some(response) = &mut self.response {
            response.make_latin1();
        }
    }

    /// About how many bytes of memory the exchange holds, for bounds.
    #[must_use]
    pub fn memory(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |request| {
            request.method.len()
                + request.path.len()
                + request.query.as_ref().map_or(0, String::len)
                + request.target.as_ref().map_or(0, String::len)
                + request.host.as_ref().map_or(0, String::len)
                + request.headers.memory()
                + request.trailers.as_ref().map_or(0, Headers::memory)
                + request.body.bytes.len()
        });
        let response = self.response.as_ref().map_or(0, |response| {
            response.headers.memory()
                + response.trailers.as_ref().map_or(0, Headers::memory)
                + response.body.bytes.len()
        });
        size_of::<Self>() + request + response
    }
}

/// What all exchanges of one connection share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Identity of the connection.
    pub id: ConnectionId,
    /// The mirrored interface (outer source address), the capture file's name, or the mirroring proxy.
    pub source: Option<Arc<str>>,
    /// VXLAN or GENEVE network id.
    pub vni: Option<Vni>,
    /// Inner address of the side that sends requests.
    pub client: SocketAddr,
    /// Inner address of the side that answers.
    pub server: SocketAddr,
}

/// A request as captured.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Time of the first byte.
    pub start: Timestamp,
    /// Time of the last byte that was seen.
    pub end: Timestamp,
    /// Method, as sent.
    pub method: String,
    /// From Host or `:authority`; `None` if there is none.
    pub host: Option<String>,
    /// Path without the query; for CONNECT the authority; `*` for the asterisk form.
    pub path: String,
    /// What follows `?`, undecoded.
    pub query: Option<String>,
    /// The request target as sent, where it is not simply `path?query` (RFC 9112 section 3.2).
    pub target: Option<String>,
    /// Header fields in wire order and case, duplicates kept.
    pub headers: Headers,
    /// Body, de-chunked, Content-Encoding untouched.
    pub body: Body,
    /// Trailer fields; `None` if there were none.
    pub trailers: Option<Headers>,
}

impl Request {
    /// Rewrites a head that was read as UTF-8 as if it had been read as latin-1.
    pub fn make_latin1(&mut self) {
        for text in [&mut self.method, &mut self.path] {
            make_latin1(text);
        }
        for text in [&mut self.host, &mut self.query, &mut self.target] {
            text.iter_mut().for_each(make_latin1);
        }
        self.headers.make_latin1();
        self.trailers.iter_mut().for_each(Headers::make_latin1);
    }
}

/// A final response as captured.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Time of the first byte.
    pub start: Timestamp,
    /// Time of the last byte that was seen.
    pub end: Timestamp,
    /// Final status.
    pub status: u16,
    /// Header fields in wire order and case, duplicates kept.
    pub headers: Headers,
    /// Body, de-chunked; Content-Encoding undone unless `body_encoding` names it.
    pub body: Body,
    /// The Content-Encoding that the stored body still has; `None` where there was none or it was undone.
    pub body_encoding: Option<String>,
    /// Of the whole body as it was on the wire, where it was seen whole and is longer than the body limit; else `None`.
    pub body_digest: Option<BodyDigest>,
    /// Trailer fields; `None` if there were none.
    pub trailers: Option<Headers>,
}

impl Response {
    /// Rewrites a head that was read as UTF-8 as if it had been read as latin-1.
    pub fn make_latin1(&mut self) {
        self.body_encoding.iter_mut().for_each(make_latin1);
        self.headers.make_latin1();
        self.trailers.iter_mut().for_each(Headers::make_latin1);
    }
}

/// How one exchange of a run was replayed: the columns that a run adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// `request_start` of the recorded exchange.
    pub recorded_start: Timestamp,
    /// When the schedule wanted it sent.
    pub due: Timestamp,
    /// Sent time minus due time, microseconds; waits forced by order are in it.
    pub lag_us: i64,
    /// How much of the lag was a wait forced by order, microseconds.
    pub order_wait_us: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed or was skipped.
    pub outcome_reason: Option<String>,
    /// What the comparison with the recorded answer concluded.
    pub verdict: ExchangeVerdict,
    /// Why it could not be compared.
    pub verdict_reason: Option<String>,
    /// How many divergences were found.
    pub divergences: u32,
    /// Which pass over the window it is of, from 0.
    pub pass: u32,
    /// What became of it if the run was killed when nothing said yet whether it had been sent.
    pub in_doubt: Option<InDoubt>,
}

/// A message body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// What is stored, cut at the body limit; empty where there is none.
    pub bytes: Bytes,
    /// True length on the wire (de-chunked, before any Content-Encoding was undone), whatever is stored.
    pub wire_bytes: u64,
}

/// A closed set of words that a column holds.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $expected:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word that the column holds.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::ParseIdError::new(text, $expected)),
                }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Version of the protocol that carried an exchange.
    Protocol, "a protocol: HTTP/1.0, HTTP/1.1 or HTTP/2", {
        /// HTTP/1.0 (RFC 1945).
        Http10 = "HTTP/1.0",
        /// HTTP/1.1 (RFC 9112).
        Http11 = "HTTP/1.1",
        /// HTTP/2 (RFC 9113).
        Http2 = "HTTP/2",
    }
}

words! {
    /// How whole a recorded exchange is. Where several apply, the first of this list that does not say `complete` wins
    /// in the order `no_request`, `no_response`, `request_gap`, `response_gap`, `aborted`, truncations.
    Completeness, "a completeness such as complete or response_gap", {
        /// Both messages, every byte.
        Complete = "complete",
        /// The request, and no response before the connection or the capture ended.
        NoResponse = "no_response",
        /// A response whose request was not seen.
        NoRequest = "no_request",
        /// The mirror lost bytes of the request.
        RequestGap = "request_gap",
        /// The mirror lost bytes of the response.
        ResponseGap = "response_gap",
        /// The request's body is longer than the body limit.
        RequestTruncated = "request_truncated",
        /// The response's body is longer than the body limit.
        ResponseTruncated = "response_truncated",
        /// The connection ended in the middle of a message.
        Aborted = "aborted",
        /// The connection became something else: 101, or 2xx to CONNECT.
        Upgraded = "upgraded",
    }
}

words! {
    /// Whether something was read from the wire or had to be assumed.
    Certainty, "exact or assumed", {
        /// Read from the wire.
        Exact = "exact",
        /// Assumed, because the bytes that would tell were not seen.
        Assumed = "assumed",
    }
}

words! {
    /// How bytes of heads became text.
    Charset, "utf-8 or latin-1", {
        /// The bytes are UTF-8.
        Utf8 = "utf-8",
        /// Each byte is the code point of the same number, U+0000 to U+00FF.
        Latin1 = "latin-1",
    }
}

words! {
    /// How one planned exchange of a run ended.
    Outcome, "sent, failed or skipped", {
        /// The target answered.
        Sent = "sent",
        /// It was sent, or tried, and no whole answer came back.
        Failed = "failed",
        /// It was not sent.
        Skipped = "skipped",
    }
}

words! {
    /// What became of an exchange of which a killed run left no answer, and which may have been sent.
    InDoubt, "sent_again or not_sent_again", {
        /// It was sent, perhaps for the second time.
        SentAgain = "sent_again",
        /// It was not sent any more.
        NotSentAgain = "not_sent_again",
    }
}

words! {
    /// What comparing one answer with the expected one concluded.
    ExchangeVerdict, "match, differ or incomparable", {
        /// No difference.
        Match = "match",
        /// At least one difference.
        Differ = "differ",
        /// One side is missing or incomplete, or comparison was off.
        Incomparable = "incomparable",
    }
}

impl Charset {
    /// The wire's bytes of `text`.
    #[must_use]
    pub fn to_wire(self, text: &str) -> std::borrow::Cow<'_, [u8]> {
        match self {
            Self::Utf8 => text.as_bytes().into(),
            Self::Latin1 if text.is_ascii() => text.as_bytes().into(),
            // A character above U+00FF cannot come from a latin-1 head; `?` is what a lossy reader would show.
            Self::Latin1 => text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                .collect(),
        }
    }
}

/// Each byte of UTF-8 becomes the character of the same number.
pub(crate) fn make_latin1(text: &mut String) {
    if !text.is_ascii() {
        *text = text.bytes().map(char::from).collect();
    }
}

#[cfg(test)]
mod tests;
