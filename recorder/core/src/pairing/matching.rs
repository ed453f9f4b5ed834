//! Which request a response answers: by order, and after a loss by acknowledgements.

use schema::Certainty;

use super::Pairer;
use super::slot::Slot;
use crate::http::message::{Asked, Place};

/// Which request a response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    /// Index of the exchange; `None` if no request waits.
    pub(super) index: Option<u32>,
    /// What the request asked for.
    pub(crate) asked: Asked,
    /// Whether it is certain.
    pub(super) certainty: Certainty,
    /// Acknowledgements prove that the two belong together, and that the response begins where it was found.
    pub(super) proven: bool,
}

impl Match {
    /// Index of the exchange; `None` if no request waits.
    pub(crate) fn index(&self) -> Option<u32> {
        self.index
    }

    /// Whether acknowledgements prove the pair.
    pub(crate) fn is_proven(&self) -> bool {
        self.proven
    }
}

impl Pairer {
    /// Finds the request that a response at `place` answers; changes nothing.
    pub(crate) fn match_response(&self, place: Place) -> Match {
        let mut waiting = self
            .slots
            .iter()
            .filter(|slot| slot.is_waiting())
            .peekable();
        let none = Match {
            index: None,
            asked: Asked::Unknown,
            certainty: Certainty::Assumed,
            proven: false,
        };
        let Some(&first) = waiting.peek() else {
            return none;
        };
        if first.epoch == self.settled {
            return first.matched(Certainty::Exact, first.is_proven_by(place));
        }
        // What the server had received and the client had not sent after it saw the response begin.
        let received: Vec<&Slot> = waiting
            .map(|slot| &**slot)
            .filter(|slot| slot.place.offset < place.acked)
            .collect();
        let possible = received
            .iter()
            .filter(|slot| slot.place.acked <= place.offset);
        let Some(latest) = possible.clone().map(|slot| slot.place.acked).max() else {
            return received
                .first()
                .map_or(none, |slot| slot.matched(Certainty::Assumed, false));
        };
        // Those sent at the same time are answered in order.
        let mut group = possible.filter(|slot| slot.place.acked == latest);
        let Some(first) = group.next() else {
            return none;
        };
        let proven = group.next().is_none() && first.is_proven_by(place) && !self.pipelined;
        let certainty = if proven {
            Certainty::Exact
        } else {
            Certainty::Assumed
        };
        first.matched(certainty, proven)
    }
}
