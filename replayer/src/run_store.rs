//! Writes a run: answers in, segments, divergences and `run.json` below `runs/<run>/` out.
//!
//! ```text
//! driver --Answered, bounded by count and bytes--> encoder thread: undo coding, compare, encode, aggregate
//!                                                     --sealed files, bounded--> upload task: create-only puts
//! ```
//! `run.json` is there from the start with state `running`, is written again at each checkpoint, and gets its verdict when
//! everything else is in the store. So whatever a killed run published is a run that says it was killed.
//!
//! At a checkpoint every answer so far is published, and then, beside the run, what another process needs to go on with it
//! (`state`).

mod encoder;
pub(crate) mod parts;
mod place;
#[cfg(test)]
pub(crate) mod sample;
mod state;
mod uploader;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use object_store::{ObjectStoreExt as _, PutMode, path::Path};
use replayer_core::checkpoint::{PlannedBatch, Position};
use replayer_core::compare::Rules;
use replayer_core::correlate::Learned;
use replayer_core::report;
use schema::run::{RunCorrelation, RunDocument, RunRewriting, RunState};
use schema::{Exchange, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::follow::FollowFacts;
use crate::store::Archive;
use crate::timer::{Behind, stand_back};
use encoder::Encoder;
pub(crate) use place::RunPlace;
pub(crate) use state::{Begun, Checkpoint, clear_divergences};
use uploader::{Upload, upload_all};

/// Segments and other files that wait for the upload. At this bound the encoder waits, then the driver.
const UPLOADS_WAITING_MAX: usize = 4;

/// One planned exchange with what became of it.
#[derive(Debug)]
pub struct Answered {
    /// As recorded.
    pub recorded: Box<Exchange>,
    /// As sent and answered: the request as it went out, the answer with `body_encoding` set to its Content-Encoding where
    /// the stored body still has it, and `replay` set with everything but the verdict, its reason and the divergences. A
    /// request that was skipped has its due time as start.
    pub actual: Box<Exchange>,
}

/// How a run is compared and stored.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Whether answers are compared; a run without is never a pass.
    pub compare: bool,
    /// How answers are compared.
    pub rules: Rules,
    /// About how large a segment may get, bytes.
    pub segment_bytes_max: usize,
    /// How much of the run a segment may span.
    pub segment_age_max: Duration,
    /// Divergences a file.
    pub divergences_rows_max: usize,
    /// zstd level of pages.
    pub zstd_level: i32,
    /// Batches of answers that may wait to be compared. At this bound the driver waits.
    pub waiting_max: usize,
    /// Memory that these may hold, bytes.
    pub waiting_bytes_max: usize,
    /// What is known of the recording that is followed, if one is.
    pub(crate) follow: Option<Arc<FollowFacts>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            compare: true,
            rules: Rules::default(),
            segment_bytes_max: 64 << 20,
            segment_age_max: Duration::from_secs(60),
            divergences_rows_max: 20_000,
            zstd_level: 1,
            // Small enough that memory is used again while it is in the cache: fresh pages cost more than waiting.
            waiting_max: 256,
            waiting_bytes_max: 32 << 20,
            follow: None,
        }
    }
}

/// How a run ended, as the driver knows it.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// Finished, interrupted or failed.
    pub state: RunState,
    /// When.
    pub finished_at: Timestamp,
    /// Exchanges of the window that were read from the archive.
    pub read: u64,
    /// Those among them that the filters left out.
    pub filtered_out: u64,
    /// Those that were late because too many were in flight, since the run was begun or went on.
    pub held_back: u64,
    /// What the user's rules changed in requests.
    pub rewriting: Option<RunRewriting>,
    /// What was learned from answers and used in requests.
    pub correlation: Option<RunCorrelation>,
    /// What was learned, for a run that may go on.
    pub learned: Option<Box<Learned>>,
    /// The last lease: everything that was sent under it has ended.
    pub lease: u64,
}

/// Counts while a run runs, for a progress bar.
#[derive(Debug, Default)]
pub struct RunProgress {
    matched: AtomicU64,
    differed: AtomicU64,
    incomparable: AtomicU64,
}

impl RunProgress {
    /// Answers without a difference so far.
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.matched.load(Ordering::Relaxed)
    }

    /// Answers with a difference so far.
    #[must_use]
    pub fn differed(&self) -> u64 {
        self.differed.load(Ordering::Relaxed)
    }

    /// Exchanges that could not be judged so far.
    #[must_use]
    pub fn incomparable(&self) -> u64 {
        self.incomparable.load(Ordering::Relaxed)
    }
}

