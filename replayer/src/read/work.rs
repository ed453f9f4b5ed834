//! The reader at work: what is read becomes what is planned.

mod followed;

use std::time::Duration;

use chrono::TimeDelta;
use replayer_core::checkpoint::{Cursor, PlannedBatch, Position, Status};
use replayer_core::correlate::Scope;
use replayer_core::order::{Order, Places};
use replayer_core::pace::ramped;
use replayer_core::rewrite::{Resigned, Shift, Skip, rewrite};
use schema::{Exchange, InDoubt, Request, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Batch, Planned, ReadTotals, Reading, Ready, Standing};
use crate::config::Passes;
use crate::fetch::ExchangeStream;
use crate::run_store::{Answered, RunSender};

/// Exchanges of one batch.
const BATCH_MAX: usize = 256;
/// About how many bytes of memory a batch may hold; a single exchange may hold more.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// How long the first exchange of a batch waits for the others, where the store is slow and segments are small.
const BATCH_WAIT_MAX: Duration = Duration::from_millis(50);

/// The reader at work.
pub(super) struct Work {
    reading: Reading,
    run: RunSender,
    places: Places,
    /// Which pass over the window this is, from 0.
    pass: u32,
    read: u64,
    filtered_out: u64,
    /// How many have a place in the schedule so far.
    sendable: u64,
    /// When the first of them was recorded.
    first: Option<Timestamp>,
    /// As it was after the last planned exchange.
    cursor: Cursor,
    /// In a run that goes on: what lies before this was counted already, and is passed by.
    counted: Option<Position>,
    /// Exchanges that were stored and not counted yet: sent, failed and skipped ones.
    recovered: [u64; 3],
    /// Whether the recording is followed, and there are no passes over a window.
    is_following: bool,
}

/// What becomes a batch.
#[derive(Default)]
struct Filling {
    planned: Vec<Planned>,
    positions: Vec<Position>,
    answered: Vec<(Position, Answered)>,
    bytes: usize,
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
    pub(super) fn new(reading: Reading, run: RunSender) -> Self {
        let order = &reading.timing.order;
        // What belongs to a session is learned from all that came before, so that has to be read again.
        let needs_all = matches!(order, Order::Session(_));
        let cursor = match &reading.resume {
            Some(resume) if !needs_all => resume.resumption.standing.cursor.clone(),
            _ => Cursor::default(),
        };
        Self {
            places: Places::new(order.clone()),
            run,
            pass: cursor.after.map_or(0, |after| after.pass),
            read: cursor.read,
            filtered_out: cursor.filtered_out,
            sendable: cursor.sendable,
            first: cursor.first,
            counted: cursor.after,
            cursor,
            recovered: [0; 3],
            is_following: false,
            reading,
        }
    }

    pub(super) fn totals(&self) -> ReadTotals {
        ReadTotals {
            read: self.read,
            filtered_out: self.filtered_out,
            recovered: self.recovered,
            rewriting: self.reading.rewriting.report(),
        }
    }

    pub(super) async fn run(
        &mut self,
        sender: &mpsc::Sender<anyhow::Result<Batch>>,
    ) -> anyhow::Result<()> {
        if let Some(parts) = self.reading.follow.take() {
            self.is_following = true;
            return self.follow(parts, sender).await;
        }
        loop {
            let read_before = self.read;
            let mut stream = match self.counted {
                Some(after) if after.pass == self.pass => {
                    self.reading.source.stream_from(after.recorded)
                }
                _ => self.reading.source.stream(),
            };
            // With ids given, the search ends when all are found.
            let ids = self.reading.filter.exchanges.len();
            let mut wanted = (ids > 0).then_some(ids);
            let more = loop {
                let before = self.cursor.clone();
                let mut filling = Filling::default();
                let more = self.fill(&mut filling, &mut stream, &mut wanted).await?;
                if !self.hand_over(before, filling, sender).await? {
                    return Ok(());
                }
                if more != More::Yes {
                    break more;
                }
            };
            self.pass += 1;
            let again = match self.reading.timing.passes {
                Passes::Count(count) => u64::from(self.pass) < count,
                // A window in which nothing passes the filters would be read for ever.
                Passes::For(_) => self.first.is_some() && self.read > read_before,
            };
            if more == More::No || !again {
                return Ok(());
            }
        }
    }

