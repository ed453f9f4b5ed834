//! What operators and load balancers ask a running recorder: whether it is healthy, and its numbers. Plain HTTP; any path
//! is answered alike.

mod health;
mod metrics;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::limits::ListenLimits;

pub(super) use health::Condition;
pub(super) use metrics::{Facts, render};

/// What is answered at the moment; renewed once a second.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    content_type: &'static str,
    text: Bytes,
}

/// A page that servers read and the recorder renews.
pub(super) type SharedPage = Arc<Mutex<Page>>;

/// The page of an address before the first second is over.
pub(super) fn page(content_type: &'static str) -> SharedPage {
    Arc::new(Mutex::new(Page {
        status: StatusCode::SERVICE_UNAVAILABLE,
        content_type,
        text: Bytes::from_static(b"starting\n"),
    }))
}

/// Renews a page.
pub(super) fn renew(page: &SharedPage, healthy: bool, text: String) {
    let mut page = page.lock().unwrap_or_else(PoisonError::into_inner);
    page.status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    page.text = text.into();
}

/// Opens an address for HTTP.
///
/// # Errors
/// If it cannot be had; `flag` names what asked for it.
pub(super) async fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on TCP {address} for {flag}: is another program there? `ss -ltnp sport = :{}`", address.port())
    })
}

/// Answers with the page until it is dropped. `room` is shared by all addresses.
pub(super) async fn serve(
    listener: TcpListener,
    page: SharedPage,
    room: Arc<Semaphore>,
    limits: ListenLimits,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No file descriptor is left, most likely: others will be closed.
            tokio::time::sleep(limits.http_head_wait / 10).await;
            continue;
        };
        // Without room the connection is closed at once: whoever asks will ask again.
        if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            let (page, limits) = (Arc::clone(&page), limits.clone());
            tokio::spawn(async move {
                answer(stream, page, &limits).await;
                drop(permit);
            });
        }
    }
}

async fn answer(stream: TcpStream, page: SharedPage, limits: &ListenLimits) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&request, &page);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.http_head_wait)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service);
    // What a client does wrong is its own matter; one that never comes to an end is cut off.
    let _ = tokio::time::timeout(limits.http_head_wait * 60, connection).await;
}

fn respond(request: &Request<Incoming>, page: &SharedPage) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return response;
    }
    let page = page.lock().unwrap_or_else(PoisonError::into_inner);
    let mut response = Response::new(Full::new(page.text.clone()));
    *response.status_mut() = page.status;
    let content_type = HeaderValue::from_static(page.content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
