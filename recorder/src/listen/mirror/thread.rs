//! The thread that records what proxies copied: what a shard is for packets.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use recorder_core::{Mirrored, Pipeline};
use schema::Timestamp;

use super::desk::Books;
use crate::clock;
use crate::listen::stats::{Shared, Snapshot};
use crate::outlet::{Batch, Outlet};
use crate::queue::{Closed, Sender};

/// How long the thread waits for a request before it looks at the clock.
const WAIT: Duration = Duration::from_millis(100);

/// How often what was done is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Requests that are taken before what they gave is handed over.
const BATCH: usize = 256;

/// What the thread needs.
pub(in crate::listen) struct MirrorThread {
    /// Its place among the snapshots.
    pub(in crate::listen) index: usize,
    pub(in crate::listen) requests: Receiver<Mirrored>,
    pub(in crate::listen) books: Arc<Books>,
    pub(in crate::listen) pipeline: Pipeline,
    pub(in crate::listen) outlet: Outlet,
    pub(in crate::listen) sender: Sender<Batch>,
    pub(in crate::listen) shared: Arc<Shared>,
}

impl MirrorThread {
    /// Records until every connection has ended after recording was told to stop.
    ///
    /// # Errors
    /// If the writer is gone.
    pub(in crate::listen) fn run(mut self) -> Result<(), Closed> {
        let mut now = clock::now();
        self.pipeline.watch(now);
        let mut tell_at = now;
        let mut span = None;
        loop {
            let taken = self.requests.recv_timeout(WAIT);
            now = clock::now();
            // Before packet time moves on: what was let go while the writer kept this thread waiting belongs to its minute.
            self.count_shed();
            match taken {
                Ok(mirrored) => {
                    let at = mirrored.at();
                    span = Some((span.map_or(at, |(first, _)| first), at));
                    self.take(mirrored);
                }
                Err(RecvTimeoutError::Timeout) => self.pipeline.handle_timeout(now),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.hand_over(now)?;
            if now >= tell_at {
                tell_at = now.saturating_add(TELL_EVERY);
                self.tell(span);
            }
        }
        self.count_shed();
        self.pipeline.handle_timeout(now);
        self.pipeline.finish();
        self.hand_over(now)?;
        self.tell(span);
        Ok(())
    }

    /// Takes a request, and those that wait behind it.
    fn take(&mut self, mut mirrored: Mirrored) {
        for _ in 0..BATCH {
            self.books.release(mirrored.memory());
            self.pipeline.handle_mirrored(mirrored);
            match self.requests.try_recv() {
                Ok(next) => mirrored = next,
                Err(_) => return,
            }
        }
        self.books.release(mirrored.memory());
        self.pipeline.handle_mirrored(mirrored);
    }

    fn count_shed(&mut self) {
        for ((minute, source), requests) in self.books.take_shed() {
            self.pipeline.handle_shed(minute, &source, requests);
        }
    }

    fn hand_over(&mut self, now: Timestamp) -> Result<(), Closed> {
        match self.outlet.drain(&mut self.pipeline, now) {
            Some(batch) => {
                let bytes = batch.memory();
                self.sender.push(batch, bytes)
            }
            None => Ok(()),
        }
    }

    fn tell(&self, span: Option<(Timestamp, Timestamp)>) {
        let told = Snapshot {
            counters: self.pipeline.totals(),
            exchanges: self.outlet.counts().to_vec(),
            matches: self.pipeline.redaction_matches().to_vec(),
            mirrored: self.books.received(),
            span,
            ..Snapshot::default()
        };
        self.shared.tell(self.index, told);
    }
}
