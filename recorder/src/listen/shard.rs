//! One shard: a thread that owns its sockets and its pipeline and shares nothing but what it hands on.

use std::sync::Arc;
use std::time::Duration;

use recorder_core::{Dispatcher, Frame, Pipeline};
use schema::Timestamp;

use super::ListenLimits;
use super::forward::{Forwarded, Forwarding};
use super::shed::Shedding;
use super::sources::SourceNames;
use super::stats::{Shared, Snapshot};
use super::sys;
use super::tap::{self, Tap};
use super::udp::{Line, received_at};
use crate::clock;
use crate::outlet::{Batch, Outlet};
use crate::queue::{Closed, Sender};

/// How long a shard waits for a datagram before it looks at the clock.
const WAIT_MS: i32 = 100;

/// The same once its own sockets are done with.
const LAST_WAIT_MS: i32 = 10;

/// How often drops are read, and what the shard holds is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often buffers are looked at while connections may be let go.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One shard.
pub(super) struct Shard {
    pub(super) index: usize,
    pub(super) lines: Vec<Line>,
    pub(super) taps: Vec<Tap>,
    pub(super) intake: Intake,
    pub(super) sender: Sender<Batch>,
    pub(super) shared: Arc<Shared>,
    pub(super) limits: ListenLimits,
}

/// Everything behind the sockets.
pub(super) struct Intake {
    pub(super) pipeline: Pipeline,
    pub(super) outlet: Outlet,
    pub(super) sources: SourceNames,
    /// Where a frame belongs, by its connection.
    pub(super) dispatcher: Dispatcher,
    /// The other shards; `None` where there is no other.
    pub(super) forwarding: Option<Forwarding>,
    pub(super) shedding: Shedding,
    pub(super) told: Snapshot,
}

/// What one look at all sockets gave.
#[derive(Clone, Copy, Debug)]
struct Looked {
    received: bool,
    /// The time up to which everything that was captured is handled or forwarded.
    until: Timestamp,
}

impl Shard {
    /// Records until it is told to stop; everything that is under way then is recorded as it is.
    ///
    /// # Errors
    /// If the writer is gone.
    pub(super) fn run(mut self) -> Result<(), Closed> {
        let mut now = clock::now();
        self.intake.pipeline.watch(now);
        let (mut tell_at, mut look_at) = (now, now);
        let mut stop_at = None;
        loop {
            let Looked { received, until } = self.receive(now);
            let idle = !received;
            if idle {
                self.intake.pipeline.handle_timeout(until);
            }
            now = clock::now();
            if now >= look_at {
                look_at = now.saturating_add(LOOK_EVERY);
                self.look(now);
            }
            if now >= tell_at {
                tell_at = now.saturating_add(TELL_EVERY);
                self.tell(now);
            }
            self.hand_over(now)?;
            if self.shared.stopping() {
                let until =
                    *stop_at.get_or_insert_with(|| now.saturating_add(self.limits.drain_sockets));
                if idle || now >= until {
                    break;
                }
            }
            if idle {
                self.wait();
            }
        }
        self.finish(now)
    }

    /// Takes one batch of each socket, and what other shards forwarded. `now` is not later than the call: what comes while it
    /// looks may be left for the next one.
    fn receive(&mut self, now: Timestamp) -> Looked {
        let mut received = false;
        // Of a socket that is not empty, what comes next may be as old as what came last.
        let mut until = before(now, self.limits.frame_delay);
        for line in &mut self.lines {
            let messages = line.receive();
            if messages > 0 {
                received = true;
                let last = self.intake.take(line, messages, now);
                if messages == sys::BATCH {
                    until = until.min(before(last, self.limits.frame_delay));
                }
            }
        }
        for tap in &mut self.taps {
            if let Some(last) = self.intake.take_captured(tap) {
                received = true;
                until = until.min(before(last, self.limits.frame_delay));
            }
        }
        let mut horizon = until;
        if let Some(forwarding) = &self.intake.forwarding {
            forwarding.tell(until);
            let patience = before(now, self.limits.shard_lag);
            horizon = horizon.min(forwarding.complete_until().max(patience));
        }
        received |= self.intake.take_forwarded();
        self.intake.pipeline.set_horizon(horizon);
        Looked {
            received,
            until: horizon,
        }
    }