    /// Hands a batch to the run's writer, which has to know first, and to the driver. False if the replay has stopped.
    async fn hand_over(
        &self,
        before: Cursor,
        filling: Filling,
        sender: &mpsc::Sender<anyhow::Result<Batch>>,
    ) -> anyhow::Result<bool> {
        if filling.positions.is_empty() {
            return Ok(true);
        }
        let planned = PlannedBatch {
            before,
            after: self.cursor.clone(),
            positions: filling.positions,
        };
        self.run.planned(planned).await?;
        if !filling.answered.is_empty() {
            self.run.stored(filling.answered).await?;
        }
        if filling.planned.is_empty() {
            return Ok(true);
        }
        let batch = Batch {
            first: self.first,
            planned: filling.planned,
        };
        Ok(sender.send(Ok(batch)).await.is_ok())
    }

    /// Fills a batch from this pass.
    async fn fill(
        &mut self,
        filling: &mut Filling,
        stream: &mut ExchangeStream,
        wanted: &mut Option<usize>,
    ) -> anyhow::Result<More> {
        let mut since = None;
        while filling.positions.len() < BATCH_MAX && filling.bytes < BATCH_BYTES_MAX {
            if *wanted == Some(0) {
                return Ok(More::NotInThisPass);
            }
            if !filling.positions.is_empty()
                && since.get_or_insert_with(Instant::now).elapsed() > BATCH_WAIT_MAX
            {
                return Ok(More::Yes);
            }
            let Some(exchange) = stream.next().await? else {
                return Ok(More::NotInThisPass);
            };
            let position = Position {
                pass: self.pass,
                recorded: exchange.start().to_micros_precision(),
                exchange: exchange.id(),
            };
            if self.counted.is_some_and(|counted| position <= counted) {
                continue;
            }
            let keeps = self.reading.filter.keeps(&exchange);
            if keeps && self.is_over(&exchange) {
                return Ok(More::No);
            }
            if !keeps {
                let is_mine = self.is_mine(exchange.connection.id.0);
                self.read += u64::from(is_mine);
                self.filtered_out += u64::from(is_mine);
                continue;
            }
            if let Some(wanted) = wanted {
                *wanted -= 1;
            }
            let (key, planned) = self.plan(exchange, position);
            let is_mine = self.is_mine(key);
            self.read += u64::from(is_mine);
            self.cursor = Cursor {
                after: Some(position),
                read: self.read,
                filtered_out: self.filtered_out,
                sendable: self.sendable,
                first: self.first,
                stream: None,
            };
            if is_mine {
                self.place(planned, position, filling);
            }
        }
        Ok(More::Yes)
    }

    /// Adds an exchange to the batch, as it stands in a run that goes on.
    fn place(&mut self, planned: Planned, position: Position, filling: &mut Filling) {
        let Some(resume) = &mut self.reading.resume else {
            filling.add(planned, position);
            return;
        };
        let status = resume.resumption.status(&position);
        if status == Status::Settled {
            return;
        }
        if let Some(actual) = resume.answered.remove(&position) {
            let recorded = match planned {
                Planned::Send(ready) => ready.recorded,
                Planned::Skip(recorded, ..) => recorded,
            };
            self.count_recovered(&actual);
            filling.recover(recorded, actual, position);
            return;
        }
        let planned = match planned {
            Planned::Send(ready) if status == Status::InDoubt => {
                let again = resume.send_again.allows(&ready.request.method);
                doubt(ready, again)
            }
            planned => planned,
        };
        filling.add(planned, position);
    }

    /// Whether this machine replays what has this key. Of what it does not, it knows the place in the schedule all the same.
    fn is_mine(&self, key: u64) -> bool {
        self.reading.shard.is_none_or(|shard| shard.has(key))
    }

    /// When `exchange` was recorded, later by the window's length in each later pass.
    fn recorded_at(&self, exchange: &Exchange) -> Timestamp {
        let window = self.reading.source.window;
        let length = window.end.since(window.start);
        exchange
            .start()
            .saturating_add(length.saturating_mul(self.replay_pass()))
    }

    /// Which replay of the window this is.
    fn replay_pass(&self) -> u32 {
        if self.is_following { 0 } else { self.pass }
    }

