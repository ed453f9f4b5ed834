//! The one loop beside the threads: publishing goes on, counts are looked at once a second and told, and the end is
//! brought about.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use futures_util::TryFutureExt as _;
use futures_util::future::try_join_all;
use schema::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{info, warn};

use super::operate::{self, Condition, Facts, SharedPage};
use super::rules::Rules;
use super::stats::Shared;
use super::status::{self, Status};
use super::threads::Running;
use super::watch::Watch;
use super::{Listen, ListenLimits};
use crate::clock;
use crate::live::Feed;
use crate::queue::Closed;
use crate::recording::Recorded;
use crate::spool::Backlog;
use crate::units::{ByteSize, span};
use crate::upload::Left;

/// How often counts are looked at, and pages renewed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the loop needs.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) shared: Arc<Shared>,
    pub(super) pages: Pages,
    pub(super) status: Status,
    pub(super) watch: Watch,
    pub(super) rules: Rules,
    pub(super) listen: Listen,
    /// What waits in the spool, if there is one.
    pub(super) backlog: Option<Arc<Backlog>>,
    /// What subscribers read, if there may be some.
    pub(super) feed: Option<Arc<Feed>>,
}

/// What is answered over HTTP.
#[derive(Debug)]
pub(super) struct Pages {
    health: SharedPage,
    metrics: SharedPage,
}

impl Pages {
    /// Begins to answer at the addresses that were opened.
    pub(super) fn serve(
        health: Option<TcpListener>,
        metrics: Option<TcpListener>,
        limits: &ListenLimits,
    ) -> Self {
        let pages = Self {
            health: operate::page("text/plain; charset=utf-8"),
            metrics: operate::page("text/plain; version=0.0.4; charset=utf-8"),
        };
        let room = Arc::new(Semaphore::new(limits.http_connections));
        for (listener, page) in [(health, &pages.health), (metrics, &pages.metrics)] {
            if let Some(listener) = listener {
                let (page, room) = (Arc::clone(page), Arc::clone(&room));
                tokio::spawn(operate::serve(listener, page, room, limits.clone()));
            }
        }
        pages
    }
}

impl Supervisor {
    /// Runs until everything is published after `shutdown`, or something fails. With a spool it is also over when everything
    /// is there and the time for draining is up: what is not published, or not even in segments, waits there.
    pub(super) async fn run(
        mut self,
        upload: impl Future<Output = anyhow::Result<Left>>,
        threads: Running,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<(Recorded, Left)> {
        let (mut upload, mut threads) = (pin!(upload), pin!(ended(threads)));
        let mut shutdown = pin!(shutdown);
        let (mut recorded, mut left) = (None, None);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut until: Option<Instant> = None;
        loop {
            let step = tokio::select! {
                done = &mut upload, if left.is_none() => done.map(|done| left = Some(done)),
                done = &mut threads, if recorded.is_none() => done.map(|done| recorded = Some(done)),
                () = &mut shutdown, if until.is_none() => {
                    until = Some(Instant::now() + self.listen.drain);
                    info!("draining: what is under way is recorded and published");
                    self.shared.stop();
                    self.look(clock::now());
                    Ok(())
                }
                _ = look.tick() => {
                    self.look(clock::now());
                    Ok(())
                }
                () = sleep_until(until) => {
                    self.status.clear();
                    return self.too_long(recorded);
                }
            };
            if let Err(error) = step {
                self.status.clear();
                // Threads that go on after one has failed end with the others.
                self.shared.stop();
                return Err(error);
            }
            if let Some(left) = left.filter(|_| recorded.is_some()) {
                self.status.clear();
                self.look(clock::now());
                return Ok((recorded.unwrap_or_default(), left));
            }
        }
    }

    /// The time for draining is up.
    fn too_long(&self, recorded: Option<Recorded>) -> anyhow::Result<(Recorded, Left)> {
        let drain = span(self.listen.drain);
        let writer = &self.shared.writer;
        let publication = writer.publication(clock::now());
        let exchanges = publication.exchanges_waiting;
        let Some(backlog) = &self.backlog else {
            bail!(
                "draining took longer than {drain}: {exchanges} exchanges were not published; see the log for what the \
                 archive's store says, or give --drain more time"
            );
        };
        if let Some(recorded) = recorded.or_else(|| writer.complete()) {
            let left = Left::of(backlog);
            warn!(
                segments = left.waiting,
                files = recorded.unsealed,
                exchanges,
                "draining took longer than {drain}: what is not published is safe, segments and frames wait in the spool for the \
                 next start"
            );
            return Ok((recorded, left));
        }
        let queued = ByteSize(self.shared.queue.bytes() as u64);
        bail!(
            "draining took longer than {drain}: up to {queued} of exchanges had not come into the spool and are lost; \
             {exchanges} exchanges are in the spool, and the next start publishes them; give --drain more time"
        );
    }

    /// Tells what was counted.
    fn look(&mut self, now: Timestamp) {
        let snapshot = self.shared.sum();
        for warning in self.watch.look(&snapshot, now) {
            warn!(count = warning.count, "{}", warning.text);
        }
        self.rules.look(&snapshot, now);
        let writer = &self.shared.writer;
        let publication = writer.publication(now);
        let condition = Condition {
            draining: self.shared.stopping(),
            writer_silence: writer.silence(now),
            writer_stall: self.listen.limits.writer_stall,
            spool: publication.spool.map(|(spool, _)| spool),
            drop_share: self.watch.drop_share(),
            drop_share_max: self.listen.max_drops,
        };
        let health = condition.health();
        let facts = Facts {
            snapshot: &snapshot,
            healthy: health.healthy,
            queue_bytes: self.shared.queue.bytes() as u64,
            publication,
            live: self.feed.as_ref().map(|feed| feed.facts()),
            memory_bytes: status::memory_bytes(),
        };
        operate::renew(&self.pages.metrics, true, operate::render(&facts));
        operate::renew(&self.pages.health, health.healthy, health.text);
        self.status.draw(&snapshot, publication.lag, now);
    }
}

/// What the threads give at their end, or why one failed.
async fn ended(threads: Running) -> anyhow::Result<Recorded> {
    let panicked = |_| anyhow!("a thread panicked; its message is above");
    let shards = threads.shards.into_iter();
    let shards = shards.map(|end| end.map_err(panicked).and_then(std::future::ready));
    let recording = threads
        .recording
        .map_err(panicked)
        .and_then(std::future::ready);
    let (mut shards, mut recording) = (pin!(try_join_all(shards)), pin!(recording));
    tokio::select! {
        biased;
        recorded = &mut recording => {
            let recorded = recorded?;
            shards.await?;
            Ok(recorded)
        }
        ended = &mut shards => match ended {
            // A shard that can hand over nothing says less than why that is so.
            Err(error) if !error.is::<Closed>() => Err(error),
            _ => recording.await,
        }
    }
}

/// Ready at `until`; never if there is no such time.
async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
