//! Bodies: JSON and forms, whatever Content-Encoding they have.
//!
//! What a rule may name and what cannot be read (bytes are missing, the text is cut or malformed, the charset or a coding is
//! another) is taken out whole: the row keeps the true length and says that the body is truncated, so that nobody takes it
//! for the body that was sent.

use bytes::Bytes;
use schema::{Body, Headers, Request, Response};

use super::Work;
use super::fields::{self, Kind, Marks, Pairs};
use super::rule::Found;

/// Fields that are digests of a body: of one that was rewritten they are wrong, and of one that is secret they tell.
const DIGEST_HEADERS: [&str; 4] = ["content-md5", "digest", "content-digest", "repr-digest"];
/// Charsets in which JSON and forms are what they are in ASCII, by their beginnings.
const ASCII_CHARSETS: [&str; 6] = [
    "utf-8",
    "utf8",
    "us-ascii",
    "ascii",
    "iso-8859-",
    "windows-125",
];

/// Names of a form.
struct Forms<'w, 'a>(&'w mut Work<'a>);

impl Marks for Forms<'_, '_> {
    fn find(&self, name: &str) -> Option<Found> {
        self.0.redaction.lookup.form(name)
    }

    fn replace(&mut self, found: Found, value: &[u8]) -> Option<String> {
        self.0.replace(found, value)
    }
}

/// What a body is, as far as rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Json,
    Form,
    /// A form in parts (RFC 7578), which is not read.
    Multipart,
    /// Something else, which may be JSON all the same.
    Other,
    /// Nothing is said.
    Unknown,
}

/// What becomes of a body.
enum Outcome {
    Kept,
    Rewritten(Vec<u8>),
    Masked,
}

/// Where a body is from, and what it has lost.
struct Place<'a> {
    headers: &'a Headers,
    /// The codings that the stored bytes have.
    codings: Option<String>,
    /// Whether the stored bytes are those that were sent, so that their number tells whether they are all.
    as_sent: bool,
    gap: bool,
}

impl Work<'_> {
    /// Redacts the body of a request; whether it was taken out.
    pub(super) fn request_body(&mut self, request: &mut Request, gap: bool) -> bool {
        let codings = joined(&request.headers, "content-encoding");
        // The body is stored as it was before chunking; what else Transfer-Encoding did to it is still there.
        let transfer = joined(&request.headers, "transfer-encoding").map(|codings| {
            let names = codings.split(',').map(str::trim);
            let names: Vec<_> = names
                .filter(|name| !name.eq_ignore_ascii_case("chunked"))
                .collect();
            names.join(",")
        });
        let codings = [codings, transfer]
            .into_iter()
            .flatten()
            .filter(|codings| !codings.is_empty());
        let codings: Vec<_> = codings.collect();
        let place = Place {
            headers: &request.headers,
            codings: (!codings.is_empty()).then(|| codings.join(",")),
            as_sent: true,
            gap,
        };
        let outcome = self.body(&request.body, &place);
        finish(outcome, &mut request.body, &mut request.headers, true)
    }

    /// Redacts the body of a response; whether it was taken out.
    pub(super) fn response_body(&mut self, response: &mut Response, gap: bool) -> bool {
        let codings = response.body_encoding.clone();
        let as_sent = codings.is_some() || joined(&response.headers, "content-encoding").is_none();
        let place = Place {
            headers: &response.headers,
            codings,
            as_sent,
            gap,
        };
        // Also of what is not stored: a digest of few possible bodies tells which it was.
        if self.may_name_in(media_type(&response.headers)) {
            response.body_digest = None;
        }
        let outcome = self.body(&response.body, &place);
        finish(outcome, &mut response.body, &mut response.headers, as_sent)
    }

    fn body(&mut self, body: &Body, place: &Place<'_>) -> Outcome {
        if body.bytes.is_empty() {
            return Outcome::Kept;
        }
        let content_type = place.headers.get("content-type").unwrap_or_default();
        let media_type = media_type(place.headers);
        if let Some((rule, _)) = self.redaction.lookup.body(media_type) {
            self.tally.matches[rule] += 1;
            return Outcome::Masked;
        }
        if !self.may_name_in(media_type) {
            return Outcome::Kept;
        }
        let outcome = self.named_body(body, place, media(media_type), content_type);
        self.tally.bodies_masked += u64::from(matches!(outcome, Outcome::Masked));
        outcome
    }

    /// Whether a rule may name a body of this type, or something in it.
    fn may_name_in(&self, media_type: &str) -> bool {
        let lookup = &self.redaction.lookup;
        let (json, forms) = (!lookup.json.is_empty(), lookup.has_forms());
        let fields = match media(media_type) {
            Media::Json | Media::Other => json,
            Media::Form | Media::Multipart => forms,
            Media::Unknown => json || forms,
        };
        fields || lookup.body(media_type).is_some()
    }

    /// A body that rules may name something in.
    fn named_body(
        &mut self,
        body: &Body,
        place: &Place<'_>,
        media: Media,
        content_type: &str,
    ) -> Outcome {
        let is_binary = media == Media::Other && !may_hold_text(content_type);
        let Some(plain) = decoded(&body.bytes, place.codings.as_deref(), self.body_bytes_max)
        else {
            return if is_binary {
                Outcome::Kept
            } else {
                Outcome::Masked
            };
        };
        let broken = place.gap || is_foreign(&plain, content_type);
        let cut = place.as_sent && (body.bytes.len() as u64) < body.wire_bytes;
        let looks_like_json = starts_json(&plain);
        let new = match media {
            Media::Multipart => return Outcome::Masked,
            Media::Json if broken || cut => return Outcome::Masked,
            Media::Json => self.json(&plain),
            Media::Other | Media::Unknown if looks_like_json => {
                if broken || cut {
                    return Outcome::Masked;
                }
                self.json(&plain)
            }
            // What lost its beginning may have been JSON.
            Media::Other if place.gap && !is_binary => return Outcome::Masked,
            Media::Other => return Outcome::Kept,
            Media::Form | Media::Unknown if broken || cut => return Outcome::Masked,
            Media::Form | Media::Unknown => Ok(
                match fields::redact(Kind::Query, &plain, &mut Forms(self)) {
                    Pairs::Kept => None,
                    Pairs::Rewritten(new) => Some(new),
                },
            ),
        };
        match new {
            Err(_) => Outcome::Masked,
            Ok(None) => Outcome::Kept,
            Ok(Some(new)) => match place.codings.as_deref() {
                None => Outcome::Rewritten(new),
                Some(codings) => schema::encode_content(codings, &new)
                    .map_or(Outcome::Masked, Outcome::Rewritten),
            },
        }
    }
}

