//! Exchanges of a window out of an archive, in time order and bounded memory.
//!
//! ```text
//! list: keys of the window -> one task a segment: ranges in, SegmentDecoder, batches out (bounded channel)
//!                          -> Merge: opens a segment when its start comes up -> exchanges in time order
//! ```
//! Segments are opened a few ahead of need, and small ones many, so that the latency of the store is hidden. What is in memory is
//! bounded by how many segments overlap in time, plus those ahead, each with the row group it decodes and two batches.
//! Decoding happens on the thread that polls these tasks; `read.rs` gives them one of their own.
//!
//! Segments may give way to others while this reads: then what is left is listed again, and reading goes on behind the last
//! exchange that was given out.

mod list;

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::{GetOptions, GetRange};
use replayer_core::Limits;
use replayer_core::coverage::{Coverage, CoverageBuilder};
use replayer_core::merge::{self, Merge};
use schema::{
    Exchange, ExchangeId, Footer, FooterStep, LedgerRow, Projection, RecorderId, SegmentDecoder,
    Step, Table, TimeWindow, Timestamp, decode_ledger, read_footer,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::store::Archive;

pub(crate) use list::{Segment, extent, segments};

/// Batches of one segment that are decoded and not yet taken.
const BATCHES_WAITING_MAX: usize = 1;
/// How much of a segment's end is read for its footer at first.
const FOOTER_BYTES: u64 = 64 << 10;
/// Ledger segments that are read at once.
const LEDGER_AT_ONCE: usize = 32;
/// How often the ledger is read whose segments give way meanwhile.
const LEDGER_READINGS_MAX: u32 = 20;

/// The exchanges of a window, in time order.
#[derive(Debug)]
pub(crate) struct ExchangeStream {
    store: Archive,
    window: TimeWindow,
    projection: Projection,
    limits: Limits,
    segments: Arc<[Segment]>,
    merge: Merge,
    /// How many of `segments` have been opened.
    opened: usize,
    /// How many of them were needed so far: what is opened beyond is ahead of need.
    needed: usize,
    /// The open ones, by index in `segments`.
    open: VecDeque<(usize, Batches)>,
    tasks: JoinSet<()>,
    /// The exchange that was given out last.
    given: Option<(Timestamp, ExchangeId)>,
    /// The one that was when segments were listed again: up to it, they give what was given out already.
    behind: Option<(Timestamp, ExchangeId)>,
}

/// Batches of one segment, and `None` at its end: a channel that is closed without it lost a reader that panicked.
type Batches = mpsc::Receiver<anyhow::Result<Option<Vec<Exchange>>>>;

impl ExchangeStream {
    /// The exchanges of `window` in `segments`, which are in order of their keys.
    #[must_use]
    pub(crate) fn new(
        store: Archive,
        segments: impl Into<Arc<[Segment]>>,
        window: TimeWindow,
        projection: Projection,
        limits: Limits,
    ) -> Self {
        let segments = segments.into();
        let starts: Vec<_> = segments.iter().map(|segment| segment.key.start()).collect();
        Self {
            store,
            window,
            projection,
            limits,
            segments,
            merge: Merge::new(&starts),
            opened: 0,
            needed: 0,
            open: VecDeque::new(),
            tasks: JoinSet::new(),
            given: None,
            behind: None,
        }
    }

    /// The next exchange; `None` at the end.
    ///
    /// # Errors
    /// If a segment cannot be read or is damaged.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Box<Exchange>>> {
        loop {
            match self.merge.poll() {
                merge::Step::Exchange(exchange) => {
                    let here = Some((exchange.start(), exchange.id()));
                    if here > self.behind {
                        self.given = here;
                        return Ok(Some(exchange));
                    }
                }
                merge::Step::Finished => return Ok(None),
                merge::Step::Open(source) => self.open_ahead(source + 1),
                merge::Step::NeedsBatch(source) => self.take_batch(source).await?,
            }
        }
    }

    async fn take_batch(&mut self, source: usize) -> anyhow::Result<()> {
        let place = self
            .open
            .iter()
            .position(|(index, _)| *index == source)
            .expect("the merge asks for sources that it has opened");
        let batch = self.open[place].1.recv().await;
        let batch = batch.with_context(|| {
            format!("reader of segment {} panicked", self.segments[source].path)
        })?;
        let batch = match batch {
            Err(error) if is_gone(&error) => return self.list_again(source, error).await,
            batch => batch?,
        };
        match batch {
            Some(batch) => self.merge.handle_batch(source, batch),
            None => {
                self.open.remove(place);
                self.merge.handle_end(source);
                self.open_ahead(0);
            }
        }
        Ok(())
    }

    /// Goes on with what has taken the place of a segment that is gone.
    async fn list_again(&mut self, gone: usize, error: anyhow::Error) -> anyhow::Result<()> {
        let gone = self.segments[gone].clone();
        let path = gone.path.as_ref();
        // A path ends with date, hour and file.
        let folder = path.rsplitn(4, '/').nth(3).unwrap_or_default();
        let start = self
            .given
            .map_or(self.window.start, |(start, _)| start.max(self.window.start));
        let window = TimeWindow {
            start,
            end: self.window.end,
        };
        let segments = list::segments_below(&self.store, folder, window).await?;
        if !is_replaced(&self.store, &gone, &segments).await? {
            return Err(error.context("it was removed while this read the archive"));
        }
        tracing::info!(path, "segments gave way to others: listed again");
        self.tasks.abort_all();
        self.open.clear();
        (self.opened, self.needed) = (0, 0);
        let starts: Vec<_> = segments.iter().map(|segment| segment.key.start()).collect();
        self.merge = Merge::new(&starts);
        (self.window, self.segments, self.behind) = (window, segments.into(), self.given);
        Ok(())
    }

    /// Opens the first `needed` segments, and as many more as may be open ahead of need.
    fn open_ahead(&mut self, needed: usize) {
        self.needed = self.needed.max(needed);
        let ahead = self.needed..self.opened.max(self.needed);
        let mut bytes: u64 = self.segments[ahead].iter().map(|ahead| ahead.bytes).sum();
        while let Some(segment) = self.segments.get(self.opened) {
            if self.opened >= self.needed {
                bytes += segment.bytes;
                let ahead = self.opened - self.needed;
                if !self.limits.prefetches(ahead, bytes) {
                    break;
                }
            }
            let (sender, batches) = mpsc::channel(BATCHES_WAITING_MAX);
            let (store, segment) = (self.store.clone(), segment.clone());
            let (window, projection) = (self.window, self.projection);
            self.tasks.spawn(async move {
                if let Err(error) =
                    read_segment(&store, &segment, window, projection, &sender).await
                {
                    // Nobody left to tell: the reader has stopped.
                    let _stopped = sender.send(Err(error)).await;
                }
            });
            self.open.push_back((self.opened, batches));
            self.opened += 1;
        }
        while self.tasks.try_join_next().is_some() {}
    }
}

