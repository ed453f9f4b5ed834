//! Segments of an archive that grows: which are new, and their exchanges in the order of time.
//!
//! Segments are opened when the time of their first exchange comes up, so that in memory are those that overlap.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use replayer_core::Limits;
use replayer_core::follow::{Follow, Origin};
use schema::{Exchange, Projection, RecorderId, SegmentKey, Table, TimeWindow, Timestamp};

use crate::fetch::{self, ExchangeStream, Segment};
use crate::store::Archive;

/// How far back segments are looked for that come late: each time, and now and then.
const LOOK_BACK: Duration = Duration::from_secs(3_600);
const LOOK_BACK_FAR: Duration = Duration::from_secs(6 * 3_600);
/// The far one is used once in so many times.
const FAR_EVERY: u64 = 30;
/// How often a segment is read that cannot be, and how long after the first time; twice as long after each other one.
const TRIES_MAX: u32 = 5;
const TRY_AFTER: Duration = Duration::from_secs(5);

/// Segments that are found and not read to their end.
#[derive(Debug)]
pub(super) struct Segments {
    store: Archive,
    limits: Limits,
    /// What was found, read or not, as far back as is looked.
    known: HashSet<SegmentKey>,
    /// Found and not opened.
    pending: BTreeMap<SegmentKey, Pending>,
    /// Those that could not be read, with when they are tried again.
    failed: Vec<(Timestamp, Pending)>,
    open: Vec<Open>,
    /// Of a follow that goes on: what started up to here was read before.
    read_to: Timestamp,
    /// When the newest exchange of the newest segment of the recorder started.
    listed_to: Option<Timestamp>,
    /// How often was looked.
    looks: u64,
    /// Segments that are not tried any more.
    given_up: u64,
}

/// A segment that is to be read.
#[derive(Debug)]
struct Pending {
    segment: Segment,
    /// Whether it may hold what a stream lacks; what it is otherwise, it says itself.
    is_catch_up: bool,
    /// What started before this is passed by.
    from: Timestamp,
    /// How often it could not be read.
    failures: u32,
}

/// A segment that is read.
#[derive(Debug)]
struct Open {
    pending: Pending,
    stream: ExchangeStream,
    origin: Origin,
    head: Box<Exchange>,
}

impl Segments {
    pub(super) fn new(store: Archive, limits: Limits) -> Self {
        Self {
            store,
            limits,
            known: HashSet::new(),
            pending: BTreeMap::new(),
            failed: Vec::new(),
            open: Vec::new(),
            read_to: Timestamp::MIN,
            listed_to: None,
            looks: 0,
            given_up: 0,
        }
    }

    /// Says that another process has read what started up to `floor`: of the segments that there are, no more than what lies
    /// behind it is read. One that comes later is.
    pub(super) fn go_on_behind(&mut self, floor: Timestamp) {
        self.read_to = floor;
    }

