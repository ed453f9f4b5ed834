//! Exchanges that a killed run may have sent, and has no answer of.

use schema::run::DoubtfulExchange;
use schema::{Exchange, InDoubt, Replay};

use super::Report;
use crate::compare::excerpt;

/// Exchanges that are listed; all are counted.
const LISTED_MAX: usize = 1_000;
/// Bytes of method and path that are shown.
const REQUEST_BYTES_MAX: usize = 200;

impl Report {
    /// Lists what another report lists.
    pub(super) fn list_in_doubt(&mut self, other: &Self) {
        let room = LISTED_MAX - self.in_doubt.len();
        self.in_doubt
            .extend(other.in_doubt.iter().take(room).cloned());
    }

    /// Counts and lists the exchange, if it was in doubt.
    pub(super) fn count_in_doubt(&mut self, recorded: &Exchange, replay: &Replay) {
        let Some(doubt) = replay.in_doubt else {
            return;
        };
        let sent_again = doubt == InDoubt::SentAgain;
        self.totals.in_doubt += 1;
        self.totals.in_doubt_sent_again += u64::from(sent_again);
        if self.in_doubt.len() < LISTED_MAX {
            let request = recorded.request.as_ref();
            let request = request.map(|request| format!("{} {}", request.method, request.path));
            self.in_doubt.push(DoubtfulExchange {
                exchange: recorded.id().to_string(),
                pass: replay.pass,
                request: excerpt::beginning(&request.unwrap_or_default(), REQUEST_BYTES_MAX),
                sent_again,
            });
        }
    }
}
