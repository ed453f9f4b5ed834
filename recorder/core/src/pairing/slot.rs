//! An exchange in the making.

use std::sync::Arc;

use schema::{
    BodyHasher, Certainty, Charset, Completeness, ConnectionInfo, Exchange, Headers, Protocol,
    Timestamp,
};

use super::Match;
use crate::http::Side;
use crate::http::head::latin1;
use crate::http::message::{Asked, Place};

/// How far one message of an exchange is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PartState {
    /// It has not begun.
    #[default]
    Awaited,
    /// Its head was seen.
    Open,
    /// Nothing more of it will come.
    Ended,
}

/// One message of an exchange, beside what its row says already.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) state: PartState,
    /// What is stored of the body: its bytes in order, without those that were lost and without those past the body limit.
    pub(super) body: Vec<u8>,
    /// Bytes of the body on the wire so far, lost ones included.
    pub(super) body_bytes: u64,
    /// It ended before its last byte.
    pub(super) broken: bool,
    /// No more of the body is stored.
    pub(super) cut: bool,
    /// Of the whole body so far, once it is longer than what is stored of it.
    pub(super) digest: Option<BodyHasher>,
}

impl Part {
    /// More of a body that is not stored whole. What comes after lost bytes has no digest.
    fn hash(&mut self, bytes: &[u8]) {
        if self.digest.is_none() && self.body.len() as u64 == self.body_bytes {
            self.digest = Some(BodyHasher::new(&self.body));
        }
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
    }
}

/// An exchange in the making, and what is needed only meanwhile.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) exchange: Box<Exchange>,
    /// By [`Side`].
    pub(super) parts: [Part; 2],
    pub(super) asked: Asked,
    /// Where the request begins.
    pub(super) place: Place,
    /// Where the request ends in its stream, once it has.
    pub(super) end: Option<u64>,
    /// Where the response begins, once it has, and where its last byte that was seen ends.
    pub(super) answer: Option<(Place, u64)>,
    /// How many losses came before, see [`Pairer`](super::Pairer).
    pub(super) epoch: u32,
    /// The framing is assumed for no other reason than that the request was found by searching, and a proven pair clears it.
    pub(super) provable: bool,
    /// The connection speaks something else afterwards.
    pub(super) upgraded: bool,
    /// The response's transfer codings other than chunked.
    pub(super) transfer_codings: Option<String>,
}

impl Slot {
    pub(super) fn new(
        connection: Arc<ConnectionInfo>,
        index: u32,
        protocol: Protocol,
        charset: Charset,
        epoch: u32,
    ) -> Self {
        Self {
            exchange: Box::new(Exchange {
                connection,
                index,
                stream_id: None,
                protocol,
                request: None,
                response: None,
                interim_statuses: Vec::new(),
                request_missing_bytes: 0,
                response_missing_bytes: 0,
                completeness: Completeness::Complete,
                framing: Certainty::Exact,
                pairing: Certainty::Exact,
                charset,
                tcp: None,
                replay: None,
            }),
            parts: Default::default(),
            asked: Asked::Unknown,
            place: Place {
                at: Timestamp::MIN,
                offset: 0,
                acked: 0,
            },
            end: None,
            answer: None,
            epoch,
            provable: false,
            upgraded: false,
            transfer_codings: None,
        }
    }

    /// Whether no response has begun.
    pub(super) fn is_waiting(&self) -> bool {
        self.parts[Side::Server as usize].state == PartState::Awaited
    }

    /// Whether no response has begun though it is certain that it will be the next one.
    pub(super) fn waits_in(&self, settled: u32) -> bool {
        self.is_waiting() && self.epoch == settled
    }

    /// Whether the request is over and no response has begun.
    pub(super) fn is_unanswered(&self) -> bool {
        self.is_waiting() && self.parts[Side::Client as usize].state == PartState::Ended
    }

    /// Whether both messages are over.
    pub(super) fn is_ended(&self) -> bool {
        self.parts.iter().all(|part| part.state == PartState::Ended)
    }

