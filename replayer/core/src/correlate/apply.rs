//! A request with the target's values in place of the recorded ones.
//!
//! Each part of a request is looked through twice: for values that are the whole of something (a segment, a parameter, a cookie,
//! a JSON value), and for particular ones wherever they begin and end as a word does. The target's value is written as the
//! recorded one was: percent-encoded where that was, or where it would not be read back otherwise.

mod whole;

use std::borrow::Cow;

use schema::{Headers, Request};

use super::forms::{Form, json_escaped};
use super::store::{Known, Space, Store};
use super::tally::Tally;
use super::{Missed, Place, Scope};
use crate::percent::percent_encoded;
use crate::rewrite::body::{self, BodyError};

/// Fields that say where a message ends, what it is and where it goes, and those that a replay adds.
const KEPT_HEADERS: [&str; 15] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "trailer",
    "te",
    "upgrade",
    "expect",
    "accept",
    "accept-encoding",
    "accept-language",
    "user-agent",
    "x-reprise-exchange",
];
/// One request under way.
pub(super) struct Applying<'a> {
    pub(super) store: &'a mut Store,
    pub(super) tally: &'a mut Tally,
    pub(super) scope: Scope,
    pub(super) body_bytes_max: usize,
}

/// A stretch of text and what takes its place.
struct Edit {
    start: usize,
    end: usize,
    with: String,
}

impl Applying<'_> {
    /// Whether anything changed. What is learned is ASCII, which is the same in every charset of a head.
    pub(super) fn request(&mut self, request: &mut Request) -> bool {
        let mut changed = self.text(&mut request.path, Place::Path);
        if let Some(query) = &mut request.query {
            changed |= self.text(query, Place::Query);
        }
        changed |= self.headers(&mut request.headers);
        changed | self.body(request)
    }

    fn text(&mut self, text: &mut String, place: Place) -> bool {
        let Some(new) = self.replaced(text.as_bytes(), place) else {
            return false;
        };
        // Only ASCII was taken out and put in.
        *text = String::from_utf8(new).expect("text with other ASCII in it is text");
        true
    }

    fn headers(&mut self, headers: &mut Headers) -> bool {
        let mut edited: Vec<(usize, String)> = Vec::new();
        for (number, (name, value)) in headers.iter().enumerate() {
            if is_kept_header(name) {
                continue;
            }
            let place = if name.eq_ignore_ascii_case("cookie") {
                Place::Cookie
            } else {
                Place::Header
            };
            let mut text = value.to_owned();
            if self.text(&mut text, place) {
                edited.push((number, text));
            }
        }
        if edited.is_empty() {
            return false;
        }
        let mut edits = edited.into_iter().peekable();
        let mut new = Headers::with_capacity(headers.len(), headers.memory());
        for (number, (name, value)) in headers.iter().enumerate() {
            match edits.next_if(|(edited, _)| *edited == number) {
                Some((_, text)) => new.push(name, &text),
                None => new.push(name, value),
            }
        }
        *headers = new;
        true
    }

    fn body(&mut self, request: &mut Request) -> bool {
        if request.body.bytes.is_empty() {
            return false;
        }
        let new = self.new_body(request);
        let changed = new.and_then(|new| match new {
            None => Ok(false),
            Some(new) => body::replace(request, new)
                .map(|()| true)
                .map_err(Missed::from),
        });
        changed.unwrap_or_else(|missed| {
            self.tally.miss(missed);
            false
        })
    }

    fn new_body(&mut self, request: &Request) -> Result<Option<Vec<u8>>, Missed> {
        let plain = body::plain(request, self.body_bytes_max)?;
        let media = Media::of(request.headers.get("content-type"), &plain);
        let place = match media {
            Media::Json => Place::Json,
            Media::Form => Place::Form,
            Media::Text | Media::Binary => Place::Body,
        };
        let edits = self.edits(&plain, place);
        let keeps_length = |edit: &Edit| edit.with.len() == edit.end - edit.start;
        if media == Media::Binary && !edits.iter().all(keeps_length) {
            return Err(Missed::RequestBodyBinary);
        }
        Ok((!edits.is_empty()).then(|| spliced(&plain, edits)))
    }

    /// The text with everything known replaced; `None` if nothing is.
    fn replaced(&mut self, text: &[u8], place: Place) -> Option<Vec<u8>> {
        let edits = self.edits(text, place);
        (!edits.is_empty()).then(|| spliced(text, edits))
    }

    /// What is to be replaced, in order and without overlaps.
    fn edits(&mut self, text: &[u8], place: Place) -> Vec<Edit> {
        let whole = if self.store.has_whole() {
            self.whole_values(text, place)
        } else {
            Vec::new()
        };
        let mut edits = Vec::new();
        let mut taken = whole.iter().peekable();
        let mut at = 0;
        while at < text.len() {
            if let Some(edit) = taken.next_if(|edit| edit.start <= at) {
                at = at.max(edit.end);
                continue;
            }
            let end_max = taken.peek().map_or(text.len(), |edit| edit.start);
            match self.particular_at(text, at, end_max, place) {
                Some(edit) => {
                    at = edit.end;
                    edits.push(edit);
                }
                None => at += 1,
            }
        }
        edits.extend(whole);
        edits.sort_by_key(|edit| edit.start);
        edits
    }

    /// A particular value that begins at `at`, as a word does.
    fn particular_at(
        &mut self,
        text: &[u8],
        at: usize,
        end_max: usize,
        place: Place,
    ) -> Option<Edit> {
        if !is_border(text, at) {
            return None;
        }
        let ends = |length: usize| at + length <= end_max && is_border(text, at + length);
        let (length, known) = self.store.find_at(self.scope, &text[at..], ends)?;
        let end = at + length;
        let edit = Edit {
            start: at,
            end,
            with: known.written(place, &text[at..end]).into_owned(),
        };
        let (source, allowed) = (known.source, known.places.holds(place));
        allowed.then(|| {
            self.tally.used(source, place);
            edit
        })
    }

    /// What takes the place of a whole value, if anything does.
    fn whole(&mut self, space: Space, value: &[u8], place: Place) -> Option<String> {
        let known = self.store.find(space, self.scope, value)?;
        if !known.places.holds(place) {
            return None;
        }
        let (source, actual) = (known.source, known.actual.to_string());
        self.tally.used(source, place);
        Some(actual)
    }
}

