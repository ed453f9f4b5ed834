//! The thread that reads and records: frames into the pipeline, exchanges into the writer, segments out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use recorder_core::{Counters, Pipeline, TlsServers};
use schema::Timestamp;
use tokio::sync::mpsc;

use crate::capture::{Captures, Report};
use crate::outlet::Outlet;
use crate::writer::{Sealed, Writer};

/// What the shard tells while it works, and the one thing that it is told.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Set to end the capture here.
    pub(crate) stop: AtomicBool,
    /// Frames read so far.
    pub(crate) frames: AtomicU64,
    /// Exchanges recorded so far.
    pub(crate) exchanges: AtomicU64,
}

/// What the shard has done.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) counters: Counters,
    /// Exchanges by completeness, in the order of [`schema::Completeness::ALL`].
    pub(crate) exchanges: Vec<u64>,
    pub(crate) report: Report,
    pub(crate) tls: TlsServers,
    pub(crate) interrupted: bool,
}

/// One shard: it owns everything that it works with.
pub(crate) struct Shard {
    pub(crate) captures: Captures,
    pub(crate) pipeline: Pipeline,
    pub(crate) writer: Writer,
    pub(crate) segments: mpsc::Sender<Sealed>,
    pub(crate) shared: Arc<Shared>,
}

impl Shard {
    /// Reads every capture to its end, or until it is told to stop, and hands over every segment.
    ///
    /// # Errors
    /// If a capture can no longer be opened, a segment cannot be encoded, or nobody takes segments any more.
    pub(crate) fn run(mut self) -> anyhow::Result<Done> {
        let mut outlet = Outlet::new();
        let mut now = Timestamp::MIN;
        let mut frames = 0;
        let mut interrupted = false;
        loop {
            let Some(frame) = self.captures.next_frame()? else {
                break;
            };
            now = now.max(frame.at);
            self.pipeline.handle_frame(&frame);
            frames += 1;
            self.shared.frames.store(frames, Ordering::Relaxed);
            self.drain(now, &mut outlet)?;
            if self.shared.stop.load(Ordering::Relaxed) {
                interrupted = true;
                break;
            }
        }
        self.pipeline.finish();
        self.drain(now, &mut outlet)?;
        self.writer.finish();
        self.hand_over()?;
        Ok(Done {
            counters: self.pipeline.totals(),
            tls: self.pipeline.tls_servers().clone(),
            exchanges: outlet.counts().to_vec(),
            report: self.captures.into_report(),
            interrupted,
        })
    }

    /// Takes everything that the pipeline has ready.
    fn drain(&mut self, now: Timestamp, outlet: &mut Outlet) -> anyhow::Result<()> {
        let Some(batch) = outlet.drain(&mut self.pipeline, now) else {
            return Ok(());
        };
        self.writer.take(batch)?;
        let recorded = outlet.counts().iter().sum();
        self.shared.exchanges.store(recorded, Ordering::Relaxed);
        self.hand_over()
    }

    /// Gives sealed segments to the uploader; waits while it is behind, so that memory stays bounded.
    fn hand_over(&mut self) -> anyhow::Result<()> {
        while let Some(sealed) = self
            .writer
            .poll_sealed()
            .context("cannot encode a segment")?
        {
            if self.segments.blocking_send(sealed).is_err() {
                bail!("publishing has ended");
            }
        }
        Ok(())
    }
}
