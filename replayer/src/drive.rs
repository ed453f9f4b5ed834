//! The one event loop of a replay: it owns the schedule and sends nothing itself.
//!
//! ```text
//! reader --batches--> Scheduler --jobs--> lanes --answers--> run writer
//!                          ^---------done---'
//! ```
//! Everything that can happen is one of: a batch came, a lane is done, something is due, a stretch of the schedule may be
//! sent, the user asked to stop.

mod leasing;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use governor::RateLimiter;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use replayer_core::pace::ramped;
use replayer_core::scheduler::{Place, Schedule, Scheduler, Step, Ticket};
use schema::run::RunState;
use schema::{Exchange, Outcome, Timestamp};
use tokio::sync::mpsc;

use crate::config::Timing;
use crate::lease::Leases;
use crate::progress::{Counts, Progress};
use crate::read::{Batch, Batches, Planned, Ready, Standing};
use crate::send::{Correlated, Done, Job, Shared, run_lane, skipped};
use crate::timer::FineTimer;
use leasing::{AHEAD, Leasing};
use seats::{Seat, Seats};

/// How long requests in flight may go on after the user asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How often the progress bar is drawn and answers are handed over that are too few to fill a batch.
const TICK: Duration = Duration::from_millis(200);

/// Why a request was not sent that was due while as many were in flight as may be.
const BEHIND: &str = "behind";

/// How a replay ended.
#[derive(Debug)]
pub(crate) struct Driven {
    /// Finished, interrupted or failed.
    pub(crate) state: RunState,
    /// What became of the exchanges.
    pub(crate) counts: Counts,
    /// The last lease.
    pub(crate) lease: u64,
    /// Why it failed.
    pub(crate) error: Option<anyhow::Error>,
}

/// How a run is kept, so that another process could go on with it.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// What may be sent.
    pub(crate) leases: Leases,
    /// How often what has ended is published.
    pub(crate) every: Duration,
    /// Whether this process goes on with a run of another.
    pub(crate) is_resumed: bool,
}

/// Replays what `input` gives until its end, or until `shutdown`.
///
/// # Errors
/// If the timer's thread cannot be started.
pub(crate) async fn drive(
    timing: Timing,
    keeping: Keeping,
    shared: Arc<Shared>,
    input: Batches,
    shutdown: impl Future<Output = ()>,
    progress: Progress,
) -> anyhow::Result<Driven> {
    let mut timer = FineTimer::start()?;
    let tick = TICK.min(keeping.every);
    let (mut driver, mut done) = Driver::new(timing, keeping, shared, input, progress);
    let mut finished_lanes = Vec::with_capacity(256);
    let mut ticks = tokio::time::interval(tick);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    tokio::pin!(shutdown);
    loop {
        let wait = driver.send_what_is_due().await;
        if matches!(wait, Wait::Finished) {
            break;
        }
        let now = driver.shared.clock.now();
        let wake_at = match wait {
            Wait::Until(time) => time.min(driver.stop_at.unwrap_or(Timestamp::MAX)),
            _ => driver.stop_at.unwrap_or(Timestamp::MAX),
        };
        let at = (wake_at < Timestamp::MAX).then(|| driver.shared.clock.instant(wake_at.max(now)));
        tokio::select! {
            biased;
            () = &mut shutdown, if driver.state == RunState::Finished => driver.stop(RunState::Interrupted),
            _ = done.recv_many(&mut finished_lanes, 256) => driver.handle_done(&mut finished_lanes),
            () = timer.sleep_until(at.unwrap_or_else(tokio::time::Instant::now)), if at.is_some() => {}
            granted = driver.leasing.granted() => driver.handle_grant(granted),
            batch = driver.input.recv(), if driver.wants_input() => driver.handle_batch(batch).await,
            _ = ticks.tick() => driver.tick().await,
        }
        driver.interrupt_if_time_is_up();
    }
    driver.tick().await;
    driver.finish().await
}

/// Delays what would be too fast; whatever the loop's clock says is now.
type Limiter = RateLimiter<NotKeyed, InMemoryState, LoopClock, NoOpMiddleware<Nanos>>;

