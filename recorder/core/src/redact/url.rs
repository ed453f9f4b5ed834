//! URLs: the target of a request, and fields that hold one.

use super::Work;
use super::fields::{self, Kind, Marks, Pairs};
use super::rule::{Found, Part};

/// Fields whose value is a URL.
pub(super) const URL_HEADERS: [&str; 12] = [
    "referer",
    "location",
    "content-location",
    "destination",
    "origin",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-forwarded-uri",
    "x-forwarded-url",
    "x-request-uri",
    "x-http-destinationurl",
];

/// Names of a query.
struct Queries<'w, 'a>(&'w mut Work<'a>);

impl Marks for Queries<'_, '_> {
    fn find(&self, name: &str) -> Option<Found> {
        self.0.redaction.lookup.query(name)
    }

    fn replace(&mut self, found: Found, value: &[u8]) -> Option<String> {
        self.0.replace(found, value)
    }
}

impl Work<'_> {
    /// What is left of a URL or a reference (RFC 3986); `None` if nothing is marked.
    pub(super) fn url(&mut self, text: &[u8]) -> Option<Vec<u8>> {
        let (rest, fragment) = split(text, b'#');
        let (hierarchy, query) = split(rest, b'?');
        let authority = authority(hierarchy);
        let path_at = authority.as_ref().map_or(0, |authority| authority.end);
        let path = self.path(&hierarchy[path_at..]);
        let new_query = query.map(|query| self.query(query));
        let new_fragment = fragment.map(|fragment| self.query(fragment));
        let user_end = authority.and_then(|authority| {
            let at = memchr::memrchr(b'@', &hierarchy[authority.clone()])?;
            Some((authority.start, authority.start + at))
        });
        let userinfo = self.redaction.lookup.userinfo.zip(user_end);
        let changed = |new: &Option<Pairs>| matches!(new, Some(Pairs::Rewritten(_)));
        if path.is_none() && !changed(&new_query) && !changed(&new_fragment) && userinfo.is_none() {
            return None;
        }
        let mut url = Vec::with_capacity(text.len());
        if let Some((found, (start, end))) = userinfo {
            url.extend_from_slice(&hierarchy[..start]);
            if let Some(replaced) = self.replace(found, &hierarchy[start..end]) {
                url.extend_from_slice(fields::percent_encode(&replaced).as_bytes());
                url.push(b'@');
            }
            url.extend_from_slice(&hierarchy[end + 1..path_at]);
        } else {
            url.extend_from_slice(&hierarchy[..path_at]);
        }
        let old_path = &hierarchy[path_at..];
        url.extend_from_slice(path.as_deref().unwrap_or(old_path));
        for (mark, old, new) in [(b'?', query, new_query), (b'#', fragment, new_fragment)] {
            match (old, new) {
                (Some(_), Some(Pairs::Rewritten(new))) if new.is_empty() => {}
                (Some(old), Some(new)) => {
                    url.push(mark);
                    match new {
                        Pairs::Kept => url.extend_from_slice(old),
                        Pairs::Rewritten(new) => url.extend_from_slice(&new),
                    }
                }
                _ => {}
            }
        }
        Some(url)
    }

    /// What becomes of a query.
    pub(super) fn query(&mut self, query: &[u8]) -> Pairs {
        fields::redact(Kind::Query, query, &mut Queries(self))
    }

    /// What is left of a path: marked segments, and parameters of segments (`;name=value`) by the rules for queries.
    pub(super) fn path(&mut self, path: &[u8]) -> Option<Vec<u8>> {
        let mut segments: Vec<Vec<u8>> = path
            .split(|&byte| byte == b'/')
            .map(<[u8]>::to_vec)
            .collect();
        let mut changed = false;
        for segment in &mut segments {
            let Some(at) = memchr::memchr(b';', segment) else {
                continue;
            };
            // Parameters are parted by semicolons only, which here is what `&` is in a query.
            let mut parameters = Vec::new();
            for parameter in segment[at + 1..].split(|&byte| byte == b';') {
                match self.query(parameter) {
                    Pairs::Kept => parameters.push(parameter.to_vec()),
                    Pairs::Rewritten(left) => {
                        changed = true;
                        parameters.push(left);
                    }
                }
            }
            segment.truncate(at + 1);
            segment.extend(parameters.join(&b';'));
        }
        for (index, found) in self.marked_segments(&segments) {
            let segment = &mut segments[index];
            let end = memchr::memchr(b';', segment).unwrap_or(segment.len());
            let value = fields::percent_decode(&segment[..end], false);
            let replaced = self.replace(found, &value).unwrap_or_default();
            let rest = segment.split_off(end);
            *segment = fields::percent_encode(&replaced).into_bytes();
            segment.extend(rest);
            changed = true;
        }
        changed.then(|| segments.join(&b'/'))
    }

    /// The segments that rules mark. Empty segments and `.` are passed over, as servers do.
    fn marked_segments(&self, segments: &[Vec<u8>]) -> Vec<(usize, Found)> {
        let mut marked: Vec<(usize, Found)> = Vec::new();
        if self.redaction.lookup.paths.is_empty() {
            return marked;
        }
        let names: Vec<(usize, String)> = segments
            .iter()
            .enumerate()
            .map(|(index, segment)| {
                let end = memchr::memchr(b';', segment).unwrap_or(segment.len());
                let name = fields::percent_decode(&segment[..end], false);
                (index, String::from_utf8_lossy(&name).into_owned())
            })
            .filter(|(_, name)| !name.is_empty() && name != ".")
            .collect();
        for (pattern, found) in &self.redaction.lookup.paths {
            for index in matched(pattern, &names) {
                if !marked.iter().any(|&(known, _)| known == index) {
                    marked.push((index, *found));
                }
            }
        }
        marked
    }
}

