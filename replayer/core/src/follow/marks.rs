//! Where the stream was at which recorded time, so that a process that goes on asks for no more than it needs.

use std::collections::VecDeque;
use std::time::Duration;

use schema::Timestamp;
use schema::live::Position;

/// How far marks are apart at first.
const STEP: Duration = Duration::from_secs(1);
/// At the bound every other mark goes, and they are twice as far apart.
const MARKS_MAX: usize = 1_024;

/// Positions by when the last exchange up to them was done.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: VecDeque<(Timestamp, Position)>,
    /// The last position, which becomes a mark when time has gone on.
    last: Option<(Timestamp, Position)>,
    doublings: u32,
}

impl Marks {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Everything up to `position` was done by `done`, which never goes back.
    pub(super) fn push(&mut self, done: Timestamp, position: Position) {
        if let Some((before, at)) = self.last
            && done > before
        {
            let step = STEP.saturating_mul(1 << self.doublings.min(20));
            let due = self.marks.back().map(|(mark, _)| mark.saturating_add(step));
            if due.is_none_or(|due| due <= before) {
                self.marks.push_back((before, at));
            }
        }
        self.last = Some((done, position));
        if self.marks.len() > MARKS_MAX {
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
            self.doublings += 1;
        }
    }

    /// The last mark whose exchanges were all done before `time`; older ones are forgotten.
    pub(super) fn before(&mut self, time: Timestamp) -> Option<Position> {
        while self.marks.get(1).is_some_and(|(done, _)| *done < time) {
            self.marks.pop_front();
        }
        if self.marks.len() < MARKS_MAX / 4 {
            self.doublings = 0;
        }
        let (done, position) = self.marks.front()?;
        (*done < time).then_some(*position)
    }
}
