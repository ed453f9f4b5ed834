//! A value as it looks in other places: in a URL, in JSON.

use std::borrow::Cow;

use crate::percent::percent_encoded;

/// How a value that was found is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it was learned.
    Plain,
    /// Percent-encoded (RFC 3986 section 2.1), with digits in upper or lower case.
    Percent { upper: bool },
    /// In a JSON string whose slashes are escaped, as PHP does.
    JsonSlash,
}

impl Form {
    /// As a number, for what is kept.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Percent { upper: false } => 1,
            Self::Percent { upper: true } => 2,
            Self::JsonSlash => 3,
        }
    }

    /// The form of a number; the plain one of any other.
    pub(super) const fn of_code(code: u8) -> Self {
        match code {
            1 => Self::Percent { upper: false },
            2 => Self::Percent { upper: true },
            3 => Self::JsonSlash,
            _ => Self::Plain,
        }
    }

    /// The value in each form that it can be told apart in, the plain one last.
    pub(super) fn all(value: &str) -> impl Iterator<Item = (Self, Cow<'_, str>)> {
        let upper = percent_encoded(value, true, |_| false);
        let lower = percent_encoded(value, false, |_| false);
        let slash = value.contains('/').then(|| value.replace('/', "\\/"));
        let other = lower != upper;
        [
            Some((Self::Percent { upper: true }, upper)),
            other.then_some((Self::Percent { upper: false }, lower)),
            slash.map(|slash| (Self::JsonSlash, Cow::Owned(slash))),
        ]
        .into_iter()
        .flatten()
        .filter(move |(_, form)| *form != value)
        .chain([(Self::Plain, Cow::Borrowed(value))])
    }
}

/// In a JSON string: printable ASCII has two characters that need an escape.
pub(super) fn json_escaped(value: &str) -> Cow<'_, str> {
    if value.contains(['"', '\\']) {
        value.replace('\\', "\\\\").replace('"', "\\\"").into()
    } else {
        value.into()
    }
}
