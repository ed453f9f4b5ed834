//! What the requests of a chain say, by values and by runs of letters and digits: whether one may say a value is a look-up.

use rustc_hash::FxHashMap;

use super::{Reach, Step};
use crate::correlate::Place;
use crate::reproducer::places::{Field, parts, whole_texts};
use crate::reproducer::runs::{longest, runs};

/// A part of a request, and its text.
pub(super) type Part<'a> = (Field, Place, &'a str);

/// What is said, and by which request last.
#[derive(Debug, Default)]
pub(super) struct Index<'a> {
    /// The parts of each request.
    pub(super) parts: Vec<Vec<Part<'a>>>,
    runs: FxHashMap<&'a [u8], usize>,
    wholes: FxHashMap<String, usize>,
    /// Values that the run put in place of recorded ones.
    substituted: FxHashMap<String, usize>,
}

impl<'a> Index<'a> {
    pub(super) fn of(steps: &[Step<'a>]) -> Self {
        let mut this = Self::default();
        for (number, step) in steps.iter().enumerate() {
            let parts = step.sent.map(parts).unwrap_or_default();
            for run in parts.iter().flat_map(|(.., text)| runs(text.as_bytes())) {
                this.runs.insert(run, number);
            }
            let recorded = whole_texts(step.recorded);
            for text in whole_texts(step.sent) {
                if !recorded.contains(&text) {
                    this.substituted.insert(text.clone(), number);
                }
                this.wholes.insert(text, number);
            }
            this.parts.push(parts);
        }
        this
    }

    /// Whether a later request than `from` has it in place of a recorded value.
    pub(super) fn is_substituted_behind(&self, text: &str, from: usize) -> bool {
        let last = self.substituted.get(text);
        last.is_some_and(|last| *last > from)
    }

    /// Whether a later request than `from` says it, as far as a look-up tells; that it does not is certain.
    pub(super) fn may_be_said_behind(&self, text: &str, reach: &Reach, from: usize) -> bool {
        let last = match (reach, longest(text)) {
            // An escape in a value is escaped once more in a URL, and parts nothing there.
            (Reach::Anywhere, Some(run)) if !text.contains('%') => self.runs.get(run),
            (Reach::Anywhere, _) => return true,
            (Reach::Cookie(_) | Reach::Whole, _) => self.wholes.get(text),
        };
        last.is_some_and(|last| *last > from)
    }
}
