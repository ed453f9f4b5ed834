//! What is measured with: exchanges of the window's busiest minute, as a small archive in memory.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use replayer_core::Limits;
use replayer_core::filter::Filter;
use replayer_core::rewrite::skip_reason;
use schema::{Projection, Pushed, SegmentBuilder, SegmentOptions, Table, TimeWindow, Timestamp};

use crate::fetch::Segment;
use crate::select::Selected;
use crate::store::Archive;

/// Exchanges of a sample, and about how many bytes of memory they may take.
const EXCHANGES_MAX: u64 = 4_096;
const BYTES_MAX: usize = 32 << 20;

/// A small archive.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) selected: Selected,
    pub(super) exchanges: u64,
    /// Mean length of recorded answers, bytes.
    pub(super) answer_bytes: usize,
}

impl Sample {
    /// Takes the first exchanges from `start` on that can be sent.
    ///
    /// # Errors
    /// If the window cannot be read.
    pub(super) async fn take(
        selected: &Selected,
        filter: &Filter,
        start: Timestamp,
    ) -> anyhow::Result<Self> {
        let source = selected.source(Projection::All, Limits::default());
        let mut stream = source.stream_from(start);
        let mut builder = SegmentBuilder::new(SegmentOptions {
            recorder: "calibrate".parse().context("name a sample")?,
            writer: concat!("replayer ", env!("CARGO_PKG_VERSION")).to_owned(),
            zstd_level: 1,
            spool: None,
            sampling: None,
            redaction: None,
            replayed: false,
            keys: selected.store.keys().clone(),
        });
        let (mut exchanges, mut bytes, mut answers) = (0, 0, 0);
        while exchanges < EXCHANGES_MAX
            && bytes < BYTES_MAX
            && let Some(exchange) = stream.next().await?
        {
            // A segment lies within one hour.
            if exchange.start().hour() != start.hour() {
                break;
            }
            if !filter.keeps(&exchange) || skip_reason(&exchange).is_some() {
                continue;
            }
            exchanges += 1;
            bytes += exchange.memory();
            let response = exchange.response.as_ref();
            answers += response.map_or(0, |response| response.body.bytes.len());
            match builder.push(*exchange).context("encode a sample")? {
                Pushed::Stored => {}
                Pushed::Late(_) => exchanges -= 1,
            }
        }
        let sealed = builder.seal(0).context("encode a sample")?;
        let sealed = sealed.context("nothing in the busiest minute of the window can be sent")?;
        let path = Path::from(Table::Exchanges.path(&sealed.key));
        let segment = Segment {
            bytes: sealed.bytes.len() as u64,
            path: path.clone(),
            key: sealed.key,
        };
        let store = InMemory::new();
        let put = store.put(&path, PutPayload::from(sealed.bytes)).await;
        put.context("keep a sample")?;
        let store = Archive::new(Arc::new(store), selected.store.keys().clone());
        let end = segment.key.end().saturating_add(Duration::from_micros(1));
        Ok(Self {
            selected: Selected {
                store,
                window: TimeWindow {
                    start: segment.key.start(),
                    end,
                },
                segments: vec![segment].into(),
                coverage: selected.coverage.clone(),
            },
            exchanges,
            answer_bytes: answers / usize::try_from(exchanges.max(1)).unwrap_or(usize::MAX),
        })
    }

    /// Bytes of the sample and of the runs of it.
    pub(super) async fn stored_bytes(&self) -> anyhow::Result<u64> {
        let mut objects = self.selected.store.list(None);
        let mut bytes = 0;
        while let Some(object) = objects.try_next().await.context("list a sample")? {
            bytes += object.size;
        }
        Ok(bytes)
    }
}
