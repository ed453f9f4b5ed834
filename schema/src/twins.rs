//! Rows that are one exchange: recorded at two places, or its request here and its answer there.
//!
//! Two passes over the same rows in the same order, so that little is held: [`TwinFinder`] looks at all of them and keeps some
//! dozens of bytes of each; [`Twins::apply`] gives a [`Joiner`] that the rows go through once more.

mod join;

use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::Xxh3;

use crate::{Exchange, ExchangeId, Headers, Timestamp, Vni};

pub use join::Joiner;

/// How far apart two places record the same bytes, at most: their clocks, and the way between them.
const APART_MAX: Duration = Duration::from_secs(1);
/// How long after a request its answer may begin. Ports and sequence numbers come again, later.
const ANSWER_MAX: Duration = Duration::from_secs(300);

/// How many rows were what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwinCounts {
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows that are left out, because another one is the same exchange.
    pub duplicates: u64,
    /// Answers that were joined with their requests: each time, two rows become one.
    pub joined: u64,
}

/// Looks for rows that are one exchange.
#[derive(Debug, Default)]
pub struct TwinFinder {
    counts: TwinCounts,
    /// The rows that are kept, by what they hold.
    seen: FxHashMap<Content, Vec<Kept>>,
    duplicates: FxHashSet<u64>,
    /// Requests without answers, and answers without requests, by where they lie in their connection.
    requests: FxHashMap<Place, Vec<Half>>,
    answers: FxHashMap<Place, Vec<Half>>,
}

/// The two ends of a connection, and a hash of everything that is in a row but where and when it was recorded.
type Content = (SocketAddr, SocketAddr, u128);
/// The two ends of a connection, the network, and the sequence numbers where the request ends and the answer begins.
type Place = (SocketAddr, SocketAddr, Option<Vni>, u32, u32);

/// A row that is kept, and the other places at which it was recorded.
#[derive(Debug)]
struct Kept {
    start: Timestamp,
    id: ExchangeId,
    mirrors: Vec<u64>,
}

/// One half of an exchange.
#[derive(Clone, Copy, Debug)]
struct Half {
    row: u64,
    start: Timestamp,
}

