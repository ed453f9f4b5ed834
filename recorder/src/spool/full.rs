//! What happens when the spool has no room: the policy that the operator chose, and the count of what it cost.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use schema::{Exchange, LedgerRow, Projection, TimeWindow, Timestamp, Vni};
use tokio::time::Instant;

use super::{FRAME_BYTES, Spool, SpoolError, Waiting, earlier, record, steps};

/// How often the ledger is told what was left out.
const SHED_ROWS_EVERY: Duration = Duration::from_secs(2);

/// How long after the last exchange for which there was no room the spool is still called full.
const FULL_FOR: Duration = Duration::from_secs(10);

/// What to leave out when the spool is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum WhenFull {
    /// Leave out what comes, until there is room
    DropNew,
    /// Throw away the oldest segments that wait; what comes if there are none
    DropOld,
    /// End the recording; what is in the spool stays
    Stop,
}

/// What became of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Stored,
    /// There was no room for it.
    Shed,
}

/// What a spool holds that is in no segment yet, and whether there is room for more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SpoolFacts {
    /// Bytes on disk, with those of segments that wait.
    pub(crate) bytes: u64,
    /// The most of that.
    pub(crate) bytes_max: u64,
    /// Exchanges that are in no segment yet.
    pub(crate) rows: u64,
    /// When the earliest of them began.
    pub(crate) oldest: Option<Timestamp>,
    /// Bytes of frames that an earlier run left and that are in no segment yet.
    pub(crate) left_bytes: u64,
    /// Whether there is no room, or was none a moment ago.
    pub(crate) full: bool,
    /// Exchanges that were taken since the start.
    pub(crate) stored: u64,
    /// Exchanges that were left out because there was no room.
    pub(crate) shed: u64,
}

/// What was left out, and why it is.
#[derive(Debug, Default)]
pub(super) struct Full {
    /// Exchanges that no ledger row says were left out yet.
    shed: BTreeMap<(Timestamp, Option<String>, Option<Vni>), u64>,
    shed_total: u64,
    /// The disk took no more: what is pending is tried again before anything is added.
    disk_full: bool,
    /// When there last was no room; the operator is told once until it is long ago.
    last: Option<Instant>,
    /// When the ledger is told.
    rows_due: Option<Instant>,
}

impl Full {
    fn shed(&mut self, exchange: &Exchange) {
        let source = exchange.connection.source.as_deref().map(str::to_owned);
        let minute = exchange.start().minute();
        *self
            .shed
            .entry((minute, source, exchange.connection.vni))
            .or_default() += 1;
        self.shed_total += 1;
    }
}

impl Full {
    /// Adds what was thrown away.
    fn add(&mut self, other: Self) {
        for (cell, exchanges) in other.shed {
            *self.shed.entry(cell).or_default() += exchanges;
        }
        self.shed_total += other.shed_total;
    }
}

impl Spool {
    /// Takes an exchange, if there is room for it.
    ///
    /// # Errors
    /// If the disk fails, or there is no room and the policy is to stop.
    pub(crate) fn push(&mut self, exchange: &Exchange, now: Instant) -> anyhow::Result<Kept> {
        if !self.make_room(exchange.memory(), now)? {
            self.full.shed(exchange);
            // Its minute's row will count it, and another row says that it was shed.
            self.unsettled.handle_exchange(exchange);
            return Ok(Kept::Shed);
        }
        record::write_exchange(self.begin_record(), exchange);
        self.pending_rows += 1;
        self.stored += 1;
        self.oldest = earlier(self.oldest, Some(exchange.start()));
        self.unsettled.handle_exchange(exchange);
        self.set_due(now);
        if self.pending.len() >= FRAME_BYTES && !self.full.disk_full {
            self.full.disk_full = !self.write_pending()?;
        }
        Ok(Kept::Stored)
    }

    /// Takes a row of the ledger. It is small, and there is always room for it.
    pub(crate) fn push_ledger(&mut self, row: &LedgerRow, now: Instant) {
        record::write_ledger(self.begin_record(), row);
        self.unsettled.handle_row(row);
        self.set_due(now);
    }

