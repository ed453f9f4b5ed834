//! Segments of an archive that grows: which are new, and their exchanges in the order of time.
//!
//! Segments are opened when the time of their first exchange comes up, so that in memory are those that overlap.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use replayer_core::Limits;
use replayer_core::follow::{Follow, Origin};
use schema::{Exchange, Projection, RecorderId, SegmentKey, Table, TimeWindow, Timestamp};

use crate::fetch::{self, ExchangeStream, Segment};

/// How far back segments are looked for that come late: each time, and now and then.
const LOOK_BACK: Duration = Duration::from_secs(3_600);
const LOOK_BACK_FAR: Duration = Duration::from_secs(6 * 3_600);
/// The far one is used once in so many times.
const FAR_EVERY: u64 = 30;
/// How often a segment is read that cannot be.
const TRIES_MAX: u32 = 5;

/// Segments that are found and not read to their end.
#[derive(Debug)]
pub(super) struct Segments {
    store: Arc<dyn ObjectStore>,
    limits: Limits,
    /// What was found, read or not, as far back as is looked.
    known: HashSet<SegmentKey>,
    /// Found and not opened.
    pending: BTreeMap<SegmentKey, (Segment, Origin)>,
    open: Vec<Open>,
    /// When the newest exchange of the newest segment of the recorder started.
    listed_to: Option<Timestamp>,
    /// How often was looked.
    looks: u64,
    /// How often segments could not be read.
    failed: HashMap<SegmentKey, u32>,
    /// Segments that are not tried any more.
    given_up: u64,
}

/// A segment that is read.
#[derive(Debug)]
struct Open {
    key: SegmentKey,
    stream: ExchangeStream,
    origin: Origin,
    head: Box<Exchange>,
}

impl Segments {
    pub(super) fn new(store: Arc<dyn ObjectStore>, limits: Limits) -> Self {
        Self {
            store,
            limits,
            known: HashSet::new(),
            pending: BTreeMap::new(),
            open: Vec::new(),
            listed_to: None,
            looks: 0,
            failed: HashMap::new(),
            given_up: 0,
        }
    }

    /// Looks for segments that are new, of an archive that is followed.
    ///
    /// # Errors
    /// If the archive cannot be listed.
    pub(super) async fn look(&mut self, window: TimeWindow, now: Timestamp) -> anyhow::Result<()> {
        let back = match self.looks {
            0 => None,
            looks if looks % FAR_EVERY == 0 => Some(LOOK_BACK_FAR),
            _ => Some(LOOK_BACK),
        };
        let start = back.map_or(window.start, |back| now.saturating_sub(back));
        let within = TimeWindow {
            start: start.max(window.start),
            end: window.end,
        };
        self.find(within, None, now).await?;
        // What is older is not looked for any more.
        let kept = now.saturating_sub(LOOK_BACK_FAR + LOOK_BACK);
        self.known.retain(|key| key.end() >= kept);
        self.failed.retain(|key, _| key.end() >= kept);
        Ok(())
    }

    /// Looks for what `recorder` published of `window`, which a stream lacks.
    ///
    /// # Errors
    /// As [`Segments::look`].
    pub(super) async fn look_for(
        &mut self,
        window: TimeWindow,
        recorder: Option<&RecorderId>,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        // Later ones say that those before were published.
        let within = TimeWindow {
            start: window.start,
            end: Timestamp::MAX,
        };
        self.find(within, Some((window, recorder)), now).await
    }