/// Puts the new body in its place, and makes what the head says of it true. `as_sent` is false where the stored body is not
/// what was sent, because its Content-Encoding was undone: then the lengths are those of what was sent, and stay.
fn finish(outcome: Outcome, body: &mut Body, headers: &mut Headers, as_sent: bool) -> bool {
    let (new, masked) = match outcome {
        Outcome::Kept => return false,
        Outcome::Rewritten(new) => (Bytes::from(new), false),
        Outcome::Masked => (Bytes::new(), true),
    };
    body.bytes = new;
    let length = (!masked && as_sent).then_some(body.bytes.len() as u64);
    if let Some(length) = length {
        body.wire_bytes = length;
    }
    let is =
        |name: &str, others: &[&str]| others.iter().any(|other| name.eq_ignore_ascii_case(other));
    let mut new = Headers::with_capacity(headers.len(), headers.memory());
    for (name, value) in headers.iter() {
        match length {
            _ if is(name, &DIGEST_HEADERS) => {}
            Some(length) if is(name, &["content-length"]) => new.push(name, &length.to_string()),
            _ => new.push(name, value),
        }
    }
    *headers = new;
    masked
}

fn joined(headers: &Headers, name: &str) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The type that a body is said to have, without its parameters; empty if none is said.
fn media_type(headers: &Headers) -> &str {
    let content_type = headers.get("content-type").unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim()
}

fn media(media_type: &str) -> Media {
    let lower = media_type.to_ascii_lowercase();
    let last = lower.rsplit(['/', '+']).next().unwrap_or_default();
    match lower.as_str() {
        "" => Media::Unknown,
        "application/x-www-form-urlencoded" => Media::Form,
        "multipart/form-data" => Media::Multipart,
        _ if matches!(
            last,
            "json" | "x-ndjson" | "ndjson" | "jsonl" | "x-jsonlines" | "json-seq"
        ) =>
        {
            Media::Json
        }
        _ => Media::Other,
    }
}

/// Whether a body of this type may be text, and so JSON under another name.
fn may_hold_text(content_type: &str) -> bool {
    let lower = content_type.trim().to_ascii_lowercase();
    let binary = [
        "image/",
        "audio/",
        "video/",
        "font/",
        "application/pdf",
        "application/zip",
    ];
    !binary.iter().any(|prefix| lower.starts_with(prefix))
}

fn decoded(bytes: &[u8], codings: Option<&str>, limit: usize) -> Option<Vec<u8>> {
    match codings {
        None => Some(bytes.to_vec()),
        Some(codings) => schema::decode_content(codings, bytes, limit).ok(),
    }
}

/// Whether the first sign is one that a JSON object or array begins with.
fn starts_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Whether the text is in a charset that is not like ASCII.
fn is_foreign(text: &[u8], content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    let charset = lower.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim() == "charset").then(|| value.trim().trim_matches('"').to_owned())
    });
    let known = |charset: &String| {
        ASCII_CHARSETS
            .iter()
            .any(|known| charset.starts_with(known))
    };
    let begin = &text[..text.len().min(4)];
    charset.is_some_and(|charset| !known(&charset))
        || begin.starts_with(b"\xff\xfe")
        || begin.starts_with(b"\xfe\xff")
        || begin.contains(&0)
}
