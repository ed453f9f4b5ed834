//! One request out, one answer back: everything that can go wrong with a target is an outcome with a reason.
//!
//! Two transports carry requests, and both speak HTTP/1.1, follow no redirect, decode nothing, use no proxy and invent no
//! header:
//!
//! * [`direct`]: hyper on a connection of one's own, for `http://`. reqwest cannot be told to leave out `accept: */*` where
//!   the recording has none, normalises the path (`/a/../b` becomes `/b`, `{` becomes `%7B`), and costs about twice as
//!   much CPU a request.
//! * [`pooled`]: reqwest, for `https://`. What it would change is not sent changed in silence: see there.
//!
//! A *lane* is a task with at most one request in flight. There are as many as requests may be in flight; the event loop
//! hands each ready request to the lane that was free last, so that few connections serve a slow schedule.

mod answer;
mod direct;
mod message;
mod outbox;
mod pooled;
mod target;

use std::sync::Arc;
use std::time::Duration;

use replayer_core::Limits;
use schema::{Completeness, Exchange, Outcome, Replay, Request, Timestamp};
use tokio::sync::{Notify, mpsc};

pub(crate) use outbox::Outbox;
pub(crate) use target::Target;

use crate::clock::Clock;
use crate::run_store::{Answered, RunSender};
use answer::Answer;

/// A request whose time has come.
#[derive(Debug)]
pub(crate) struct Job {
    /// The recorded exchange.
    pub(crate) recorded: Box<Exchange>,
    /// The request as it shall be sent.
    pub(crate) request: Request,
    /// When it was due.
    pub(crate) due: Timestamp,
    /// How long it waited past that for its predecessor's answer.
    pub(crate) order_wait: Duration,
}

/// A lane has become free.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Which lane.
    pub(crate) lane: usize,
    /// How the exchange ended.
    pub(crate) outcome: Outcome,
    /// Sent time minus due time.
    pub(crate) lag: Duration,
    /// Whether the run's writer took the answer; if not, it has stopped.
    pub(crate) stored: bool,
}

/// What all lanes of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Where requests go.
    pub(crate) target: Target,
    /// How long one request may take, from connecting to the last byte of the answer.
    pub(crate) timeout: Duration,
    /// Every bound.
    pub(crate) limits: Limits,
    /// The run's clock.
    pub(crate) clock: Clock,
    /// Where answers go.
    pub(crate) outbox: Outbox,
    /// Tells lanes to give up what is in flight.
    pub(crate) interrupt: Notify,
    /// reqwest's pool, for `https://`.
    pooled: Option<pooled::Pooled>,
}

impl Shared {
    /// What the lanes of a run to `target` share.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub(crate) fn new(
        target: Target,
        timeout: Duration,
        limits: Limits,
        clock: Clock,
        run: RunSender,
    ) -> anyhow::Result<Self> {
        let pooled = target
            .is_tls()
            .then(|| pooled::Pooled::new(&target, &limits))
            .transpose()?;
        Ok(Self {
            target,
            timeout,
            limits,
            clock,
            outbox: Outbox::new(run),
            interrupt: Notify::new(),
            pooled,
        })
    }
}

/// Why no whole answer came back. The words are a closed set: runs count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    ConnectFailed,
    ConnectRefused,
    ConnectionClosed,
    ConnectionReset,
    Interrupted,
    MalformedResponse,
    Timeout,
}

impl Failure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectFailed => "connect_failed",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectionClosed => "connection_closed",
            Self::ConnectionReset => "connection_reset",
            Self::Interrupted => "interrupted",
            Self::MalformedResponse => "malformed_response",
            Self::Timeout => "timeout",
        }
    }

    fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::ConnectRefused,
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => {
                Self::ConnectionReset
            }
            ErrorKind::UnexpectedEof => Self::ConnectionClosed,
            ErrorKind::TimedOut => Self::Timeout,
            _ => Self::ConnectFailed,
        }
    }
}

/// The request cannot be put on the wire as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotSendable;