/// Whether the error is that an object is not there.
fn is_gone(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        let error = cause.downcast_ref::<object_store::Error>();
        matches!(error, Some(object_store::Error::NotFound { .. }))
    })
}

/// Whether one of `segments` says that it has taken the place of `gone`.
async fn is_replaced(
    store: &Archive,
    gone: &Segment,
    segments: &[Segment],
) -> anyhow::Result<bool> {
    let (recorder, number) = (gone.key.recorder().as_str(), gone.key.sequence());
    let hour = gone.key.start().hour();
    for segment in segments
        .iter()
        .filter(|other| other.key.start().hour() == hour)
    {
        // One that is gone has given way itself; the next listing tells to what.
        let footer = footer(store, segment).await?;
        if footer.is_some_and(|footer| footer.replaces.contains(recorder, number)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a segment says of itself; `None` if it is gone.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn footer(store: &Archive, segment: &Segment) -> anyhow::Result<Option<Footer>> {
    let read = || format!("read the footer of segment {}", segment.path);
    let mut wanted = FOOTER_BYTES;
    loop {
        let options = GetOptions {
            range: Some(GetRange::Suffix(wanted)),
            ..GetOptions::default()
        };
        let tail = match store.get_opts(&segment.path, options).await {
            Ok(tail) => tail.bytes().await.with_context(read)?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error).with_context(read),
        };
        match read_footer(&tail, store.keys()).with_context(read)? {
            FooterStep::Footer(footer) => return Ok(Some(*footer)),
            FooterStep::NeedsTail(more) if more > wanted => wanted = more,
            FooterStep::NeedsTail(_) => bail!("{}: it is shorter than its footer", read()),
        }
    }
}

/// Decodes one segment, batch by batch, until its end or until nobody takes them any more.
async fn read_segment(
    store: &Archive,
    segment: &Segment,
    window: TimeWindow,
    projection: Projection,
    batches: &mpsc::Sender<anyhow::Result<Option<Vec<Exchange>>>>,
) -> anyhow::Result<()> {
    let damaged = || format!("segment {} is damaged or of a newer format", segment.path);
    let mut decoder = SegmentDecoder::new(segment.bytes, store.keys(), window, projection);
    loop {
        match decoder.step().with_context(damaged)? {
            Step::NeedsData(ranges) => {
                let data = store
                    .get_ranges(&segment.path, &ranges)
                    .await
                    .with_context(|| format!("read segment {}", segment.path))?;
                decoder.push(ranges, data).with_context(damaged)?;
            }
            Step::Exchanges(exchanges) => {
                if batches.send(Ok(Some(exchanges))).await.is_err() {
                    return Ok(());
                }
            }
            Step::Finished => {
                // Nobody left to tell: the reader has stopped.
                let _stopped = batches.send(Ok(None)).await;
                return Ok(());
            }
        }
    }
}

/// Every ledger row of the hours that `window` touches, and `None` if the archive has no ledger for them.
///
/// # Errors
/// If a ledger segment cannot be read.
pub(crate) async fn ledger(
    store: &Archive,
    window: TimeWindow,
) -> anyhow::Result<Option<Vec<(RecorderId, LedgerRow)>>> {
    read_ledger(store, window, Vec::new, Vec::push).await
}

/// How whole `window` is, and `None` if the archive has no ledger for it. However long it is, no more rows are in memory than
/// are read at once.
///
/// # Errors
/// If a ledger segment cannot be read.
pub(crate) async fn coverage(
    store: &Archive,
    window: TimeWindow,
) -> anyhow::Result<Option<Coverage>> {
    let begin = || CoverageBuilder::new(window);
    let add = |builder: &mut CoverageBuilder, (recorder, row): (_, _)| builder.add(&recorder, &row);
    let builder = read_ledger(store, window, begin, add).await?;
    Ok(builder.map(|builder| builder.finish().0))
}

/// What `add` makes of every ledger row of the hours that `window` touches; `None` if the archive has no ledger for them. Where a
/// segment has given way to another since it was listed, it is begun again.
async fn read_ledger<T>(
    store: &Archive,
    window: TimeWindow,
    begin: impl Fn() -> T,
    add: impl Fn(&mut T, (RecorderId, LedgerRow)),
) -> anyhow::Result<Option<T>> {
    let mut left = LEDGER_READINGS_MAX;
    loop {
        let mut made = begin();
        left -= 1;
        match each_ledger_row(store, window, |row| add(&mut made, row)).await {
            Err(error) if left > 0 && is_gone(&error) => {}
            any => return Ok(any?.then_some(made)),
        }
    }
}

/// Gives every ledger row of the hours that `window` touches to `each`; false if the archive has no ledger for them.
async fn each_ledger_row(
    store: &Archive,
    window: TimeWindow,
    mut each: impl FnMut((RecorderId, LedgerRow)),
) -> anyhow::Result<bool> {
    // A row belongs to its minute, so the one that the window begins in starts before the window.
    let window = TimeWindow {
        start: window.start.minute(),
        end: window.end,
    };
    let segments = segments(store, &Table::Capture, window).await?;
    let any = !segments.is_empty();
    // An hour may have hundreds of them, and a store takes its time for each.
    let mut read = stream::iter(segments)
        .map(|segment| ledger_rows(store, segment))
        .buffered(LEDGER_AT_ONCE);
    while let Some(rows) = read.try_next().await? {
        rows.into_iter().for_each(&mut each);
    }
    Ok(any)
}

async fn ledger_rows(
    store: &Archive,
    segment: Segment,
) -> anyhow::Result<Vec<(RecorderId, LedgerRow)>> {
    let read = || format!("read ledger segment {}", segment.path);
    let file = store
        .get_opts(&segment.path, GetOptions::default())
        .await
        .with_context(read)?;
    let file = file.bytes().await.with_context(read)?;
    decode_ledger(file, store.keys()).with_context(read)
}

#[cfg(test)]
mod tests;
