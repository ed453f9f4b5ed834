//! The values that are looked for, and what of the run has to do with them.

use rustc_hash::FxHashMap;
use schema::{Exchange, ExchangeId, Request, Response, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::compare::plain_body;
use crate::correlate::set_cookies;
use crate::percent::percent_encoded;
use crate::reproducer::ReproducerLimits;
use crate::reproducer::issued::{Issued, Take, issued};
use crate::reproducer::lacks::{Lack, Lacking, credentials};
use crate::reproducer::needed::is_safe;
use crate::reproducer::places::parts;
use crate::reproducer::runs::{longest, runs};

/// Longest body of an answer that is looked through.
const BODY_BYTES_MAX: usize = 4 << 20;

/// The answer that gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) id: ExchangeId,
    /// When its request was sent.
    pub(super) start: Timestamp,
}

impl Given {
    pub(super) fn by(exchange: &Exchange) -> Self {
        Self {
            id: exchange.id(),
            start: exchange.start(),
        }
    }
}

/// A value that is looked for.
#[derive(Debug)]
pub(super) struct Entry {
    lacking: Lacking,
    /// The first request that says it.
    before: Timestamp,
    /// The last one of a chain that it is for.
    until: Timestamp,
    pub(super) given: Option<Given>,
    /// The last answer of this stretch that gives it.
    seen: Option<Given>,
    /// Requests that write and have it, if it is a credential; in order of time.
    pub(super) writes: Vec<Given>,
    /// Such requests before those; at least so many.
    pub(super) writes_left_out: u64,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    index: FxHashMap<Lack, usize>,
    /// By the hash of the longest run of letters and digits of words and values.
    runs: FxHashMap<u64, Vec<usize>>,
    /// By the path that makes ids.
    bases: FxHashMap<String, Vec<usize>>,
    cookies: usize,
    entries_max: usize,
    writes_max: usize,
    /// Values that are not looked for, because there are too many.
    pub(super) left_out: u64,
}

impl Entry {
    pub(super) const fn is_credential(&self) -> bool {
        self.lacking.is_credential
    }

    /// Whether somebody was given it, and it is not known when.
    pub(super) const fn is_lost(&self) -> bool {
        self.given.is_none() && !self.lacking.is_made
    }
}

impl Entries {
    pub(super) fn new(limits: &ReproducerLimits) -> Self {
        Self {
            entries: Vec::new(),
            index: FxHashMap::default(),
            runs: FxHashMap::default(),
            bases: FxHashMap::default(),
            cookies: 0,
            entries_max: limits.lacks_max,
            writes_max: limits.writes_max,
            left_out: 0,
        }
    }

    pub(super) fn get(&self, number: usize) -> &Entry {
        &self.entries[number]
    }

    /// Adds a value that a request sent at `start` says; its number, and whether it has to be looked for anew.
    pub(super) fn add(
        &mut self,
        lacking: Lacking,
        start: Timestamp,
        given: Option<Given>,
    ) -> Option<(usize, bool)> {
        if let Some(&number) = self.index.get(&lacking.lack) {
            let entry = &mut self.entries[number];
            entry.before = entry.before.min(start);
            entry.until = entry.until.max(start);
            entry.lacking.is_credential |= lacking.is_credential;
            entry.lacking.is_made &= lacking.is_made;
            entry.given = entry.given.or(given);
            return Some((number, false));
        }
        let run = longest(lacking.lack.text()).map(xxh3_64)?;
        if self.entries.len() == self.entries_max {
            self.left_out += 1;
            return None;
        }
        let number = self.entries.len();
        match &lacking.lack {
            Lack::Word(_) | Lack::Value(_) => self.runs.entry(run).or_default().push(number),
            Lack::Cookie(..) => self.cookies += 1,
            Lack::Id { base, .. } => self.bases.entry(base.clone()).or_default().push(number),
        }
        self.index.insert(lacking.lack.clone(), number);
        self.entries.push(Entry {
            lacking,
            before: start,
            until: start,
            given,
            seen: None,
            writes: Vec::new(),
            writes_left_out: 0,
        });
        Some((number, true))
    }

    /// Says that the chain these values are of ends then: its user may have written up to there.
    pub(super) fn last_until(&mut self, numbers: &[usize], end: Option<Timestamp>) {
        for &number in numbers {
            let until = &mut self.entries[number].until;
            *until = (*until).max(end.unwrap_or(*until));
        }
    }