    /// Writes and syncs what is due.
    ///
    /// # Errors
    /// If the disk fails.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), SpoolError> {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            self.flush(now)?;
        }
        Ok(())
    }

    /// Writes what is pending and syncs it as the policy says; false if the disk has no room.
    pub(super) fn flush(&mut self, now: Instant) -> Result<bool, SpoolError> {
        self.full.disk_full = !self.write_pending()?;
        if self.full.disk_full {
            self.keep.clear(&self.disk)?;
            self.due = Some(now + super::WRITE_EVERY);
        }
        if self.options.sync != super::SyncPolicy::None {
            self.sync()?;
        }
        Ok(!self.full.disk_full)
    }

    /// Whether sealing what is in frames would make room that is needed for `bytes` more: segments are smaller.
    pub(crate) fn wants_seal(&self, bytes: usize) -> bool {
        let worth = (self.options.bytes_max / 16).max(FRAME_BYTES as u64);
        !self.has_room(bytes) && !self.has_deferred() && self.file_bytes >= worth
    }

    /// Bytes that the spool takes on disk, with what is to be written.
    pub(crate) fn bytes(&self) -> u64 {
        self.frame_bytes() + self.backlog.bytes()
    }

    /// What it holds and what it may, for whoever watches.
    pub(crate) fn facts(&self, now: Instant) -> SpoolFacts {
        let lately = |last: Instant| now - last < FULL_FOR;
        SpoolFacts {
            bytes: self.bytes(),
            bytes_max: self.options.bytes_max,
            rows: self.deferred.rows() + self.rows + self.pending_rows,
            oldest: earlier(self.oldest, self.deferred.oldest()),
            left_bytes: self.deferred.left_bytes(),
            full: self.full.last.is_some_and(lately) || !self.has_room(0),
            stored: self.stored,
            shed: self.full.shed_total,
        }
    }

    /// Exchanges that were left out so far.
    pub(crate) fn shed_total(&self) -> u64 {
        self.full.shed_total
    }

    /// Rows for the ledger about what was left out since the last call, at most every few seconds unless they are wanted
    /// `at_once`.
    pub(crate) fn take_shed_rows(&mut self, now: Instant, at_once: bool) -> Vec<LedgerRow> {
        if self.full.shed.is_empty() {
            return Vec::new();
        }
        let due = *self.full.rows_due.get_or_insert(now + SHED_ROWS_EVERY);
        if due > now && !at_once {
            return Vec::new();
        }
        self.full.rows_due = None;
        let shed = std::mem::take(&mut self.full.shed);
        let row = |((minute, source, vni), exchanges_shed)| LedgerRow {
            minute,
            source,
            vni,
            exchanges_shed,
            ..LedgerRow::default()
        };
        shed.into_iter().map(row).collect()
    }

    /// Whether `bytes` more fit, with the segments that the frames will become beside them for a moment.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let used = self.bytes() + self.frame_bytes() / 2 + bytes as u64;
        !self.full.disk_full && used <= self.options.bytes_max
    }

    /// Bytes of all frames, with what is to be written.
    fn frame_bytes(&self) -> u64 {
        self.deferred.bytes() + self.file_bytes + self.pending.len() as u64
    }

    fn make_room(&mut self, bytes: usize, now: Instant) -> anyhow::Result<bool> {
        while !self.has_room(bytes) {
            self.tell(now);
            match self.options.when_full {
                WhenFull::DropNew => return Ok(false),
                WhenFull::Stop => return Err(self.full_error().into()),
                WhenFull::DropOld => {
                    let Some(oldest) = self.backlog.take_droppable() else {
                        return Ok(false);
                    };
                    self.drop_segment(oldest)?;
                    if self.full.disk_full {
                        self.full.disk_full = !self.write_pending()?;
                    }
                }
            }
        }
        Ok(true)
    }

    fn full_error(&self) -> SpoolError {
        let folder = self.disk.root().to_owned();
        if self.full.disk_full {
            return SpoolError::DiskFull { folder };
        }
        SpoolError::Full {
            folder,
            bytes: self.bytes(),
            bytes_max: self.options.bytes_max,
        }
    }

    /// Throws away the rows of a segment that waits; an empty one of the same name is left, so that no number is missing. One
    /// that cannot be read, because its key is not given any more or it is damaged, stays: what it holds could not be counted.
    fn drop_segment(&mut self, mut segment: Waiting) -> anyhow::Result<()> {
        let path = segment.path();
        let read = || format!("cannot read `{path}` of the spool");
        let file: Bytes = std::fs::read(self.disk.root().join(&path))
            .with_context(read)?
            .into();
        let mut shed = Full::default();
        let count = |exchange: Exchange| shed.shed(&exchange);
        let (keys, all) = (&self.keys, TimeWindow::ALL);
        let counted = schema::decode_segment(&file, keys, all, Projection::Summary, count);
        let emptied = match counted.and_then(|_| schema::empty_segment(&file, keys)) {
            Ok(emptied) => emptied,
            Err(error) => {
                tracing::error!(
                    segment = segment.name,
                    "the spool is full, and a segment that waits is not thrown away because it cannot be read: {error}"
                );
                segment.stays = true;
                self.backlog.put_back(segment);
                return Ok(());
            }
        };
        self.full.add(shed);
        segment.bytes = emptied.len() as u64;
        segment.rows = 0;
        segment.emptied = true;
        let replace = steps::replace_segment(segment.sealed, &segment.name, emptied);
        self.disk.run(&replace)?;
        tracing::warn!(
            segment = segment.name,
            "the spool is full: its oldest segment was thrown away"
        );
        self.backlog.put_back(segment);
        Ok(())
    }

    /// Says that there is no room, once while that goes on.
    fn tell(&mut self, now: Instant) {
        let last = self.full.last.replace(now);
        if last.is_none_or(|last| now - last >= FULL_FOR) {
            let folder = self.disk.root().display();
            let (bytes, bytes_max) = (self.bytes(), self.options.bytes_max);
            let disk_full = self.full.disk_full;
            tracing::error!(%folder, bytes, bytes_max, disk_full, "the spool is full");
        }
    }
}
