//! HTTP/1.1 on a connection of one's own.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use replayer_core::h1::{AnswerReader, Bounds, Event, NotSendable, ReadError, RequestWriter};
use tokio::io::ReadBuf;
use tokio::time::Sleep;

use super::answer::Answer;
use super::stream::Stream;
use super::{Attempt, Failure, Job, Shared};

/// How long a request with `Expect: 100-continue` waits for the target's consent before it sends its body unasked, as RFC
/// 9110 section 10.1.1 wants it; curl waits as long.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// A lane's connection to the target: made when it is needed, used until either side ends it.
#[derive(Debug, Default)]
pub(super) struct Connection {
    open: Option<Stream>,
    writer: RequestWriter,
    /// What was read and is not understood yet: the beginning of a head.
    input: Vec<u8>,
}

impl Connection {
    /// Sends the job's request and reads the answer into `attempt`.
    ///
    /// A connection that was used before may have been closed by the target in the same moment. A request of which nothing
    /// was written is then sent on a new connection; one that may have arrived is repeated only if its method is safe (RFC
    /// 9110 section 9.2.1), so that nothing is done twice.
    pub(super) async fn send(
        &mut self,
        attempt: &mut Attempt,
        shared: &Shared,
        job: &Job,
    ) -> Result<Result<(), Failure>, NotSendable> {
        let (charset, protocol) = (job.recorded.charset, job.recorded.protocol);
        let is_safe = is_safe(&job.request.method);
        let mut reused = self.is_open(!is_safe).await;
        loop {
            let asked = self.writer.begin(&job.request, charset, protocol)?;
            if !reused {
                self.input.clear();
                match Stream::connect(shared).await {
                    Ok(stream) => self.open = Some(stream),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            let stream = self.open.as_mut().expect("made if there was none");
            attempt.sent_at = Some(shared.clock.now());
            let bounds = Bounds {
                head_bytes_max: shared.limits.head_bytes_max,
                chunk_line_bytes_max: shared.limits.chunk_line_bytes_max,
            };
            let conversation = Conversation {
                stream,
                writer: &mut self.writer,
                reader: AnswerReader::new(asked, bounds),
                input: &mut self.input,
                attempt,
                shared,
                write_failure: None,
                end: None,
                heard: false,
                continue_at: None,
            };
            match conversation.hold().await {
                Ok(reusable) => {
                    if !reusable {
                        self.open = None;
                    }
                    return Ok(Ok(()));
                }
                Err(Broken { failure, heard }) => {
                    self.open = None;
                    let stale = matches!(
                        failure,
                        Failure::ConnectionClosed | Failure::ConnectionReset
                    );
                    let repeatable = is_safe || self.writer.is_untouched();
                    if !(reused && stale && !heard && repeatable) {
                        return Ok(Err(failure));
                    }
                    reused = false;
                }
            }
        }
    }

    async fn is_open(&mut self, thorough: bool) -> bool {
        let open = match &mut self.open {
            Some(stream) => stream.is_idle(thorough).await,
            None => false,
        };
        if !open {
            self.open = None;
        }
        open
    }
}

/// RFC 9110 section 9.2.1.
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// No whole answer came.
struct Broken {
    failure: Failure,
    /// Something of one did.
    heard: bool,
}

/// One request and its answer on a connection. Both directions at once: a target may answer before it has read a body to its
/// end, and one that reads no more until its answer is taken must not be waited for.
struct Conversation<'a> {
    stream: &'a mut Stream,
    writer: &'a mut RequestWriter,
    reader: AnswerReader,
    input: &'a mut Vec<u8>,
    attempt: &'a mut Attempt,
    shared: &'a Shared,
    /// Why the request cannot be written further; the answer may be on its way all the same.
    write_failure: Option<Failure>,
    /// The answer's end was read: whether the connection can be used again.
    end: Option<bool>,
    /// A byte of the answer was read.
    heard: bool,
    continue_at: Option<Pin<Box<Sleep>>>,
}

impl Conversation<'_> {
    /// Whether the connection can be used again.
    async fn hold(mut self) -> Result<bool, Broken> {
        let result = poll_fn(|context| self.poll(context)).await;
        result.map_err(|failure| Broken {
            failure,
            heard: self.heard,
        })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Failure>> {
        loop {
            let written = self.poll_write(context);
            match self.end {
                // A request that is not whole is not finished for a target that has closed, or has refused the body.
                Some(reusable)
                    if !reusable
                        || self.write_failure.is_some()
                        || self.writer.waits_for_continue() =>
                {
                    return Poll::Ready(Ok(false));
                }
                Some(_) if written => return Poll::Ready(Ok(true)),
                _ => {}
            }
            if self.poll_continue(context) {
                continue;
            }
            let read = ready!(self.poll_read(context));
            if self.end.is_some_and(|_| read.is_err()) {
                return Poll::Ready(Ok(false));
            }
            if let Err(failure) = read {
                return Poll::Ready(Err(self.write_failure.unwrap_or(failure)));
            }
        }
    }

    /// Writes what can be written; whether nothing is left.
    fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        if self.write_failure.is_some() {
            return false;
        }
        let result = loop {
            let Some(bytes) = self.writer.poll_bytes() else {
                break self.stream.poll_flush(context);
            };
            match self.stream.poll_write(context, bytes) {
                Poll::Ready(Ok(written)) => self.writer.handle_written(written),
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        if let Poll::Ready(Err(error)) = &result {
            self.write_failure = Some(Failure::of_io(error));
        }
        result.is_ready() && self.write_failure.is_none() && self.writer.is_done()
    }

    /// Whether the wait for the target's consent has just ended.
    fn poll_continue(&mut self, context: &mut Context<'_>) -> bool {
        if !self.writer.waits_for_continue() {
            return false;
        }
        let wait = self
            .continue_at
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(CONTINUE_WAIT)));
        let over = wait.as_mut().poll(context).is_ready();
        if over {
            self.writer.handle_continue();
        }
        over
    }

