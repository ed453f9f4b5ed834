//! The bundled service on a socket: HTTP/1.1 through hyper, one task per connection.

use std::convert::Infallible;
use std::io;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ACCEPT_ENCODING, HeaderName, HeaderValue, IF_NONE_MATCH};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::routes::{Answer, Ask, Build, answer};

/// The longest request body that is read, bytes.
const REQUEST_BODY_BYTES_MAX: usize = 64 * 1024;

/// How much of a chunked answer goes into one chunk, bytes.
const CHUNK_BYTES: usize = 256;

type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// Serves `build` on `listener` until the returned future is dropped; every connection ends with it.
///
/// # Errors
/// If the listener fails.
pub(crate) async fn serve(listener: TcpListener, build: Build) -> anyhow::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.context("accept a connection of the bundled service")?;
                connections.spawn(serve_connection(stream, build));
            }
            // Takes the finished ones out, so that the set holds only what is open.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, build: Build) {
    // Small answers must not wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| serve_request(request, build));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the bundled service ended");
    }
}

async fn serve_request(
    request: Request<Incoming>,
    build: Build,
) -> io::Result<Response<AnswerBody>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, REQUEST_BODY_BYTES_MAX)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let header = |name| {
        head.headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let ask = Ask {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        if_none_match: header(IF_NONE_MATCH),
        gzip: header(ACCEPT_ENCODING).is_some_and(|value| value.contains("gzip")),
        body: &body,
    };
    Ok(respond(answer(ask, build), head.method == Method::HEAD))
}

fn respond(answer: Answer, head_only: bool) -> Response<AnswerBody> {
    let Answer {
        status,
        headers,
        body,
        chunked,
    } = answer;
    let mut response = Response::new(AnswerBody::default());
    *response.status_mut() = StatusCode::from_u16(status).expect("the routes answer real statuses");
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).expect("the routes answer printable fields");
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    let bodiless = matches!(status, 204 | 304);
    *response.body_mut() = if head_only || bodiless {
        if head_only && !bodiless {
            let length = HeaderValue::from(body.len());
            response
                .headers_mut()
                .insert(hyper::header::CONTENT_LENGTH, length);
        }
        Empty::new().boxed_unsync()
    } else if chunked {
        let body = Bytes::from(body);
        let chunks: Vec<_> = (0..body.len())
            .step_by(CHUNK_BYTES)
            .map(|at| body.slice(at..body.len().min(at + CHUNK_BYTES)))
            .map(|chunk| Ok(Frame::data(chunk)))
            .collect();
        StreamBody::new(stream::iter(chunks)).boxed_unsync()
    } else {
        Full::new(Bytes::from(body)).boxed_unsync()
    };
    response
}

#[cfg(test)]
mod tests;
