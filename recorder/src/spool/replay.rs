//! Frames that a crash left, read back.

use std::io::Read as _;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use schema::{Keyring, LedgerRow, Timestamp};

use super::disk::Disk;
use super::frame::{Found, Scanner};
use super::layout::Entry;
use super::record::read_all;
use super::unsettled::Unsettled;
use super::{Record, SpoolError, SpoolId};

/// What a file of frames begins with: the version, then the spool's id.
pub(super) const HEADER: &str = "reprise spool 1 ";
/// The same where frames are sealed: programs that know nothing of it refuse the file, instead of taking all of it for damage.
pub(super) const HEADER_SEALED: &str = "reprise spool 2 ";
/// What it begins with in every version.
const HEADER_OF_ANY: &str = "reprise spool ";
/// How much of a file is read at once.
const READ_BYTES: usize = 1 << 20;

/// What was found in frames that a crash left.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Replayed {
    /// Exchanges that were read back.
    pub exchanges: u64,
    /// Bytes at the end of a file that were no whole frame, as a crash leaves them; they were cut off.
    pub torn_bytes: u64,
    /// Bytes in the middle of a file that are not what was written.
    pub damaged_bytes: u64,
    /// Where they are; the first few.
    pub damaged: Vec<String>,
    /// Exchanges that were in them.
    pub exchanges_lost: u64,
    /// The latest time of an exchange or ledger row.
    #[serde(skip)]
    latest: Option<Timestamp>,
    /// What the ledger does not count of it.
    #[serde(skip)]
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
    /// Reads the frames of a generation that a crash left, and gives each record to `each`, in order; says how many exchanges
    /// were written there, with those that damage has swallowed.
    ///
    /// # Errors
    /// If the file cannot be read, is of another version, or `each` fails. Damage is none: it is counted.
    pub(crate) fn replay(
        &self,
        generation: u64,
        replayed: &mut Replayed,
        mut each: impl FnMut(Record) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let name = Entry::Frames(generation).to_string();
        let path = self.disk.root().join(&name);
        let read = || format!("cannot read `{}`", path.display());
        let mut file = self.disk.open_file(&name)?;
        let mut bytes = vec![0; READ_BYTES];
        let mut length = file.read(&mut bytes).with_context(read)?;
        let known = [HEADER, HEADER_SEALED];
        let header = known
            .map(|version| format!("{version}{}\n", self.id))
            .into_iter()
            .find(|header| bytes[..length].starts_with(header.as_bytes()));
        let of = |version: &&str| bytes.starts_with(version.as_bytes());
        if header.is_none() && of(&HEADER_OF_ANY) && !known.iter().any(of) {
            return Err(SpoolError::Version { file: path }.into());
        }
        // Without, what comes before the first frame is damage.
        let begin = header.map_or(0, |header| header.len());
        let mut scanner = Scanner::new(generation, begin as u64, self.keys.clone());
        scanner.push(&bytes[begin..length]);
        // What the file says was unsettled before it is all there is to know: it replaces what earlier files gave.
        let mut unsettled = None;
        let mut rows = 0;
        loop {
            while let Some(found) = scanner.poll() {
                let frame = match found {
                    Found::Frame(frame) => frame,
                    Found::Locked(locked) => return Err(locked).with_context(read),
                    Found::Damage { .. } | Found::TornTail { .. } => {
                        replayed.note(&name, &found);
                        continue;
                    }
                };
                replayed.exchanges_lost += frame.rows_before.saturating_sub(rows);
                let before = replayed.exchanges;
                let unsettled = unsettled.get_or_insert_with(Unsettled::default);
                replayed.frame(&frame.records, unsettled, &mut each)?;
                rows = frame.rows_before + (replayed.exchanges - before);
            }
            if length == 0 {
                break;
            }
            length = file.read(&mut bytes).with_context(read)?;
            scanner.push(&bytes[..length]);
            if length == 0 {
                scanner.finish();
            }
        }
        if let Some(unsettled) = unsettled {
            replayed.unsettled = unsettled;
        }
        Ok(rows)
    }
}

impl Replayed {
    /// Whether anything was left by a crash.
    pub(crate) fn is_empty(&self) -> bool {
        self.exchanges == 0 && self.latest.is_none() && self.torn_bytes + self.damaged_bytes == 0
    }

    /// Rows that count what a crashed recorder took with it: exchanges that no row counts, those that damage swallowed, and
    /// that it crashed.
    pub(crate) fn ledger_rows(&self) -> Vec<LedgerRow> {
        let mut rows = self.unsettled.rows();
        if let Some(latest) = self.latest {
            rows.push(LedgerRow {
                minute: latest.minute(),
                exchanges: self.exchanges_lost,
                exchanges_shed: self.exchanges_lost,
                interruptions: 1,
                ..LedgerRow::default()
            });
        }
        rows
    }

    fn frame(
        &mut self,
        frame: &Bytes,
        unsettled: &mut Unsettled,
        each: &mut impl FnMut(Record) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut records = Vec::new();
        let mut open = Vec::new();
        read_all(frame, |record| records.push(record), |row| open.push(row))
            .context("a frame of the spool was written by another version of this program")?;
        for row in &open {
            unsettled.handle_open(row);
        }
        for record in records {
            let at = match &record {
                Record::Exchange(exchange) => {
                    self.exchanges += 1;
                    unsettled.handle_exchange(exchange);
                    Some(exchange.start())
                }
                Record::Ledger(row) => {
                    unsettled.handle_row(row);
                    Some(row.minute)
                }
                Record::Policy(_) => None,
            };
            self.latest = self.latest.max(at);
            each(record)?;
        }
        Ok(())
    }

    /// Counts bytes that are no frame.
    fn note(&mut self, name: &str, found: &Found) {
        match found {
            Found::Damage { at, bytes } => {
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
            }
            Found::TornTail { bytes } => {
                self.torn_bytes += bytes;
                tracing::warn!(
                    file = name,
                    bytes,
                    "the end of the spool was not written whole"
                );
            }
            Found::Frame(_) | Found::Locked(_) => {}
        }
    }
}
