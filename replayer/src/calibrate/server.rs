//! A server on loopback that answers at once, to measure what the replayer can send when no target holds it back.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;

/// The server, on a thread of its own.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Starts a server whose answers have bodies of `body_bytes`.
    ///
    /// # Errors
    /// If there is no port or no thread.
    pub(super) fn start(body_bytes: usize) -> anyhow::Result<Self> {
        let context = "start the server on loopback";
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(context)?;
        listener.set_nonblocking(true).context(context)?;
        let address = listener.local_addr().context(context)?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context(context)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let body = Bytes::from(vec![b'x'; body_bytes]);
        let serving = async move {
            let Ok(listener) = TcpListener::from_std(listener) else {
                return;
            };
            tokio::select! {
                () = serve(listener, body) => {}
                _ = stopped => {}
            }
        };
        let thread = thread::Builder::new()
            .name("calibrate".to_owned())
            .spawn(move || runtime.block_on(serving))
            .context(context)?;
        Ok(Self {
            address,
            stop,
            thread,
        })
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it panicked.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        let ended = self.thread.join();
        ended.map_err(|_| anyhow!("the server on loopback panicked"))
    }
}

/// Answers until it is dropped. A connection that cannot be accepted is the measurement's loss, and seen there.
async fn serve(listener: TcpListener, body: Bytes) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
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
