//! The thread that reads: frames into the pipeline, exchanges and ledger rows out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use recorder_core::{Counters, Pipeline, Redaction, RuleWatch, TlsServers};
use schema::Timestamp;

use crate::capture::{Captures, Report};
use crate::outlet::{Batch, Outlet};
use crate::queue::Sender;

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
    /// How often each rule of the redaction has found something.
    pub(crate) matches: Vec<u64>,
}

/// One shard: it owns everything that it works with.
pub(crate) struct Shard {
    pub(crate) captures: Captures,
    pub(crate) pipeline: Pipeline,
    pub(crate) batches: Sender<Batch>,
    pub(crate) redaction: Option<Redaction>,
    /// Finds the rules that match nothing.
    pub(crate) watch: RuleWatch,
    pub(crate) shared: Arc<Shared>,
}

impl Shard {
    /// Reads every capture to its end, or until it is told to stop, and hands over what was recorded.
    ///
    /// # Errors
    /// If a capture can no longer be opened, or nobody takes what is recorded any more.
    pub(crate) fn run(mut self) -> anyhow::Result<Done> {
        let (outlet, interrupted) = self.read()?;
        Ok(Done {
            matches: self.pipeline.redaction_matches().to_vec(),
            counters: self.pipeline.totals(),
            tls: self.pipeline.tls_servers().clone(),
            exchanges: outlet.counts().to_vec(),
            report: self.captures.into_report(),
            interrupted,
        })
    }

    fn read(&mut self) -> anyhow::Result<(Outlet, bool)> {
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
        Ok((outlet, interrupted))
    }

    /// Takes everything that the pipeline has ready.
    fn drain(&mut self, now: Timestamp, outlet: &mut Outlet) -> anyhow::Result<()> {
        let Some(batch) = outlet.drain(&mut self.pipeline, now) else {
            return Ok(());
        };
        let bytes = batch.memory();
        self.batches.push(batch, bytes)?;
        let recorded = outlet.counts().iter().sum();
        self.shared.exchanges.store(recorded, Ordering::Relaxed);
        self.warn_of_idle_rules(now);
        Ok(())
    }

    /// Says which rules have matched nothing for an hour of traffic.
    fn warn_of_idle_rules(&mut self, now: Timestamp) {
        let Some(redaction) = &self.redaction else {
            return;
        };
        let matches = self.pipeline.redaction_matches();
        for rule in self.watch.handle_matches(now, matches) {
            tracing::warn!(
                "the rule `{}` has matched nothing for an hour of traffic, up to {now}: is its name right?",
                redaction.rules()[rule]
            );
        }
    }
}