/// What the loop waits for.
enum Wait {
    Event,
    Until(Timestamp),
    Finished,
}

/// A task that sends, with what it sends now.
struct Lane {
    jobs: mpsc::Sender<Job>,
    ticket: Option<Ticket>,
}

struct Driver {
    timing: Timing,
    shared: Arc<Shared>,
    input: Batches,
    input_ended: bool,
    /// Begins with the first exchange.
    scheduler: Option<Scheduler<Box<Ready>>>,
    /// Bytes of memory of what is in the scheduler.
    held_bytes: usize,
    limiter: Option<Limiter>,
    /// Whether the limiter has let one more request through that is not sent yet.
    permitted: bool,
    lanes: Vec<Lane>,
    /// Which of them carries which request.
    seats: Seats,
    done: mpsc::Sender<Done>,
    counts: Counts,
    /// When the last exchange that was looked at was recorded.
    recorded_now: Timestamp,
    state: RunState,
    error: Option<anyhow::Error>,
    /// When what is in flight is given up.
    stop_at: Option<Timestamp>,
    progress: Progress,
    leasing: Leasing,
    is_resumed: bool,
    checkpoint_every: Duration,
    checkpoint_at: Timestamp,
}

impl Driver {
    fn new(
        timing: Timing,
        keeping: Keeping,
        shared: Arc<Shared>,
        input: Batches,
        progress: Progress,
    ) -> (Self, mpsc::Receiver<Done>) {
        // A lane has at most one message under way, so none ever waits here.
        let (done, receiver) = mpsc::channel(shared.limits.in_flight_max);
        let clock = LoopClock(shared.clock);
        let limiter = timing
            .rate_max
            .map(|rate| RateLimiter::direct_with_clock(rate.quota, clock));
        let driver = Self {
            timing,
            input,
            input_ended: false,
            scheduler: None,
            held_bytes: 0,
            limiter,
            permitted: false,
            lanes: Vec::new(),
            seats: Seats::new(shared.limits.in_flight_max),
            done,
            counts: Counts::default(),
            recorded_now: Timestamp::MIN,
            state: RunState::Finished,
            error: None,
            stop_at: None,
            progress,
            leasing: Leasing::start(keeping.leases),
            is_resumed: keeping.is_resumed,
            checkpoint_every: keeping.every,
            checkpoint_at: shared.clock.now().saturating_add(keeping.every),
            shared,
        };
        (driver, receiver)
    }

    /// Hands every request whose time has come to a lane.
    async fn send_what_is_due(&mut self) -> Wait {
        loop {
            let Some(scheduler) = &mut self.scheduler else {
                return if self.input_ended {
                    Wait::Finished
                } else {
                    Wait::Event
                };
            };
            if let (Some(limiter), false) = (&self.limiter, self.permitted) {
                match limiter.check() {
                    Ok(()) => self.permitted = true,
                    // Unless there is nothing left to hold back.
                    Err(until) if scheduler.held() > 0 => {
                        return Wait::Until(Timestamp::from_nanos(
                            until.earliest_possible().as_u64(),
                        ));
                    }
                    Err(_) => {}
                }
            }
            let now = self.shared.clock.now();
            self.leasing.renew(scheduler, now);
            match scheduler.poll(now) {
                Step::Dispatch {
                    item,
                    ticket,
                    due,
                    order_wait,
                    held_back,
                } => {
                    self.permitted = false;
                    self.held_bytes -= item.memory_bytes;
                    self.counts.held_back += u64::from(held_back);
                    let owner = match item.place {
                        Place::InTurn { group } => Some(group),
                        Place::Free | Place::AfterSeen { .. } => None,
                    };
                    let Seat { lane, fresh } = self.seats.take(owner);
                    let job = Job {
                        recorded: item.recorded,
                        request: item.request,
                        scope: item.scope,
                        resigned: item.resigned,
                        due,
                        order_wait,
                        fresh,
                        standing: item.standing,
                    };
                    self.send(job, lane, ticket);
                }
                Step::Skip { item, due } => {
                    self.held_bytes -= item.memory_bytes;
                    self.skip(item.recorded, BEHIND, due, item.standing).await;
                }
                Step::WaitUntil(time) => return Wait::Until(time),
                Step::NeedsInput | Step::AtCapacity | Step::NotAllowed => return Wait::Event,
                Step::Finished => return Wait::Finished,
            }
        }
    }