impl Known {
    /// The target's value as it is written in place of `found`.
    fn written(&self, place: Place, found: &[u8]) -> Cow<'_, str> {
        match (self.form, place) {
            (Form::Percent { upper }, _) => percent_encoded(&self.actual, upper, |_| false),
            (Form::JsonSlash, _) => json_escaped(&self.actual).replace('/', "\\/").into(),
            (Form::Plain, Place::Json) => json_escaped(&self.actual),
            (Form::Plain, Place::Path | Place::Query | Place::Form) => {
                percent_encoded(&self.actual, true, |byte| found.contains(&byte))
            }
            (Form::Plain, Place::Header | Place::Cookie | Place::Body) => (&*self.actual).into(),
        }
    }
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Json,
    Form,
    Text,
    /// Lengths may be in it, as in protocol buffers.
    Binary,
}

impl Media {
    fn of(content_type: Option<&str>, body: &[u8]) -> Self {
        let lower = content_type.unwrap_or_default().to_ascii_lowercase();
        let media_type = lower.split(';').next().unwrap_or_default().trim();
        if media_type.ends_with("json") {
            return Self::Json;
        }
        if media_type == "application/x-www-form-urlencoded" {
            return Self::Form;
        }
        let is_text = media_type.starts_with("text/")
            || media_type.starts_with("multipart/form-data")
            || media_type.ends_with("xml")
            || media_type.ends_with("graphql")
            || media_type.ends_with("javascript");
        if is_text {
            return Self::Text;
        }
        let may_be_text = media_type.is_empty() && std::str::from_utf8(body).is_ok();
        match body.trim_ascii_start().first() {
            Some(b'{' | b'[') if may_be_text => Self::Json,
            _ if may_be_text => Self::Text,
            _ => Self::Binary,
        }
    }
}

impl From<BodyError> for Missed {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::RequestBodyTooLarge,
            BodyError::Unreadable => Self::RequestBodyUnreadable,
        }
    }
}

/// Whether a field is sent as it is, whatever it holds.
pub(crate) fn is_kept_header(name: &str) -> bool {
    KEPT_HEADERS
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other))
}

fn spliced(text: &[u8], edits: Vec<Edit>) -> Vec<u8> {
    let mut new = Vec::with_capacity(text.len() + 64);
    let mut copied = 0;
    for edit in edits {
        new.extend_from_slice(&text[copied..edit.start]);
        new.extend_from_slice(edit.with.as_bytes());
        copied = edit.end;
    }
    new.extend_from_slice(&text[copied..]);
    new
}

/// Whether a word may begin or end at `at`: no letter or digit on one of both sides, or an escape before it (`%3D`, `\u003d`).
pub(crate) fn is_border(text: &[u8], at: usize) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let before = &text[..at];
    if !before.last().is_some_and(is_word) || !text.get(at).is_some_and(is_word) {
        return true;
    }
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    let percent = matches!(before, [.., b'%', a, b] if is_hex(&[*a, *b]));
    percent || matches!(before, [.., b'\\', b'u', a, b, c, d] if is_hex(&[*a, *b, *c, *d]))
}
