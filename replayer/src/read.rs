//! The reading half of a replay, on a thread of its own: fetch, decode, merge, filter and rewrite.
//!
//! Decoding a batch takes milliseconds, which the event loop must not spend: a request would be that late. So this thread
//! has its own runtime, and hands over small batches through a bounded channel. The run's writer is told what is planned
//! before anybody can send it.

mod work;

use std::collections::HashMap;
use std::thread::JoinHandle;

use anyhow::Context as _;
use replayer_core::checkpoint::{Position, Resumption, SendAgain};
use replayer_core::correlate::Scope;
use replayer_core::filter::Filter;
use replayer_core::permission::Permissions;
use replayer_core::rewrite::{Resigned, Rewrite, Rewriting, Skip};
use replayer_core::scheduler::Place;
use replayer_core::shard::Shard;
use schema::run::RunRewriting;
use schema::{Exchange, InDoubt, Request, Timestamp};
use tokio::sync::mpsc;

use crate::config::Timing;
use crate::follow::FeedParts;
use crate::run_store::RunSender;
use crate::select::Source;
use crate::timer::{Behind, stand_back};
use work::Work;

/// Batches that are read and not yet taken.
const BATCHES_WAITING_MAX: usize = 4;

/// One exchange that the filters let through.
#[derive(Debug)]
pub(crate) enum Planned {
    /// To be sent.
    Send(Box<Ready>),
    /// Not to be sent, and why.
    Skip(Box<Exchange>, Skip, Standing),
}

/// Where an exchange stands in its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The pass over the window, from 0.
    pub(crate) pass: u32,
    /// Whether a killed process may have sent it.
    pub(crate) in_doubt: Option<InDoubt>,
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
    /// Its number in the schedule of the whole window, from 0.
    pub(crate) index: u64,
    /// Its place among all that is read.
    pub(crate) position: Position,
    /// Where it stands in the run.
    pub(crate) standing: Standing,
    /// What it has to follow.
    pub(crate) place: Place,
    /// Whose answers it sees.
    pub(crate) scope: Scope,
    /// Recorded tokens that have been signed anew.
    pub(crate) resigned: Vec<Resigned>,
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
    /// And how by the user's rules.
    pub(crate) rewriting: Rewriting,
    /// When the run began.
    pub(crate) started_at: Timestamp,
    /// When they are due, and in which order.
    pub(crate) timing: Timing,
    /// Which part of the window is meant.
    pub(crate) shard: Option<Shard>,
    /// Where to go on, for a run that was begun before.
    pub(crate) resume: Option<Resume>,
    /// What is followed while it is recorded, in place of the window.
    pub(crate) follow: Option<FeedParts>,
}

/// Where a run goes on.
#[derive(Debug)]
pub(crate) struct Resume {
    /// What is settled, and what is in doubt.
    pub(crate) resumption: Resumption,
    /// Which of what is in doubt is sent again.
    pub(crate) send_again: SendAgain,
    /// Exchanges that are stored and were not counted yet.
    pub(crate) answered: HashMap<Position, Exchange>,
    /// Of a run that follows: everything that is stored and may come again.
    pub(crate) stored: Vec<Position>,
    /// Of that, what was recorded up to here is not all among them.
    pub(crate) stored_from: Timestamp,
}

/// What the reader counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadTotals {
    /// Exchanges of the window.
    pub(crate) read: u64,
    /// Those that the filters left out.
    pub(crate) filtered_out: u64,
    /// Of the exchanges that were stored and not counted yet: sent, failed and skipped ones.
    pub(crate) recovered: [u64; 3],
    /// What the user's rules did.
    pub(crate) rewriting: Option<RunRewriting>,
}

/// Planned exchanges, in time order.
#[derive(Debug)]
pub(crate) struct Batch {
    /// When the first exchange of the whole window was recorded that has a place in the schedule.
    pub(crate) first: Option<Timestamp>,
    /// The exchanges.
    pub(crate) planned: Vec<Planned>,
}

/// Batches in time order; an error ends them.
pub(crate) type Batches = mpsc::Receiver<anyhow::Result<Batch>>;

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
    pub(crate) fn start(reading: Reading, run: RunSender) -> anyhow::Result<(Self, Batches)> {
        let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("reader".to_owned())
            .spawn(move || {
                stand_back(Behind::Reader);
                let mut work = Work::new(reading, run);
                let result = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .context("start the reader's runtime")
                    .and_then(|runtime| runtime.block_on(work.run(&sender)));
                if let Err(error) = result {
                    // Nobody left to tell: the replay has stopped.
                    let _stopped = sender.blocking_send(Err(error));
                }
                work.totals()
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
