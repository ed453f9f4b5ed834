//! The reading half of a replay, on a thread of its own: fetch, decode, merge, filter and rewrite.
//!
//! Decoding a batch takes milliseconds, which the event loop must not spend: a request would be that late. So this thread
//! has its own runtime, and hands over small batches through a bounded channel.

use std::thread::JoinHandle;

use anyhow::Context as _;
use replayer_core::filter::Filter;
use replayer_core::rewrite::{Rewrite, Skip, rewrite};
use schema::{Exchange, Request};
use tokio::sync::mpsc;

use crate::fetch::ExchangeStream;

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
    /// About how many bytes of memory both hold.
    pub(crate) memory_bytes: usize,
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
    pub(crate) fn start(
        stream: ExchangeStream,
        filter: Filter,
        rules: Rewrite,
    ) -> anyhow::Result<(Self, Batches)> {
        let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || {
                crate::timer::stand_back();
                let mut reading = Reading {
                    stream,
                    filter,
                    rules,
                    totals: ReadTotals::default(),
                };
                let result = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .context("start the reader's runtime")
                    .and_then(|runtime| runtime.block_on(reading.run(&sender)));
                if let Err(error) = result {
                    // Nobody left to tell: the replay has stopped.
                    let _stopped = sender.blocking_send(Err(error));
                }
                reading.totals
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

struct Reading {
    stream: ExchangeStream,
    filter: Filter,
    rules: Rewrite,
    totals: ReadTotals,
}

impl Reading {
    async fn run(
        &mut self,
        sender: &mpsc::Sender<anyhow::Result<Vec<Planned>>>,
    ) -> anyhow::Result<()> {
        // With ids given, the search ends when all are found.
        let mut wanted = self.filter.exchanges.len();
        let by_id = wanted > 0;
        loop {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            let mut batch_bytes = 0;
            let mut ended = false;
            while batch.len() < BATCH_MAX && batch_bytes < BATCH_BYTES_MAX {
                let Some(exchange) = self.stream.next().await? else {
                    ended = true;
                    break;
                };
                self.totals.read += 1;
                if !self.filter.keeps(&exchange) {
                    self.totals.filtered_out += 1;
                    continue;
                }
                let planned = plan(exchange, &self.rules);
                if let Planned::Send(ready) = &planned {
                    batch_bytes += ready.memory_bytes;
                }
                batch.push(planned);
                wanted = wanted.saturating_sub(1);
                if by_id && wanted == 0 {
                    ended = true;
                    break;
                }
            }
            if !batch.is_empty() && sender.send(Ok(batch)).await.is_err() || ended {
                return Ok(());
            }
        }
    }
}

fn plan(exchange: Box<Exchange>, rules: &Rewrite) -> Planned {
    match rewrite(&exchange, rules) {
        Ok(request) => Planned::Send(Box::new(Ready {
            memory_bytes: exchange.memory() + request.headers.memory() + size_of::<Request>(),
            recorded: exchange,
            request,
        })),
        Err(reason) => Planned::Skip(exchange, reason),
    }
}
