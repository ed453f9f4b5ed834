//! The body of a request as text, whatever its Content-Encoding, and another one in its place.

use std::borrow::Cow;

use bytes::Bytes;
use schema::{Headers, Request, decode_content, encode_content};
use serde_json::Value;

/// Longest body that is read, before and after its Content-Encoding is undone.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Digests of a body: of one that was changed they are wrong.
const DIGEST_HEADERS: [&str; 4] = ["content-md5", "digest", "content-digest", "repr-digest"];

/// Why a body was left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than the bound.
    TooLarge,
    /// It does not decode, or is not what it says.
    Unreadable,
}

/// The body without its Content-Encoding.
pub(crate) fn plain(request: &Request, bytes_max: usize) -> Result<Cow<'_, [u8]>, BodyError> {
    let body = &request.body.bytes;
    if body.len() > bytes_max {
        return Err(BodyError::TooLarge);
    }
    let codings = codings(request);
    if codings.is_empty() {
        return Ok((&body[..]).into());
    }
    decode_content(&codings, body, bytes_max)
        .map(Cow::from)
        .map_err(|_| BodyError::Unreadable)
}

/// Puts another body in, with the Content-Encoding of the old one, and makes true what the head says of it.
pub(crate) fn replace(request: &mut Request, body: Vec<u8>) -> Result<(), BodyError> {
    let codings = codings(request);
    let body = if codings.is_empty() {
        body
    } else {
        encode_content(&codings, &body).map_err(|_| BodyError::Unreadable)?
    };
    request.body.wire_bytes = body.len() as u64;
    let length = body.len().to_string();
    request.body.bytes = Bytes::from(body);
    let mut headers = Headers::with_capacity(request.headers.len(), request.headers.memory());
    let is_digest = |name: &str| {
        DIGEST_HEADERS
            .iter()
            .any(|digest| name.eq_ignore_ascii_case(digest))
    };
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_digest(name)) {
        let is_length = name.eq_ignore_ascii_case("content-length");
        headers.push(name, if is_length { &length } else { value });
    }
    request.headers = headers;
    Ok(())
}

/// The form that the body says it is.
pub(super) fn form(request: &Request) -> Result<Option<String>, BodyError> {
    if media_type(request) != "application/x-www-form-urlencoded" {
        return Ok(None);
    }
    let text = plain(request, BODY_BYTES_MAX)?.into_owned();
    String::from_utf8(text)
        .map(Some)
        .map_err(|_| BodyError::Unreadable)
}

/// The JSON that the body says it is; members in their order, numbers as written.
pub(super) fn json(request: &Request) -> Result<Option<Value>, BodyError> {
    if request.body.bytes.is_empty() || !media_type(request).ends_with("json") {
        return Ok(None);
    }
    let text = plain(request, BODY_BYTES_MAX)?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|_| BodyError::Unreadable)
}

fn media_type(request: &Request) -> String {
    let content_type = request.headers.get("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

fn codings(request: &Request) -> String {
    let codings: Vec<&str> = request.headers.get_all("content-encoding").collect();
    codings.join(",")
}
