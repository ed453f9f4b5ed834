//! The reading half of a replay, on a thread of its own: fetch, decode, merge, filter and rewrite.
//!
//! Decoding a batch takes milliseconds, which the event loop must not spend: a request would be that late. So this thread
//! has its own runtime, and hands over small batches through a bounded channel.

use std::thread::JoinHandle;

use anyhow::Context as _;
use replayer_core::correlate::Scope;
use replayer_core::filter::Filter;
use replayer_core::order::Places;
use replayer_core::pace::ramped;
use replayer_core::permission::Permissions;
use replayer_core::rewrite::{Rewrite, Skip, rewrite};
use replayer_core::scheduler::Place;
use schema::{Exchange, Request, Timestamp};
use tokio::sync::mpsc;

use crate::config::{Passes, Timing};
use crate::fetch::ExchangeStream;
use crate::select::Source;

/// Exchanges of one batch.
const BATCH_MAX: usize = 256;
/// About how many bytes of memory a batch may hold; a single exchange may hold more.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Batches that are read and not yet taken.
const BATCHES_WAITING_MAX: usize = 4;

/// One exchange that the filters let through.
#[derive(Debug)]
pub(crate) enum Planned {
    /// To be sent.
    Send(Box<Ready>),
    /// Not to be sent, and why.
    Skip(Box<Exchange>, Skip),
}

/// An exchange with the request that goes out for it.
#[derive(Debug)]
pub(crate) struct Ready {
    /// As recorded.
    pub(crate) recorded: Box<Exchange>,
    /// As it shall be sent.
    pub(crate) request: Request,
    /// When it was recorded; in a later pass over the window, so much later.
    pub(crate) recorded_at: Timestamp,
    /// What it has to follow.
    pub(crate) place: Place,
    /// Whose answers it sees.
    pub(crate) scope: Scope,
    /// About how many bytes of memory both hold.
    pub(crate) memory_bytes: usize,
}

/// What the reader shall make of the archive.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The window.
    pub(crate) source: Source,
    /// Which of its exchanges are meant.
    pub(crate) filter: Filter,
    /// Which requests may be sent.
    pub(crate) permissions: Permissions,
    /// How requests are changed.
    pub(crate) rules: Rewrite,
    /// When they are due, and in which order.
    pub(crate) timing: Timing,
}

/// What the reader counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReadTotals {
    /// Exchanges of the window.
    pub(crate) read: u64,
    /// Those that the filters left out.
    pub(crate) filtered_out: u64,
}

/// Batches of planned exchanges, in time order; an error ends them.
pub(crate) type Batches = mpsc::Receiver<anyhow::Result<Vec<Planned>>>;

/// A reader that runs.
#[derive(Debug)]
pub(crate) struct Reader {
    thread: JoinHandle<ReadTotals>,
}

impl Reader {
    /// Starts to read; the channel gives the batches. Dropping it stops the reader.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn start(reading: Reading) -> anyhow::Result<(Self, Batches)> {
        let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || {
                crate::timer::stand_back();
                let mut work = Work::new(reading);
                let result = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .context("start the reader's runtime")
                    .and_then(|runtime| runtime.block_on(work.run(&sender)));
                if let Err(error) = result {
                    // Nobody left to tell: the replay has stopped.
                    let _stopped = sender.blocking_send(Err(error));
                }
                work.totals
            })
            .context("start the reader's thread")?;
        Ok((Self { thread }, batches))
    }

    /// What was counted, after the batches have ended or were dropped.
    ///
    /// # Errors
    /// If the reader panicked.
    pub(crate) fn finish(self) -> anyhow::Result<ReadTotals> {
        self.thread
            .join()
            .map_err(|_| anyhow::anyhow!("the archive's reader panicked"))
    }
}

/// The reader at work.
struct Work {
    reading: Reading,
    places: Places,
    /// Which pass over the window this is, from 0.
    pass: u64,
    /// When the first exchange was recorded that is sent.
    first: Option<Timestamp>,
    /// How many are to be sent so far.
    planned: u64,
    totals: ReadTotals,
}

/// Whether there is more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum More {
    Yes,
    /// This pass has come to its end.
    NotInThisPass,
    /// The replay is complete.
    No,
}

impl Work {
    fn new(reading: Reading) -> Self {
        Self {
            places: Places::new(reading.timing.order.clone()),
            reading,
            pass: 0,
            first: None,
            planned: 0,
            totals: ReadTotals::default(),
        }
    }

