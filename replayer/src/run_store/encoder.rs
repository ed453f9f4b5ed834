//! The blocking half of a run's writer: compares, encodes and aggregates, off the async runtime.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use object_store::path::Path;
use replayer_core::checkpoint::{Position, Standing, Unsettled};
use replayer_core::compare::{Comparison, compare, undo_content_encoding};
use replayer_core::correlate::Learned;
use replayer_core::permission::writes;
use replayer_core::report::{Report, conclude};
use schema::run::RunDocument;
use schema::{
    Divergence, Exchange, ExchangeVerdict, InDoubt, Keyring, Pushed, RecorderId, SegmentBuilder,
    SegmentOptions, Table, Timestamp, encode_divergences,
};
use tokio::sync::mpsc;

use super::state::{Begun, Checkpoint, FilesWritten};
use super::uploader::Upload;
use super::{Answered, Message, RunOptions, RunPlace, RunProgress};

/// Why an answer that differs says nothing: the request was sent twice, and what the first one changed is not known.
const SENT_AGAIN: &str = "sent again";

/// Segments in the making at once. Answers come nearly in the order of their hours; one that comes after its hour's
/// segment was sealed gets another segment.
const SEGMENTS_OPEN_MAX: usize = 2;

/// A segment in the making.
#[derive(Debug)]
struct Open {
    builder: SegmentBuilder,
    /// The newest `request_start` so far, for the age bound.
    newest: Timestamp,
}

/// Compares, encodes and aggregates.
#[derive(Debug)]
pub(super) struct Encoder {
    document: RunDocument,
    place: RunPlace,
    options: RunOptions,
    files: mpsc::Sender<Upload>,
    progress: Arc<RunProgress>,
    keys: Keyring,
    report: Report,
    /// What is planned and has not ended.
    unsettled: Unsettled,
    /// Whether anything has ended since the last checkpoint.
    is_behind: bool,
    /// By start of the hour.
    segments: BTreeMap<Timestamp, Open>,
    divergences: Vec<Divergence>,
    /// How many files there are, and which of them a run that goes on has not looked into.
    files_written: FilesWritten,
    /// As the driver said last.
    held_back: u64,
}

impl Encoder {
    pub(super) fn new(
        document: RunDocument,
        options: RunOptions,
        begun: Begun,
        files: mpsc::Sender<Upload>,
        progress: Arc<RunProgress>,
        keys: Keyring,
    ) -> Self {
        let (report, standing) = match begun.checkpoint {
            Some(checkpoint) => (checkpoint.report, checkpoint.standing),
            None => (Report::of(&document), Standing::default()),
        };
        Self {
            place: RunPlace::of(&document),
            document,
            options,
            files,
            progress,
            keys,
            report,
            unsettled: Unsettled::new(standing),
            is_behind: false,
            segments: BTreeMap::new(),
            divergences: Vec::new(),
            files_written: begun.files,
            held_back: 0,
        }
    }

