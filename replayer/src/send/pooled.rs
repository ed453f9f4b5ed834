//! reqwest, for requests of HTTP/2 that it sends as they were recorded.

use anyhow::Context as _;
use hyper::body::Body as _;
use url::Url;

use super::message::{Outgoing, fields, method, target_bytes};
use super::tls::Tls;
use super::{Attempt, Failure, Job, Shared, Target, http2};

/// A client of reqwest that changes as little as it can.
#[derive(Debug)]
pub(super) struct Pooled {
    client: reqwest::Client,
    origin: Url,
}

impl Pooled {
    pub(super) fn new(target: &Target, tls: Option<&Tls>) -> anyhow::Result<Self> {
        let builder = reqwest::Client::builder()
            .http2_prior_knowledge()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .tcp_nodelay(true);
        let builder = match tls {
            Some(tls) => builder.tls_backend_preconfigured(tls.config(true)),
            None => builder,
        };
        let client = builder.build().context("set up HTTP/2")?;
        let origin =
            Url::parse(&target.to_string()).with_context(|| format!("--target {target}"))?;
        Ok(Self { client, origin })
    }

    /// The job's request, if reqwest would send it as it was recorded.
    pub(super) fn request(&self, job: &Job, target: &Target) -> Option<reqwest::Request> {
        let request = &job.request;
        let unchanged = request.headers.get("accept").is_some()
            && request.host.as_deref() == Some(target.authority());
        if !unchanged {
            return None;
        }
        let bytes = target_bytes(request, job.recorded.charset);
        let text = std::str::from_utf8(&bytes).ok()?;
        let origin = self.origin.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{origin}{text}")).ok()?;
        if url.as_str().strip_prefix(origin) != Some(text) {
            return None;
        }
        let mut message = reqwest::Request::new(method(request).ok()?, url);
        *message.headers_mut() = fields(job).ok()?;
        let body = Outgoing::of(request, job.recorded.charset).ok()?;
        if !body.is_end_stream() {
            *message.body_mut() = Some(reqwest::Body::wrap(body));
        }
        Some(message)
    }

    /// Sends a request and reads the answer into `attempt`.
    pub(super) async fn send(
        &self,
        attempt: &mut Attempt,
        shared: &Shared,
        request: reqwest::Request,
    ) -> Result<(), Failure> {
        attempt.sent_at = Some(shared.clock.now());
        let response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(failure_of(&error)),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = reqwest::Body::from(response);
        let read = http2::read(attempt, shared, status, &headers, body).await;
        read.map_err(|error| failure_of(&error))
    }
}

fn failure_of(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::Timeout;
    }
    http2::failure_of_cause(std::error::Error::source(error))
}
