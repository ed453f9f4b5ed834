//! What was learned, to be kept beside a run that may be killed: recorded values only as the hashes that they are looked up by,
//! with the first bytes that finding them inside of text takes.

use serde::{Deserialize, Serialize};

use super::Correlator;

/// Values that are kept, those that were learned last.
const VALUES_MAX: usize = 16_384;
/// Bytes of the target's values that are kept.
const BYTES_MAX: usize = 4 << 20;

/// What a run has learned, and counted of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Oldest first.
    pub(super) values: Vec<SavedValue>,
    /// Learned before these, and not kept.
    pub(super) left_out: u64,
    /// Forgotten at the bound.
    pub(super) forgotten: u64,
    pub(super) requests_changed: u64,
    pub(super) sources: Vec<SavedSource>,
    /// By the word for why.
    pub(super) missed: Vec<(String, u64)>,
}

/// One form of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedValue {
    /// The key, 32 hex digits.
    pub(super) key: String,
    pub(super) actual: Box<str>,
    pub(super) form: u8,
    pub(super) places: u8,
    /// Which of the sources.
    pub(super) source: usize,
    /// First bytes and length of what is looked for inside of text.
    pub(super) start: Option<([u8; 8], usize)>,
}

/// Counts of a source, uses by place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedSource {
    pub(super) name: String,
    pub(super) learned: u64,
    pub(super) used: Vec<(u8, u64)>,
}

impl Correlator {
    /// What was learned so far, as far as it is kept.
    #[must_use]
    pub fn save(&self) -> Learned {
        let (values, left_out) = self.store.save(VALUES_MAX, BYTES_MAX);
        let mut learned = Learned {
            values,
            left_out,
            forgotten: self.store.forgotten(),
            ..Learned::default()
        };
        self.tally.save(&mut learned);
        learned
    }

    /// Goes on with what another process had learned of the same run. What it did not keep counts as forgotten. False if that is
    /// of another program: nothing is learned then.
    #[must_use]
    pub fn restore(&mut self, learned: Learned) -> bool {
        let sources = learned.sources.len();
        let is_sound = |value: &SavedValue| {
            value.source < sources && u128::from_str_radix(&value.key, 16).is_ok()
        };
        if !learned.values.iter().all(is_sound) {
            return false;
        }
        let numbers = self.tally.restore(&learned);
        self.store.restore(learned, &numbers);
        true
    }
}
