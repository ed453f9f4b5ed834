//! reqwest's pool, for targets behind TLS.
//!
//! Two things differ from [`super::direct`]. A request target that reqwest's URL parser would change is not sent, and
//! skipped as `not_sendable`. A request without `Accept` gets `accept: */*`, which reqwest cannot be told to leave out; the
//! run's stored request then has it too.

use anyhow::Context as _;
use bytes::Bytes;
use replayer_core::Limits;
use url::Url;

use super::answer::Answer;
use super::message::{header_map, method, target_bytes};
use super::{Attempt, Failure, Job, NotSendable, Shared, Target};

/// A client of reqwest that changes as little as it can.
#[derive(Debug)]
pub(super) struct Pooled {
    client: reqwest::Client,
    origin: Url,
}

impl Pooled {
    pub(super) fn new(target: &Target, limits: &Limits) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .http1_only()
            .http1_title_case_headers()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .pool_max_idle_per_host(limits.in_flight_max)
            .build()
            .context("set up TLS")?;
        let origin =
            Url::parse(&target.to_string()).with_context(|| format!("--target {target}"))?;
        Ok(Self { client, origin })
    }

    /// Sends the job's request and reads the answer into `attempt`.
    pub(super) async fn send(
        &self,
        attempt: &mut Attempt,
        shared: &Shared,
        job: &Job,
    ) -> Result<Result<(), Failure>, NotSendable> {
        let request = self.request(job)?;
        attempt.sent_at = Some(shared.clock.now());
        let response = match self.client.execute(request).await {
            Ok(response) => response,
            Err(error) => return Ok(Err(failure_of(&error))),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = attempt
            .answer
            .insert(Answer::new(shared.clock.now(), status, headers));
        let body = reqwest::Body::from(response);
        let read = answer
            .read(body, shared.limits.body_bytes_max, &shared.clock)
            .await;
        Ok(read.map_err(|error| failure_of(&error)))
    }

    fn request(&self, job: &Job) -> Result<reqwest::Request, NotSendable> {
        let (recorded, charset) = (&job.request, job.recorded.charset);
        let target: Bytes = target_bytes(recorded, charset);
        let text = std::str::from_utf8(&target).map_err(|_| NotSendable)?;
        let origin = self.origin.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{origin}{text}")).map_err(|_| NotSendable)?;
        if url.as_str().strip_prefix(origin) != Some(text) {
            return Err(NotSendable);
        }
        let mut request = reqwest::Request::new(method(&recorded.method)?, url);
        *request.headers_mut() = header_map(&recorded.headers, charset)?;
        if !recorded.body.bytes.is_empty() {
            *request.body_mut() = Some(recorded.body.bytes.clone().into());
        }
        Ok(request)
    }
}

/// What an error of reqwest means to a run.
fn failure_of(error: &reqwest::Error) -> Failure {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return Failure::of_io(io);
        }
        source = cause.source();
    }
    if error.is_connect() {
        Failure::ConnectFailed
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::MalformedResponse
    }
}
