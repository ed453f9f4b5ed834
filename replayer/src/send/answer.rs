//! What came back, as an exchange.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::Body;
use schema::{Charset, Completeness, Exchange, Headers, Response, Timestamp};

use crate::clock::Clock;

/// Bodies up to this size are copied out of the connection's read buffer, so that it can be used again and a small body
/// does not keep a large buffer alive.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// An answer, as far as it has come.
#[derive(Debug)]
pub(super) struct Answer {
    start: Timestamp,
    end: Timestamp,
    status: u16,
    headers: HeaderMap,
    trailers: Option<HeaderMap>,
    body: Collected,
}

impl Answer {
    /// An answer whose head came at `start`.
    pub(super) fn new(start: Timestamp, status: u16, headers: HeaderMap) -> Self {
        Self {
            start,
            end: start,
            status,
            headers,
            trailers: None,
            body: Collected::default(),
        }
    }

    /// Reads the body to its end; what is beyond `bytes_max` is counted and not kept.
    pub(super) async fn read<B>(
        &mut self,
        mut body: B,
        bytes_max: usize,
        clock: &Clock,
    ) -> Result<(), B::Error>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) => self.body.add(data, bytes_max),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
        self.end = clock.now();
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn into_body(self) -> schema::Body {
        self.body.into_body()
    }

    /// Puts the answer into `exchange`, whose request is there already. `whole` says whether it came to its end.
    pub(super) fn into_exchange(self, exchange: &mut Exchange, whole: bool) {
        let body = self.body.into_body();
        exchange.completeness = if !whole {
            Completeness::Aborted
        } else if (body.bytes.len() as u64) < body.wire_bytes {
            Completeness::ResponseTruncated
        } else {
            Completeness::Complete
        };
        let maps = std::iter::once(&self.headers).chain(&self.trailers);
        if exchange.charset == Charset::Utf8
            && maps
                .flat_map(HeaderMap::values)
                .any(|value| std::str::from_utf8(value.as_bytes()).is_err())
        {
            // Both heads of an exchange are of one charset, and the answer's is not UTF-8.
            exchange.make_latin1();
        }
        let headers = text(&self.headers, exchange.charset);
        let encoding = headers
            .get("content-encoding")
            .filter(|_| !body.bytes.is_empty());
        exchange.response = Some(Response {
            start: self.start,
            end: self.end.max(self.start),
            status: self.status,
            body_encoding: encoding.map(str::to_owned),
            body,
            trailers: self
                .trailers
                .map(|trailers| text(&trailers, exchange.charset)),
            headers,
        });
    }
}

/// A body in the making: one piece is kept as it is, more are joined.
#[derive(Debug, Default)]
struct Collected {
    /// The only piece so far; empty once there are more.
    first: Bytes,
    /// All pieces, once there are more than one.
    rest: BytesMut,
    wire_bytes: u64,
}

impl Collected {
    fn add(&mut self, mut data: Bytes, bytes_max: usize) {
        self.wire_bytes += data.len() as u64;
        data.truncate(bytes_max - (self.first.len() + self.rest.len()).min(bytes_max));
        if data.is_empty() {
            return;
        }
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(&data);
        } else if !self.first.is_empty() {
            self.rest
                .extend_from_slice(&std::mem::take(&mut self.first));
            self.rest.extend_from_slice(&data);
        } else if data.len() <= COPIED_BYTES_MAX {
            self.first = Bytes::copy_from_slice(&data);
        } else {
            self.first = data;
        }
    }

    fn into_body(self) -> schema::Body {
        let single = self.rest.is_empty();
        schema::Body {
            bytes: if single {
                self.first
            } else {
                self.rest.freeze()
            },
            wire_bytes: self.wire_bytes,
        }
    }
}

/// The fields as text of `charset`.
fn text(map: &HeaderMap, charset: Charset) -> Headers {
    let bytes = map
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let mut headers = Headers::with_capacity(map.len(), bytes);
    for (name, value) in map {
        match (charset, std::str::from_utf8(value.as_bytes())) {
            (Charset::Utf8, Ok(text)) => headers.push(name.as_str(), text),
            (Charset::Latin1, Ok(text)) if text.is_ascii() => headers.push(name.as_str(), text),
            _ => headers.push(name.as_str(), &latin_1(value.as_bytes())),
        }
    }
    headers
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
