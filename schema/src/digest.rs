//! What stands for a body that is too long to be stored whole.

use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::id::ParseIdError;

/// XXH3 of 128 bits (seed 0) of a whole body as it was on the wire: de-chunked, Content-Encoding untouched. It tells whether two
/// bodies are the same by chance alone, not against somebody who wants them to look the same. Printed as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BodyDigest(pub u128);

impl BodyDigest {
    /// Of a body that is there.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(xxh3_128(body))
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for BodyDigest {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digest = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digest = is_digest.then(|| u128::from_str_radix(text, 16).ok());
        digest
            .flatten()
            .map(Self)
            .ok_or_else(|| ParseIdError::new(text, "a body's digest: 32 hexadecimal digits"))
    }
}

/// The digest of a body that passes by.
#[derive(Clone)]
pub struct BodyHasher(Box<Xxh3>);

impl BodyHasher {
    /// Of a body that begins so.
    #[must_use]
    pub fn new(beginning: &[u8]) -> Self {
        let mut hash = Box::new(Xxh3::new());
        hash.update(beginning);
        Self(hash)
    }

    /// More of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that came.
    #[must_use]
    pub fn digest(&self) -> BodyDigest {
        BodyDigest(self.0.digest128())
    }
}

impl fmt::Debug for BodyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BodyHasher").field(&self.digest()).finish()
    }
}

#[cfg(test)]
mod tests;
