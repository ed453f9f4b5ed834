//! The live stream over HTTP/1.1, with TLS or without.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use schema::SegmentOptions;
use schema::live::{EXCHANGES_PATH, MEDIA_TYPE, StreamEncoder};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
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
    /// Whether the recorder ends: connections end with the answer that they are at.
    ending: watch::Sender<bool>,
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
            connections: Arc::new(Semaphore::new(connections_max(limits))),
            subscribers: Arc::new(Semaphore::new(limits.live_subscribers)),
            ending: watch::Sender::new(false),
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

    /// Ready when the system has taken everything for every subscriber, or some take too long: they see their stream break
    /// off. That a subscription has ended is not enough: its last bytes may still be its connection's.
    pub(crate) async fn drain(&self) {
        self.ending.send_replace(true);
        let all = u32::try_from(connections_max(&self.limits)).unwrap_or(u32::MAX);
        let drained = self.connections.acquire_many(all);
        if timeout(self.limits.live_drain, drained).await.is_err() {
            tracing::warn!("a subscriber of the live stream has not read its end, and is cut off");
        }
    }

    async fn answer(self: Arc<Self>, stream: TcpStream) {
        // Batches are small and awaited.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.speak(stream).await;
        };
        let handshake = TlsAcceptor::from(Arc::clone(tls)).accept(stream);
        let mut ending = self.ending.subscribe();
        let shaken = tokio::select! {
            shaken = timeout(self.limits.http_head_wait, handshake) => shaken,
            // Nobody is a subscriber yet.
            _ = ending.wait_for(|ending| *ending) => return,
        };
        if let Ok(Ok(stream)) = shaken {
            self.speak(stream).await;
        }
    }

    async fn speak(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let wait = self.limits.http_head_wait;
        let mut ending = self.ending.subscribe();
        let service = service_fn(move |request: Request<Incoming>| {
            let server = Arc::clone(&self);
            async move { Ok::<_, Infallible>(server.respond(&request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(wait)
            .max_buf_size(64 << 10)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ending = async {
            let _ = ending.wait_for(|ending| *ending).await;
        };
        // What a subscriber does wrong is its own matter.
        tokio::select! {
            _ = &mut connection => return,
            () = ending => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn respond(&self, request: &Request<Incoming>) -> Response<Body> {
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
            Ok(query) => {
                let subscribed = self.subscribe(query).await;
                subscribed.unwrap_or_else(|refusal| *refusal)
            }
            Err(error) => refusal(StatusCode::BAD_REQUEST, error),
        }
    }

    /// Begins to serve a subscriber. One that comes before the recorder knows what its spool has kept waits for that.
    async fn subscribe(&self, query: Query) -> Result<Response<Body>, Box<Response<Body>>> {
        let unavailable = |text: &str| Box::new(refusal(StatusCode::SERVICE_UNAVAILABLE, text));
        let permit = Arc::clone(&self.subscribers).try_acquire_owned();
        let permit = permit.map_err(|_| unavailable("there are too many subscribers"))?;
        // If it takes too long, beginning says so.
        let _ = timeout(self.limits.live_ready, self.feed.ready()).await;
        let number = self.feed.begin(query.start);
        let number = number.map_err(|error| Box::new(cannot_begin(error)))?;
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

/// Beyond the subscribers, some more are told why they cannot be.
fn connections_max(limits: &ListenLimits) -> usize {
    limits.live_subscribers + limits.http_connections
}

/// The answer to who cannot begin where it wants to.
fn cannot_begin(error: StartError) -> Response<Body> {
    match error {
        StartError::Gone | StartError::OtherSpool => refusal(StatusCode::GONE, error),
        StartError::NotReady => {
            let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, error);
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, soon);
            response
        }
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

#[cfg(test)]
mod tests;