    fn send(&mut self, job: Job, lane: usize, ticket: Ticket) {
        if lane == self.lanes.len() {
            let (jobs, receiver) = mpsc::channel(1);
            tokio::spawn(run_lane(
                lane,
                Arc::clone(&self.shared),
                receiver,
                self.done.clone(),
            ));
            self.lanes.push(Lane { jobs, ticket: None });
        }
        self.counts.in_flight += 1;
        self.lanes[lane].ticket = Some(ticket);
        self.lanes[lane]
            .jobs
            .try_send(job)
            .expect("a free lane has no job");
    }

    fn handle_done(&mut self, lanes: &mut Vec<Done>) {
        let now = self.shared.clock.now();
        for done in lanes.drain(..) {
            self.counts.in_flight -= 1;
            self.seats.give_back(done.lane);
            match done.outcome {
                Outcome::Sent => self.counts.sent += 1,
                Outcome::Failed => self.counts.failed += 1,
                Outcome::Skipped => self.counts.skipped += 1,
            }
            self.counts.lag_max = self.counts.lag_max.max(done.lag);
            self.counts.lag_last = done.lag;
            let ticket = self.lanes[done.lane].ticket.take();
            if let (Some(scheduler), Some(ticket)) = (&mut self.scheduler, ticket) {
                scheduler.handle_completion(ticket, now);
            }
            if !done.stored {
                self.stop(RunState::Failed);
            }
        }
    }

    async fn handle_batch(&mut self, batch: Option<anyhow::Result<Batch>>) {
        let batch = match batch {
            Some(Ok(batch)) => batch,
            Some(Err(error)) => {
                self.error = Some(error);
                return self.stop(RunState::Failed);
            }
            None => {
                self.input_ended = true;
                if let Some(scheduler) = &mut self.scheduler {
                    scheduler.handle_end_of_input();
                }
                return;
            }
        };
        self.counts.planned += batch.planned.len() as u64;
        if self.scheduler.is_none()
            && let Err(error) = self.begin(&batch).await
        {
            self.counts.not_reached += batch.planned.len() as u64;
            self.error = Some(error);
            return self.stop(RunState::Failed);
        }
        for planned in batch.planned {
            match planned {
                Planned::Send(ready) => self.schedule(ready),
                Planned::Skip(recorded, reason, standing) => {
                    let now = self.shared.clock.now();
                    self.skip(recorded, reason.as_str(), now, standing).await;
                }
            }
        }
    }

    /// Begins the schedule with the first batch that has requests: when what is due first may be sent.
    async fn begin(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let requests = batch.planned.iter().filter_map(|planned| match planned {
            Planned::Send(ready) => Some(ready),
            Planned::Skip(..) => None,
        });
        let (Some(recorded_start), Some(first)) = (batch.first, requests.clone().next()) else {
            return Ok(());
        };
        // What is followed is due a delay after it was recorded, whichever comes first.
        let recorded_start = self.timing.delay.map_or(recorded_start, |_| Timestamp::MIN);
        let offset = |ready: &Ready| {
            let recorded = ready.recorded_at.since(recorded_start);
            let offset = self.timing.pace.offset(ready.index, recorded);
            offset.map_or(Duration::ZERO, |offset| ramped(offset, self.timing.ramp))
        };
        let begun = offset(first);
        let soon = requests.take_while(|ready| offset(ready) <= begun.saturating_add(AHEAD));
        let (count, last) = soon.fold((0, first), |(count, _), ready| (count + 1, ready));
        self.leasing.begin(last.position).await?;
        let now = self.shared.clock.now();
        let mut scheduler = Scheduler::new(Schedule {
            pace: self.timing.pace,
            ramp: self.timing.ramp,
            when_behind: self.timing.when_behind,
            in_flight_max: self.shared.limits.in_flight_max,
            waiting_max: self.shared.limits.waiting_max,
            started_at: match self.timing.delay {
                Some(delay) => recorded_start.saturating_add(delay),
                // A run that goes on does so at once, wherever in the window it is.
                None if self.is_resumed => now.saturating_sub(begun),
                None => self.timing.start_at.unwrap_or(now),
            },
            recorded_start,
        });
        scheduler.allow(count);
        self.scheduler = Some(scheduler);
        Ok(())
    }