/// Connects to the target and hangs up: a run against nothing should end before it begins.
///
/// # Errors
/// If there is nobody.
pub(crate) async fn probe(target: &Target, timeout: Duration) -> std::io::Result<()> {
    let connect = tokio::net::TcpStream::connect((target.host(), target.port()));
    match tokio::time::timeout(timeout, connect).await {
        Ok(connected) => connected.map(drop),
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Runs one lane until `jobs` is closed.
pub(crate) async fn run_lane(
    lane: usize,
    shared: Arc<Shared>,
    mut jobs: mpsc::Receiver<Job>,
    done: mpsc::Sender<Done>,
) {
    let mut connection = direct::Connection::default();
    // Registered once, so that an interrupt reaches every lane and costs a request nothing.
    let interrupted = shared.interrupt.notified();
    tokio::pin!(interrupted);
    interrupted.as_mut().enable();
    while let Some(job) = jobs.recv().await {
        let mut attempt = Attempt::default();
        let result = tokio::select! {
            biased;
            result = tokio::time::timeout(shared.timeout, attempt.run(&shared, &mut connection, &job)) => {
                result.unwrap_or(Ok(Err(Failure::Timeout)))
            }
            () = &mut interrupted => Ok(Err(Failure::Interrupted)),
        };
        if !matches!(result, Ok(Ok(()))) {
            // What is left of this request on the connection must not be taken for the next one's.
            connection = direct::Connection::default();
        }
        let answered = attempt.into_answered(job, result, &shared.clock);
        let replay = answered.actual.replay.as_deref();
        let outcome = replay.map_or(Outcome::Failed, |replay| replay.outcome);
        let lag_us = replay.map_or(0, |replay| u64::try_from(replay.lag_us).unwrap_or(0));
        let stored = shared.outbox.push(answered).await.is_ok();
        let message = Done {
            lane,
            outcome,
            lag: Duration::from_micros(lag_us),
            stored,
        };
        if done.send(message).await.is_err() {
            return;
        }
    }
}

/// One request under way: what is known of it stays, however it ends.
#[derive(Debug, Default)]
struct Attempt {
    /// When its bytes were handed to a connection.
    sent_at: Option<Timestamp>,
    answer: Option<Answer>,
}

impl Attempt {
    async fn run(
        &mut self,
        shared: &Shared,
        connection: &mut direct::Connection,
        job: &Job,
    ) -> Result<Result<(), Failure>, NotSendable> {
        match &shared.pooled {
            Some(pooled) => pooled.send(self, shared, job).await,
            None => connection.send(self, shared, job).await,
        }
    }

    /// The pair for the run's writer.
    fn into_answered(
        self,
        job: Job,
        result: Result<Result<(), Failure>, NotSendable>,
        clock: &Clock,
    ) -> Answered {
        let now = clock.now();
        let (outcome, reason) = match result {
            Ok(Ok(())) => (Outcome::Sent, None),
            Ok(Err(failure)) => (Outcome::Failed, Some(failure.as_str())),
            Err(NotSendable) => (Outcome::Skipped, Some("not_sendable")),
        };
        let sent_at = self.sent_at.unwrap_or(now);
        let mut request = job.request;
        request.start = sent_at;
        request.end = sent_at;
        let mut actual = Exchange {
            connection: Arc::clone(&job.recorded.connection),
            request: Some(request),
            response: None,
            interim_statuses: Vec::new(),
            completeness: Completeness::NoResponse,
            protocol: message::protocol_sent(job.recorded.protocol),
            replay: Some(Box::new(Replay {
                recorded_start: job.recorded.start(),
                due: job.due,
                lag_us: micros(sent_at.since(job.due)),
                order_wait_us: micros(job.order_wait),
                outcome,
                outcome_reason: reason.map(str::to_owned),
                verdict: schema::ExchangeVerdict::Incomparable,
                verdict_reason: None,
                divergences: 0,
            })),
            ..bare(&job.recorded)
        };
        if let Some(answer) = self.answer {
            answer.into_exchange(&mut actual, outcome == Outcome::Sent);
        }
        Answered {
            recorded: *job.recorded,
            actual,
        }
    }
}

/// The pair of an exchange that is not sent.
#[must_use]
pub(crate) fn skipped(recorded: Box<Exchange>, reason: &str, now: Timestamp) -> Answered {
    let mut actual = bare(&recorded);
    actual.completeness = match recorded.request {
        Some(_) => Completeness::NoResponse,
        None => Completeness::NoRequest,
    };
    actual.request.clone_from(&recorded.request);
    if let Some(request) = &mut actual.request {
        (request.start, request.end) = (now, now);
    }
    actual.replay = Some(Box::new(Replay {
        recorded_start: recorded.start(),
        due: now,
        lag_us: 0,
        order_wait_us: 0,
        outcome: Outcome::Skipped,
        outcome_reason: Some(reason.to_owned()),
        verdict: schema::ExchangeVerdict::Incomparable,
        verdict_reason: None,
        divergences: 0,
    }));
    Answered {
        recorded: *recorded,
        actual,
    }
}

/// An exchange with the identity of `recorded` and nothing else.
fn bare(recorded: &Exchange) -> Exchange {
    Exchange {
        connection: Arc::clone(&recorded.connection),
        index: recorded.index,
        stream_id: None,
        protocol: recorded.protocol,
        request: None,
        response: None,
        interim_statuses: Vec::new(),
        request_missing_bytes: 0,
        response_missing_bytes: 0,
        completeness: Completeness::NoResponse,
        framing: schema::Certainty::Exact,
        pairing: schema::Certainty::Exact,
        charset: recorded.charset,
        replay: None,
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