/// The segments at the marked places of a pattern, in every way in which it fits the path; none if it does not fit.
///
/// A table of which part can stand at which segment, from both ends: parts times segments, whatever the pattern.
fn matched(pattern: &[Part], names: &[(usize, String)]) -> Vec<usize> {
    let fits = |part: &Part, name: &str| match part {
        Part::One(glob) => glob.matches(name),
        Part::Any | Part::Marked => true,
    };
    let (parts, segments) = (pattern.len(), names.len());
    // ends[p][s]: parts from p on fit segments from s on.
    let mut ends = vec![vec![false; segments + 1]; parts + 1];
    ends[parts][segments] = true;
    for p in (0..parts).rev() {
        for s in (0..=segments).rev() {
            ends[p][s] = match &pattern[p] {
                Part::Any => ends[p + 1][s] || (s < segments && ends[p][s + 1]),
                part => s < segments && fits(part, &names[s].1) && ends[p + 1][s + 1],
            };
        }
    }
    let mut reached = vec![vec![false; segments + 1]; parts + 1];
    reached[0][0] = true;
    let mut marked = Vec::new();
    for p in 0..parts {
        for s in 0..=segments {
            if !reached[p][s] || !ends[p][s] {
                continue;
            }
            match &pattern[p] {
                Part::Any => {
                    reached[p + 1][s] = true;
                    if s < segments {
                        reached[p][s + 1] = true;
                    }
                }
                part => {
                    reached[p + 1][s + 1] = true;
                    if matches!(part, Part::Marked) && ends[p + 1][s + 1] {
                        marked.push(names[s].0);
                    }
                }
            }
        }
    }
    marked
}

/// What is before the first `mark`, and what is after it.
fn split(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(mark, text) {
        None => (text, None),
        Some(at) => (&text[..at], Some(&text[at + 1..])),
    }
}

/// Where the authority is: after `//`, or after `scheme://`.
fn authority(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let slashes = memchr::memmem::find(text, b"//")?;
    let scheme = &text[..slashes];
    let has_scheme = scheme
        .strip_suffix(b":")
        .is_some_and(|scheme| scheme.iter().all(u8::is_ascii_alphanumeric));
    (has_scheme || scheme.is_empty()).then_some(())?;
    let start = slashes + 2;
    let end = memchr::memchr(b'/', &text[start..]).map_or(text.len(), |at| start + at);
    Some(start..end)
}
