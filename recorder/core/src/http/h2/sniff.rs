//! Telling HTTP/2 from anything else where its preface was not seen: on a connection that was under way, or whose beginning
//! was lost, or whose server sent first.

use super::bounds;
use super::frame::PAYLOAD_BYTES_MAX;
use super::search::{ENOUGH_FOR_BOTH, Evidence, Search, Wanted};
use crate::Limits;
use crate::http::buffer::{Buffer, Input};
use crate::http::{End, Side};

/// What a connection has shown while no message of HTTP/1 was seen on it.
#[derive(Debug, Default)]
pub(crate) struct Sniff {
    /// By [`End`].
    halves: [Half; 2],
    /// An end whose bytes are HTTP/2 from the first of these on.
    pub(crate) rest: Option<(End, Buffer)>,
    /// Index of the exchange that goes on as stream 1.
    pub(crate) upgraded: Option<u32>,
}

#[derive(Debug, Default)]
struct Half {
    search: Option<Search>,
    /// Bytes that HTTP/1 has passed; the last of them may be held by the search.
    passed: u64,
    /// Bytes were lost.
    torn: bool,
}

impl Sniff {
    /// Bytes of one end that HTTP/1 has no use for.
    pub(crate) fn pass(&mut self, end: End, len: u64) {
        self.half(end).passed += len;
    }

    /// Takes back what was passed, of one end.
    pub(crate) fn take_passed(&mut self, end: End) -> u64 {
        std::mem::take(&mut self.half(end).passed)
    }

    /// Looks at bytes of one end; if the connection turns out to speak HTTP/2, says how many of them show it.
    pub(crate) fn handle_bytes(
        &mut self,
        end: End,
        input: Input<'_>,
        limits: &Limits,
    ) -> Option<usize> {
        // What the other end has not shown, so that bytes behind the last one that it takes are not looked at.
        let shown = self.evidence(end.peer()).points;
        let wanted = Wanted {
            side: None,
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            enough: ENOUGH_FOR_BOTH.saturating_sub(shown).max(1),
            held_bytes_max: limits.http2_search_bytes_max,
            bounds: bounds(limits),
        };
        let half = self.half(end);
        let search = half.search.get_or_insert_with(|| Search::new(input.place));
        search.extend(input.bytes, input.place, &wanted);
        let shows = search.evidence_takes(input.bytes.len());
        self.is_enough().then(|| shows.min(input.bytes.len()))
    }

    /// Whether what was seen shows that the connection speaks HTTP/2.
    pub(crate) fn is_enough(&self) -> bool {
        let [a, b] = [End::A, End::B].map(|end| self.evidence(end));
        let contradictory = a.side.is_some() && a.side == b.side;
        !contradictory && a.points + b.points >= ENOUGH_FOR_BOTH
    }

    /// Bytes of one end are lost.
    pub(crate) fn handle_gap(&mut self, end: End) {
        let half = self.half(end);
        half.search = None;
        half.torn = true;
    }

    /// Who the client is, if a message told.
    pub(crate) fn client(&self) -> Option<End> {
        [End::A, End::B]
            .into_iter()
            .find_map(|end| match self.evidence(end).side? {
                Side::Client => Some(end),
                Side::Server => Some(end.peer()),
            })
    }

    /// The bytes of one end that frames seem to begin with.
    pub(crate) fn take_bytes(&mut self, end: End) -> Option<Buffer> {
        self.half(end).search.take().map(Search::into_buffer)
    }

    /// Whether bytes of one end are lost.
    pub(crate) fn is_torn(&self, end: End) -> bool {
        self.halves[end.index()].torn
    }

    fn evidence(&self, end: End) -> Evidence {
        let search = self.halves[end.index()].search.as_ref();
        search.map(Search::evidence).unwrap_or_default()
    }

    fn half(&mut self, end: End) -> &mut Half {
        &mut self.halves[end.index()]
    }
}
