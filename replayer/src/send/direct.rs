//! hyper on a connection of one's own.

use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::answer::Answer;
use super::message::{Outgoing, to_hyper};
use super::{Attempt, Failure, Job, NotSendable, Shared};

/// A lane's connection to the target: made when it is needed, used until either side ends it.
#[derive(Debug, Default)]
pub(super) struct Connection {
    open: Option<http1::SendRequest<Outgoing>>,
}

impl Connection {
    /// Sends the job's request and reads the answer into `attempt`.
    ///
    /// A connection that was used before may have been closed by the target in the same moment. A request that hyper had
    /// not written yet is then sent on a new connection; one that may have arrived is repeated only if its method is safe
    /// (RFC 9110 section 9.2.1), so that nothing is done twice.
    pub(super) async fn send(
        &mut self,
        attempt: &mut Attempt,
        shared: &Shared,
        job: &Job,
    ) -> Result<Result<(), Failure>, NotSendable> {
        let charset = job.recorded.charset;
        let mut message = to_hyper(&job.request, charset, job.recorded.protocol)?;
        loop {
            let reused = self.is_ready().await;
            if !reused {
                match connect(shared).await {
                    Ok(connection) => self.open = Some(connection),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            let sender = self
                .open
                .as_mut()
                .expect("a connection was made if there was none");
            attempt.sent_at = Some(shared.clock.now());
            match sender.try_send_request(message).await {
                Ok(response) => return Ok(receive(attempt, shared, response).await),
                Err(mut error) => {
                    self.open = None;
                    let unsent = error.take_message();
                    let error = error.into_error();
                    let again = match unsent {
                        Some(unsent) => Some(unsent),
                        None if is_safe(&job.request.method) && is_stale(&error) => {
                            Some(to_hyper(&job.request, charset, job.recorded.protocol)?)
                        }
                        None => None,
                    };
                    match again {
                        Some(again) if reused => message = again,
                        _ => return Ok(Err(failure_of(&error))),
                    }
                }
            }
        }
    }

    async fn is_ready(&mut self) -> bool {
        let ready = match &mut self.open {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            self.open = None;
        }
        ready
    }
}

async fn receive(
    attempt: &mut Attempt,
    shared: &Shared,
    response: hyper::Response<Incoming>,
) -> Result<(), Failure> {
    let (head, body) = response.into_parts();
    let answer = Answer::new(shared.clock.now(), head.status.as_u16(), head.headers);
    attempt
        .answer
        .insert(answer)
        .read(body, shared.limits.body_bytes_max, &shared.clock)
        .await
        .map_err(|error| failure_of(&error))
}

/// Opens a connection to the target; its name is looked up each time, as the addresses behind a load balancer change.
async fn connect(shared: &Shared) -> Result<http1::SendRequest<Outgoing>, Failure> {
    let target = &shared.target;
    let failure = |error: std::io::Error| Failure::of_io(&error);
    let stream = TcpStream::connect((target.host(), target.port()))
        .await
        .map_err(failure)?;
    stream.set_nodelay(true).map_err(failure)?;
    let (sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(shared.limits.head_bytes_max)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure_of(&error))?;
    tokio::spawn(async move {
        // The request that is under way learns of the error, and nobody else needs to.
        let _ended = connection.await;
    });
    Ok(sender)
}

/// RFC 9110 section 9.2.1.
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// Whether the target ended the connection before it answered.
fn is_stale(error: &hyper::Error) -> bool {
    matches!(
        failure_of(error),
        Failure::ConnectionClosed | Failure::ConnectionReset
    )
}

/// What an error of hyper means to a run.
fn failure_of(error: &hyper::Error) -> Failure {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return Failure::ConnectionClosed;
    }
    if error.is_parse() || error.is_parse_too_large() {
        return Failure::MalformedResponse;
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            // Within an answer, an error of the decoder (a chunk that is none) is one of kind InvalidInput or InvalidData.
            return match io.kind() {
                std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                    Failure::MalformedResponse
                }
                _ => Failure::of_io(io),
            };
        }
        source = cause.source();
    }
    Failure::MalformedResponse
}
