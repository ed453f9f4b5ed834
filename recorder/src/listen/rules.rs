//! Says which rules of the redaction have matched nothing for an hour of traffic, in all shards.

use recorder_core::{Redaction, RuleWatch};
use schema::Timestamp;
use tracing::warn;

use super::stats::Snapshot;

/// The rules, and how often they had matched.
#[derive(Debug)]
pub(super) struct Rules {
    redaction: Option<Redaction>,
    watch: RuleWatch,
    /// Exchanges when it was last looked: where none came, nothing could match.
    exchanges: u64,
}

impl Rules {
    pub(super) fn new(redaction: Option<Redaction>) -> Self {
        Self {
            redaction,
            watch: RuleWatch::default(),
            exchanges: 0,
        }
    }

    /// Looks at what all shards have matched by `now`.
    pub(super) fn look(&mut self, snapshot: &Snapshot, now: Timestamp) {
        let exchanges = snapshot.exchanges_total();
        let Some(redaction) = self
            .redaction
            .as_ref()
            .filter(|_| exchanges > self.exchanges)
        else {
            return;
        };
        self.exchanges = exchanges;
        for rule in self.watch.handle_matches(now, &snapshot.matches) {
            warn!(
                rule = redaction.rules()[rule],
                "this rule has matched nothing for an hour of traffic: is its name right?"
            );
        }
    }
}