    /// Takes answers until the end message, or until every sender is gone.
    pub(super) fn run(mut self, mut messages: mpsc::Receiver<Message>) -> anyhow::Result<Report> {
        let mut end = (0, None);
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Planned(batch) => self.unsettled.handle_planned(batch),
                Message::Answered(answered, _memory) => {
                    for answered in answered {
                        let actual = self.handle(answered)?;
                        if let Some(replay) = &actual.replay {
                            self.unsettled.handle_settled(Position {
                                pass: replay.pass,
                                recorded: replay.recorded_start.to_micros_precision(),
                                exchange: actual.id(),
                            });
                        }
                        self.store(actual)?;
                    }
                }
                Message::Stored(answered, _memory) => {
                    for (position, answered) in answered {
                        let _is_stored = self.handle(answered)?;
                        self.unsettled.handle_settled(position);
                        let files = &mut self.files_written;
                        files.unclaimed = files.unclaimed.saturating_sub(1);
                    }
                }
                // What follows a recording tells how it stands, also when nothing comes.
                Message::Checkpoint { held_back, learned } => {
                    self.keep(learned.as_deref())?;
                    if self.is_behind || self.options.follow.is_some() {
                        self.checkpoint(held_back, None)?;
                    }
                }
                Message::Abandon => return Ok(self.report),
                Message::End {
                    held_back,
                    lease,
                    learned,
                } => {
                    self.keep(learned.as_deref())?;
                    end = (held_back, Some(lease));
                    break;
                }
            }
        }
        messages.close();
        self.checkpoint(end.0, end.1)?;
        Ok(self.report)
    }

    /// Compares and counts; gives what is to be stored.
    fn handle(&mut self, answered: Answered) -> anyhow::Result<Box<Exchange>> {
        let Answered {
            recorded,
            mut actual,
        } = answered;
        if let Some(response) = &mut actual.response {
            // As at capture: stored bodies are searchable unless they do not decode.
            undo_content_encoding(response, self.options.rules.body_bytes_max);
        }
        let comparison = self.compare(&recorded, &actual);
        let verdict = comparison.verdict;
        if let Some(replay) = &mut actual.replay {
            replay.verdict = verdict;
            replay.verdict_reason.clone_from(&comparison.reason);
            replay.divergences = u32::try_from(comparison.found).unwrap_or(u32::MAX);
        }
        self.report.add(&recorded, &actual, &comparison);
        self.is_behind = true;
        let counter = match verdict {
            ExchangeVerdict::Match => &self.progress.matched,
            ExchangeVerdict::Differ => &self.progress.differed,
            ExchangeVerdict::Incomparable => &self.progress.incomparable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.divergences.extend(comparison.divergences);
        if self.divergences.len() >= self.options.divergences_rows_max {
            self.publish_divergences()?;
        }
        Ok(actual)
    }

    fn compare(&self, recorded: &Exchange, actual: &Exchange) -> Comparison {
        if !self.options.compare {
            return Comparison::incomparable("comparison off".to_owned());
        }
        let comparison = compare(recorded, actual, &self.options.rules);
        let replay = actual.replay.as_ref();
        let was_sent_again =
            replay.is_some_and(|replay| replay.in_doubt == Some(InDoubt::SentAgain));
        let changes = |exchange: &Exchange| {
            let request = exchange.request.as_ref();
            request.is_some_and(|request| writes(&request.method))
        };
        if was_sent_again && comparison.verdict == ExchangeVerdict::Differ && changes(recorded) {
            return Comparison::incomparable(SENT_AGAIN.to_owned());
        }
        comparison
    }

    fn store(&mut self, exchange: Box<Exchange>) -> anyhow::Result<()> {
        let start = exchange.start();
        let hour = start.hour();
        let mut exchange = exchange;
        loop {
            let open = self.segments.entry(hour).or_insert_with(|| Open {
                builder: SegmentBuilder::new(segment_options(
                    self.place.writer(),
                    self.options.zstd_level,
                    self.keys.clone(),
                )),
                newest: start,
            });
            match open.builder.push(exchange).context("encode a segment")? {
                Pushed::Stored => break,
                Pushed::Late(late) => {
                    exchange = late;
                    let full = self.segments.remove(&hour).expect("it was just pushed to");
                    self.seal(full.builder)?;
                }
            }
        }
        let open = self.segments.get_mut(&hour).expect("it was just pushed to");
        open.newest = open.newest.max(start);
        let first = open.builder.start().unwrap_or(start);
        let is_full = open.builder.bytes() >= self.options.segment_bytes_max
            || open.newest.since(first) >= self.options.segment_age_max;
        // A checkpoint seals all: the report that it stores is of what is published, no more and no less.
        if is_full || self.segments.len() > SEGMENTS_OPEN_MAX {
            self.checkpoint(self.held_back, None)?;
        }
        Ok(())
    }

    fn seal(&mut self, builder: SegmentBuilder) -> anyhow::Result<()> {
        let sealed = builder
            .seal(self.files_written.segments)
            .context("encode a segment")?;
        let Some(segment) = sealed else {
            return Ok(());
        };
        self.files_written.segments += 1;
        let path = Table::RunExchanges(self.document.run.clone()).path(&segment.key);
        self.publish(Path::from(path), segment.bytes, false)
    }

    fn publish_divergences(&mut self) -> anyhow::Result<()> {
        if self.divergences.is_empty() {
            return Ok(());
        }
        let bytes = encode_divergences(&self.divergences, self.options.zstd_level, &self.keys)
            .context("encode divergences")?;
        self.divergences.clear();
        let path = self.place.divergences(self.files_written.divergences);
        self.files_written.divergences += 1;
        // A file that a killed process left is of rows that are compared again.
        self.publish(path, bytes, true)
    }

    /// Publishes what was learned from answers.
    fn keep(&self, learned: Option<&Learned>) -> anyhow::Result<()> {
        let Some(learned) = learned else {
            return Ok(());
        };
        let json = serde_json::to_vec(learned).context("encode what was learned")?;
        self.publish_document(self.place.learned(), json)
    }

    /// Publishes everything so far, then how the run stands, and the document as far as it is known, state `running`. All
    /// that was sent has ended if it was sent under `lease` or an earlier one.
    fn checkpoint(&mut self, held_back: u64, lease: Option<u64>) -> anyhow::Result<()> {
        self.held_back = held_back;
        while let Some((_, open)) = self.segments.pop_first() {
            self.seal(open.builder)?;
        }
        self.publish_divergences()?;
        self.is_behind = false;
        let files = &mut self.files_written;
        if files.unclaimed == 0 {
            files.claim_from = files.segments;
        }
        let mut document = self.document.clone();
        document.report.schedule.held_back += held_back;
        let checkpoint = Checkpoint::encode(
            self.unsettled.standing(),
            lease,
            *files,
            document.report.schedule.held_back,
            &self.report,
        );
        self.publish_document(self.place.checkpoint(), checkpoint)?;
        self.report.write_into_running(&mut document);
        if let Some(follow) = &self.options.follow {
            follow.write_into(&mut document);
            document.conclusion = Some(conclude(&document));
            follow.publish(&document);
        }
        self.publish_document(self.place.document(), document.to_json())
    }

    fn publish_document(&self, path: Path, document: Vec<u8>) -> anyhow::Result<()> {
        let sealed = self.keys.seal_document(document, path.as_ref());
        self.publish(path, Bytes::from(sealed), true)
    }

    fn publish(&self, path: Path, bytes: Bytes, replace: bool) -> anyhow::Result<()> {
        let upload = Upload {
            path,
            bytes,
            replace,
        };
        self.files
            .blocking_send(upload)
            .map_err(|_| anyhow!("uploader of the run has stopped"))
    }
}

fn segment_options(recorder: RecorderId, zstd_level: i32, keys: Keyring) -> SegmentOptions {
    SegmentOptions {
        recorder,
        writer: concat!("replayer ", env!("CARGO_PKG_VERSION")).to_owned(),
        zstd_level,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: true,
        keys,
    }
}
