//! HTTP/2: one connection for all lanes, a stream a request.
//!
//! Two clients carry it. reqwest ([`Pooled`](super::pooled::Pooled)) wherever it sends what was recorded; hyper, beneath it,
//! where reqwest would invent or change something: a request without `accept`, as every gRPC client's, one for another host
//! than the target's, and a path that it would rewrite. Names of fields are in lower case in HTTP/2, so that nothing is lost
//! by their types. Interim answers are told by neither.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use replayer_core::h1::{Head, NotSendable};
use schema::{Charset, Headers};
use tokio::sync::Mutex;

use super::answer::Answer;
use super::message::{Outgoing, to_http_2};
use super::stream::Stream;
use super::{Attempt, Failure, Job, Shared};

/// The run's connection for HTTP/2, made when it is needed and replaced when it has ended.
#[derive(Debug, Default)]
pub(super) struct Http2 {
    open: Mutex<Option<SendRequest<Outgoing>>>,
}

impl Http2 {
    /// Sends the job's request and reads the answer into `attempt`.
    ///
    /// A request that was not sent because the connection had ended, or that the target says it has not begun to process
    /// (RFC 9113 section 8.7), is sent once more over a new connection; no other is.
    pub(super) async fn send(
        &self,
        attempt: &mut Attempt,
        shared: &Shared,
        job: &Job,
    ) -> Result<Result<(), Failure>, NotSendable> {
        let mut message = to_http_2(job, &shared.target)?;
        let mut last = false;
        loop {
            let mut sender = match self.sender(shared).await {
                Ok(sender) => sender,
                Err(failure) => return Ok(Err(failure)),
            };
            attempt.sent_at = Some(shared.clock.now());
            let mut error = match sender.try_send_request(message).await {
                Ok(response) => return Ok(receive(attempt, shared, response).await),
                Err(error) => error,
            };
            let unsent = error.take_message();
            let error = error.into_error();
            message = match unsent {
                Some(unsent) if !last => unsent,
                None if !last && is_refused(&error) => to_http_2(job, &shared.target)?,
                _ => return Ok(Err(failure_of(&error))),
            };
            last = true;
        }
    }

    async fn sender(&self, shared: &Shared) -> Result<SendRequest<Outgoing>, Failure> {
        let mut open = self.open.lock().await;
        if let Some(sender) = &*open
            && !sender.is_closed()
        {
            return Ok(sender.clone());
        }
        let sender = connect(shared).await?;
        *open = Some(sender.clone());
        Ok(sender)
    }
}

async fn connect(shared: &Shared) -> Result<SendRequest<Outgoing>, Failure> {
    let mut builder = Builder::new(TokioExecutor::new());
    let list_bytes = u32::try_from(shared.limits.head_bytes_max).unwrap_or(u32::MAX);
    builder.max_header_list_size(list_bytes);
    let failed = |error: hyper::Error| failure_of(&error);
    // The requests under way learn of an error of the connection, and nobody else needs to.
    match Stream::connect_http_2(shared).await? {
        Stream::Plain(stream) => {
            let made = builder.handshake(TokioIo::new(stream)).await;
            let (sender, connection) = made.map_err(failed)?;
            tokio::spawn(async { drop(connection.await) });
            Ok(sender)
        }
        Stream::Tls(stream) => {
            let made = builder.handshake(TokioIo::new(*stream)).await;
            let (sender, connection) = made.map_err(failed)?;
            tokio::spawn(async { drop(connection.await) });
            Ok(sender)
        }
    }
}

async fn receive(
    attempt: &mut Attempt,
    shared: &Shared,
    response: hyper::Response<hyper::body::Incoming>,
) -> Result<(), Failure> {
    let (head, body) = response.into_parts();
    let read = read(attempt, shared, head.status.as_u16(), &head.headers, body).await;
    read.map_err(|error| failure_of(&error))
}

/// Reads an answer into the attempt.
pub(super) async fn read<B>(
    attempt: &mut Attempt,
    shared: &Shared,
    status: u16,
    headers: &HeaderMap,
    mut body: B,
) -> Result<(), B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (headers, charset) = text(headers);
    let head = Head {
        status,
        headers,
        charset,
        length: body.size_hint().exact(),
    };
    let now = shared.clock.now();
    let answer = attempt
        .answer
        .insert(Answer::new(now, head, &shared.limits));
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => answer.add(&data, shared.clock.now()),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    let (fields, charset) = text(&trailers);
                    answer.set_trailers(fields, charset);
                }
            }
        }
    }
    answer.end_at(shared.clock.now());
    Ok(())
}

/// The fields as text: latin-1 if one of them is not UTF-8.
fn text(map: &HeaderMap) -> (Headers, Charset) {
    let is_utf_8 =
        |value: &hyper::header::HeaderValue| std::str::from_utf8(value.as_bytes()).is_ok();
    let charset = if map.values().all(is_utf_8) {
        Charset::Utf8
    } else {
        Charset::Latin1
    };
    let mut headers = Headers::default();
    for (name, value) in map {
        match (charset, std::str::from_utf8(value.as_bytes())) {
            (Charset::Utf8, Ok(text)) => headers.push(name.as_str(), text),
            _ => {
                let text: String = value.as_bytes().iter().copied().map(char::from).collect();
                headers.push(name.as_str(), &text);
            }
        }
    }
    (headers, charset)
}

/// Whether the target says that it has not begun to process the request.
fn is_refused(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    source
        .and_then(|cause| cause.downcast_ref::<h2::Error>())
        .is_some_and(|error| error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

fn failure_of(error: &hyper::Error) -> Failure {
    if error.is_closed() || error.is_canceled() || error.is_incomplete_message() {
        return Failure::ConnectionClosed;
    }
    failure_of_cause(std::error::Error::source(error))
}

/// What a chain of causes means to a run.
pub(super) fn failure_of_cause(mut cause: Option<&(dyn std::error::Error + 'static)>) -> Failure {
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Failure::of_io(io);
        }
        if let Some(http_2) = error.downcast_ref::<h2::Error>() {
            if let Some(io) = http_2.get_io() {
                return Failure::of_io(io);
            }
            return match (http_2.is_go_away(), http_2.is_reset()) {
                (true, _) => Failure::ConnectionClosed,
                (_, true) => Failure::StreamReset,
                _ => Failure::MalformedResponse,
            };
        }
        cause = error.source();
    }
    Failure::MalformedResponse
}