    /// Forgets everything: what a stream lacked has been found, or was given up.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.pending.clear();
        self.open.clear();
        self.failed.clear();
        self.listed_to = None;
    }

    /// How far the archive was read, if all that was found has been.
    pub(super) fn passed(&self) -> Option<Timestamp> {
        let is_read = self.pending.is_empty() && self.open.is_empty();
        self.listed_to.filter(|_| is_read)
    }

    /// Segments that could not be read: nobody knows what was in them.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Hands over what comes next up to `horizon`, as long as it is earlier than what waits already.
    pub(super) async fn feed(&mut self, follow: &mut Follow, horizon: Timestamp) {
        loop {
            let bound = follow
                .next_start()
                .map_or(horizon, |start| start.min(horizon));
            self.open_up_to(bound, follow.following().window).await;
            let heads = self.open.iter().enumerate();
            let first = heads.min_by_key(|(_, open)| (open.head.start(), open.head.id()));
            let Some((index, start)) = first.map(|(index, open)| (index, open.head.start())) else {
                return;
            };
            if start > bound {
                return;
            }
            let open = &mut self.open[index];
            let origin = open.origin;
            let exchange = match open.stream.next().await {
                Ok(Some(next)) => std::mem::replace(&mut open.head, next),
                Ok(None) => self.open.swap_remove(index).head,
                Err(error) => {
                    let open = self.open.swap_remove(index);
                    self.fail(open.key, &error);
                    open.head
                }
            };
            follow.handle_archived(exchange, origin);
        }
    }

    /// When the first exchange started that was found and not handed over, as far as is known.
    pub(super) fn next_start(&self) -> Option<Timestamp> {
        let pending = self.pending.first_key_value().map(|(key, _)| key.start());
        let open = self.open.iter().map(|open| open.head.start());
        open.chain(pending).min()
    }

    async fn find(
        &mut self,
        within: TimeWindow,
        lacking: Option<(TimeWindow, Option<&RecorderId>)>,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        self.looks += 1;
        // An archive has nothing of tomorrow; without an end every day is listed.
        let end = within.end.min(now.saturating_add(LOOK_BACK));
        if within.start >= end {
            return Ok(());
        }
        let within = TimeWindow { end, ..within };
        let found = fetch::segments(&*self.store, &Table::Exchanges, within).await?;
        for segment in found {
            let key = &segment.key;
            if let Some((window, recorder)) = lacking {
                if recorder.is_some_and(|recorder| recorder != key.recorder()) {
                    continue;
                }
                self.listed_to = self.listed_to.max(Some(key.end()));
                if !key.overlaps(window) {
                    continue;
                }
            }
            if !self.known.insert(key.clone()) {
                continue;
            }
            let origin = match lacking {
                Some(_) => Origin::CatchUp,
                None => origin(&*self.store, &segment).await?,
            };
            self.pending.insert(key.clone(), (segment, origin));
        }
        Ok(())
    }

    /// Opens what begins up to `bound`.
    async fn open_up_to(&mut self, bound: Timestamp, window: TimeWindow) {
        while let Some(first) = self.pending.first_entry()
            && first.key().start() <= bound
        {
            let (segment, origin) = first.remove();
            let own = TimeWindow {
                start: segment.key.start().max(window.start),
                end: segment
                    .key
                    .end()
                    .saturating_add(Duration::from_micros(1))
                    .min(window.end),
            };
            let key = segment.key.clone();
            let store = Arc::clone(&self.store);
            let mut stream =
                ExchangeStream::new(store, vec![segment], own, Projection::All, self.limits);
            match stream.next().await {
                Ok(Some(head)) => self.open.push(Open {
                    key,
                    stream,
                    origin,
                    head,
                }),
                Ok(None) => {}
                Err(error) => self.fail(key, &error),
            }
        }
    }

    /// A segment cannot be read: it is tried again when it is found the next time. What it gave already is remembered.
    fn fail(&mut self, key: SegmentKey, error: &anyhow::Error) {
        let times = self.failed.entry(key.clone()).or_default();
        *times += 1;
        if *times < TRIES_MAX {
            tracing::warn!("segment {key} cannot be read, trying again: {error:#}");
            self.known.remove(&key);
        } else {
            tracing::warn!("segment {key} cannot be read and is given up: {error:#}");
            self.given_up += 1;
        }
    }
}

/// Whether a recorder wrote the segment, or it is made of others. One that is gone is made into another.
async fn origin(store: &dyn ObjectStore, segment: &Segment) -> anyhow::Result<Origin> {
    let footer = fetch::footer(store, segment).await?;
    Ok(match footer {
        Some(footer) if footer.replaces.is_empty() => Origin::Recorded,
        Some(_) | None => Origin::Compacted,
    })
}
