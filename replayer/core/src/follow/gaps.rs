//! What streams lacked: to be found in the archive, or missed.

use std::time::Duration;

use schema::{TimeWindow, Timestamp};

/// How long before it was done an exchange may have started that is looked for.
const REACH: Duration = Duration::from_secs(900);
/// How far clocks of threads that record are apart.
const SLACK: Duration = Duration::from_secs(2);
/// Gaps that are open at once. Beyond, the newest two become one.
const OPEN_MAX: usize = 64;

/// A stretch of a stream that was not received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When the exchange before it was done.
    pub from: Timestamp,
    /// When the first after it was.
    pub to: Timestamp,
    /// How many exchanges it lacks; `None` if nobody knows.
    pub owed: Option<u64>,
    /// How many were found in the archive.
    pub found: u64,
    /// How long they are looked for.
    pub until: Timestamp,
}

/// What streams lacked.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    open: Vec<Gap>,
    /// Gaps so far.
    pub count: u64,
    /// Exchanges that were found in closed gaps.
    found: u64,
    /// Exchanges that were not found in them.
    missed: u64,
    /// Closed ones of which nobody knows what they lacked, and whose archive was not there in time.
    pub unknown: u64,
}

impl Gap {
    fn is_filled(&self) -> bool {
        self.owed.is_some_and(|owed| self.found >= owed)
    }
}

impl Gaps {
    pub(super) fn open(&mut self, gap: Gap) {
        self.count += 1;
        if self.open.len() < OPEN_MAX {
            self.open.push(gap);
            return;
        }
        let last = self.open.last_mut().expect("the bound is above 0");
        last.to = last.to.max(gap.to);
        last.owed = last.owed.zip(gap.owed).map(|(a, b)| a + b);
        last.until = gap.until;
    }

    /// The gap that an exchange belongs into which was done at `done` and did not come.
    pub(super) fn place(&mut self, done: Timestamp) -> Option<&mut Gap> {
        let holds = |gap: &Gap| {
            gap.from <= done.saturating_add(REACH) && done <= gap.to.saturating_add(SLACK)
        };
        // Of several, one that lacks something still.
        let lacking = |gap: &Gap| holds(gap) && !gap.is_filled();
        let index = self.open.iter().position(lacking);
        let index = index.or_else(|| self.open.iter().position(holds))?;
        self.open.get_mut(index)
    }

    /// Counts what another process found and gave out, now that it is found again. Only what was done between the ends of a gap
    /// is surely none that the stream gave.
    pub(super) fn find_again(&mut self, done: Timestamp) {
        let done = done.to_micros_precision();
        let lies_in = |gap: &&mut Gap| gap.from < done && done < gap.to && !gap.is_filled();
        if let Some(gap) = self.open.iter_mut().find(lies_in) {
            gap.found += 1;
        }
    }

    pub(super) fn close(&mut self, passed: Option<Timestamp>, now: Timestamp) {
        let (found, missed, unknown) = (&mut self.found, &mut self.missed, &mut self.unknown);
        self.open.retain(|gap| {
            let is_passed = gap.owed.is_none() && passed.is_some_and(|passed| passed > gap.to);
            let is_over = gap.is_filled() || is_passed || now >= gap.until;
            if is_over {
                *found += gap.found;
                *missed += gap.owed.map_or(0, |owed| owed.saturating_sub(gap.found));
                *unknown += u64::from(gap.owed.is_none() && !is_passed);
            }
            !is_over
        });
    }

    /// Whether anything is looked for.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Those that are open.
    #[must_use]
    pub fn open_ones(&self) -> &[Gap] {
        &self.open
    }

    /// Exchanges that streams lacked and the archive had.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.found + self.open.iter().map(|gap| gap.found).sum::<u64>()
    }

    /// Exchanges that streams lacked and that were not found, so far.
    #[must_use]
    pub fn missed(&self) -> u64 {
        let owed = |gap: &Gap| gap.owed.map_or(0, |owed| owed.saturating_sub(gap.found));
        self.missed + self.open.iter().map(owed).sum::<u64>()
    }

    /// Where in the archive the open ones are looked for: by start.
    #[must_use]
    pub fn window(&self) -> Option<TimeWindow> {
        let from = self.open.iter().map(|gap| gap.from).min()?;
        let to = self.open.iter().map(|gap| gap.to).max()?;
        Some(TimeWindow {
            start: from.saturating_sub(REACH),
            end: to.saturating_add(SLACK),
        })
    }
}