    /// Whether a response at `place` acknowledges this request's last byte and no more, and the request everything before
    /// the response.
    pub(super) fn is_proven_by(&self, place: Place) -> bool {
        self.end == Some(place.acked) && self.place.acked == place.offset
    }

    pub(super) fn matched(&self, certainty: Certainty, proven: bool) -> Match {
        Match {
            index: Some(self.exchange.index),
            asked: self.asked,
            certainty,
            proven,
        }
    }

    /// Acknowledgements prove the pair, and with it where the request ends; gives its epoch.
    pub(super) fn prove(&mut self) -> u32 {
        if std::mem::take(&mut self.provable) {
            self.exchange.framing = Certainty::Exact;
        }
        self.epoch
    }

    /// Adds bytes of a body; gives how many of them are stored.
    pub(super) fn append(&mut self, side: Side, bytes: &[u8], body_bytes_max: usize) -> usize {
        let part = &mut self.parts[side as usize];
        let room = match part.cut {
            false => (body_bytes_max as u64).saturating_sub(part.body_bytes),
            true => 0,
        };
        let stored = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
        if side == Side::Server && stored < bytes.len() {
            part.hash(bytes);
        }
        part.body.extend_from_slice(&bytes[..stored]);
        part.body_bytes += bytes.len() as u64;
        stored
    }

    /// A byte of one side was seen at `at`.
    pub(super) fn touch(&mut self, side: Side, at: Timestamp) {
        match side {
            Side::Client => {
                if let Some(request) = &mut self.exchange.request {
                    request.end = request.end.max(at);
                }
            }
            Side::Server => {
                if let Some(response) = &mut self.exchange.response {
                    response.end = response.end.max(at);
                }
            }
        }
    }

    /// The count of one side's lost bytes.
    pub(super) fn missing(&mut self, side: Side) -> &mut u64 {
        match side {
            Side::Client => &mut self.exchange.request_missing_bytes,
            Side::Server => &mut self.exchange.response_missing_bytes,
        }
    }

    /// Bytes of bodies that it holds.
    pub(super) fn held(&self) -> usize {
        self.parts.iter().map(|part| part.body.len()).sum()
    }

    /// One charset holds for the text of a whole row: with a part in latin-1, all of it is.
    pub(super) fn agree_on(&mut self, charset: Charset) {
        if charset == Charset::Utf8 || self.exchange.charset == Charset::Latin1 {
            return;
        }
        self.exchange.charset = Charset::Latin1;
        if let Some(request) = &mut self.exchange.request {
            for text in [&mut request.method, &mut request.path] {
                to_latin1(text);
            }
            for text in [&mut request.query, &mut request.target, &mut request.host] {
                text.iter_mut().for_each(to_latin1);
            }
            headers_to_latin1(&mut request.headers);
            request.trailers.iter_mut().for_each(headers_to_latin1);
        }
        if let Some(response) = &mut self.exchange.response {
            headers_to_latin1(&mut response.headers);
            response.trailers.iter_mut().for_each(headers_to_latin1);
        }
    }

    /// Fields that were read in `charset`, as the row reads them.
    pub(super) fn adopt(&self, mut headers: Headers, charset: Charset) -> Headers {
        if charset != self.exchange.charset {
            headers_to_latin1(&mut headers);
        }
        headers
    }
}

/// Reads the bytes of UTF-8 text as latin-1.
fn to_latin1(text: &mut String) {
    if !text.is_ascii() {
        *text = latin1(text.as_bytes());
    }
}

fn headers_to_latin1(headers: &mut Headers) {
    if headers
        .iter()
        .all(|(name, value)| name.is_ascii() && value.is_ascii())
    {
        return;
    }
    let mut latin = Headers::with_capacity(headers.len(), headers.memory());
    for (name, value) in headers.iter() {
        latin.push(&latin1(name.as_bytes()), &latin1(value.as_bytes()));
    }
    *headers = latin;
}
