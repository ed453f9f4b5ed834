//! What came back, as an exchange.

use bytes::Bytes;
use replayer_core::Limits;
use replayer_core::h1::Head;
use schema::{BodyHasher, Charset, Completeness, Exchange, Headers, Response, Timestamp};

/// Room made for a body at once, whatever length it claims.
const ROOM_BYTES_MAX: usize = 1 << 20;

/// An answer, as far as it has come.
#[derive(Debug)]
pub(super) struct Answer {
    start: Timestamp,
    end: Timestamp,
    status: u16,
    headers: Headers,
    charset: Charset,
    trailers: Option<(Headers, Charset)>,
    body: Vec<u8>,
    body_bytes: u64,
    body_bytes_max: usize,
    /// Of the whole body so far, once it is longer than what is kept of it.
    digest: Option<BodyHasher>,
}

impl Answer {
    /// An answer whose head came at `start`.
    pub(super) fn new(start: Timestamp, head: Head, limits: &Limits) -> Self {
        let length = head.length.unwrap_or(0).min(ROOM_BYTES_MAX as u64);
        let room = usize::try_from(length).unwrap_or(ROOM_BYTES_MAX);
        Self {
            start,
            end: start,
            status: head.status,
            headers: head.headers,
            charset: head.charset,
            trailers: None,
            body: Vec::with_capacity(room.min(limits.body_bytes_max)),
            body_bytes: 0,
            body_bytes_max: limits.body_bytes_max,
            digest: None,
        }
    }

    /// More of the body; what is beyond the bound is counted, goes into the digest, and is not kept.
    pub(super) fn add(&mut self, data: &[u8], now: Timestamp) {
        self.end = now;
        self.body_bytes += data.len() as u64;
        let kept = data.len().min(self.body_bytes_max - self.body.len());
        if kept < data.len() {
            let body = &self.body;
            let digest = self.digest.get_or_insert_with(|| BodyHasher::new(body));
            digest.update(data);
        }
        self.body.extend_from_slice(&data[..kept]);
    }

    /// The fields after the body.
    pub(super) fn set_trailers(&mut self, fields: Headers, charset: Charset) {
        self.trailers = Some((fields, charset));
    }

    /// The last byte came at `now`.
    pub(super) fn end_at(&mut self, now: Timestamp) {
        self.end = now;
    }

    /// Puts the answer into `exchange`, whose request is there already. `whole` says whether it came to its end.
    pub(super) fn into_exchange(self, exchange: &mut Exchange, whole: bool) {
        let body = schema::Body {
            bytes: Bytes::from(self.body),
            wire_bytes: self.body_bytes,
        };
        exchange.completeness = if !whole {
            Completeness::Aborted
        } else if (body.bytes.len() as u64) < body.wire_bytes {
            Completeness::ResponseTruncated
        } else if self.status == 101 {
            Completeness::Upgraded
        } else {
            Completeness::Complete
        };
        let encoding = self
            .headers
            .get("content-encoding")
            .filter(|_| !body.bytes.is_empty());
        let mut response = Response {
            start: self.start,
            end: self.end.max(self.start),
            status: self.status,
            body_encoding: encoding.map(str::to_owned),
            body_digest: self.digest.filter(|_| whole).map(|digest| digest.digest()),
            body,
            trailers: None,
            headers: self.headers,
        };
        // Both heads of an exchange are of one charset, trailers too: latin-1 if one of them is not UTF-8.
        let trailers_charset = self.trailers.as_ref().map(|(_, charset)| *charset);
        let charsets = [Some(exchange.charset), Some(self.charset), trailers_charset];
        if charsets.contains(&Some(Charset::Latin1)) {
            exchange.make_latin1();
            if self.charset == Charset::Utf8 {
                response.make_latin1();
            }
        }
        response.trailers = self.trailers.map(|(mut trailers, charset)| {
            if (charset, exchange.charset) == (Charset::Utf8, Charset::Latin1) {
                trailers.make_latin1();
            }
            trailers
        });
        exchange.response = Some(response);
    }

    #[cfg(test)]
    pub(super) fn body_digest(&self) -> Option<schema::BodyDigest> {
        self.digest.as_ref().map(BodyHasher::digest)
    }

    #[cfg(test)]
    pub(super) fn body(&self) -> (&[u8], u64) {
        (&self.body, self.body_bytes)
    }
}
