//! The threads of a live recorder: one for each shard, and the one that writes.

use std::sync::Arc;

use anyhow::Context as _;
use recorder_core::{Dispatcher, Mirrored, Pipeline};
use schema::RecorderId;
use tokio::sync::{mpsc, oneshot};

use super::forward::Forwarding;
use super::mirror::{Books, MirrorThread};
use super::recording::{Outgoing, Recording};
use super::shard::{Intake, Shard};
use super::shed::Shedding;
use super::sources::SourceNames;
use super::stats::{Shared, Snapshot};
use super::udp::Line;
use super::{Listen, clock};
use crate::config::Config;
use crate::outlet::{Batch, Outlet};
use crate::queue::Receiver;
use crate::writer::Writer;

/// The end of one thread: its result, or an error if it panicked.
pub(super) type End = oneshot::Receiver<anyhow::Result<()>>;

/// What threads are made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threads<'a> {
    pub(super) config: &'a Config,
    pub(super) listen: &'a Listen,
    pub(super) recorder: &'a RecorderId,
    pub(super) shared: &'a Arc<Shared>,
}

impl Threads<'_> {
    /// Starts them all. `lines` has one socket for each shard, tunnel after tunnel.
    ///
    /// # Errors
    /// If the system has no thread or file descriptor left.
    pub(super) fn start(
        &self,
        lines: Vec<Line>,
        mirror: Option<(std::sync::mpsc::Receiver<Mirrored>, Arc<Books>)>,
        batches: Receiver<Batch>,
        segments: mpsc::Sender<Outgoing>,
    ) -> anyhow::Result<Vec<End>> {
        let shards = self.listen.shards.max(1);
        let mut ours: Vec<Vec<Line>> = (0..shards).map(|_| Vec::new()).collect();
        for (number, line) in lines.into_iter().enumerate() {
            ours[number % shards].push(line);
        }
        let forwarding = Forwarding::between(shards, self.listen.limits.forwarded_frames)?;
        let mut ends = Vec::with_capacity(shards + 2);
        for (index, (lines, forwarding)) in ours.into_iter().zip(forwarding).enumerate() {
            let shard = self.shard(index, lines, forwarding);
            ends.push(spawn(&format!("shard-{index}"), move || Ok(shard.run()?))?);
        }
        if let Some((requests, books)) = mirror {
            let thread = self.mirror(shards, requests, books);
            ends.push(spawn("mirror", move || Ok(thread.run()?))?);
        }
        let recording = self.recording(batches, segments);
        ends.push(spawn("recording", move || recording.run())?);
        Ok(ends)
    }

    fn shard(&self, index: usize, lines: Vec<Line>, forwarding: Option<Forwarding>) -> Shard {
        let (options, limits) = (self.config.options.clone(), self.config.limits.clone());
        Shard {
            index,
            lines,
            intake: Intake {
                sources: SourceNames::new(limits.sources_max),
                dispatcher: Dispatcher::new(options.tunnel_ports.clone(), limits.clone()),
                pipeline: Pipeline::new(limits, options),
                outlet: Outlet::new(),
                forwarding,
                shedding: Shedding::new(self.listen.shed),
                told: Snapshot::default(),
            },
            sender: self.shared.queue.sender(),
            shared: Arc::clone(self.shared),
            drain_sockets: self.listen.limits.drain_sockets,
        }
    }

    fn mirror(
        &self,
        index: usize,
        requests: std::sync::mpsc::Receiver<Mirrored>,
        books: Arc<Books>,
    ) -> MirrorThread {
        MirrorThread {
            index,
            requests,
            books,
            pipeline: Pipeline::new(self.config.limits.clone(), self.config.options.clone()),
            outlet: Outlet::new(),
            sender: self.shared.queue.sender(),
            shared: Arc::clone(self.shared),
        }
    }

    fn recording(&self, batches: Receiver<Batch>, segments: mpsc::Sender<Outgoing>) -> Recording {
        let options = crate::segment_options(self.config, self.recorder);
        // Started again under the same name, a recorder must not give a number twice: it counts on from the time of day.
        let now = clock::now();
        self.shared.writer.alive(now);
        Recording {
            writer: Writer::live(options, self.config.rotation, now.as_nanos() / 1_000_000),
            batches,
            segments,
            shared: Arc::clone(self.shared),
        }
    }
}

fn spawn(
    name: &str,
    work: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<End> {
    let (sender, end) = oneshot::channel();
    let work = move || {
        // Nobody waits for the result only where the program is ending anyway.
        let _ = sender.send(work());
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .with_context(|| format!("cannot start the thread `{name}`"))?;
    Ok(end)
}
