//! Exchanges as they are recorded, in the order of time, for the reader of a run.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use replayer_core::Limits;
use replayer_core::follow::{Follow, Following, Gap, Next};
use schema::live::Position;
use schema::run::{OpenGap, RunFollow};
use schema::{ExchangeId, RecorderId, TimeWindow, Timestamp};
use tokio::sync::{mpsc, watch};

use super::facts::FollowFacts;
use super::live::{self, Event, Start};
use super::segments::Segments;
use crate::clock::Clock;
use crate::config::FollowConfig;
use crate::guard::Recorded;
use crate::store::Archive;

/// How often the archive is looked into.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long to wait at most for something to come.
const WAIT_MAX: Duration = Duration::from_millis(250);

/// What a feed is made of, in whichever thread it runs.
#[derive(Clone, Debug)]
pub(crate) struct FeedParts {
    /// What is followed, and how.
    pub(crate) config: FollowConfig,
    /// What started here; the end is far away where none was given.
    pub(crate) window: TimeWindow,
    /// The archive.
    pub(crate) store: Archive,
    /// Every bound.
    pub(crate) limits: Limits,
    /// The run's clock.
    pub(crate) clock: Clock,
    /// What must not be among the recorded servers.
    pub(crate) refused: Option<Recorded>,
    /// True when the user wants it to end.
    pub(crate) stop: watch::Receiver<bool>,
    /// Where what is known is told.
    pub(crate) facts: Arc<FollowFacts>,
    /// Of a follow that goes on: where.
    pub(crate) resumed: Option<Resumed>,
}

/// Where a follow goes on that was killed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resumed {
    /// All rows of the stream up to here have been given out.
    pub(crate) after: Option<Position>,
    /// What was given out and may come again.
    pub(crate) remembered: Vec<(Timestamp, ExchangeId)>,
    /// What started up to here is not remembered.
    pub(crate) floor: Timestamp,
}

/// What a feed gives.
#[derive(Debug)]
pub(crate) enum Fed {
    /// The next exchange.
    Exchange(Next),
    /// Nothing is to be given out now.
    Pause,
    /// Nothing more comes.
    End,
}

/// Exchanges as they are recorded.
#[derive(Debug)]
pub(crate) struct Feed {
    parts: FeedParts,
    follow: Follow,
    events: Option<mpsc::Receiver<Event>>,
    recorder: Option<RecorderId>,
    segments: Segments,
    look_at: Timestamp,
    has_looked: bool,
    connections: u64,
    reached: Timestamp,
    /// What another process had counted.
    before: RunFollow,
}

impl Feed {
    /// Begins to follow; needs a runtime.
    ///
    /// # Errors
    /// If the stream's client cannot be set up.
    pub(crate) fn start(mut parts: FeedParts) -> anyhow::Result<Self> {
        let config = &parts.config;
        let following = Following {
            window: parts.window,
            delay: config.delay,
            catch_up: match config.has_archive {
                true => config.catch_up,
                false => Duration::ZERO,
            },
            is_live: config.live.is_some(),
        };
        let mut follow = Follow::new(following, &parts.limits);
        let now = parts.clock.now();
        let mut before = parts.facts.now();
        let mut segments = Segments::new(parts.store.clone(), parts.limits);
        let start = match parts.resumed.take() {
            Some(resumed) => {
                for (start, id) in resumed.remembered {
                    follow.remember(start, id);
                }
                if resumed.floor > Timestamp::MIN {
                    follow.forget_up_to(resumed.floor);
                    if config.live.is_none() {
                        segments.go_on_behind(resumed.floor);
                    }
                }
                for gap in before.open.drain(..) {
                    // Counted again from here on.
                    before.gaps -= 1;
                    before.caught_up -= gap.found;
                    before.missed -= gap.lacks.map_or(0, |lacks| lacks.saturating_sub(gap.found));
                    follow.handle_gap(Gap {
                        from: gap.from,
                        to: gap.to,
                        owed: gap.lacks,
                        // What it found and gave out is found again, and so is what it found and did not.
                        found: 0,
                        until: now.saturating_add(config.catch_up),
                    });
                }
                resumed.after.map_or(Start::Oldest, Start::After)
            }
            None if config.from.is_some_and(|from| from < now) => Start::Oldest,
            None => Start::Now,
        };
        let events = config.live.as_ref();
        let events = events.map(|live| live::start(live, start)).transpose()?;
        Ok(Self {
            segments,
            follow,
            events,
            recorder: None,
            look_at: now,
            has_looked: false,
            connections: 0,
            reached: Timestamp::MIN,
            before,
            parts,
        })
    }

    /// What comes next; waits for it, if it `may_wait`.
    ///
    /// # Errors
    /// If what is followed cannot be read, or the target is one of the recorded servers.
    pub(crate) async fn next(&mut self, may_wait: bool) -> anyhow::Result<Fed> {
        loop {
            let now = self.parts.clock.now();
            self.look(now).await?;
            let horizon = self.follow.horizon(now).min(self.parts.window.end);
            self.reached = self.reached.max(self.follow.reached(now));
            self.segments.feed(&mut self.follow, horizon, now).await?;
            if let Some(next) = self.follow.poll(horizon) {
                self.refuse_recorded(&next)?;
                return Ok(Fed::Exchange(next));
            }
            if self.is_over(now) {
                self.follow.close_gaps(None, Timestamp::MAX);
                self.reached = self.reached.max(self.follow.reached(now));
                self.publish_facts();
                return Ok(Fed::End);
            }
            self.publish_facts();
            if !may_wait {
                return Ok(Fed::Pause);
            }
            self.wait(horizon).await?;
        }
    }