    /// Whether what was sent before `cursor` may matter.
    pub(super) fn is_any_open(&self, cursor: Timestamp) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|entry| match entry.given {
            None => true,
            Some(given) => entry.is_credential() && given.start < cursor,
        })
    }

    /// Looks at an exchange of the stretch, for the first time or again; whether it gives something, or writes for somebody.
    pub(super) fn see(&mut self, exchange: &Exchange, is_first: bool) -> bool {
        let Some(request) = &exchange.request else {
            return false;
        };
        let here = Given::by(exchange);
        let writes = !is_safe(&request.method) && self.see_write(request, here, is_first);
        let gives = exchange
            .response
            .as_ref()
            .is_some_and(|answer| self.see_answer(request, answer, here));
        writes || gives
    }

    /// The exchanges of the stretch that are wanted.
    pub(super) fn settle(&mut self) -> Vec<ExchangeId> {
        let mut wanted = Vec::new();
        for entry in &mut self.entries {
            if let Some(seen) = entry.seen.take() {
                entry.given = Some(seen);
                wanted.push(seen.id);
            }
            wanted.extend(entry.writes.iter().map(|write| write.id));
        }
        wanted
    }

    fn see_write(&mut self, request: &Request, here: Given, is_first: bool) -> bool {
        let mut is_theirs = false;
        for credential in credentials(request) {
            let Some(&number) = self.index.get(&credential) else {
                continue;
            };
            let entry = &mut self.entries[number];
            let is_before = here.start < entry.until;
            let is_behind = entry.given.is_none_or(|given| given.start < here.start);
            if !entry.is_credential() || !is_before || !is_behind || entry.writes.contains(&here) {
                continue;
            }
            entry.writes.push(here);
            entry
                .writes
                .sort_unstable_by_key(|write| (write.start, write.id));
            is_theirs = true;
            if entry.writes.len() > self.writes_max {
                entry.writes.remove(0);
                entry.writes_left_out += u64::from(is_first);
            }
        }
        is_theirs
    }

    fn see_answer(&mut self, request: &Request, answer: &Response, here: Given) -> bool {
        let numbers = self.suspects(request, answer);
        if numbers.is_empty() {
            return false;
        }
        let issued = issued(answer);
        let mut gives = false;
        for number in numbers {
            let lack = &self.entries[number].lacking.lack;
            let is_given = issued.iter().any(|issued| lack.is_given_by(issued));
            // What a client said before an answer did is its own.
            let is_news = matches!(lack, Lack::Id { .. }) || !says(request, lack.text());
            let is_theirs = !matches!(lack, Lack::Value(_)) || self.is_of_user(request);
            if is_given && is_news && is_theirs {
                self.entries[number].seen = Some(here);
                gives = true;
            }
        }
        gives
    }

    /// The values that an answer may give, as far as a glance tells.
    fn suspects(&self, request: &Request, answer: &Response) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let body = plain_body(answer, BODY_BYTES_MAX).unwrap_or_default();
        let fields = answer.headers.iter().map(|(_, value)| value.as_bytes());
        for run in fields.chain([&*body]).flat_map(runs) {
            found.extend(self.runs.get(&xxh3_64(run)).into_iter().flatten());
        }
        if self.cookies > 0 {
            let cookies = set_cookies(answer).into_iter();
            found.extend(cookies.filter_map(|(name, value)| {
                self.index
                    .get(&Lack::Cookie(name.to_owned(), value.to_owned()))
            }));
        }
        if matches!(&*request.method, "POST" | "PUT") {
            let base = request.path.trim_end_matches('/');
            found.extend(self.bases.get(base).into_iter().flatten());
        }
        found.sort_unstable();
        found.dedup();
        found.retain(|&number| {
            let entry = &self.entries[number];
            let is_possible = !entry.lacking.is_made || !is_safe(&request.method);
            entry.given.is_none() && answer.end <= entry.before && is_possible
        });
        found
    }

    /// Whether a request has a credential that is looked for.
    fn is_of_user(&self, request: &Request) -> bool {
        credentials(request).iter().any(|credential| {
            let number = self.index.get(credential);
            number.is_some_and(|&number| self.entries[number].is_credential())
        })
    }
}

impl Lack {
    fn is_given_by(&self, issued: &Issued) -> bool {
        if issued.text != self.text() {
            return false;
        }
        match self {
            Self::Word(_) | Self::Value(_) => true,
            Self::Cookie(name, _) => matches!(&issued.take, Take::Cookie(other) if other == name),
            Self::Id { .. } => {
                matches!(&issued.take, Take::Header(name, _) if name == "location")
                    || is_id_name(&issued.name)
            }
        }
    }
}

/// Whether a member of this name is an id: `id`, `order_id`, `orderId`, `number`.
fn is_id_name(name: &str) -> bool {
    let ends = ["_id", "-id", "Id", "ID", "_no", "_key", "_number", "Number"];
    let is = ["id", "key", "no", "number", "code", "uuid", "name"];
    ends.iter().any(|end| name.ends_with(end))
        || is.iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// Whether a request has a value anywhere.
fn says(request: &Request, value: &str) -> bool {
    let encoded = percent_encoded(value, true, |_| false);
    let parts = parts(request);
    let mut texts = parts.iter().map(|(.., text)| text);
    texts.any(|text| text.contains(value) || text.contains(&*encoded))
}
