//! Frames read back: what an earlier run left, and what waits because exchanges come faster than segments are made.

mod file;
mod lost;

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use schema::{Keyring, LedgerRow, Timestamp};

use super::disk::Disk;
use super::frame::{Found, Frame};
use super::layout::{Ending, Entry};
use super::record::read_all;
use super::unsettled::Unsettled;
use super::{Deferred, Record, SpoolId};

use lost::Lost;

pub(super) use file::{HEADER, HEADER_SEALED};

/// What was found in frames that an earlier run left, and which damage in any.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Replayed {
    /// Exchanges that were read back of what an earlier run left.
    pub exchanges: u64,
    /// Bytes at the end of a file that were no whole frame, as a crash leaves them; they were cut off.
    pub torn_bytes: u64,
    /// Bytes elsewhere that are not what was written.
    pub damaged_bytes: u64,
    /// Where they are; the first few.
    pub damaged: Vec<String>,
    /// Exchanges that were in them, as far as that is known.
    pub exchanges_lost: u64,
    #[serde(skip)]
    life: Life,
}

/// What is known, while its files are read, of one run of a recorder that left them.
#[derive(Clone, Debug, Default)]
struct Life {
    /// The latest time of an exchange or ledger row.
    latest: Option<Timestamp>,
    /// What the ledger does not count of it.
    unsettled: Unsettled,
}

/// Reads the frames of a spool.
#[derive(Clone, Debug)]
pub(crate) struct Frames {
    pub(super) disk: Arc<Disk>,
    pub(super) id: SpoolId,
    pub(super) keys: Keyring,
}

/// Places that are named; what is more is only counted.
const DAMAGED_MAX: usize = 20;

impl Frames {
    /// Reads a file of frames, and gives each record to `each`, in order; says how many exchanges were written there, with
    /// those that damage has swallowed. Behind the last one `each` gets rows of the ledger for what the file lacks and, if a
    /// recorder went down with it, for what that took along.
    ///
    /// # Errors
    /// If the file cannot be read, is of another version, or `each` fails. Damage is none: it is counted.
    pub(crate) fn replay(
        &self,
        file: &Deferred,
        replayed: &mut Replayed,
        mut each: impl FnMut(Record) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let name = Entry::Frames(file.generation).to_string();
        let mut reader = self.open(file.generation)?;
        // What the file says was unsettled before it is all there is to know: it replaces what earlier files gave.
        let mut unsettled: Option<Unsettled> = None;
        let mut lost = Lost::new(file);
        let mut rows = 0;
        while let Some(found) = reader.next()? {
            let Found::Frame(frame) = found else {
                if replayed.note(&name, &found, file) {
                    lost.handle_damage(matches!(found, Found::TornTail { .. }));
                }
                continue;
            };
            // Unless damage has swallowed that.
            let unsettled = unsettled.get_or_insert_with(|| match frame.number {
                0 => Unsettled::default(),
                _ => replayed.life.unsettled.clone(),
            });
            lost.handle_hole(frame.rows_before.saturating_sub(rows));
            let before = replayed.exchanges;
            replayed.frame(&frame, unsettled, &mut lost, &mut each)?;
            rows = frame.rows_before + (replayed.exchanges - before);
        }
        if let Some(written) = file.rows {
            lost.handle_hole(written.saturating_sub(rows));
            rows = written;
        }
        let mut unsettled = unsettled.unwrap_or_else(|| replayed.life.unsettled.clone());
        for row in lost.rows(replayed.life.latest) {
            replayed.exchanges_lost += row.exchanges_shed;
            // Its minute's row counts it, or what is unsettled does.
            unsettled.handle_lost(&row);
            each(Record::Ledger(Box::new(row)))?;
        }
        replayed.life.unsettled = unsettled;
        if let Some(ending) = file.ending {
            let life = std::mem::take(&mut replayed.life);
            if ending == Ending::Crashed {
                for row in life.ledger_rows() {
                    each(Record::Ledger(Box::new(row)))?;
                }
            }
        }
        Ok(rows)
    }
}

impl Replayed {
    /// Nothing yet, of files that follow those of `self`.
    pub(crate) fn going_on(&self) -> Self {
        Self {
            life: self.life.clone(),
            ..Self::default()
        }
    }

    /// Adds what was found in files that an earlier run left, and that follow those of `self`.
    pub(crate) fn add(&mut self, next: Self) {
        self.exchanges += next.exchanges;
        self.torn_bytes += next.torn_bytes;
        self.life = next.life.clone();
        self.add_damage(next);
    }

    /// Adds what damage has cost in files of this run.
    pub(crate) fn add_damage(&mut self, other: Self) {
        self.damaged_bytes += other.damaged_bytes;
        self.exchanges_lost += other.exchanges_lost;
        self.damaged.extend(other.damaged);
        self.damaged.truncate(DAMAGED_MAX);
    }

    fn frame(
        &mut self,
        frame: &Frame,
        unsettled: &mut Unsettled,
        lost: &mut Lost,
        each: &mut impl FnMut(Record) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut open = Vec::new();
        let records = records(&frame.records, |row| open.push(row))?;
        for row in &open {
            unsettled.handle_open(row);
        }
        for record in records {
            let at = match &record {
                Record::Exchange(exchange) => {
                    self.exchanges += 1;
                    unsettled.handle_exchange(exchange);
                    lost.handle_exchange(exchange);
                    Some(exchange.start())
                }
                Record::Ledger(row) => {
                    unsettled.handle_row(row);
                    Some(row.minute)
                }
                Record::Policy(_) => None,
            };
            self.life.latest = self.life.latest.max(at);
            each(record)?;
        }
        Ok(())
    }

    /// Counts bytes of `file` that are no frame; false if that is no more than what a crash leaves at the end.
    fn note(&mut self, name: &str, found: &Found, file: &Deferred) -> bool {
        let (at, bytes) = match *found {
            Found::Damage { at, bytes } => (at, bytes),
            Found::TornTail { bytes } if file.ending != Some(Ending::Crashed) => {
                (file.bytes.saturating_sub(bytes), bytes)
            }
            Found::TornTail { bytes } => {
                self.torn_bytes += bytes;
                tracing::warn!(
                    file = name,
                    bytes,
                    "the end of the spool was not written whole"
                );
                return false;
            }
            Found::Frame(_) | Found::Locked(_) => return false,
        };
        self.damaged_bytes += bytes;
        tracing::error!(
            file = name,
            at,
            bytes,
            "the spool is damaged; what follows is read"
        );
        if self.damaged.len() < DAMAGED_MAX {
            self.damaged
                .push(format!("{name}: {bytes} bytes from byte {at} on"));
        }
        true
    }
}

impl Life {
    /// Rows that count what a crashed recorder took with it: exchanges that no row counts, and that it crashed.
    fn ledger_rows(&self) -> Vec<LedgerRow> {
        let mut rows = self.unsettled.rows();
        if let Some(latest) = self.latest {
            rows.push(LedgerRow {
                minute: latest.minute(),
                interruptions: 1,
                ..LedgerRow::default()
            });
        }
        rows
    }
}

/// The records of a frame; what was unsettled before it goes to `open`.
fn records(frame: &Bytes, open: impl FnMut(LedgerRow)) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    read_all(frame, |record| records.push(record), open)
        .context("a frame of the spool was written by another version of this program")?;
    Ok(records)
}

#[cfg(test)]
mod tests;
