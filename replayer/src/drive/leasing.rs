//! Leases ahead of need: nothing is sent that the store does not know may be sent, and no request waits for the store.

use std::time::Duration;

use replayer_core::checkpoint::Position;
use replayer_core::scheduler::Scheduler;
use schema::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::lease::Leases;
use crate::read::Ready;

/// How much of the schedule is leased at once; when half of it is left, the next stretch is asked for. What a kill leaves
/// in doubt is at most this much more than what was sent.
pub(super) const AHEAD: Duration = Duration::from_secs(1);
/// As fast as the target answers nothing has a due time: then a stretch is so many requests to begin with, and twice as
/// many whenever they were gone sooner than [`AHEAD`].
const STRETCH_MIN: usize = 256;
const STRETCH_MAX: usize = 65_536;

/// Leases for a schedule.
#[derive(Debug)]
pub(super) struct Leasing {
    ask: mpsc::Sender<Position>,
    granted: mpsc::Receiver<anyhow::Result<()>>,
    /// How many requests of the schedule may go when what was asked for is granted.
    asked: Option<u64>,
    asked_at: Timestamp,
    /// How many requests are leased at once.
    stretch: usize,
    task: JoinHandle<Leases>,
}

impl Leasing {
    /// Leases of `leases`, which are put by a task of their own.
    pub(super) fn start(mut leases: Leases) -> Self {
        let (ask, mut asked) = mpsc::channel(1);
        let (grant, granted) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            while let Some(through) = asked.recv().await {
                let result = leases.extend(through).await;
                let is_over = result.is_err();
                if grant.send(result).await.is_err() || is_over {
                    break;
                }
            }
            leases
        });
        Self {
            ask,
            granted,
            asked: None,
            asked_at: Timestamp::MIN,
            stretch: STRETCH_MIN,
            task,
        }
    }

    /// Leases the beginning of a schedule, and waits for it.
    ///
    /// # Errors
    /// If the lease is not to be had.
    pub(super) async fn begin(&mut self, through: Position) -> anyhow::Result<()> {
        self.ask(through);
        self.granted().await
    }

    /// Asks for the next stretch if it is time to. Of `schedule` all may go if nothing restricts it.
    pub(super) fn renew(&mut self, schedule: &Scheduler<Box<Ready>>, now: Timestamp) {
        if self.asked.is_some() {
            return;
        }
        let soon = schedule.upcoming(now.saturating_add(AHEAD / 2), self.stretch / 2);
        if soon.is_none_or(|(count, _)| count <= schedule.allowed()) {
            return;
        }
        if now.since(self.asked_at) < AHEAD {
            self.stretch = (self.stretch * 2).min(STRETCH_MAX);
        }
        if let Some((count, last)) = schedule.upcoming(now.saturating_add(AHEAD), self.stretch) {
            self.asked = Some(count);
            self.asked_at = now;
            self.ask(last.position);
        }
    }

    /// Waits for the answer to what was asked for; for ever if nothing was.
    ///
    /// # Errors
    /// If the lease is not to be had: nothing more may be sent.
    pub(super) async fn granted(&mut self) -> anyhow::Result<()> {
        match self.granted.recv().await {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }

    /// How many requests of the schedule may go after a grant.
    pub(super) fn take_grant(&mut self) -> Option<u64> {
        self.asked.take()
    }

    /// Ends, and gives back the chain.
    ///
    /// # Errors
    /// If the task panicked.
    pub(super) async fn finish(self) -> anyhow::Result<Leases> {
        drop(self.ask);
        drop(self.granted);
        Ok(self.task.await?)
    }

    fn ask(&self, through: Position) {
        // One is asked for at a time; a task that has stopped has said why.
        let _stopped = self.ask.try_send(through);
    }
}
