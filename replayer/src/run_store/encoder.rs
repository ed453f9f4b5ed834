//! The blocking half of a run's writer: compares, encodes and aggregates, off the async runtime.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use object_store::path::Path;
use replayer_core::compare::{Comparison, compare, undo_content_encoding};
use replayer_core::report::Report;
use schema::run::RunDocument;
use schema::{
    Divergence, Exchange, ExchangeVerdict, Pushed, RecorderId, SegmentBuilder, SegmentOptions,
    Table, Timestamp, encode_divergences,
};
use tokio::sync::mpsc;

use super::uploader::Upload;
use super::{Answered, Message, RunOptions, RunProgress, document_path};

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
    options: RunOptions,
    files: mpsc::Sender<Upload>,
    progress: Arc<RunProgress>,
    report: Report,
    /// By start of the hour.
    segments: BTreeMap<Timestamp, Open>,
    segments_sealed: u64,
    divergences: Vec<Divergence>,
    divergences_files: u64,
}

impl Encoder {
    pub(super) fn new(
        document: RunDocument,
        options: RunOptions,
        files: mpsc::Sender<Upload>,
        progress: Arc<RunProgress>,
    ) -> Self {
        let report = Report::of(&document);
        Self {
            document,
            options,
            files,
            progress,
            report,
            segments: BTreeMap::new(),
            segments_sealed: 0,
            divergences: Vec::new(),
            divergences_files: 0,
        }
    }

    /// Takes answers until the end message, or until every sender is gone.
    pub(super) fn run(mut self, mut messages: mpsc::Receiver<Message>) -> anyhow::Result<Report> {
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Answered(answered, _memory) => {
                    for answered in answered {
                        self.handle(answered)?;
                    }
                }
                Message::End => break,
            }
        }
        messages.close();
        while let Some((_, open)) = self.segments.pop_first() {
            self.seal(open.builder)?;
        }
        self.publish_divergences()?;
        Ok(self.report)
    }

    fn handle(&mut self, answered: Answered) -> anyhow::Result<()> {
        let Answered {
            recorded,
            mut actual,
        } = answered;
        if let Some(response) = &mut actual.response {
            // As at capture: stored bodies are searchable unless they do not decode.
            undo_content_encoding(response, self.options.rules.body_bytes_max);
        }
        let comparison = if self.options.compare {
            compare(&recorded, &actual, &self.options.rules)
        } else {
            Comparison::incomparable("comparison off".to_owned())
        };
        let verdict = comparison.verdict;
        if let Some(replay) = &mut actual.replay {
            replay.verdict = verdict;
            replay.verdict_reason.clone_from(&comparison.reason);
            replay.divergences = u32::try_from(comparison.found).unwrap_or(u32::MAX);
        }
        self.report.add(&recorded, &actual, &comparison);
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
        self.store(actual)
    }

    fn store(&mut self, exchange: Exchange) -> anyhow::Result<()> {
        let start = exchange.start();
        let hour = start.hour();
        let mut exchange = exchange;
        loop {
            let open = self.segments.entry(hour).or_insert_with(|| Open {
                builder: SegmentBuilder::new(segment_options(self.options.zstd_level)),
                newest: start,
            });
            match open.builder.push(exchange).context("encode a segment")? {
                Pushed::Stored => break,
                Pushed::Late(late) => {
                    exchange = *late;
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
        if is_full && let Some(full) = self.segments.remove(&hour) {
            self.seal(full.builder)?;
        }
        if self.segments.len() > SEGMENTS_OPEN_MAX
            && let Some((_, oldest)) = self.segments.pop_first()
        {
            self.seal(oldest.builder)?;
        }
        Ok(())
    }

    fn seal(&mut self, builder: SegmentBuilder) -> anyhow::Result<()> {
        let sealed = builder
            .seal(self.segments_sealed)
            .context("encode a segment")?;
        let Some(segment) = sealed else {
            return Ok(());
        };
        self.segments_sealed += 1;
        let path = Table::RunExchanges(self.document.run.clone()).path(&segment.key);
        self.publish(Path::from(path), segment.bytes, false)?;
        self.checkpoint()
    }

    fn publish_divergences(&mut self) -> anyhow::Result<()> {
        if self.divergences.is_empty() {
            return Ok(());
        }
        let bytes = encode_divergences(&self.divergences, self.options.zstd_level)
            .context("encode divergences")?;
        self.divergences.clear();
        let file = format!("{:08}.parquet", self.divergences_files);
        self.divergences_files += 1;
        let path = Path::from_iter(["runs", &self.document.run, "divergences", &file]);
        self.publish(path, bytes, false)
    }

    /// Writes the document as far as it is known, state `running`, so that a kill leaves it behind.
    fn checkpoint(&self) -> anyhow::Result<()> {
        let mut document = self.document.clone();
        self.report.write_into_running(&mut document);
        let path = document_path(&document.run);
        self.publish(path, Bytes::from(document.to_json()), true)
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

fn segment_options(zstd_level: i32) -> SegmentOptions {
    SegmentOptions {
        recorder: "replayer"
            .parse::<RecorderId>()
            .expect("it is a legal recorder id"),
        writer: concat!("replayer ", env!("CARGO_PKG_VERSION")).to_owned(),
        zstd_level,
        spool: None,
        sampling: None,
        redaction: None,
        replayed: true,
    }
}