    /// Whether nothing more is to be given out; what will not come is counted then.
    fn is_over(&mut self, now: Timestamp) -> bool {
        let events = self.events.as_ref();
        let may_come = events.is_some_and(|events| !events.is_empty());
        if *self.parts.stop.borrow() {
            self.follow.handle_stop(now, may_come);
            self.segments.give_up();
            return true;
        }
        !self.segments.is_trying() && self.follow.is_over(now, may_come)
    }

    /// Where to go on in the stream after a kill.
    pub(crate) fn settled_position(&mut self) -> Option<Position> {
        self.follow.settled_position()
    }

    /// Waits until something came, or a time has.
    async fn wait(&mut self, horizon: Timestamp) -> anyhow::Result<()> {
        let starts = [self.follow.next_start(), self.segments.next_start()];
        let until = starts
            .into_iter()
            .flatten()
            .map(|start| start.since(horizon));
        let wait = until.min().unwrap_or(WAIT_MAX);
        let wait = wait.clamp(Duration::from_millis(1), WAIT_MAX);
        let is_full = self.follow.is_full();
        let event = async {
            match &mut self.events {
                Some(events) if !is_full => events.recv().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            event = event => {
                let event = event.context("the live stream's reader has stopped")?;
                self.handle(event)?;
            }
            _ = self.parts.stop.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> anyhow::Result<()> {
        let now = self.parts.clock.now();
        match event {
            Event::Begun(recorder) => {
                self.connections += 1;
                self.recorder = Some(recorder);
                self.follow.handle_connected(now);
            }
            Event::BegunAnew(recorder) => {
                self.connections += 1;
                self.recorder = Some(recorder);
                let since = self.follow.newest().unwrap_or(self.parts.window.start);
                self.follow.handle_connected(now);
                self.follow.handle_begun_anew(since, now);
                self.look_at = now;
            }
            Event::Rows(rows) => {
                self.follow.handle_heard(now);
                for row in rows {
                    let exchange = Arc::unwrap_or_clone(row.exchange);
                    self.follow
                        .handle_streamed(Box::new(exchange), row.position, row.missed, now);
                }
            }
            Event::Idle => self.follow.handle_idle(now),
            Event::Ended => self.follow.handle_finished(now),
            Event::Cut => self.follow.handle_disconnected(),
            Event::Refused(error) => return Err(error),
        }
        Ok(())
    }

    /// Looks into the archive, if it is time to.
    async fn look(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let was_open = self.follow.gaps().is_open();
        self.follow.close_gaps(self.segments.passed(), now);
        let is_live = self.parts.config.live.is_some();
        let wanted = self.follow.gaps().window();
        if is_live && was_open && wanted.is_none() {
            self.segments.clear();
        }
        // What others have recorded is not what a stream lacks: without knowing whose it is, nothing is taken.
        let is_wanted = wanted.is_some() && self.recorder.is_some();
        if now < self.look_at || (is_live && !(is_wanted && self.parts.config.has_archive)) {
            return Ok(());
        }
        let found = match wanted {
            Some(window) if is_live => {
                let recorder = self.recorder.as_ref();
                let start = window.start.max(self.parts.window.start);
                let window = TimeWindow { start, ..window };
                self.segments.look_for(window, recorder, now).await
            }
            _ => self.segments.look(self.parts.window, now).await,
        };
        self.look_at = self.parts.clock.now().saturating_add(LOOK_EVERY);
        match found {
            // Of a run that has just begun it is more likely that it was told the wrong archive.
            Err(error) if !self.has_looked && !is_live => return Err(error),
            // A store that does not answer for a while does not end what runs for weeks.
            Err(error) => {
                tracing::warn!("the archive cannot be looked into, trying again: {error:#}")
            }
            Ok(()) => self.has_looked = true,
        }
        Ok(())
    }

    fn refuse_recorded(&self, next: &Next) -> anyhow::Result<()> {
        let refused = self.parts.refused.as_ref();
        if let Some(problem) = refused.and_then(|refused| refused.problem(&next.exchange)) {
            bail!(problem);
        }
        Ok(())
    }

    fn publish_facts(&self) {
        let (counts, gaps) = (self.follow.counts(), self.follow.gaps());
        let before = &self.before;
        let open = gaps.open_ones().iter().map(|gap| OpenGap {
            from: gap.from.to_micros_precision(),
            to: gap.to.to_micros_precision(),
            lacks: gap.owed,
            found: gap.found,
        });
        self.parts.facts.set(RunFollow {
            live: before.live.clone(),
            delay_us: before.delay_us,
            until: before.until,
            reached: (self.reached > Timestamp::MIN)
                .then(|| self.reached.to_micros_precision())
                .max(before.reached),
            connections: before.connections + self.connections,
            late: before.late + counts.late,
            late_max_us: before.late_max_us.max(counts.late_max_us),
            too_late: before.too_late + counts.too_late,
            repeated: before.repeated + counts.repeated,
            gaps: before.gaps + gaps.count,
            caught_up: before.caught_up + gaps.found(),
            missed: before.missed + gaps.missed(),
            gaps_unknown: before.gaps_unknown + gaps.unknown + self.segments.given_up(),
            open: open.collect(),
        });
    }
}

#[cfg(test)]
mod tests;