    /// How full buffers are decides what is let go.
    fn look(&mut self, now: Timestamp) {
        let mut fill = 0.0_f64;
        for line in &self.lines {
            let memory = line.memory();
            if memory.limit > 0 {
                fill = fill.max(f64::from(memory.waiting) / f64::from(memory.limit));
            }
        }
        for tap in &self.taps {
            fill = fill.max(tap.ring.fill());
        }
        self.intake.told.buffer_fill = fill;
        let fullest = fill.max(self.shared.queue.fill());
        if self.intake.shedding.update(now, fullest) {
            let share = self.intake.shedding.share();
            tracing::warn!(
                shard = self.index,
                share_percent = share * 100.0,
                "frames come faster than they are recorded: this share of connections is left out"
            );
        }
    }

    /// Counts what the sockets dropped, and tells what was done.
    fn tell(&mut self, now: Timestamp) {
        let Intake {
            pipeline,
            told,
            outlet,
            shedding,
            ..
        } = &mut self.intake;
        for line in &mut self.lines {
            let memory = line.memory();
            told.buffer_bytes = u64::from(memory.limit);
            let drops = line.drops(memory.dropped);
            if drops > 0 {
                pipeline.handle_drops(now, &line.name, drops);
            }
        }
        for tap in &self.taps {
            tap.look();
            told.buffer_bytes = tap.ring.bytes() as u64;
            let drops = tap.drops();
            if drops > 0 {
                pipeline.handle_drops(now, &tap.name, drops);
            }
        }
        told.counters = pipeline.totals();
        told.tls = pipeline.tls_servers().clone();
        told.matches = pipeline.redaction_matches().to_vec();
        told.connections = pipeline.connections() as u64;
        told.exchanges = outlet.counts().to_vec();
        told.shed_share = shedding.share();
        self.shared.tell(self.index, told.clone());
    }

    fn hand_over(&mut self, now: Timestamp) -> Result<(), Closed> {
        let Intake {
            pipeline, outlet, ..
        } = &mut self.intake;
        match outlet.drain(pipeline, now) {
            Some(batch) => {
                let bytes = batch.memory();
                self.sender.push(batch, bytes)
            }
            None => Ok(()),
        }
    }

    fn wait(&self) {
        let forwarding = self.intake.forwarding.as_ref();
        let fds: Vec<_> = self
            .lines
            .iter()
            .map(Line::fd)
            .chain(self.taps.iter().map(Tap::fd))
            .chain(forwarding.map(Forwarding::wake_fd))
            .collect();
        sys::wait(&fds, WAIT_MS);
    }

    /// The sockets are done with; takes what the other shards still forward, until theirs are too.
    fn await_others(&mut self) -> Result<(), Closed> {
        // One that noticed the end as late as it may reads its sockets for as long as this shard did.
        let until = clock::now().saturating_add(self.limits.drain_sockets.saturating_mul(2));
        loop {
            let now = clock::now();
            let Some(forwarding) = &self.intake.forwarding else {
                return Ok(());
            };
            forwarding.tell(Timestamp::MAX);
            let ended = forwarding.complete_until() == Timestamp::MAX || now >= until;
            self.intake.take_forwarded();
            self.hand_over(now)?;
            if ended {
                return Ok(());
            }
            let woken = self.intake.forwarding.as_ref().map(Forwarding::wake_fd);
            sys::wait(&woken.into_iter().collect::<Vec<_>>(), LAST_WAIT_MS);
        }
    }

    /// Nothing more comes: what is under way is recorded with its true completeness.
    fn finish(mut self, now: Timestamp) -> Result<(), Closed> {
        self.await_others()?;
        // What a shard that is later still forwards has no way any more, and is counted there.
        self.intake.take_forwarded();
        self.intake.forwarding = None;
        self.tell(now);
        self.intake.pipeline.handle_timeout(now);
        self.intake.pipeline.finish();
        self.hand_over(now)?;
        self.tell(now);
        Ok(())
    }
}

