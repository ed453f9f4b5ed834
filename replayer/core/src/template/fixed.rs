//! Templates that a person wrote down.

use globset::GlobMatcher;

/// A template of the file of rules.
#[derive(Clone, Debug)]
pub struct FixedTemplate {
    /// Which hosts, as typed, and what matches them; all if there is none.
    host: Option<(String, GlobMatcher)>,
    /// The template, `/users/{name}`.
    path: String,
    /// Its name: file and line.
    name: String,
}

impl FixedTemplate {
    /// Reads a template; an error is why it is none.
    pub(crate) fn new(
        host: Option<(String, GlobMatcher)>,
        path: &str,
        name: String,
    ) -> Result<Self, String> {
        let is_valid = |segment: &str| match (segment.find('{'), segment.find('}')) {
            (None, None) => true,
            (Some(open), Some(close)) => {
                let word = segment.get(open + 1..close).unwrap_or_default();
                !word.is_empty() && segment.matches(['{', '}']).count() == 2
            }
            _ => false,
        };
        if !path.starts_with('/') || path.contains('?') || !path.split('/').all(is_valid) {
            return Err(format!(
                "`{path}` is no template of a path such as /users/{{name}}: one placeholder a segment at most"
            ));
        }
        Ok(Self {
            host,
            path: path.to_owned(),
            name,
        })
    }

    /// The template, if it is one of the path on a host.
    pub(crate) fn of(&self, host: &str, path: &str) -> Option<&str> {
        let is_meant = |(_, glob): &(String, GlobMatcher)| glob.is_match(host);
        if !self.host.as_ref().is_none_or(is_meant) {
            return None;
        }
        let mut segments = path.split('/');
        for wanted in self.path.split('/') {
            let (segment, _parameters) = {
                let segment = segments.next()?;
                segment.split_once(';').unwrap_or((segment, ""))
            };
            if !is_like(wanted, segment) {
                return None;
            }
        }
        segments.next().is_none().then_some(&self.path)
    }

    pub(crate) fn host_text(&self) -> &str {
        self.host.as_ref().map_or("*", |(text, _)| text)
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Whether a segment is the wanted one: a placeholder stands for at least one character.
fn is_like(wanted: &str, segment: &str) -> bool {
    let Some((before, rest)) = wanted.split_once('{') else {
        return wanted == segment;
    };
    let (_, after) = rest.split_once('}').unwrap_or((rest, ""));
    segment
        .strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .is_some_and(|value| !value.is_empty())
}
