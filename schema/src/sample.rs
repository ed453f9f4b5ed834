//! Consistent sampling: the same user is always in or always out, on every recorder and at replay.
//!
//! A key (a client's address, a cookie, …) is hashed to a point in [0, 1); an exchange is in if its point is below the
//! share. A sample of 10 % is therefore part of the sample of 20 % by the same key. Exchanges without the key (no such
//! header or cookie, or no request at all) are decided by their connection, so that one connection is not torn apart more
//! than its requests already are.

use std::str::FromStr;

use xxhash_rust::xxh3::Xxh3;

use crate::{Exchange, ParseIdError, Request};

/// Seed of the hash: part of the format, so that a recorder and a replay years later agree. The bytes say "reprise1".
const SEED: u64 = u64::from_be_bytes(*b"reprise1");

/// What a sampling decision is keyed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SampleBy {
    /// The client's address.
    ClientIp,
    /// The connection.
    Connection,
    /// A request header's value.
    Header(String),
    /// A cookie's value.
    Cookie(String),
}

impl SampleBy {
    /// The hash that stands for the value `bytes` of a key of the kind `kind` (`client-ip`, `connection`, `header`, `cookie`).
    #[must_use]
    pub fn hash(kind: &str, bytes: &[u8]) -> u64 {
        let mut hash = Xxh3::with_seed(SEED);
        hash.update(kind.as_bytes());
        hash.update(&[0]);
        hash.update(bytes);
        hash.digest()
    }
}

impl std::fmt::Display for SampleBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ClientIp => f.write_str("client-ip"),
            Self::Connection => f.write_str("connection"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
        }
    }
}

impl FromStr for SampleBy {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "client-ip" => Ok(Self::ClientIp),
            None if text == "connection" => Ok(Self::Connection),
            Some(("header", name)) if !name.is_empty() => Ok(Self::Header(name.to_owned())),
            Some(("cookie", name)) if !name.is_empty() => Ok(Self::Cookie(name.to_owned())),
            _ => Err(ParseIdError::new(
                text,
                "a sampling key: client-ip, connection, header:NAME or cookie:NAME",
            )),
        }
    }
}

/// Reads a share of the traffic, 0 to 1: `10%`, `0.1` or `1/10`.
///
/// # Errors
/// If the text is none, or lies outside of 0 to 1.
pub fn parse_share(text: &str) -> Result<f64, ParseIdError> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let share = if let Some(percent) = text.strip_suffix('%') {
        number(percent).map(|percent| percent / 100.0)
    } else if let Some((part, whole)) = text.split_once('/') {
        number(part)
            .zip(number(whole))
            .map(|(part, whole)| part / whole)
    } else {
        number(text)
    };
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| ParseIdError::new(text, "a share from 0 to 1, such as 10%, 0.1 or 1/10"))
}

/// A share of the traffic, decided by a keyed hash of [`SampleBy`].
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The share that is kept, 0 to 1.
    pub share: f64,
    /// The key.
    pub by: SampleBy,
}

impl std::fmt::Display for Sample {
    /// As the metadata of a segment says it, `0.1 by cookie:session`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} by {}", self.share, self.by)
    }
}

impl Sample {
    /// Whether the exchange is in.
    #[must_use]
    pub fn keeps(&self, exchange: &Exchange) -> bool {
        self.point(exchange) < self.share
    }

    /// Where in [0, 1) the exchange lies.
    fn point(&self, exchange: &Exchange) -> f64 {
        let request = exchange.request.as_ref();
        let value = match &self.by {
            SampleBy::Connection => None,
            SampleBy::ClientIp => {
                let ip = exchange.connection.client.ip().to_canonical();
                return unit(SampleBy::hash("client-ip", ip.to_string().as_bytes()));
            }
            SampleBy::Header(name) => request
                .and_then(|request| request.headers.get(name))
                .map(|value| ("header", value)),
            SampleBy::Cookie(name) => request
                .and_then(|request| cookie(request, name))
                .map(|value| ("cookie", value)),
        };
        unit(match value {
            // The wire's bytes, because how they became text depends on the rest of the head.
            Some((kind, value)) => SampleBy::hash(
                kind,
                &exchange.charset.to_wire(value.trim_matches([' ', '\t'])),
            ),
            None => SampleBy::hash("connection", &exchange.connection.id.0.to_le_bytes()),
        })
    }
}

/// The value of the first cookie called `name` of a request (RFC 6265 section 4.2.1; HTTP/2 may split the field, RFC 9113
/// section 8.2.3).
#[must_use]
pub fn cookie<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request
        .headers
        .get_all("cookie")
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

/// A hash as a number in [0, 1): its upper 53 bits, which a double holds exactly.
fn unit(hash: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
    let numerator = (hash >> 11) as f64;
    numerator / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests;
