//! Exchanges and ledger rows in, sealed segments out; no I/O.
//!
//! There is one open segment for every hour that exchanges start in, and beside it one for those that come late: an
//! exchange comes when it is done, which may be long after it began. Both are bounded, and so is what they hold together.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use recorder_core::{Cut, Rotation};
use schema::{
    Exchange, LedgerRow, Pushed, SealedSegment, SegmentBuilder, SegmentOptions, Table, Timestamp,
    encode_ledger,
};

use crate::spool::Sequences;

/// Most hours that have open segments; one more seals the oldest.
const HOURS_OPEN_MAX: usize = 4;

/// What open segments may hold together, in segments of the largest size.
const OPEN_SEGMENTS_MAX: usize = 2;

/// How long a partition is.
const HOUR: Duration = Duration::from_secs(3_600);

/// How long after its hour a segment stays open: exchanges that began at the end of the hour are done a little later.
const HOUR_GRACE: Duration = Duration::from_secs(60);

/// How often age is looked at, in packet time.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Most ledger rows that wait for their hour to end.
const LEDGER_ROWS_MAX: usize = 20_000;

/// How far a minute must lie behind before its ledger rows are published while recording live: by then every shard has given
/// its own.
const LEDGER_SETTLED: Duration = Duration::from_secs(180);

/// A segment that is ready to be published.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) table: Table,
    pub(crate) segment: SealedSegment,
}

/// The segments that are being filled.
#[derive(Debug)]
pub(crate) struct Writer {
    options: SegmentOptions,
    rotation: Rotation,
    hours: Vec<Hour>,
    /// Ledger rows by hour.
    ledger: BTreeMap<Timestamp, Vec<LedgerRow>>,
    ledger_rows: usize,
    /// Recording live, when ledger rows began to wait.
    ledger_since: Option<Timestamp>,
    live: bool,
    exchanges_sequence: u64,
    ledger_sequence: u64,
    now: Timestamp,
    checked: Timestamp,
    sealed: VecDeque<Sealed>,
    finishing: bool,
}

/// The open segments of one hour.
#[derive(Debug)]
struct Hour {
    hour: Timestamp,
    current: Option<Open>,
    late: Option<Open>,
}

/// One open segment.
#[derive(Debug)]
struct Open {
    builder: SegmentBuilder,
    /// Packet time when its first row came.
    opened: Timestamp,
}

impl Writer {
    pub(crate) fn new(options: SegmentOptions, rotation: Rotation) -> Self {
        Self {
            options,
            rotation,
            hours: Vec::with_capacity(HOURS_OPEN_MAX),
            ledger: BTreeMap::new(),
            ledger_rows: 0,
            ledger_since: None,
            live: false,
            exchanges_sequence: 0,
            ledger_sequence: 0,
            now: Timestamp::MIN,
            checked: Timestamp::MIN,
            sealed: VecDeque::new(),
            finishing: false,
        }
    }

    /// The same for what several shards record live: it is told of the time that passes by [`Writer::handle_timeout`].
    pub(crate) fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// Time has moved on to `now`, whatever came: cuts what has become too old.
    pub(crate) fn handle_timeout(&mut self, now: Timestamp) -> Result<(), schema::Error> {
        self.now = now.max(self.now);
        self.check()?;
        self.check_ledger()
    }

    /// Takes an exchange; packet time is `now`.
    pub(crate) fn push(
        &mut self,
        exchange: Box<Exchange>,
        now: Timestamp,
    ) -> Result<(), schema::Error> {
        self.now = now.max(self.now);
        let index = self.hour(exchange.start().to_micros_precision().hour())?;
        let (now, options, rule) = (self.now, &self.options, self.rule());
        let hour = &mut self.hours[index];
        let Pushed::Late(exchange) = open(&mut hour.current, options, now).push(exchange)? else {
            let current = hour.current.take_if(|open| due(rule, open, now));
            self.seal(current)?;
            return self.check();
        };
        if let Pushed::Late(exchange) = open(&mut hour.late, options, now).push(exchange)? {
            // It is late even among the late: they are sealed, and a new segment takes it, because it is empty.
            let late = hour.late.take();
            let pushed = open(&mut hour.late, options, now).push(exchange)?;
            debug_assert!(
                matches!(pushed, Pushed::Stored),
                "an empty segment takes all"
            );
            self.seal(late)?;
        } else {
            let late = hour.late.take_if(|open| due(rule, open, now));
            self.seal(late)?;
        }
        self.check()
    }