    /// Whether the schedule's time is over before `exchange` would be due.
    fn is_over(&self, exchange: &Exchange) -> bool {
        let Passes::For(span) = self.reading.timing.passes else {
            return false;
        };
        let timing = &self.reading.timing;
        let at = self.recorded_at(exchange);
        let offset = at.since(self.first.unwrap_or(at));
        let due = timing.pace.offset(self.sendable, offset);
        due.is_some_and(|due| ramped(due, timing.ramp) >= span)
    }

    /// What becomes of `exchange`, with a hash of what keeps its order.
    fn plan(&mut self, exchange: Box<Exchange>, position: Position) -> (u64, Planned) {
        let recorded_at = self.recorded_at(&exchange);
        // Asked of each, as an answer tells of its session whether its request can be replayed or not.
        let (key, place) = self.places.keyed(&exchange, self.replay_pass().into());
        let standing = Standing {
            pass: self.pass,
            in_doubt: None,
        };
        let request = rewrite(&exchange, &self.reading.rules).and_then(|request| {
            // By what was recorded: the target's path prefix is in no policy.
            let recorded = exchange.request.as_ref().ok_or(Skip::NoRequest)?;
            self.reading.permissions.check(recorded).map(|()| request)
        });
        let planned = match request {
            Ok(mut request) => {
                let first = *self.first.get_or_insert(recorded_at);
                // Another shard's are counted there.
                let is_ours = self.reading.shard.is_none_or(|shard| shard.has(key));
                let resigned = if is_ours {
                    self.change(&mut request, &exchange, first)
                } else {
                    Vec::new()
                };
                let index = self.sendable;
                self.sendable += 1;
                let pass = u64::from(self.replay_pass());
                let connection = exchange.connection.id.0;
                Planned::Send(Box::new(Ready {
                    scope: Scope {
                        session: place.group().unwrap_or(connection ^ pass),
                        pass,
                    },
                    memory_bytes: exchange.memory()
                        + request.headers.memory()
                        + size_of::<Request>(),
                    recorded: exchange,
                    request,
                    recorded_at,
                    index,
                    position,
                    standing,
                    place,
                    resigned,
                }))
            }
            Err(reason) => Planned::Skip(exchange, reason, standing),
        };
        (key, planned)
    }

    /// Changes a request by the user's rules.
    fn change(
        &mut self,
        request: &mut Request,
        exchange: &Exchange,
        first: Timestamp,
    ) -> Vec<Resigned> {
        let reading = &mut self.reading;
        if reading.rewriting.is_empty() {
            return Vec::new();
        }
        let window = reading.source.window;
        // As far as the run is from the recording: the schedule's beginning, and whole windows in later passes.
        let by = match reading.timing.delay {
            Some(delay) => TimeDelta::from_std(delay).unwrap_or(TimeDelta::MAX),
            None => {
                let passes = i32::try_from(self.pass).unwrap_or(i32::MAX);
                let length = window.end.as_micros() - window.start.as_micros();
                TimeDelta::microseconds(reading.started_at.as_micros() - first.as_micros())
                    + TimeDelta::microseconds(length) * passes
            }
        };
        let shift = Shift {
            window,
            by,
            recorded: exchange.start(),
        };
        let prefix = &reading.rules.path_prefix;
        reading.rewriting.apply(request, exchange, prefix, &shift)
    }
}

impl Filling {
    fn add(&mut self, planned: Planned, position: Position) {
        if let Planned::Send(ready) = &planned {
            self.bytes += ready.memory_bytes;
        }
        self.positions.push(position);
        self.planned.push(planned);
    }

    /// Adds an exchange that is stored already.
    fn recover(&mut self, recorded: Box<Exchange>, actual: Exchange, position: Position) {
        self.bytes += recorded.memory() + actual.memory();
        self.positions.push(position);
        let actual = Box::new(actual);
        self.answered
            .push((position, Answered { recorded, actual }));
    }
}

/// What may have been sent is sent `again`, or not.
fn doubt(mut ready: Box<Ready>, again: bool) -> Planned {
    if again {
        ready.standing.in_doubt = Some(InDoubt::SentAgain);
        return Planned::Send(ready);
    }
    let standing = Standing {
        in_doubt: Some(InDoubt::NotSentAgain),
        ..ready.standing
    };
    Planned::Skip(ready.recorded, Skip::InDoubt, standing)
}
