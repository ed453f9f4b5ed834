//! From HTTP/1 to HTTP/2: by its preface, by an upgrade, or by what the bytes look like that are no HTTP/1.
//!
//! Until a message of HTTP/1 proves the connection to be one, bytes without a use are not counted yet: they may turn out to
//! be frames.

use memchr::memchr;

use super::half::State;
use super::{Conn, Ends};
use crate::http::buffer::{Buffer, Input};
use crate::http::h2::{self, Sniff};
use crate::http::message::Place;
use crate::http::records::Records;
use crate::http::{Context, End, Protocol, count_passed};
use crate::pairing::Match;

impl Conn {
    /// Bytes of an end that are no message.
    pub(super) fn pass(&mut self, end: End, len: usize, context: &mut Context<'_>) {
        let len = len as u64;
        if self.proven {
            context.counters.ledger.bytes_not_http += len;
        } else if len > 0 {
            self.sniff.get_or_insert_default().pass(end, len);
        }
    }

    /// What was passed is no HTTP, and nothing is held for it any more.
    pub(super) fn count_sniffed(&mut self, context: &mut Context<'_>) {
        self.records = None;
        if let Some(mut sniff) = self.sniff.take() {
            for end in [End::A, End::B] {
                let passed = sniff.take_passed(end);
                count_passed(self.protocol, passed, context.counters);
            }
        }
    }

    /// Looks for TLS while there was no message of HTTP/1; says how many bytes to go on with, and whether they show that it is.
    pub(super) fn look_for_records(&mut self, end: End, input: Input<'_>) -> (usize, bool) {
        let len = input.bytes.len();
        if self.proven || self.protocol != Protocol::Http1 {
            return (len, false);
        }
        let watched = match &mut self.records {
            Some(records) => &mut records[end.index()],
            None if Records::may_begin_in(input.bytes) => {
                &mut self.records.get_or_insert_default()[end.index()]
            }
            None => return (len, false),
        };
        let seen = watched.next.saturating_sub(input.place.offset);
        let seen = usize::try_from(seen).map_or(len, |seen| seen.min(len));
        let found = watched.records.advance(&input.bytes[seen..]);
        let upto = found.map_or(len, |taken| seen + taken);
        watched.next = input.place.offset + upto as u64;
        (upto, found.is_some())
    }

    /// Looks for frames while there was no message of HTTP/1; says how many of the bytes show that there are some.
    pub(super) fn sniff(
        &mut self,
        end: End,
        input: Input<'_>,
        context: &Context<'_>,
    ) -> Option<usize> {
        if self.proven
            || self.protocol != Protocol::Http1
            || matches!(self.half(end).state, State::Body(_))
        {
            return None;
        }
        if self.sniff.is_none() && memchr(0, input.bytes).is_none() {
            // Every frame that is looked for begins with a byte 0.
            return None;
        }
        let sniff = self.sniff.get_or_insert_default();
        sniff.handle_bytes(end, input, context.limits)
    }

    /// The first `shown` bytes show frames, unless HTTP/1 has a use for them.
    pub(super) fn drive_sniffed(
        &mut self,
        end: End,
        input: &mut Input<'_>,
        shown: usize,
        context: &mut Context<'_>,
    ) {
        let mut first = Input {
            bytes: &input.bytes[..shown],
            place: input.place,
        };
        self.drive(end, &mut first, context);
        input.take(shown - first.bytes.len());
        if self.entered {
            // What follows is looked at anew.
            return;
        }
        // HTTP/1 may have proven itself, and given way to a tunnel.
        let shown = self.sniff.as_ref().is_some_and(|sniff| sniff.is_enough());
        if self.proven || self.protocol != Protocol::Http1 || !shown {
            return;
        }
        let rest = input.bytes.len();
        input.take(rest);
        self.pass(end, rest, context);
        self.protocol = Protocol::Http2;
    }

    /// The preface was found: it begins with what `held` holds, and goes on with what is at hand.
    pub(super) fn begin_http2(&mut self, end: End, held: Buffer) {
        self.half(end).state = State::Passed;
        self.sniff.get_or_insert_default().rest = Some((end, held));
        self.protocol = Protocol::Http2;
        self.ends = Ends::Certain;
        self.from_start = true;
        self.set_client(end);
    }

    /// 101 to `Upgrade: h2c`: the request that it answers goes on as stream 1 (RFC 7540 section 3.2), and the next byte of
    /// the server is HTTP/2.
    pub(super) fn upgrade_to_http2(
        &mut self,
        end: End,
        matched: Match,
        status: u16,
        next: Place,
        context: &mut Context<'_>,
    ) {
        self.pairer.handle_interim(matched, status, context);
        self.drop_held(end.peer(), context);
        self.half(end.peer()).state = State::Start;
        let mut sniff = Box::<Sniff>::default();
        sniff.rest = Some((end, Buffer::new(next)));
        sniff.upgraded = matched.index();
        self.sniff = Some(sniff);
        self.half(end).state = State::Passed;
        self.protocol = Protocol::Http2;
        self.from_start = true;
    }

    /// Goes on as HTTP/2.
    pub(crate) fn into_http2(mut self, context: &mut Context<'_>) -> h2::Conn {
        let mut sniff = self.sniff.take().unwrap_or_default();
        if let Some(client) = sniff.client() {
            self.set_client(client);
            self.ends = Ends::Certain;
        }
        let rest = sniff.rest.take();
        let ends = [End::A, End::B].map(|end| {
            let sniffed = sniff.take_bytes(end);
            let (bytes, whole) = match &rest {
                Some((of, bytes)) if *of == end => (bytes.clone(), true),
                _ => {
                    let next = self.halves[end.index()].next;
                    let bytes = sniffed.unwrap_or_else(|| Buffer::new(next));
                    let unused = sniff.take_passed(end) + self.held(end) as u64;
                    let lost = unused.saturating_sub(bytes.bytes().len() as u64);
                    context.counters.ledger.bytes_not_http += lost;
                    let whole = self.from_start && !sniff.is_torn(end) && lost == 0;
                    (bytes, whole)
                }
            };
            h2::BeginningOf {
                bytes,
                whole,
                closed: self.halves[end.index()].closed,
            }
        });
        if let Some((end, _)) = rest {
            context.counters.ledger.bytes_not_http += sniff.take_passed(end);
        }
        if let Some(index) = sniff.upgraded {
            self.pairer.handle_stream_upgrade(index);
        }
        let beginning = h2::Beginning {
            info: self.info,
            client: self.client,
            certain: self.ends == Ends::Certain || self.opened,
            pairer: self.pairer,
            upgraded: sniff.upgraded,
            ends,
        };
        h2::Conn::begin(beginning, context)
    }

    /// Bytes of an end that are held for a head.
    fn held(&self, end: End) -> usize {
        match &self.halves[end.index()].state {
            State::Partial(partial) => partial.buffer.bytes().len(),
            State::Search(search) => search.held(),
            _ => 0,
        }
    }
}