    /// Reads once, and understands what it can.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        // All connections of a run share the room that they are read into: it stays in the cache, and idle ones need none.
        let mut room = self
            .shared
            .room
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut buffer = ReadBuf::new(&mut room);
        if let Err(error) = ready!(self.stream.poll_read(context, &mut buffer)) {
            return Poll::Ready(Err(Failure::of_io(&error)));
        }
        let fresh = buffer.filled();
        if fresh.is_empty() {
            let end = self.reader.finish().map_err(failure_of);
            return Poll::Ready(end.map(|_| self.end = Some(false)));
        }
        self.heard = true;
        let mut held = std::mem::take(self.input);
        let understood = if held.is_empty() {
            self.understand(fresh)
                .map(|rest| held.extend_from_slice(rest))
        } else {
            held.extend_from_slice(fresh);
            self.understand(&held).map(<[u8]>::len).map(|rest| {
                held.drain(..held.len() - rest);
            })
        };
        if held.is_empty() && held.capacity() > 0 {
            held = Vec::new();
        }
        *self.input = held;
        Poll::Ready(understood)
    }

    /// Reads events from `input` into the attempt; what is left is the beginning of one.
    fn understand<'b>(&mut self, input: &'b [u8]) -> Result<&'b [u8], Failure> {
        let now = self.shared.clock.now();
        let mut rest = input;
        loop {
            let (taken, event) = self.reader.handle_input(rest).map_err(failure_of)?;
            rest = &rest[taken..];
            match event {
                Event::NeedsInput => return Ok(rest),
                Event::Interim(status) => {
                    self.attempt.interim_statuses.push(status);
                    if status == 100 {
                        self.writer.handle_continue();
                    }
                }
                Event::Head(head) => {
                    self.attempt.answer = Some(Answer::new(now, head, &self.shared.limits));
                }
                Event::Data(data) => {
                    if let Some(answer) = &mut self.attempt.answer {
                        answer.add(data, now);
                    }
                }
                Event::Trailers(fields, charset) => {
                    if let Some(answer) = &mut self.attempt.answer {
                        answer.set_trailers(fields, charset);
                    }
                }
                Event::End { reusable } => {
                    if let Some(answer) = &mut self.attempt.answer {
                        answer.end_at(now);
                    }
                    // Bytes that nobody asked for would be taken for the next answer.
                    self.end = Some(reusable && rest.is_empty());
                    return Ok(&[]);
                }
            }
        }
    }
}

fn failure_of(error: ReadError) -> Failure {
    match error {
        ReadError::Closed => Failure::ConnectionClosed,
        ReadError::HeadTooLarge => Failure::HeadTooLarge,
        ReadError::Malformed => Failure::MalformedResponse,
    }
}
