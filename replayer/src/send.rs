//! One request out, one answer back: everything that can go wrong with a target is an outcome with a reason.
//!
//! * [`direct`]: HTTP/1.1 over connections of our own ([`stream`]), plain or through TLS ([`tls`]). Neither reqwest nor hyper
//!   beneath it can send a recorded head as it was: reqwest adds `accept: */*` where the recording has none, cannot be told
//!   not to, and normalises the path (`/a/../b` becomes `/b`, `{` becomes `%7B`); hyper writes names of fields in lower or
//!   Title-Case, puts fields of one name together, and refuses targets with `<`, `#` or `"`.
//! * [`pooled`]: HTTP/2 over reqwest, where it sends what was recorded; [`http2`]: over hyper, where it would not.
//!
//! A *lane* is a task with at most one request in flight. There are as many as requests may be in flight; the event loop
//! hands each ready request to the lane of its recorded connection or, where order does not go by connection, to the lane
//! that was free last, so that few connections serve a slow schedule.

mod answer;
mod correlated;
mod direct;
mod http2;
mod message;
mod outbox;
mod pooled;
mod stream;
mod target;
mod tls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use replayer_core::Limits;
use replayer_core::correlate::Scope;
use replayer_core::h1::NotSendable;
use replayer_core::rewrite::{Resigned, put_resigned};
use schema::{Completeness, Exchange, Outcome, Protocol, Replay, Request, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

pub(crate) use correlated::Correlated;
pub(crate) use outbox::Outbox;
pub(crate) use target::Target;
pub(crate) use tls::{Tls, TlsOptions, client_config};

use crate::clock::Clock;
use crate::read::Standing;
use crate::run_store::{Answered, RunSender};
use answer::Answer;
use stream::Stream;
use tls::Alpn;

/// Bytes that are read from a connection at once.
const ROOM_BYTES: usize = 64 << 10;

/// Longer than any request takes.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A request whose time has come.
#[derive(Debug)]
pub(crate) struct Job {
    /// The recorded exchange.
    pub(crate) recorded: Box<Exchange>,
    /// The request as it shall be sent.
    pub(crate) request: Request,
    /// Whose answers it sees.
    pub(crate) scope: Scope,
    /// Recorded tokens that have been signed anew, for where no answer gave others.
    pub(crate) resigned: Vec<Resigned>,
    /// When it was due.
    pub(crate) due: Timestamp,
    /// How long it waited past that for its predecessor's answer.
    pub(crate) order_wait: Duration,
    /// Whether it must not go over the connection that the lane used before.
    pub(crate) fresh: bool,
    /// Where it stands in the run.
    pub(crate) standing: Standing,
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
    /// What answers have taught about later requests; `None` if nothing is to be learned.
    pub(crate) correlated: Option<Correlated>,
    /// Tells lanes to give up what is in flight.
    pub(crate) interrupt: Notify,
    /// For `https://`.
    tls: Option<Tls>,
    /// What is sent as HTTP/2.
    http_2: Http2Use,
    /// hyper's connection for it.
    streams: http2::Http2,
    /// reqwest for it, where anything is.
    pooled: Option<pooled::Pooled>,
    /// What connections are read into, one after the other; never held across an await.
    room: Mutex<Vec<u8>>,
}

impl Shared {
    /// What the lanes of a run to `target` share.
    ///
    /// # Errors
    /// If the client for HTTP/2 cannot be set up.
    pub(crate) fn new(
        target: Target,
        tls: Option<Tls>,
        http_2: Http2Use,
        timeout: Duration,
        limits: Limits,
        clock: Clock,
        run: RunSender,
    ) -> anyhow::Result<Self> {
        let pooled = (http_2 != Http2Use::Nothing)
            .then(|| pooled::Pooled::new(&target, tls.as_ref()))
            .transpose()?;
        Ok(Self {
            pooled,
            target,
            timeout,
            limits,
            clock,
            outbox: Outbox::new(run),
            correlated: None,
            interrupt: Notify::new(),
            tls,
            http_2,
            streams: http2::Http2::default(),
            room: Mutex::new(vec![0; ROOM_BYTES]),
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
    HeadTooLarge,
    Interrupted,
    MalformedResponse,
    StreamReset,
    Timeout,
    TlsFailed,
}

impl Failure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectFailed => "connect_failed",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectionClosed => "connection_closed",
            Self::ConnectionReset => "connection_reset",
            Self::HeadTooLarge => "head_too_large",
            Self::Interrupted => "interrupted",
            Self::MalformedResponse => "malformed_response",
            Self::StreamReset => "stream_reset",
            Self::Timeout => "timeout",
            Self::TlsFailed => "tls_failed",
        }
    }

    fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<rustls::Error>())
        {
            return Self::TlsFailed;
        }
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

/// Which version of HTTP was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpVersion {
    /// What was recorded as HTTP/2 is sent so if the target agrees to it by ALPN; everything else as HTTP/1.
    Auto,
    /// HTTP/1 for everything.
    One,
    /// HTTP/2 for everything.
    Two,
}

