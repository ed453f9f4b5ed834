//! The recorded request as hyper's types, without changing what goes on the wire.
//!
//! What hyper still changes: names of header fields are sent in Title-Case, which is how almost every HTTP/1.1 client
//! writes them, and fields of one name stand together, in their order. Requests of HTTP/1.0 are sent as HTTP/1.0, whose
//! answers are framed otherwise; all others as HTTP/1.1.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Uri, Version};
use schema::{Charset, Headers, Protocol, Request};

use super::NotSendable;

/// The protocol that carries what was recorded as `recorded`.
pub(super) fn protocol_sent(recorded: Protocol) -> Protocol {
    match recorded {
        Protocol::Http10 => Protocol::Http10,
        Protocol::Http11 | Protocol::Http2 => Protocol::Http11,
    }
}

/// `request` for hyper.
///
/// # Errors
/// If the wire's bytes cannot be expressed: a request target with `<`, `#` or a control character, a header name that is no
/// token.
pub(super) fn to_hyper(
    request: &Request,
    charset: Charset,
    protocol: Protocol,
) -> Result<hyper::Request<Outgoing>, NotSendable> {
    let mut message = hyper::Request::new(Outgoing {
        data: Some(request.body.bytes.clone()).filter(|bytes| !bytes.is_empty()),
        trailers: request
            .trailers
            .as_ref()
            .map(|trailers| header_map(trailers, charset))
            .transpose()?,
    });
    *message.method_mut() = method(&request.method)?;
    *message.uri_mut() = Uri::from(path_and_query(request, charset)?);
    *message.headers_mut() = header_map(&request.headers, charset)?;
    *message.version_mut() = match protocol_sent(protocol) {
        Protocol::Http10 => Version::HTTP_10,
        Protocol::Http11 | Protocol::Http2 => Version::HTTP_11,
    };
    Ok(message)
}

pub(super) fn method(method: &str) -> Result<Method, NotSendable> {
    Method::from_bytes(method.as_bytes()).map_err(|_| NotSendable)
}

/// The request target in origin form, checked to be the recorded bytes: hyper's type drops a fragment in silence.
fn path_and_query(request: &Request, charset: Charset) -> Result<PathAndQuery, NotSendable> {
    let target = target_bytes(request, charset);
    let path = PathAndQuery::from_maybe_shared(target.clone()).map_err(|_| NotSendable)?;
    let unchanged = path.as_str().as_bytes() == &target[..];
    let in_form = target.starts_with(b"/") || &target[..] == b"*";
    if unchanged && in_form {
        Ok(path)
    } else {
        Err(NotSendable)
    }
}

/// `path?query` as on the wire.
pub(super) fn target_bytes(request: &Request, charset: Charset) -> Bytes {
    let query = request.query.as_deref();
    let mut target = Vec::with_capacity(request.path.len() + 1 + query.map_or(0, str::len));
    target.extend_from_slice(&charset.to_wire(&request.path));
    if let Some(query) = query {
        target.push(b'?');
        target.extend_from_slice(&charset.to_wire(query));
    }
    target.into()
}

pub(super) fn header_map(headers: &Headers, charset: Charset) -> Result<HeaderMap, NotSendable> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NotSendable)?;
        let value = HeaderValue::from_bytes(&charset.to_wire(value)).map_err(|_| NotSendable)?;
        map.append(name, value);
    }
    Ok(map)
}

/// A request's body: at most one piece of data, then at most one set of trailers.
#[derive(Debug)]
pub(super) struct Outgoing {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = self.data.take().map(Frame::data);
        let frame = data.or_else(|| self.trailers.take().map(Frame::trailers));
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}