/// A message to the encoder.
enum Message {
    /// Exchanges that will have to end.
    Planned(PlannedBatch),
    Answered(Vec<Answered>, OwnedSemaphorePermit),
    /// The same of exchanges whose answers are published.
    Stored(Vec<(Position, Answered)>, OwnedSemaphorePermit),
    Checkpoint {
        held_back: u64,
        /// What was learned from answers, if that has changed.
        learned: Option<Box<Learned>>,
    },
    /// Nothing more is to be written.
    Abandon,
    End {
        held_back: u64,
        lease: u64,
        learned: Option<Box<Learned>>,
    },
}

/// Feeds a run; may be cloned into every task that gets answers.
#[derive(Clone, Debug)]
pub struct RunSender {
    queue: mpsc::Sender<Message>,
    memory: Arc<Semaphore>,
    memory_max: u32,
}

impl RunSender {
    /// Hands over answers; waits while too much waits already. Handing over many at once wakes the encoder once.
    ///
    /// # Errors
    /// If the writer has stopped; [`RunWriter::finish`] says why.
    pub async fn send(&self, answered: Vec<Answered>) -> anyhow::Result<()> {
        let permit = self.room_for(&answered).await?;
        self.pass_on(Message::Answered(answered, permit)).await
    }

    /// As [`RunSender::send`] for answers that the run has published already, and not counted, with where they are planned: a
    /// run that follows plans them in another pass than they were sent in.
    ///
    /// # Errors
    /// As [`RunSender::send`].
    pub async fn stored(&self, answered: Vec<(Position, Answered)>) -> anyhow::Result<()> {
        let permit = self
            .room_for(answered.iter().map(|(_, answered)| answered))
            .await?;
        self.pass_on(Message::Stored(answered, permit)).await
    }

    /// Says what is planned, in order, before any of it can end.
    ///
    /// # Errors
    /// As [`RunSender::send`].
    pub async fn planned(&self, batch: PlannedBatch) -> anyhow::Result<()> {
        self.pass_on(Message::Planned(batch)).await
    }

    /// Asks for a checkpoint, unless as much waits as may; whether it did.
    pub fn checkpoint(&self, held_back: u64, learned: Option<Box<Learned>>) -> bool {
        let message = Message::Checkpoint { held_back, learned };
        self.queue.try_send(message).is_ok()
    }

    async fn pass_on(&self, message: Message) -> anyhow::Result<()> {
        if self.queue.send(message).await.is_err() {
            bail!("run writer has stopped");
        }
        Ok(())
    }

    /// Waits until the answers may be held.
    async fn room_for(
        &self,
        answered: impl IntoIterator<Item = &Answered>,
    ) -> anyhow::Result<OwnedSemaphorePermit> {
        let memory = |answered: &Answered| answered.recorded.memory() + answered.actual.memory();
        let kib = answered.into_iter().map(memory).sum::<usize>() / 1024 + 1;
        // What is larger than the whole bound must get through all the same, alone.
        let kib = u32::try_from(kib).unwrap_or(u32::MAX).min(self.memory_max);
        Arc::clone(&self.memory)
            .acquire_many_owned(kib)
            .await
            .context("run writer has stopped")
    }
}

/// Writes one run.
#[derive(Debug)]
pub struct RunWriter {
    store: Archive,
    document: RunDocument,
    sender: RunSender,
    progress: Arc<RunProgress>,
    follow: Option<Arc<FollowFacts>>,
    encoder: JoinHandle<anyhow::Result<report::Report>>,
    uploads: JoinHandle<anyhow::Result<()>>,
}

