//! What answers on loopback at once, to measure what the replayer can send when no target holds it back.

use std::convert::Infallible;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Answers with bodies of `body_bytes` until it is dropped.
///
/// # Errors
/// If the listener fails.
pub(super) async fn serve(listener: TcpListener, body_bytes: usize) -> anyhow::Result<()> {
    let body = Bytes::from(vec![b'x'; body_bytes]);
    loop {
        let (stream, _) = listener.accept().await.context("accept a connection")?;
        // Small answers must not wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let body = body.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let body = body.clone();
            async move {
                // Read to its end, so that the connection can be used again.
                let _ = request.into_body().collect().await;
                Ok::<_, Infallible>(Response::new(Full::new(body)))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
