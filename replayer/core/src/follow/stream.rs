//! How far a live stream is, and whether it is there.

use std::time::Duration;

use schema::Timestamp;

/// A stream that gave nothing for so long has nothing that waits.
const QUIET: Duration = Duration::from_millis(500);
/// A recorder sends a batch about every six seconds, with rows or without: one that was heard of longer ago has stalled.
const SOUND: Duration = Duration::from_secs(10);
/// How long a stream is waited for at the end of a follow that is silent or away: it is asked for again every 15 seconds.
pub(super) const AWAIT: Duration = Duration::from_secs(30);

/// How far the stream is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    /// When the last exchange that it gave was done, as recorded.
    pub(super) done: Option<Timestamp>,
    /// Everything that was done up to here has come, or is told elsewhere.
    passed: Option<Timestamp>,
    /// When it last gave anything; `None` while there is none.
    heard_at: Option<Timestamp>,
    /// When it last gave an exchange or said that it has none, whether it is there still or not.
    gone_on_at: Option<Timestamp>,
    /// Whether its recorder has ended it, and has not begun another.
    is_finished: bool,
}

impl Stream {
    /// Bytes came.
    pub(super) fn hear(&mut self, now: Timestamp) {
        self.heard_at = Some(now);
        self.is_finished = false;
    }

    /// It is not where it was before.
    pub(super) fn go_on(&mut self, now: Timestamp) {
        self.gone_on_at = Some(now);
    }

    /// It has given all that it has.
    pub(super) fn rest(&mut self, now: Timestamp) {
        self.go_on(now);
        self.pass_by(now.saturating_sub(QUIET));
    }

    /// Nothing is owed that was done up to `time`.
    pub(super) fn pass_by(&mut self, time: Timestamp) {
        self.passed = self.passed.max(Some(time));
    }

    pub(super) fn cut(&mut self) {
        self.heard_at = None;
    }

    pub(super) fn finish(&mut self, now: Timestamp) {
        self.rest(now);
        self.cut();
        self.is_finished = true;
    }

    /// Up to when everything that was done is known to have come.
    pub(super) fn whole_to(&self) -> Option<Timestamp> {
        self.done.max(self.passed)
    }

    /// Whether nothing has come for a while, or there is no stream.
    pub(super) fn is_quiet(&self, now: Timestamp) -> bool {
        self.heard_at
            .is_none_or(|heard_at| now.since(heard_at) >= QUIET)
    }

    /// Whether what is recorded comes as far as anybody can tell.
    pub(super) fn is_sound(&self, now: Timestamp) -> bool {
        let is_heard = self
            .heard_at
            .is_some_and(|heard_at| now.since(heard_at) < SOUND);
        is_heard || self.is_finished
    }

    /// Whether it has gone on so lately that it may come to its end yet.
    pub(super) fn is_awaited(&self, now: Timestamp) -> bool {
        self.gone_on_at
            .is_some_and(|gone_on_at| now.since(gone_on_at) < AWAIT)
    }
}