impl Intake {
    /// Handles the messages of a batch; gives the time of the last.
    fn take(&mut self, line: &mut Line, messages: usize, now: Timestamp) -> Timestamp {
        let (mut datagrams, mut dropped, mut last) = (0, None, now);
        for index in 0..messages {
            let (bytes, received) = line.message(index);
            let at = received_at(&received, now);
            last = at;
            let source = self.sources.name(received.from);
            dropped = received.dropped.or(dropped);
            let size = received.segment_bytes.unwrap_or(usize::MAX);
            let cut = received.wire_len.saturating_sub(received.len);
            if bytes.is_empty() {
                // A datagram without a byte is one all the same.
                datagrams += 1;
                self.handle(&frame(line, bytes, cut, at, &source));
            }
            for datagram in bytes.chunks(size) {
                datagrams += 1;
                self.handle(&frame(line, datagram, cut, at, &source));
            }
        }
        line.note(messages as u64, datagrams);
        if let Some(count) = dropped {
            let drops = line.drops(count);
            if drops > 0 {
                self.pipeline.handle_drops(now, &line.name, drops);
            }
        }
        last
    }

    /// Handles the packets of a tap's next block, if there is one; gives the time of the last.
    fn take_captured(&mut self, tap: &mut Tap) -> Option<Timestamp> {
        let Tap {
            ring,
            name,
            link,
            tagged,
        } = tap;
        let block = ring.next_block()?;
        let mut last = Timestamp::MAX;
        let mut packets = block.packets();
        for captured in &mut packets {
            last = captured.at;
            let (bytes, wire_len) = tap::with_tag(&captured, *link, tagged);
            self.handle(&Frame {
                at: captured.at,
                link: *link,
                bytes,
                wire_len,
                source: name,
            });
        }
        if packets.unread() > 0 {
            // The kernel would have to be wrong about its own block.
            let (at, lost) = (clock::now(), u64::from(packets.unread()));
            self.pipeline.handle_drops(at, name, lost);
        }
        Some(last)
    }

    /// Handles a frame that this shard received.
    fn handle(&mut self, frame: &Frame<'_>) {
        if self.forwarding.is_none() && !self.shedding.is_active() {
            return self.record(frame);
        }
        let hash = self.dispatcher.hash(frame);
        if self.shedding.is_active() && self.shedding.sheds(hash) {
            self.told.shed += 1;
            self.pipeline.handle_drops(frame.at, frame.source, 1);
            return;
        }
        match &self.forwarding {
            Some(forwarding) if !forwarding.is_ours(hash) => {
                if !forwarding.forward(hash, frame) {
                    self.pipeline.handle_drops(frame.at, frame.source, 1);
                }
            }
            _ => self.record(frame),
        }
    }

    fn take_forwarded(&mut self) -> bool {
        let mut any = false;
        while let Some(Forwarded {
            at,
            link,
            bytes,
            wire_len,
            source,
        }) = self.forwarding.as_mut().and_then(Forwarding::take)
        {
            any = true;
            self.told.forwarded += 1;
            self.record(&Frame {
                at,
                link,
                bytes: &bytes,
                wire_len,
                source: &source,
            });
        }
        any
    }

    fn record(&mut self, frame: &Frame<'_>) {
        let (first, last) = self.told.span.unwrap_or((frame.at, frame.at));
        self.told.span = Some((first.min(frame.at), last.max(frame.at)));
        self.pipeline.handle_frame(frame);
    }
}

/// The time `span` before `time`.
fn before(time: Timestamp, span: Duration) -> Timestamp {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_sub(nanos))
}

fn frame<'a>(
    line: &Line,
    bytes: &'a [u8],
    cut: usize,
    at: Timestamp,
    source: &'a Arc<str>,
) -> Frame<'a> {
    Frame {
        at,
        link: line.tunnel,
        bytes,
        wire_len: u32::try_from(bytes.len() + cut).unwrap_or(u32::MAX),
        source,
    }
}