    async fn run(
        &mut self,
        sender: &mpsc::Sender<anyhow::Result<Vec<Planned>>>,
    ) -> anyhow::Result<()> {
        loop {
            let read_before = self.totals.read;
            let mut stream = self.reading.source.stream();
            // With ids given, the search ends when all are found.
            let ids = self.reading.filter.exchanges.len();
            let mut wanted = (ids > 0).then_some(ids);
            let more = loop {
                let mut batch = Vec::with_capacity(BATCH_MAX);
                let more = self.fill(&mut batch, &mut stream, &mut wanted).await?;
                if !batch.is_empty() && sender.send(Ok(batch)).await.is_err() {
                    return Ok(());
                }
                if more != More::Yes {
                    break more;
                }
            };
            self.pass += 1;
            let again = match self.reading.timing.passes {
                Passes::Count(count) => self.pass < count,
                // A window in which nothing passes the filters would be read for ever.
                Passes::For(_) => self.first.is_some() && self.totals.read > read_before,
            };
            if more == More::No || !again {
                return Ok(());
            }
        }
    }

    /// Fills `batch` from this pass.
    async fn fill(
        &mut self,
        batch: &mut Vec<Planned>,
        stream: &mut ExchangeStream,
        wanted: &mut Option<usize>,
    ) -> anyhow::Result<More> {
        let mut batch_bytes = 0;
        while batch.len() < BATCH_MAX && batch_bytes < BATCH_BYTES_MAX {
            if *wanted == Some(0) {
                return Ok(More::NotInThisPass);
            }
            let Some(exchange) = stream.next().await? else {
                return Ok(More::NotInThisPass);
            };
            let keeps = self.reading.filter.keeps(&exchange);
            if keeps && self.is_over(&exchange) {
                return Ok(More::No);
            }
            self.totals.read += 1;
            if !keeps {
                self.totals.filtered_out += 1;
                continue;
            }
            let planned = self.plan(exchange);
            if let Planned::Send(ready) = &planned {
                batch_bytes += ready.memory_bytes;
            }
            batch.push(planned);
            if let Some(wanted) = wanted {
                *wanted -= 1;
            }
        }
        Ok(More::Yes)
    }

    /// When `exchange` was recorded, later by the window's length in each later pass.
    fn recorded_at(&self, exchange: &Exchange) -> Timestamp {
        let window = self.reading.source.window;
        let length = window.end.since(window.start);
        let passes = u32::try_from(self.pass).unwrap_or(u32::MAX);
        exchange
            .start()
            .saturating_add(length.saturating_mul(passes))
    }

    /// Whether the schedule's time is over before `exchange` would be due.
    fn is_over(&self, exchange: &Exchange) -> bool {
        let Passes::For(span) = self.reading.timing.passes else {
            return false;
        };
        let timing = &self.reading.timing;
        let at = self.recorded_at(exchange);
        let offset = at.since(self.first.unwrap_or(at));
        let due = timing.pace.offset(self.planned, offset);
        due.is_some_and(|due| ramped(due, timing.ramp) >= span)
    }

    fn plan(&mut self, exchange: Box<Exchange>) -> Planned {
        let recorded_at = self.recorded_at(&exchange);
        // Asked of each, as an answer tells of its session whether its request can be replayed or not.
        let place = self.places.of(&exchange, self.pass);
        let request = rewrite(&exchange, &self.reading.rules).and_then(|request| {
            // By what was recorded: the target's path prefix is in no policy.
            let recorded = exchange.request.as_ref().ok_or(Skip::NoRequest)?;
            self.reading.permissions.check(recorded).map(|()| request)
        });
        match request {
            Ok(request) => {
                self.first.get_or_insert(recorded_at);
                self.planned += 1;
                let connection = exchange.connection.id.0;
                Planned::Send(Box::new(Ready {
                    scope: Scope {
                        session: place.group().unwrap_or(connection ^ self.pass),
                        pass: self.pass,
                    },
                    memory_bytes: exchange.memory()
                        + request.headers.memory()
                        + size_of::<Request>(),
                    recorded: exchange,
                    request,
                    recorded_at,
                    place,
                }))
            }
            Err(reason) => Planned::Skip(exchange, reason),
        }
    }
}