    /// Looks for segments that are new, of an archive that is followed.
    ///
    /// # Errors
    /// If the archive cannot be listed.
    pub(super) async fn look(&mut self, window: TimeWindow, now: Timestamp) -> anyhow::Result<()> {
        let kept = now.saturating_sub(LOOK_BACK_FAR + LOOK_BACK);
        let back = match self.looks {
            0 if self.read_to > Timestamp::MIN => Some(now.since(self.read_to.min(kept))),
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
        // From here on what comes is new.
        self.read_to = Timestamp::MIN;
        // What is older is not looked for any more.
        self.known.retain(|key| key.end() >= kept);
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
        self.failed.clear();
        self.open.clear();
        self.listed_to = None;
    }

    /// How far the archive was read, if all that was found has been.
    pub(super) fn passed(&self) -> Option<Timestamp> {
        let is_read = self.pending.is_empty() && self.open.is_empty() && !self.is_trying();
        self.listed_to.filter(|_| is_read)
    }

    /// Whether there are segments that could not be read and are tried again.
    pub(super) fn is_trying(&self) -> bool {
        !self.failed.is_empty()
    }

    /// Gives up those.
    pub(super) fn give_up(&mut self) {
        self.given_up += self.failed.len() as u64;
        self.failed.clear();
    }

    /// Segments that could not be read: nobody knows what was in them.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Hands over what comes next up to `horizon`, as long as it is earlier than what waits already.
    ///
    /// # Errors
    /// If a segment is encrypted with a key that was not given: to pass it by is what nobody asked for.
    pub(super) async fn feed(
        &mut self,
        follow: &mut Follow,
        horizon: Timestamp,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        for (_, pending) in self.failed.extract_if(.., |(at, _)| *at <= now) {
            self.pending.insert(pending.segment.key.clone(), pending);
        }
        loop {
            let bound = follow
                .next_start()
                .map_or(horizon, |start| start.min(horizon));
            let window = follow.following().window;
            self.open_up_to(bound, window, now).await?;
            let heads = self.open.iter().enumerate();
            let first = heads.min_by_key(|(_, open)| (open.head.start(), open.head.id()));
            let Some((index, start)) = first.map(|(index, open)| (index, open.head.start())) else {
                return Ok(());
            };
            if start > bound {
                return Ok(());
            }
            let open = &mut self.open[index];
            let origin = open.origin;
            let exchange = match open.stream.next().await {
                Ok(Some(next)) => std::mem::replace(&mut open.head, next),
                Ok(None) => self.open.swap_remove(index).head,
                Err(error) => {
                    let open = self.open.swap_remove(index);
                    self.fail(open.pending, error, now)?;
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
        let found = fetch::segments(&self.store, &Table::Exchanges, within).await?;
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
            if !self.known.insert(key.clone()) || key.end() <= self.read_to {
                continue;
            }
            let from = match self.read_to {
                Timestamp::MIN => Timestamp::MIN,
                read_to => read_to.saturating_add(Duration::from_micros(1)),
            };
            let pending = Pending {
                is_catch_up: lacking.is_some(),
                from,
                failures: 0,
                segment,
            };
            self.pending.insert(pending.segment.key.clone(), pending);
        }
        Ok(())
    }

    /// Opens what begins up to `bound`.
    async fn open_up_to(
        &mut self,
        bound: Timestamp,
        window: TimeWindow,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        while let Some(first) = self.pending.first_entry()
            && first.key().start() <= bound
        {
            let pending = first.remove();
            match pending.open(&self.store, window, self.limits).await {
                Ok(Some((head, origin, stream))) => self.open.push(Open {
                    pending,
                    stream,
                    origin,
                    head,
                }),
                Ok(None) => {}
                Err(error) => self.fail(pending, error, now)?,
            }
        }
        Ok(())
    }

    /// A segment cannot be read: it is tried again for a while. What it gave already is remembered.
    fn fail(
        &mut self,
        mut pending: Pending,
        error: anyhow::Error,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        if is_locked(&error) {
            return Err(error);
        }
        let key = &pending.segment.key;
        pending.failures += 1;
        if pending.failures < TRIES_MAX {
            tracing::warn!("segment {key} cannot be read, trying again: {error:#}");
            let after = TRY_AFTER * (1 << (pending.failures - 1));
            self.failed.push((now.saturating_add(after), pending));
        } else {
            tracing::warn!("segment {key} cannot be read and is given up: {error:#}");
            self.given_up += 1;
        }
        Ok(())
    }
}

/// Whether it is for want of a key.
fn is_locked(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(|cause| {
        matches!(
            cause.downcast_ref::<schema::Error>(),
            Some(schema::Error::Locked(_))
        )
    })
}

impl Pending {
    /// Its first exchange in `window`, what it is, and what follows; `None` if there is nothing.
    async fn open(
        &self,
        store: &Archive,
        window: TimeWindow,
        limits: Limits,
    ) -> anyhow::Result<Option<(Box<Exchange>, Origin, ExchangeStream)>> {
        let segment = &self.segment;
        let end = segment.key.end().saturating_add(Duration::from_micros(1));
        let own = TimeWindow {
            start: segment.key.start().max(window.start).max(self.from),
            end: end.min(window.end),
        };
        let origin = match self.is_catch_up {
            true => Origin::CatchUp,
            false => origin(store, segment).await?,
        };
        let segments = vec![segment.clone()];
        let mut stream = ExchangeStream::new(store.clone(), segments, own, Projection::All, limits);
        let head = stream.next().await?;
        Ok(head.map(|head| (head, origin, stream)))
    }
}

/// Whether a recorder wrote the segment, or it is made of others. One that is gone is made into another.
async fn origin(store: &Archive, segment: &Segment) -> anyhow::Result<Origin> {
    let footer = fetch::footer(store, segment).await?;
    Ok(match footer {
        Some(footer) if footer.replaces.is_empty() => Origin::Recorded,
        Some(_) | None => Origin::Compacted,
    })
}

#[cfg(test)]
mod tests;