impl RunWriter {
    /// Begins the run that `document` describes, below `runs/` of `store`, whose root is the archive's.
    ///
    /// # Errors
    /// If the archive holds a run of that name, or cannot be written to.
    pub async fn start(
        store: Archive,
        document: RunDocument,
        options: RunOptions,
    ) -> anyhow::Result<Self> {
        let path = RunPlace::of(&document).document();
        let payload = store.seal(document.to_json(), &path);
        match store.put_opts(&path, payload, PutMode::Create.into()).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => bail!(
                "run {} exists in this archive: give this run another name",
                document.run
            ),
            Err(error) => return Err(error).with_context(|| format!("write {path}")),
        }
        Ok(Self::begin(store, document, options, Begun::default()))
    }

    /// Goes on with the run that `document` describes, and that stands as `begun` says.
    ///
    /// # Errors
    /// If the archive cannot be written to.
    pub(crate) async fn resume(
        store: Archive,
        document: RunDocument,
        options: RunOptions,
        begun: Begun,
    ) -> anyhow::Result<Self> {
        put_document(&store, &document).await?;
        Ok(Self::begin(store, document, options, begun))
    }

    fn begin(store: Archive, document: RunDocument, options: RunOptions, begun: Begun) -> Self {
        let (queue, messages) = mpsc::channel(options.waiting_max);
        let (files, waiting) = mpsc::channel::<Upload>(UPLOADS_WAITING_MAX);
        let memory_max = u32::try_from(options.waiting_bytes_max / 1024)
            .unwrap_or(u32::MAX)
            .clamp(1, u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        let sender = RunSender {
            queue,
            memory: Arc::new(Semaphore::new(memory_max as usize)),
            memory_max,
        };
        let progress = Arc::new(RunProgress::default());
        let follow = options.follow.clone();
        let uploads = tokio::spawn(upload_all(store.clone(), waiting));
        let encoder = Encoder::new(
            document.clone(),
            options,
            begun,
            files,
            Arc::clone(&progress),
            store.keys().clone(),
        );
        let memory = Arc::clone(&sender.memory);
        let encoder = tokio::task::spawn_blocking(move || {
            stand_back(Behind::Writer);
            let result = encoder.run(messages);
            // Whoever waits for memory must learn that nobody will free any.
            memory.close();
            result
        });
        Self {
            store,
            document,
            sender,
            progress,
            follow,
            encoder,
            uploads,
        }
    }

    /// A handle to feed the run with.
    #[must_use]
    pub fn sender(&self) -> RunSender {
        self.sender.clone()
    }

    /// Counts so far.
    #[must_use]
    pub fn progress(&self) -> Arc<RunProgress> {
        Arc::clone(&self.progress)
    }

    /// Writes nothing more, as the run belongs to another process now.
    pub(crate) async fn abandon(self) {
        self.uploads.abort();
        let _stopped = self.sender.queue.send(Message::Abandon).await;
        let _given_up = self.encoder.await;
    }

    /// Ends the run: everything that was fed is compared and published, then the document with its verdict. Answers that
    /// are fed after this are refused.
    ///
    /// # Errors
    /// If anything could not be encoded or published; `run.json` then says `running` still, or `failed` if it can be
    /// written.
    pub async fn finish(self, end: RunEnd) -> anyhow::Result<RunDocument> {
        // A writer that stopped early has closed its queue; its own error below says why.
        let message = Message::End {
            held_back: end.held_back,
            lease: end.lease,
            learned: end.learned.clone(),
        };
        let _stopped = self.sender.queue.send(message).await;
        let encoded = self.encoder.await.context("encoder of the run panicked")?;
        let uploaded = self.uploads.await.context("uploader of the run panicked")?;
        let mut document = self.document;
        document.finished_at = Some(end.finished_at.to_micros_precision());
        // The upload's error is the cause where both failed: the encoder only saw its queue close.
        match uploaded.and(encoded) {
            Ok(report) => {
                let selected = end.read.saturating_sub(end.filtered_out);
                if report.planned() > selected {
                    bail!(
                        "run {} has {} ends of {selected} exchanges: the window has lost some since the run was begun",
                        document.run,
                        report.planned()
                    );
                }
                document.state = end.state;
                document.report.schedule.held_back += end.held_back;
                document.rewriting = end.rewriting;
                document.correlation = end.correlation;
                report.write_into(&mut document, end.read, end.filtered_out);
                if let Some(follow) = &self.follow {
                    follow.write_into(&mut document);
                }
                document.conclusion = Some(report::conclude(&document));
                put_document(&self.store, &document).await?;
                Ok(document)
            }
            Err(error) => {
                document.state = RunState::Failed;
                if let Err(error) = put_document(&self.store, &document).await {
                    tracing::warn!(run = %document.run, %error, "run could not be marked as failed");
                }
                Err(error)
            }
        }
    }
}

/// Where the document of a whole run lies below the archive's root.
#[must_use]
pub fn document_path(run: &str) -> Path {
    RunPlace::new(run, None).document()
}

/// Writes the document of a run, or of a part of one.
///
/// # Errors
/// If the store fails.
pub(crate) async fn put_document(store: &Archive, document: &RunDocument) -> anyhow::Result<()> {
    let path = RunPlace::of(document).document();
    store
        .put(&path, store.seal(document.to_json(), &path))
        .await
        .with_context(|| format!("write {path}"))?;
    Ok(())
}

#[cfg(test)]
mod tests;
