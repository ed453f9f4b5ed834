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
use super::threads::End;
use super::watch::Watch;
use super::{Listen, ListenLimits, clock};
use crate::units::span;

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
    /// Runs until everything is published after `shutdown`, or something fails.
    pub(super) async fn run(
        mut self,
        upload: impl Future<Output = anyhow::Result<()>>,
        threads: Vec<End>,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let panicked = |_| anyhow!("a thread panicked; its message is above");
        let ends = threads
            .into_iter()
            .map(|end| end.map_err(panicked).and_then(std::future::ready));
        let work = async { tokio::try_join!(upload, try_join_all(ends)) };
        let (mut work, mut shutdown) = (pin!(work), pin!(shutdown));
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut until: Option<Instant> = None;
        loop {
            tokio::select! {
                done = &mut work => {
                    self.status.clear();
                    // Threads that go on after one has failed end with the others.
                    self.shared.stop();
                    done?;
                    self.look(clock::now());
                    return Ok(());
                }
                () = &mut shutdown, if until.is_none() => {
                    until = Some(Instant::now() + self.listen.drain);
                    info!("draining: what is under way is recorded and published");
                    self.shared.stop();
                    self.look(clock::now());
                }
                _ = look.tick() => self.look(clock::now()),
                () = sleep_until(until) => {
                    self.status.clear();
                    bail!(
                        "draining took longer than {}: {} exchanges were not published; see the log for what the archive's \
                         store says, or give --drain more time",
                        span(self.listen.drain),
                        self.shared.writer.waiting()
                    );
                }
            }
        }
    }

    /// Tells what was counted.
    fn look(&mut self, now: Timestamp) {
        let snapshot = self.shared.sum();
        for warning in self.watch.look(&snapshot, now) {
            warn!(count = warning.count, "{}", warning.text);
        }
        self.rules.look(&snapshot, now);
        let writer = &self.shared.writer;
        let condition = Condition {
            draining: self.shared.stopping(),
            writer_silence: writer.silence(now),
            writer_stall: self.listen.limits.writer_stall,
            drop_share: self.watch.drop_share(),
            drop_share_max: self.listen.max_drops,
        };
        let health = condition.health();
        let lag = writer.lag(now);
        let facts = Facts {
            snapshot: &snapshot,
            healthy: health.healthy,
            queue_bytes: self.shared.queue.bytes() as u64,
            exchanges_waiting: writer.waiting(),
            lag,
            segments: writer.segments(),
            memory_bytes: status::memory_bytes(),
        };
        operate::renew(&self.pages.metrics, true, operate::render(&facts));
        operate::renew(&self.pages.health, health.healthy, health.text);
        self.status.draw(&snapshot, lag, now);
    }
}

/// Ready at `until`; never if there is no such time.
async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