/// What is sent as HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http2Use {
    Nothing,
    /// What was recorded as HTTP/2.
    AsRecorded,
    Everything,
}

/// Connects to the target, shakes hands, and hangs up: a run against nothing, or against one that is not trusted, should end
/// before it begins. Says what can be sent to it as HTTP/2.
///
/// # Errors
/// If there is nobody, or TLS fails.
pub(crate) async fn probe(
    target: &Target,
    tls: Option<&Tls>,
    version: HttpVersion,
    timeout: Duration,
) -> anyhow::Result<Http2Use> {
    let alpn = match version {
        HttpVersion::Auto => Alpn::Either,
        HttpVersion::One => Alpn::Http1,
        HttpVersion::Two => Alpn::Http2,
    };
    let opened = tokio::time::timeout(timeout, Stream::open(target, tls, alpn)).await;
    let stream = opened.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
    let agreed = matches!(&stream, Stream::Tls(stream) if tls::is_http_2(stream));
    match version {
        HttpVersion::Auto if agreed => Ok(Http2Use::AsRecorded),
        HttpVersion::Auto | HttpVersion::One => Ok(Http2Use::Nothing),
        HttpVersion::Two if tls.is_some() && !agreed => {
            bail!("it does not speak HTTP/2; leave out --http-version 2")
        }
        HttpVersion::Two => Ok(Http2Use::Everything),
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
    // One timer for all requests of the lane: to put it off costs less than to set another one.
    let timer = tokio::time::sleep(shared.timeout);
    tokio::pin!(timer);
    while let Some(mut job) = jobs.recv().await {
        let scope = job.scope;
        if let Some(correlated) = &shared.correlated {
            correlated.apply(&mut job);
        }
        put_resigned(&mut job.request, &job.resigned);
        let mut attempt = Attempt::default();
        if job.fresh {
            connection = direct::Connection::default();
        }
        timer.as_mut().reset(deadline(shared.timeout));
        let result = tokio::select! {
            biased;
            result = attempt.run(&shared, &mut connection, &job) => result,
            () = &mut timer => Ok(Err(Failure::Timeout)),
            () = &mut interrupted => Ok(Err(Failure::Interrupted)),
        };
        if !matches!(result, Ok(Ok(()))) {
            // What is left of this request on the connection must not be taken for the next one's.
            connection = direct::Connection::default();
        }
        let mut answered = attempt.into_answered(job, result, &shared.clock);
        if let Some(correlated) = &shared.correlated {
            // Before anyone hears that this lane is done: what waits for this answer is sent with what it says.
            answered = correlated.learn(answered, scope).await;
        }
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

/// The end of a `span` that begins now; one without end in practice where the clock does not reach so far.
fn deadline(span: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(span).unwrap_or(now + A_YEAR)
}

/// One request under way: what is known of it stays, however it ends.
#[derive(Debug, Default)]
struct Attempt {
    /// When its bytes were handed to a connection.
    sent_at: Option<Timestamp>,
    /// What carries it.
    protocol: Option<Protocol>,
    interim_statuses: Vec<u16>,
    answer: Option<Answer>,
}

impl Attempt {
    async fn run(
        &mut self,
        shared: &Shared,
        connection: &mut direct::Connection,
        job: &Job,
    ) -> Result<Result<(), Failure>, NotSendable> {
        let is_http_2 = match shared.http_2 {
            Http2Use::Nothing => false,
            Http2Use::AsRecorded => job.recorded.protocol == Protocol::Http2,
            Http2Use::Everything => true,
        };
        self.protocol = Some(match job.recorded.protocol {
            _ if is_http_2 => Protocol::Http2,
            // Answers to HTTP/1.0 are framed otherwise, so it stays.
            Protocol::Http10 => Protocol::Http10,
            Protocol::Http11 | Protocol::Http2 => Protocol::Http11,
        });
        if !is_http_2 {
            return connection.send(self, shared, job).await;
        }
        if let Some(pooled) = &shared.pooled
            && let Some(request) = pooled.request(job, &shared.target)
        {
            return Ok(pooled.send(self, shared, request).await);
        }
        shared.streams.send(self, shared, job).await
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
            interim_statuses: self.interim_statuses,
            completeness: Completeness::NoResponse,
            protocol: self.protocol.unwrap_or(job.recorded.protocol),
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
                pass: job.standing.pass,
                in_doubt: job.standing.in_doubt,
            })),
            ..bare(&job.recorded)
        };
        if let Some(answer) = self.answer {
            answer.into_exchange(&mut actual, outcome == Outcome::Sent);
        }
        Answered {
            recorded: job.recorded,
            actual: Box::new(actual),
        }
    }
}

/// The pair of an exchange that is not sent.
#[must_use]
pub(crate) fn skipped(
    recorded: Box<Exchange>,
    reason: &str,
    now: Timestamp,
    standing: Standing,
) -> Answered {
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
        pass: standing.pass,
        in_doubt: standing.in_doubt,
    }));
    Answered {
        recorded,
        actual: Box::new(actual),
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
        tcp: None,
        replay: None,
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
