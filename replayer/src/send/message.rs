//! The recorded request as HTTP/2 (RFC 9113 section 8.3), for hyper and reqwest.
//!
//! 1. What of HTTP/1.1 is about a connection stays behind: `Connection` and what it names, `Keep-Alive`,
//!    `Proxy-Connection`, `Transfer-Encoding`, `Upgrade`, and `TE` unless it says `trailers` (section 8.2.2).
//! 2. `Host` becomes `:authority`; the target's own where the recording has none.
//! 3. `Content-Length` is sent if the recording has it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{HeaderMap, Method, Uri};
use replayer_core::h1::NotSendable;
use schema::{Charset, Headers, Request};

use super::{Job, Target};

/// The job's request as HTTP/2.
///
/// # Errors
/// If it cannot be expressed: a target with `<`, `#` or a control character, a field name that is no token.
pub(super) fn to_http_2(
    job: &Job,
    target: &Target,
) -> Result<hyper::Request<Outgoing>, NotSendable> {
    let (request, charset) = (&job.request, job.recorded.charset);
    let mut message = hyper::Request::new(Outgoing::of(request, charset)?);
    let mut uri = hyper::http::uri::Parts::default();
    uri.scheme = Some(if target.is_tls() {
        Scheme::HTTPS
    } else {
        Scheme::HTTP
    });
    let authority = request
        .host
        .as_deref()
        .unwrap_or_else(|| target.authority());
    uri.authority = Some(Authority::try_from(authority).map_err(|_| NotSendable)?);
    uri.path_and_query = Some(path_and_query(request, charset)?);
    *message.uri_mut() = Uri::from_parts(uri).map_err(|_| NotSendable)?;
    *message.method_mut() = method(request)?;
    *message.headers_mut() = fields(job)?;
    *message.version_mut() = hyper::Version::HTTP_2;
    Ok(message)
}

pub(super) fn method(request: &Request) -> Result<Method, NotSendable> {
    Method::from_bytes(request.method.as_bytes()).map_err(|_| NotSendable)
}

/// The request target, checked to be the recorded bytes: hyper's type drops a fragment in silence.
fn path_and_query(request: &Request, charset: Charset) -> Result<PathAndQuery, NotSendable> {
    let target = target_bytes(request, charset);
    let path = PathAndQuery::from_maybe_shared(target.clone()).map_err(|_| NotSendable)?;
    let in_form = target.starts_with(b"/") || &target[..] == b"*";
    if path.as_str().as_bytes() == &target[..] && in_form {
        Ok(path)
    } else {
        Err(NotSendable)
    }
}

/// `path?query` as on the wire.
pub(super) fn target_bytes(request: &Request, charset: Charset) -> Bytes {
    let mut target = charset.to_wire(&request.path).into_owned();
    if let Some(query) = &request.query {
        target.push(b'?');
        target.extend_from_slice(&charset.to_wire(query));
    }
    target.into()
}

/// The fields of an HTTP/2 request.
pub(super) fn fields(job: &Job) -> Result<HeaderMap, NotSendable> {
    let headers = &job.request.headers;
    let recorded = job.recorded.request.as_ref();
    let has_length = recorded.is_some_and(|r| r.headers.get("content-length").is_some());
    let options: Vec<&str> = headers
        .get_all("connection")
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let stays_behind = |name: &str, value: &str| match name.len() {
        2 if name.eq_ignore_ascii_case("te") => !value.eq_ignore_ascii_case("trailers"),
        4 => name.eq_ignore_ascii_case("host"),
        7 => name.eq_ignore_ascii_case("upgrade"),
        10 => name.eq_ignore_ascii_case("connection") || name.eq_ignore_ascii_case("keep-alive"),
        14 if name.eq_ignore_ascii_case("content-length") => !has_length,
        16 => name.eq_ignore_ascii_case("proxy-connection"),
        17 => name.eq_ignore_ascii_case("transfer-encoding"),
        _ => options
            .iter()
            .any(|option| option.eq_ignore_ascii_case(name)),
    };
    let kept = headers
        .iter()
        .filter(|(name, value)| !stays_behind(name, value));
    header_map(kept, job.recorded.charset)
}

fn header_map<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    charset: Charset,
) -> Result<HeaderMap, NotSendable> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NotSendable)?;
        let value = HeaderValue::from_bytes(&charset.to_wire(value)).map_err(|_| NotSendable)?;
        map.append(name, value);
    }
    Ok(map)
}

/// A request's body: at most one piece of data, then at most one set of trailers. It does not tell its length: hyper would
/// make a `content-length` of it.
#[derive(Debug)]
pub(super) struct Outgoing {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Outgoing {
    pub(super) fn of(request: &Request, charset: Charset) -> Result<Self, NotSendable> {
        let trailers = request.trailers.as_ref().map(Headers::iter);
        Ok(Self {
            data: Some(request.body.bytes.clone()).filter(|bytes| !bytes.is_empty()),
            trailers: trailers
                .map(|fields| header_map(fields, charset))
                .transpose()?,
        })
    }
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
        SizeHint::default()
    }
}
