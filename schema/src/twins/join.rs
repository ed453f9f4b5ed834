//! Rows in, rows out: duplicates left out, and answers put to their requests, in the order of time.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{Certainty, Completeness, Exchange, Response};

/// Bytes of rows that may wait for the answer of one before them; beyond, that one is given out as it is.
const WAITING_BYTES_MAX: usize = 256 << 20;

/// Takes the rows that a finder looked at, in the same order, and gives out those that are left.
#[derive(Debug)]
pub struct Joiner {
    duplicates: FxHashSet<u64>,
    /// The row of the answer, by that of the request; and the other way round.
    answer_of: FxHashMap<u64, u64>,
    request_of: FxHashMap<u64, u64>,
    /// The number of the next row.
    row: u64,
    /// Rows by number in order; those that wait for an answer hold up what is behind them.
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// Answers that came before their requests, by row.
    early: FxHashMap<u64, Exchange>,
    /// Joins that were given up, because too much would have waited.
    given_up: u64,
}

#[derive(Debug)]
struct Waiting {
    row: u64,
    exchange: Box<Exchange>,
    /// Whether its answer is still to come.
    open: bool,
}

impl Joiner {
    pub(super) fn new(duplicates: FxHashSet<u64>, answer_of: FxHashMap<u64, u64>) -> Self {
        let request_of = answer_of
            .iter()
            .map(|(request, answer)| (*answer, *request));
        Self {
            duplicates,
            request_of: request_of.collect(),
            answer_of,
            row: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            early: FxHashMap::default(),
            given_up: 0,
        }
    }

    /// Takes the next row.
    pub fn handle(&mut self, exchange: Exchange) {
        let row = self.row;
        self.row += 1;
        if self.duplicates.contains(&row) {
            return;
        }
        if let Some(&request) = self.request_of.get(&row) {
            self.handle_answer(exchange, row, request);
            return;
        }
        let answer = self.answer_of.get(&row).copied();
        let early = answer.and_then(|answer| self.early.remove(&answer));
        let open = answer.is_some() && early.is_none();
        let mut exchange = Box::new(exchange);
        if let Some(answer) = early {
            join(&mut exchange, answer);
        }
        self.push(row, exchange, open);
    }

    /// The next row, once it is known that nothing is joined to it any more.
    #[must_use]
    pub fn poll(&mut self) -> Option<Box<Exchange>> {
        while self.waiting_bytes > WAITING_BYTES_MAX {
            let first = self.waiting.front_mut()?;
            if !first.open {
                break;
            }
            first.open = false;
            self.given_up += 1;
            if let Some(answer) = self.answer_of.remove(&first.row) {
                self.request_of.remove(&answer);
            }
        }
        if self.waiting.front()?.open {
            return None;
        }
        let first = self.waiting.pop_front()?;
        self.waiting_bytes -= first.exchange.memory();
        Some(first.exchange)
    }

    /// How many joins were given up.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    fn handle_answer(&mut self, answer: Exchange, row: u64, request: u64) {
        let place = self
            .waiting
            .binary_search_by_key(&request, |waiting| waiting.row);
        match place {
            Ok(place) => {
                let waiting = &mut self.waiting[place];
                self.waiting_bytes -= waiting.exchange.memory();
                join(&mut waiting.exchange, answer);
                waiting.open = false;
                self.waiting_bytes += waiting.exchange.memory();
            }
            Err(_) => drop(self.early.insert(row, answer)),
        }
    }

    fn push(&mut self, row: u64, exchange: Box<Exchange>, open: bool) {
        self.waiting_bytes += exchange.memory();
        self.waiting.push_back(Waiting {
            row,
            exchange,
            open,
        });
    }
}

/// Puts an answer that was recorded elsewhere to its request.
fn join(request: &mut Exchange, mut answer: Exchange) {
    if request.charset != answer.charset {
        // A row has one charset.
        request.make_latin1();
        answer.make_latin1();
    }
    request.request_missing_bytes += answer.request_missing_bytes;
    request.response_missing_bytes += answer.response_missing_bytes;
    request.interim_statuses = answer.interim_statuses;
    // Where both numbers fit, the answer is that of this request.
    request.pairing = Certainty::Exact;
    let known = answer.response.as_ref().is_some_and(ends_by_its_head);
    if answer.framing == Certainty::Assumed && !known {
        request.framing = Certainty::Assumed;
    }
    request.response = answer.response;
    request.tcp = None;
    request.completeness = completeness(request);
}

/// Whether the head of an answer, to a request that is neither HEAD nor CONNECT, says where it ends (RFC 9112 section 6.3). Of one
/// that does not know the request, the recorder has to assume it.
fn ends_by_its_head(answer: &Response) -> bool {
    let chunked = |value: &str| {
        let last = value.rsplit(',').next().unwrap_or_default();
        last.trim().eq_ignore_ascii_case("chunked")
    };
    let headers = &answer.headers;
    matches!(answer.status, 204 | 304)
        || headers.get_all("transfer-encoding").any(chunked)
        || headers.get_all("content-length").next().is_some()
}

/// How whole an exchange is that was joined: both of its messages ended as they should, or they would not say where they lie.
fn completeness(exchange: &Exchange) -> Completeness {
    let (Some(request), Some(response)) = (&exchange.request, &exchange.response) else {
        return exchange.completeness;
    };
    let lacks =
        |stored: usize, wire: u64, missing: u64| (stored as u64) < wire.saturating_sub(missing);
    let request_cut = lacks(
        request.body.bytes.len(),
        request.body.wire_bytes,
        exchange.request_missing_bytes,
    );
    // A body whose coding was undone was whole.
    let coded = response
        .headers
        .get_all("content-encoding")
        .chain(response.headers.get_all("transfer-encoding"))
        .flat_map(|value| value.split(','))
        .any(|coding| {
            !["", "identity", "chunked"].contains(&coding.trim().to_ascii_lowercase().as_str())
        });
    let undone = coded && response.body_encoding.is_none() && !response.body.bytes.is_empty();
    let response_cut = !undone
        && lacks(
            response.body.bytes.len(),
            response.body.wire_bytes,
            exchange.response_missing_bytes,
        );
    [
        (exchange.request_missing_bytes > 0, Completeness::RequestGap),
        (
            exchange.response_missing_bytes > 0,
            Completeness::ResponseGap,
        ),
        (request_cut, Completeness::RequestTruncated),
        (response_cut, Completeness::ResponseTruncated),
        (response.status == 101, Completeness::Upgraded),
    ]
    .into_iter()
    .find_map(|(applies, word)| applies.then_some(word))
    .unwrap_or(Completeness::Complete)
}