    fn handle_grant(&mut self, granted: anyhow::Result<()>) {
        match granted {
            Ok(()) => {
                if let (Some(scheduler), Some(count)) =
                    (&mut self.scheduler, self.leasing.take_grant())
                {
                    scheduler.allow(count);
                }
            }
            Err(error) => {
                self.error = Some(error);
                self.stop(RunState::Failed);
            }
        }
    }

    /// Ends an exchange that is not sent.
    async fn skip(
        &mut self,
        recorded: Box<Exchange>,
        reason: &str,
        due: Timestamp,
        standing: Standing,
    ) {
        self.counts.skipped += 1;
        let answered = skipped(recorded, reason, due, standing);
        if self.shared.outbox.push(answered).await.is_err() {
            self.stop(RunState::Failed);
        }
    }

    fn schedule(&mut self, ready: Box<Ready>) {
        let (recorded, place, index) = (ready.recorded_at, ready.place, ready.index);
        self.recorded_now = recorded;
        self.held_bytes += ready.memory_bytes;
        self.scheduler
            .as_mut()
            .expect("a schedule begins with its first request")
            .handle_nth(ready, place, recorded, index);
    }

    fn wants_input(&self) -> bool {
        let queued = self.scheduler.as_ref().map_or(0, Scheduler::queued);
        let limits = &self.shared.limits;
        !self.input_ended
            && queued < limits.read_ahead_max
            && self.held_bytes < limits.held_bytes_max
    }

    /// Sends nothing more; what is in flight may still be answered for a while.
    fn stop(&mut self, state: RunState) {
        if self.state != RunState::Finished {
            return;
        }
        self.state = state;
        self.input_ended = true;
        self.input.close();
        if let Some(scheduler) = &mut self.scheduler {
            self.counts.not_reached += scheduler.finish().len() as u64;
        }
        self.stop_at = Some(self.shared.clock.now().saturating_add(GRACE));
        self.progress.stopping();
    }

    fn interrupt_if_time_is_up(&mut self) {
        if self
            .stop_at
            .is_some_and(|stop_at| stop_at <= self.shared.clock.now())
        {
            self.stop_at = None;
            self.shared.interrupt.notify_waiters();
        }
    }

    /// Draws, and hands over the answers that have waited since the last tick.
    async fn tick(&mut self) {
        if self.shared.outbox.flush().await.is_err() {
            self.stop(RunState::Failed);
        }
        let now = self.shared.clock.now();
        if now >= self.checkpoint_at {
            self.checkpoint_at = now.saturating_add(self.checkpoint_every);
            let correlated = self.shared.correlated.as_ref();
            let learned = correlated.and_then(Correlated::to_keep);
            let outbox = &self.shared.outbox;
            if !outbox.checkpoint(self.counts.held_back, learned)
                && let Some(correlated) = correlated
            {
                correlated.keep_later();
            }
        }
        self.progress.draw(&self.counts, self.recorded_now);
    }

    async fn finish(self) -> anyhow::Result<Driven> {
        let counts = self.counts;
        self.progress.finish();
        assert_eq!(
            counts.planned,
            counts.sent + counts.failed + counts.skipped + counts.not_reached,
            "each planned exchange ends exactly once"
        );
        let leases = self.leasing.finish().await?;
        Ok(Driven {
            state: self.state,
            counts,
            lease: leases.number(),
            error: self.error,
        })
    }
}

/// The run's clock as the limiter wants it.
#[derive(Clone, Copy, Debug)]
struct LoopClock(crate::clock::Clock);

impl governor::clock::Clock for LoopClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.now().as_nanos())
    }
}
