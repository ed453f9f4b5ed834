//! Which session an exchange belongs to.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use schema::{Exchange, SampleBy};

/// Values of a key that are known to belong to another value's session. The oldest is forgotten first; its session then
/// goes on as a new one, which keeps its order from there on.
const ALIASES_MAX: usize = 1 << 18;

/// Tells the session of each exchange, in the order in which they were recorded.
///
/// A session is what has one value of the key. Where the key is a cookie, the answer that sets it belongs to the session
/// too, and so does a value that an answer of the session sets in its place: a login is before what it lets in, and a
/// session whose cookie changes with each answer is one. What has no value of the key is a session with the rest of its
/// connection, and what its answers said may be in what comes later on that connection: the page of a login form has a token
/// before anybody has a cookie.
#[derive(Debug)]
pub struct Sessions {
    key: SampleBy,
    /// From the hash of a value to the session that it came up in.
    aliases: FxHashMap<u64, u64>,
    /// The keys of `aliases`, oldest first.
    ages: VecDeque<u64>,
    aliases_max: usize,
}

impl Sessions {
    /// Sessions by `key`.
    #[must_use]
    pub fn new(key: SampleBy) -> Self {
        Self::with_limit(key, ALIASES_MAX)
    }

    /// As [`Sessions::new`], with another bound.
    #[must_use]
    pub fn with_limit(key: SampleBy, aliases_max: usize) -> Self {
        Self {
            key,
            aliases: FxHashMap::default(),
            ages: VecDeque::new(),
            aliases_max,
        }
    }

    /// The session of what has no value of the key on the connection of `exchange`, as a number.
    #[must_use]
    pub fn without_key(exchange: &Exchange) -> u64 {
        SampleBy::hash("connection", &exchange.connection.id.0.to_le_bytes())
    }

    /// The session of `exchange`, as a number.
    pub fn of(&mut self, exchange: &Exchange) -> u64 {
        let request = exchange.request.as_ref();
        let connection = || Self::without_key(exchange);
        match &self.key {
            SampleBy::Connection => connection(),
            SampleBy::ClientIp => {
                let ip = exchange.connection.client.ip().to_canonical();
                SampleBy::hash("client-ip", ip.to_string().as_bytes())
            }
            SampleBy::Header(name) => request
                .and_then(|request| request.headers.get(name))
                .map_or_else(connection, |value| {
                    SampleBy::hash("header", value.trim().as_bytes())
                }),
            SampleBy::Cookie(name) => {
                let hash = |value: &str| SampleBy::hash("cookie", value.as_bytes());
                let sent = request.and_then(|request| schema::cookie(request, name));
                let set = set_cookie(exchange, name).map(hash);
                let session = match sent.map(hash).or(set) {
                    Some(value) => self.aliases.get(&value).copied().unwrap_or(value),
                    None => return connection(),
                };
                if let Some(set) = set {
                    self.learn(set, session);
                }
                session
            }
        }
    }

    fn learn(&mut self, value: u64, session: u64) {
        if value == session || self.aliases.insert(value, session).is_some() {
            return;
        }
        self.ages.push_back(value);
        if self.ages.len() > self.aliases_max
            && let Some(oldest) = self.ages.pop_front()
        {
            self.aliases.remove(&oldest);
        }
    }
}

/// The value that the answer gives the cookie `name` (RFC 6265 section 5.2); an empty one takes it away.
fn set_cookie<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    let response = exchange.response.as_ref()?;
    let pairs = response.headers.get_all("set-cookie").filter_map(|field| {
        let pair = field.split(';').next()?;
        pair.split_once('=')
    });
    pairs
        .filter(|(key, value)| key.trim() == name && !value.trim().is_empty())
        .map(|(_, value)| value.trim())
        .last()
}