impl TwinFinder {
    /// Looks at the next row. Halves are joined only if they are `joinable`: rows from before format 1.4 do not say whether
    /// their message was whole.
    pub fn handle(&mut self, exchange: &Exchange, joinable: bool) {
        let row = self.counts.rows;
        self.counts.rows += 1;
        if self.is_duplicate(exchange) {
            self.counts.duplicates += 1;
            self.duplicates.insert(row);
        } else if joinable {
            self.handle_half(exchange, row);
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(mut self) -> Twins {
        let mut answer_of = FxHashMap::default();
        for (place, requests) in &self.requests {
            let Some(answers) = self.answers.get_mut(place) else {
                continue;
            };
            for request in requests {
                // Of several, which are minutes apart, the nearest.
                let apart = |answer: &Half| {
                    let later = answer.start.since(request.start);
                    later.max(request.start.since(answer.start))
                };
                let near = |answer: &Half| {
                    answer.start.since(request.start) <= ANSWER_MAX
                        && request.start.since(answer.start) <= APART_MAX
                };
                let candidates = answers
                    .iter()
                    .enumerate()
                    .filter(|(_, answer)| near(answer));
                let nearest = candidates.min_by_key(|(_, answer)| (apart(answer), answer.row));
                if let Some((index, _)) = nearest {
                    let answer = answers.swap_remove(index);
                    answer_of.insert(request.row, answer.row);
                }
            }
        }
        self.counts.joined = answer_of.len() as u64;
        Twins {
            counts: self.counts,
            duplicates: self.duplicates,
            answer_of,
        }
    }

    /// Whether a row that is kept is the same exchange: the same row recorded again, or recorded at another place.
    fn is_duplicate(&mut self, exchange: &Exchange) -> bool {
        let connection = &exchange.connection;
        let content = (connection.client, connection.server, content(exchange));
        let (start, id, mirror) = (exchange.start(), exchange.id(), mirror(exchange));
        let kept = match self.seen.entry(content) {
            Entry::Vacant(new) => {
                new.insert(vec![Kept::new(start, id, mirror)]);
                return false;
            }
            Entry::Occupied(kept) => kept.into_mut(),
        };
        // Rows come in the order of time: what is too old now stays so.
        kept.retain(|kept| start.since(kept.start) <= APART_MAX);
        let twin = kept.iter_mut().find(|kept| {
            // A place records each exchange once: what it gave a twin of already is not the same as its next.
            (kept.id == id && kept.start == start) || !kept.mirrors.contains(&mirror)
        });
        if let Some(twin) = twin {
            if !twin.mirrors.contains(&mirror) {
                twin.mirrors.push(mirror);
            }
            return true;
        }
        kept.push(Kept::new(start, id, mirror));
        false
    }

    fn handle_half(&mut self, exchange: &Exchange, row: u64) {
        let Some(tcp) = exchange.tcp else { return };
        let connection = &exchange.connection;
        let ends = (connection.client, connection.server, connection.vni);
        let half = Half {
            row,
            start: exchange.start(),
        };
        match (&exchange.request, &exchange.response) {
            // What follows the head of an answer to HEAD or CONNECT cannot be told without the request.
            (Some(request), None) if request.method != "HEAD" && request.method != "CONNECT" => {
                let place = (
                    ends.0,
                    ends.1,
                    ends.2,
                    tcp.sequence_end,
                    tcp.acknowledgement,
                );
                self.requests.entry(place).or_default().push(half);
            }
            (None, Some(_)) => {
                let place = (ends.0, ends.1, ends.2, tcp.acknowledgement, tcp.sequence);
                self.answers.entry(place).or_default().push(half);
            }
            _ => {}
        }
    }
}

impl Kept {
    fn new(start: Timestamp, id: ExchangeId, mirror: u64) -> Self {
        let mirrors = vec![mirror];
        Self { start, id, mirrors }
    }
}

/// Which rows are one exchange, by their place in the order in which they were looked at.
#[derive(Debug)]
pub struct Twins {
    counts: TwinCounts,
    duplicates: FxHashSet<u64>,
    /// The row of the answer, by that of the request.
    answer_of: FxHashMap<u64, u64>,
}

impl Twins {
    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> TwinCounts {
        self.counts
    }

    /// What the same rows go through, in the same order.
    #[must_use]
    pub fn apply(self) -> Joiner {
        Joiner::new(self.duplicates, self.answer_of)
    }
}

/// Where a row was recorded.
fn mirror(exchange: &Exchange) -> u64 {
    let connection = &exchange.connection;
    let mut hash = Xxh3::new();
    hash.update(connection.source.as_deref().unwrap_or_default().as_bytes());
    hash.update(&connection.vni.map_or(u32::MAX, Vni::get).to_le_bytes());
    hash.digest()
}

/// A hash of everything in a row but where and when it was recorded.
fn content(exchange: &Exchange) -> u128 {
    let mut hash = ContentHash(Xxh3::new());
    hash.text(exchange.protocol.as_str());
    hash.number(exchange.stream_id.map_or(u64::MAX, u64::from));
    if let Some(request) = &exchange.request {
        hash.text(&request.method);
        for text in [&request.host, &request.query, &request.target] {
            hash.maybe(text.as_deref());
        }
        hash.text(&request.path);
        hash.headers(Some(&request.headers));
        hash.headers(request.trailers.as_ref());
        hash.bytes(&request.body.bytes);
        hash.number(request.body.wire_bytes);
    }
    hash.number(u64::from(exchange.request.is_some()));
    if let Some(response) = &exchange.response {
        hash.number(response.status.into());
        hash.headers(Some(&response.headers));
        hash.headers(response.trailers.as_ref());
        hash.bytes(&response.body.bytes);
        hash.number(response.body.wire_bytes);
        hash.maybe(response.body_encoding.as_deref());
    }
    for status in &exchange.interim_statuses {
        hash.number((*status).into());
    }
    hash.number(exchange.request_missing_bytes);
    hash.number(exchange.response_missing_bytes);
    hash.text(exchange.completeness.as_str());
    if let Some(tcp) = exchange.tcp {
        for number in [tcp.sequence, tcp.sequence_end, tcp.acknowledgement] {
            hash.number(number.into());
        }
    }
    hash.0.digest128()
}

/// Writes values so that different ones never give the same bytes.
struct ContentHash(Xxh3);

impl ContentHash {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn maybe(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn headers(&mut self, headers: Option<&Headers>) {
        let Some(headers) = headers else {
            return self.number(u64::MAX);
        };
        self.number(headers.iter().count() as u64);
        for (name, value) in headers.iter() {
            self.text(name);
            self.text(value);
        }
    }
}

#[cfg(test)]
mod tests;
