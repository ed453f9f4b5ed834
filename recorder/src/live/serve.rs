//! The live stream over HTTP/1.1, with TLS or without.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use schema::SegmentOptions;
use schema::live::{EXCHANGES_PATH, MEDIA_TYPE, StreamEncoder};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

use super::feed::{Feed, StartError};
use super::query::Query;
use super::subscription::{BATCHES_WAITING, Subscription};
use super::{Live, Token};
use crate::listen::ListenLimits;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves one feed.
#[derive(Debug)]
pub(crate) struct Server {
    feed: Arc<Feed>,
    token: Option<Token>,
    tls: Option<Arc<rustls::ServerConfig>>,
    /// What the stream says of its rows.
    options: SegmentOptions,
    limits: ListenLimits,
    /// Room for connections, and for subscribers among them.
    connections: Arc<Semaphore>,
    subscribers: Arc<Semaphore>,
}

impl Server {
    pub(crate) fn new(
        live: &Live,
        feed: Arc<Feed>,
        options: SegmentOptions,
        limits: &ListenLimits,
    ) -> Self {
        Self {
            feed,
            token: live.token.clone(),
            tls: live.tls.clone(),
            options,
            limits: limits.clone(),
            // Beyond the subscribers, some more are told why they cannot be.
            connections: Arc::new(Semaphore::new(
                limits.live_subscribers + limits.http_connections,
            )),
            subscribers: Arc::new(Semaphore::new(limits.live_subscribers)),
        }
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // No file descriptor is left, most likely: others will be closed.
                tokio::time::sleep(self.limits.http_head_wait / 10).await;
                continue;
            };
            // Without room the connection is closed at once: whoever asks will ask again.
            if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
                let server = Arc::clone(&self);
                tokio::spawn(async move {
                    server.answer(stream).await;
                    drop(permit);
                });
            }
        }
    }

    /// Ready when every subscriber has got everything, or some take too long: they see their stream break off.
    pub(crate) async fn drain(&self) {
        let all = u32::try_from(self.limits.live_subscribers).unwrap_or(u32::MAX);
        let drained = self.subscribers.acquire_many(all);
        // It is never closed.
        let _ = tokio::time::timeout(self.limits.live_drain, drained).await;
    }

    async fn answer(self: Arc<Self>, stream: TcpStream) {
        // Batches are small and awaited.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.speak(stream).await;
        };
        let handshake = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
        if let Ok(Ok(stream)) = tokio::time::timeout(self.limits.http_head_wait, handshake).await {
            self.speak(stream).await;
        }
    }

    async fn speak(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let wait = self.limits.http_head_wait;
        let service = service_fn(move |request: Request<Incoming>| {
            let response = self.respond(&request);
            async move { Ok::<_, Infallible>(response) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(wait)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        // What a subscriber does wrong is its own matter.
        let _ = connection.await;
    }

    fn respond(&self, request: &Request<Incoming>) -> Response<Body> {
        let presented = request.headers().get(AUTHORIZATION);
        let lets_in = |token: &Token| {
            presented.is_some_and(|presented| token.is_presented(presented.as_bytes()))
        };
        if !self.token.as_ref().is_none_or(lets_in) {
            let text = "give the recorder's token: Authorization: Bearer TOKEN";
            let mut response = refusal(StatusCode::UNAUTHORIZED, text);
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            return response;
        }
        if request.uri().path() != EXCHANGES_PATH {
            let text = format!("there is only {EXCHANGES_PATH}");
            return refusal(StatusCode::NOT_FOUND, text);
        }
        if request.method() != Method::GET {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "use GET");
        }
        match Query::parse(request.uri().query()) {
            Ok(query) => self.subscribe(query).unwrap_or_else(|refusal| *refusal),
            Err(error) => refusal(StatusCode::BAD_REQUEST, error),
        }
    }

    /// Begins to serve a subscriber.
    fn subscribe(&self, query: Query) -> Result<Response<Body>, Box<Response<Body>>> {
        let unavailable = |text: &str| Box::new(refusal(StatusCode::SERVICE_UNAVAILABLE, text));
        let permit = Arc::clone(&self.subscribers).try_acquire_owned();
        let permit = permit.map_err(|_| unavailable("there are too many subscribers"))?;
        let number = self.feed.begin(query.start).map_err(|error| {
            let status = match error {
                StartError::Gone | StartError::OtherSpool => StatusCode::GONE,
                StartError::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            };
            Box::new(refusal(status, error))
        })?;
        let encoder = StreamEncoder::new(&self.options, query.columns);
        let encoder = encoder.map_err(|error| unavailable(&error.to_string()))?;
        let (out, mut batches) = mpsc::channel(BATCHES_WAITING);
        let feed = Arc::clone(&self.feed);
        let subscription = Subscription::new(feed, number, query.filter, encoder, out);
        let started = crate::thread("live", move || {
            subscription.run();
        });
        started.map_err(|_| unavailable("the system has no thread left"))?;
        let frames = stream::poll_fn(move |context| {
            // The subscriber counts until its connection has taken everything.
            let _ = &permit;
            let batch = batches.poll_recv(context);
            batch.map(|batch| batch.map(|bytes| bytes.map(Frame::data)))
        });
        let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

/// An answer that is no stream: a line of text that says why.
fn refusal(status: StatusCode, text: impl Display) -> Response<Body> {
    let text = Full::new(Bytes::from(format!("{text}\n")));
    let mut response = Response::new(text.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
