//! What damage has swallowed of one file, for the ledger.

use std::collections::BTreeMap;

use schema::{Exchange, LedgerRow, Timestamp, Vni};

use crate::spool::Deferred;

/// Minute, source and network.
type Cell = (Timestamp, Option<String>, Option<Vni>);

/// Counts exchanges that are gone. Where they belong is not known: they are taken to be like those beside them.
#[derive(Debug)]
pub(super) struct Lost {
    cells: BTreeMap<Cell, u64>,
    /// Of the last exchange.
    beside: Option<Cell>,
    /// Gone, before any exchange was read.
    pending: u64,
    /// When the earliest exchange of the file began, if that is known.
    oldest: Option<Timestamp>,
    /// Whether somebody has counted what the file should have.
    is_counted: bool,
    /// Whether the end is gone.
    is_cut: bool,
}

impl Lost {
    pub(super) fn new(file: &Deferred) -> Self {
        Self {
            cells: BTreeMap::new(),
            beside: None,
            pending: 0,
            oldest: file.oldest,
            is_counted: file.rows.is_some(),
            is_cut: false,
        }
    }

    /// An exchange was read.
    pub(super) fn handle_exchange(&mut self, exchange: &Exchange) {
        let source = exchange.connection.source.as_deref().map(str::to_owned);
        let cell = (exchange.start().minute(), source, exchange.connection.vni);
        if self.pending > 0 {
            *self.cells.entry(cell.clone()).or_default() += std::mem::take(&mut self.pending);
        }
        self.beside = Some(cell);
    }

    /// So many are gone here.
    pub(super) fn handle_hole(&mut self, exchanges: u64) {
        match &self.beside {
            _ if exchanges == 0 => {}
            Some(cell) => *self.cells.entry(cell.clone()).or_default() += exchanges,
            None => self.pending += exchanges,
        }
    }

    /// Bytes are damaged.
    pub(super) fn handle_damage(&mut self, at_the_end: bool) {
        self.is_cut = at_the_end;
    }

    /// The rows. `latest` is the latest time that is known of the run that wrote the file. How many are gone of the end of a
    /// file is known only if somebody has counted them; if not, a row says that something is missing, as of a crash.
    pub(super) fn rows(mut self, latest: Option<Timestamp>) -> Vec<LedgerRow> {
        let minute = self.oldest.or(latest).map(Timestamp::minute);
        if let Some(minute) = minute.filter(|_| self.pending > 0) {
            *self.cells.entry((minute, None, None)).or_default() += self.pending;
        }
        let row = |((minute, source, vni), exchanges_shed)| LedgerRow {
            minute,
            source,
            vni,
            exchanges_shed,
            ..LedgerRow::default()
        };
        let mut rows: Vec<_> = self.cells.into_iter().map(row).collect();
        let minute = self.beside.map(|(minute, ..)| minute).or(minute);
        if let Some(minute) = minute.filter(|_| self.is_cut && !self.is_counted) {
            rows.push(LedgerRow {
                minute,
                interruptions: 1,
                ..LedgerRow::default()
            });
        }
        rows
    }
}
