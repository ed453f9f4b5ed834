//! Identities: connections, exchanges, recorders, networks.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use xxhash_rust::xxh3::Xxh3;

/// A VXLAN or GENEVE network id: 24 bits (RFC 7348 section 5, RFC 8926 section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vni(u32);

impl Vni {
    /// A network id from its value; bits above the 24th are dropped.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value & 0x00ff_ffff)
    }

    /// The value, below 2^24.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identity of one TCP connection: a hash of where it was seen, its addresses and where its bytes begin.
///
/// The same capture recorded twice gives the same ids, so that two recordings can be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// The id of the connection between `a` and `b` (in either order) as seen by `source` in network `vni`.
    ///
    /// `origin` tells apart the connections that use the same addresses one after the other: the sequence number of the
    /// client's first byte where the handshake was seen, else the first sequence number seen.
    #[must_use]
    pub fn derive(
        source: Option<&str>,
        vni: Option<Vni>,
        a: SocketAddr,
        b: SocketAddr,
        origin: u32,
    ) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let mut hash = Xxh3::new();
        hash.update(source.unwrap_or_default().as_bytes());
        hash.update(&[0]);
        hash.update(&vni.map_or(u32::MAX, Vni::get).to_le_bytes());
        for end in [low, high] {
            match end.ip() {
                std::net::IpAddr::V4(ip) => hash.update(&ip.octets()),
                std::net::IpAddr::V6(ip) => hash.update(&ip.octets()),
            }
            hash.update(&end.port().to_le_bytes());
        }
        hash.update(&origin.to_le_bytes());
        Self(hash.digest())
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 16];
        // Printed by hand: ids are printed for every row and every request.
        for (place, digit) in text.iter_mut().rev().enumerate() {
            *digit = b"0123456789abcdef"[(self.0 >> (4 * place) & 15) as usize];
        }
        f.write_str(std::str::from_utf8(&text).expect("digits are ASCII"))
    }
}

/// Text that is not an id of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct ParseIdError {
    /// What was read.
    text: String,
    /// What it should have looked like.
    expected: &'static str,
}

impl ParseIdError {
    pub(crate) fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            expected,
        }
    }
}

impl FromStr for ConnectionId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError::new(text, "a connection id of 16 hex digits");
        // Looked at first, because the standard library takes a sign.
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| error())
    }
}

/// Identity of one exchange: its connection and its place there, printed `<connection_id>-<index>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId {
    /// The connection that carried it.
    pub connection: ConnectionId,
    /// Its order in the connection, from 0.
    pub index: u32,
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connection, self.index)
    }
}

impl FromStr for ExchangeId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseIdError::new(text, "an exchange id such as 00c0ffee00c0ffee-12");
        let (connection, index) = text.split_once('-').ok_or_else(error)?;
        if index.starts_with('+') {
            return Err(error());
        }
        Ok(Self {
            connection: connection.parse().map_err(|_| error())?,
            index: index.parse().map_err(|_| error())?,
        })
    }
}

/// The name of a recorder, part of every segment key: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecorderId(String);

impl RecorderId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecorderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RecorderId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError::new(
                text,
                "a recorder id: 1 to 64 letters, digits, `.`, `_` or `-`",
            ))
        }
    }
}

#[cfg(test)]
mod tests;
