//! JSON pointers with globs: which values of a JSON text are meant.

use schema::Pattern;

/// A part of a JSON pointer.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// One name or index.
    One(Pattern),
    /// Any number of them.
    Any,
}

impl Part {
    /// Whether `name` may stand for it.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self {
            Self::One(glob) => glob.matches(name),
            Self::Any => true,
        }
    }
}

/// A JSON pointer (RFC 6901) whose parts may be globs, and `**` for any number of parts.
pub(crate) fn pointer(text: &str) -> Result<Vec<Part>, String> {
    let parts = text
        .strip_prefix('/')
        .ok_or("a pointer begins with /, such as /token or /**/id")?
        .split('/')
        .map(|part| match part {
            "**" => Ok(Part::Any),
            _ => pattern(&part.replace("~1", "/").replace("~0", "~")).map(Part::One),
        });
    parts.collect()
}

/// A step into a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// Whether a pointer names the value at `path`.
pub(crate) fn names(parts: &[Part], path: &[Step<'_>]) -> bool {
    match (parts.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((Part::Any, rest)), None) => names(rest, path),
        (Some((Part::Any, rest)), Some((_, below))) => names(rest, path) || names(parts, below),
        (Some((Part::One(glob), rest)), Some((step, below))) => {
            let matches = match step {
                Step::Name(name) => glob.matches(name),
                Step::Index(index) => glob.matches(&index.to_string()),
            };
            matches && names(rest, below)
        }
        (None, Some(_)) | (Some((Part::One(_), _)), None) => false,
    }
}

/// A name in any case.
pub(crate) fn pattern(glob: &str) -> Result<Pattern, String> {
    Pattern::host(&bracketed(glob)).map_err(|error| error.to_string())
}

/// A glob whose brackets are themselves, because names of fields hold them.
pub(crate) fn bracketed(glob: &str) -> String {
    let sign = |c: char| match c {
        '[' => "[[]".to_owned(),
        ']' => "[]]".to_owned(),
        _ => c.to_string(),
    };
    glob.chars().map(sign).collect()
}

#[cfg(test)]
mod tests;
