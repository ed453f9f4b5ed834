//! How a target proves that it is a test environment.

use std::fmt;
use std::str::FromStr;

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The target answers `GET /` (behind its path prefix) with this header field.
    Header {
        /// Name of the field, in any case.
        name: String,
        /// Its value, exactly.
        value: String,
    },
    /// The target answers `GET` of a path with 200 and this text.
    Path {
        /// The path, without the target's prefix.
        path: String,
        /// The whole body, white space around it apart.
        token: String,
    },
    /// The target's name ends like this; of several such proofs one suffices.
    Suffix(String),
}

impl Proof {
    /// Whether the target called `host` needs no other proof. False where the proof is not one by name.
    #[must_use]
    pub fn holds_for_name(&self, host: &str) -> bool {
        let Self::Suffix(suffix) = self else {
            return false;
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        host.len() > suffix.len() && host.ends_with(&suffix.to_ascii_lowercase())
    }

    /// The path that has to be asked for; `None` where the name alone decides.
    #[must_use]
    pub fn asks_for(&self) -> Option<&str> {
        match self {
            Self::Header { .. } => Some("/"),
            Self::Path { path, .. } => Some(path),
            Self::Suffix(_) => None,
        }
    }

    /// Whether an answer proves it: its status, the values of its fields by name, and its body.
    #[must_use]
    pub fn holds_for_answer<'a>(
        &self,
        status: u16,
        mut fields: impl Iterator<Item = (&'a str, &'a [u8])>,
        body: &[u8],
    ) -> bool {
        match self {
            Self::Header { name, value } => fields.any(|(field, found)| {
                field.eq_ignore_ascii_case(name) && found.trim_ascii() == value.as_bytes()
            }),
            Self::Path { token, .. } => status == 200 && body.trim_ascii() == token.as_bytes(),
            Self::Suffix(_) => false,
        }
    }
}

impl fmt::Display for Proof {
    /// Without its secret: tokens and values are for the target only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { name, .. } => write!(f, "header:{name}"),
            Self::Path { path, .. } => write!(f, "path:{path}"),
            Self::Suffix(suffix) => write!(f, "suffix:{suffix}"),
        }
    }
}

/// Text that is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no proof; give header:NAME=VALUE, path:/PATH=TOKEN or suffix:.test.internal")]
pub struct ParseProofError(String);

impl FromStr for Proof {
    type Err = ParseProofError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let own = |(left, right): (&str, &str)| (left.to_owned(), right.to_owned());
        let pair = |rest: &str| {
            rest.split_once('=')
                .filter(|(left, right)| !left.is_empty() && !right.is_empty())
                .map(own)
        };
        let proof = match text.split_once(':') {
            Some(("header", rest)) => pair(rest).map(|(name, value)| Self::Header { name, value }),
            Some(("path", rest)) if rest.starts_with('/') => {
                pair(rest).map(|(path, token)| Self::Path { path, token })
            }
            // A suffix that begins within a label would let `evil-test.internal` through.
            Some(("suffix", rest)) if rest.starts_with('.') && rest.len() > 2 => {
                Some(Self::Suffix(rest.to_owned()))
            }
            _ => None,
        };
        proof.ok_or_else(|| ParseProofError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