    /// Takes a row of the ledger.
    pub(crate) fn push_ledger(&mut self, row: LedgerRow) -> Result<(), schema::Error> {
        let hour = row.minute.hour();
        self.ledger_since.get_or_insert(self.now);
        self.ledger.entry(hour).or_default().push(row);
        self.ledger_rows += 1;
        // Rows come by minute, so that the hours before this one are most likely whole.
        while let Some((&first, _)) = self.ledger.first_key_value()
            && ((first < hour && !self.live) || self.ledger_rows > LEDGER_ROWS_MAX)
        {
            self.seal_ledger()?;
        }
        Ok(())
    }

    /// The capture has ended; [`Writer::poll_sealed`] gives what is left.
    pub(crate) fn finish(&mut self) {
        self.finishing = true;
    }

    /// The same, with the numbers that its segments get.
    pub(crate) fn starting_at(mut self, next: Sequences) -> Self {
        self.set_next(next);
        self
    }

    /// The numbers of the segments that come next.
    pub(crate) fn next(&self) -> Sequences {
        Sequences {
            exchanges: self.exchanges_sequence,
            capture: self.ledger_sequence,
        }
    }

    /// Sets the numbers of the segments that come next.
    pub(crate) fn set_next(&mut self, next: Sequences) {
        self.exchanges_sequence = next.exchanges;
        self.ledger_sequence = next.capture;
    }

    /// The capture goes on after [`Writer::finish`], and everything was taken.
    pub(crate) fn go_on(&mut self) {
        self.finishing = false;
        self.ledger_since = None;
    }

    /// The next sealed segment; call until `None` after each push and after [`Writer::finish`].
    pub(crate) fn poll_sealed(&mut self) -> Result<Option<Sealed>, schema::Error> {
        // One at a time, and only when it is asked for: sealed segments lie in memory whole.
        while self.finishing && self.sealed.is_empty() {
            if let Some(hour) = self.hours.first_mut() {
                let open = hour.current.take().or_else(|| hour.late.take());
                if open.is_none() {
                    self.hours.remove(0);
                }
                self.seal(open)?;
            } else if self.ledger.is_empty() {
                return Ok(None);
            } else {
                self.seal_ledger()?;
            }
        }
        Ok(self.sealed.pop_front())
    }

    /// Where the open segments of `hour` are; the oldest hour makes room if need be.
    fn hour(&mut self, hour: Timestamp) -> Result<usize, schema::Error> {
        if let Some(index) = self.hours.iter().position(|open| open.hour == hour) {
            return Ok(index);
        }
        if self.hours.len() == HOURS_OPEN_MAX {
            let oldest = self.hours.remove(0);
            self.seal(oldest.current)?;
            self.seal(oldest.late)?;
        }
        let index = self.hours.partition_point(|open| open.hour < hour);
        let (current, late) = (None, None);
        self.hours.insert(
            index,
            Hour {
                hour,
                current,
                late,
            },
        );
        Ok(index)
    }

    /// Cuts what has become too old, and the oldest segments if all together have become too large.
    fn check(&mut self) -> Result<(), schema::Error> {
        if self.now.since(self.checked) >= CHECK_EVERY {
            self.checked = self.now;
            for index in 0..self.hours.len() {
                let (now, rule) = (self.now, self.rule());
                let hour = &mut self.hours[index];
                let current = hour.current.take_if(|open| due(rule, open, now));
                let late = hour.late.take_if(|open| due(rule, open, now));
                self.seal(current)?;
                self.seal(late)?;
            }
            self.hours
                .retain(|hour| hour.current.is_some() || hour.late.is_some());
        }
        if self.hours.len() > 1 && self.open_bytes() > OPEN_SEGMENTS_MAX * self.rotation.bytes_max {
            let oldest = self.hours.remove(0);
            self.seal(oldest.current)?;
            self.seal(oldest.late)?;
        }
        Ok(())
    }

    fn rule(&self) -> Rule {
        Rule {
            rotation: self.rotation,
            live: self.live,
        }
    }

    fn open_bytes(&self) -> usize {
        let opens = self
            .hours
            .iter()
            .flat_map(|hour| [&hour.current, &hour.late]);
        opens.flatten().map(|open| open.builder.bytes()).sum()
    }

