//! The threads of a live recorder: one for each shard, and the one that writes.

use std::sync::Arc;

use recorder_core::{Dispatcher, Mirrored, Pipeline};
use schema::RecorderId;
use tokio::sync::oneshot;

use super::Listen;
use super::forward::Forwarding;
use super::mirror::{Books, MirrorThread};
use super::shard::{Intake, Shard};
use super::shed::Shedding;
use super::sources::SourceNames;
use super::stats::{Shared, Snapshot};
use super::tap::Tap;
use super::udp::Line;
use crate::config::Config;
use crate::live::Feed;
use crate::outlet::{Batch, Outlet};
use crate::queue::{Receiver, Sender};
use crate::recording::{Destination, Recorded, Recording};

/// The end of one thread: its result, or an error if it panicked.
pub(super) type End<T> = oneshot::Receiver<anyhow::Result<T>>;

/// What threads are made from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threads<'a> {
    pub(super) config: &'a Config,
    pub(super) listen: &'a Listen,
    pub(super) recorder: &'a RecorderId,
    pub(super) shared: &'a Arc<Shared>,
}

/// Threads that run.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) shards: Vec<End<()>>,
    pub(super) recording: End<Recorded>,
}

impl Threads<'_> {
    /// Starts them all. `lines` has one socket for each shard, tunnel after tunnel, and `taps` one ring, interface after
    /// interface.
    ///
    /// # Errors
    /// If the system has no thread or file descriptor left.
    pub(super) fn start(
        &self,
        (lines, taps): (Vec<Line>, Vec<Tap>),
        mirror: Option<(std::sync::mpsc::Receiver<Mirrored>, Arc<Books>)>,
        (destination, batches): (Destination, Receiver<Batch>),
        feed: Option<Arc<Feed>>,
    ) -> anyhow::Result<Running> {
        let shards = self.listen.shards.max(1);
        let mut ours: Vec<(Vec<Line>, Vec<Tap>)> = Vec::new();
        ours.resize_with(shards, Default::default);
        for (number, line) in lines.into_iter().enumerate() {
            ours[number % shards].0.push(line);
        }
        for (number, tap) in taps.into_iter().enumerate() {
            ours[number % shards].1.push(tap);
        }
        let forwarding = Forwarding::between(shards, self.listen.limits.forwarded_frames)?;
        let options = crate::segment_options(self.config, self.recorder);
        // Held until all shards have their own: a queue without a sender is at its end.
        let _sender = self.shared.queue.sender();
        let recording = Recording::new(options, self.config.rotation, destination)
            .live(Arc::clone(&self.shared.writer), feed);
        let recording = crate::thread("recording", move || recording.run(batches))?;
        let mut ends = Vec::with_capacity(shards + 1);
        for (index, (received, forwarding)) in ours.into_iter().zip(forwarding).enumerate() {
            let shard = self.shard(index, received, forwarding, self.shared.queue.sender());
            let run = move || Ok(shard.run()?);
            ends.push(crate::thread(&format!("shard-{index}"), run)?);
        }
        if let Some((requests, books)) = mirror {
            let thread = self.mirror(shards, requests, books);
            ends.push(crate::thread("mirror", move || Ok(thread.run()?))?);
        }
        Ok(Running {
            shards: ends,
            recording,
        })
    }

    fn shard(
        &self,
        index: usize,
        (lines, taps): (Vec<Line>, Vec<Tap>),
        forwarding: Option<Forwarding>,
        sender: Sender<Batch>,
    ) -> Shard {
        let (options, limits) = (self.config.options.clone(), self.config.limits.clone());
        Shard {
            index,
            lines,
            taps,
            intake: Intake {
                sources: SourceNames::new(limits.sources_max),
                dispatcher: Dispatcher::new(options.tunnel_ports.clone(), limits.clone()),
                pipeline: Pipeline::new(limits, options),
                outlet: Outlet::new(),
                forwarding,
                shedding: Shedding::new(self.listen.shed),
                told: Snapshot::default(),
            },
            sender,
            shared: Arc::clone(self.shared),
            limits: self.listen.limits.clone(),
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
}