    fn seal(&mut self, open: Option<Open>) -> Result<(), schema::Error> {
        let Some(open) = open else { return Ok(()) };
        if let Some(segment) = open.builder.seal(self.exchanges_sequence)? {
            self.exchanges_sequence += 1;
            let table = Table::Exchanges;
            self.sealed.push_back(Sealed { table, segment });
        }
        Ok(())
    }

    /// Recording live, publishes the ledger as often as everything else, up to where all shards have given their rows.
    fn check_ledger(&mut self) -> Result<(), schema::Error> {
        let waits = |since| self.now.since(since) >= self.rotation.age_max;
        if !self.ledger_since.is_some_and(waits) {
            return Ok(());
        }
        let settled = self.now.saturating_sub(LEDGER_SETTLED);
        for rows in std::mem::take(&mut self.ledger).into_values() {
            let (ready, rest): (Vec<_>, _) = rows.into_iter().partition(|row| row.minute < settled);
            self.ledger_rows -= ready.len();
            self.seal_rows(ready)?;
            if let Some(row) = rest.first() {
                self.ledger.insert(row.minute.hour(), rest);
            }
        }
        self.ledger_since = (!self.ledger.is_empty()).then_some(self.now);
        Ok(())
    }

    fn seal_ledger(&mut self) -> Result<(), schema::Error> {
        let Some((_, rows)) = self.ledger.pop_first() else {
            return Ok(());
        };
        self.ledger_rows -= rows.len();
        self.seal_rows(rows)
    }

    /// Makes a segment of the rows of one hour.
    fn seal_rows(&mut self, rows: Vec<LedgerRow>) -> Result<(), schema::Error> {
        let rows = merged(rows);
        if rows.is_empty() {
            return Ok(());
        }
        let options = &self.options;
        let (sequence, level) = (self.ledger_sequence, options.zstd_level);
        let segment = encode_ledger(&rows, &options.recorder, sequence, level, &options.keys)?;
        self.ledger_sequence += 1;
        let table = Table::Capture;
        self.sealed.push_back(Sealed { table, segment });
        Ok(())
    }
}

/// One row for each minute, source and network, in that order: shards count the same ones apart. A minute is silent only if
/// it was so for all of them.
fn merged(mut rows: Vec<LedgerRow>) -> Vec<LedgerRow> {
    // The rows of silent minutes have no source and so come last in their minute. All that they may count is an interruption.
    rows.sort_by(|a, b| {
        let key = |row: &LedgerRow| (row.minute, row.source.is_none());
        (key(a), &a.source, a.vni).cmp(&(key(b), &b.source, b.vni))
    });
    let mut merged: Vec<LedgerRow> = Vec::with_capacity(rows.len());
    for row in rows {
        match merged.last_mut() {
            Some(last) if last.minute == row.minute && row.source.is_none() => last.add(&row),
            Some(last)
                if (last.minute, &last.source, last.vni) == (row.minute, &row.source, row.vni) =>
            {
                last.add(&row);
            }
            _ => merged.push(row),
        }
    }
    merged
}

/// The builder of an open segment, which is opened at `now` if it is not.
fn open<'a>(
    open: &'a mut Option<Open>,
    options: &SegmentOptions,
    now: Timestamp,
) -> &'a mut SegmentBuilder {
    let open = open.get_or_insert_with(|| Open {
        builder: SegmentBuilder::new(options.clone()),
        opened: now,
    });
    &mut open.builder
}

/// When a segment is cut.
#[derive(Clone, Copy, Debug)]
struct Rule {
    rotation: Rotation,
    live: bool,
}

/// Whether it is time to cut the segment.
fn due(Rule { rotation, live }: Rule, open: &Open, now: Timestamp) -> bool {
    let first = open.builder.start().unwrap_or(open.opened);
    // What was opened after its hour holds stragglers: it lives as long as any other, from when it was opened, or each of
    // them would get a segment of its own.
    let straggling = first.hour() < open.opened.hour();
    // Live, exchanges that waited long before they came here must not each be old enough for a segment of its own.
    let start = if straggling || live {
        open.opened
    } else {
        first
    };
    let bytes = open.builder.bytes();
    match rotation.cut(start, bytes, now) {
        Some(Cut::Hour) => {
            bytes >= rotation.bytes_max || now.since(start.hour()) >= HOUR + HOUR_GRACE
        }
        Some(Cut::Size | Cut::Age) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests;
