//! Heads: request targets, header and trailer fields.

use schema::{Charset, Headers, Request, Response};

use super::Work;
use super::fields::{self, Kind, Marks, Pairs};
use super::rule::{Action, Found};
use super::url::URL_HEADERS;

/// Names of cookies.
struct Cookies<'w, 'a>(&'w mut Work<'a>);

impl Marks for Cookies<'_, '_> {
    fn find(&self, name: &str) -> Option<Found> {
        self.0.redaction.lookup.cookie(name)
    }

    fn replace(&mut self, found: Found, value: &[u8]) -> Option<String> {
        self.0.replace(found, value)
    }
}

impl Work<'_> {
    /// Redacts a request; whether its body was taken out.
    pub(super) fn request(&mut self, request: &mut Request, gap: bool) -> bool {
        let masked = self.request_body(request, gap);
        if self.redaction.lookup.has_urls() {
            self.target(request);
        }
        self.fields(&mut request.headers);
        self.trailers(&mut request.trailers);
        masked
    }

    /// Redacts a response; whether its body was taken out.
    pub(super) fn response(&mut self, response: &mut Response, gap: bool) -> bool {
        let masked = self.response_body(response, gap);
        self.fields(&mut response.headers);
        self.trailers(&mut response.trailers);
        masked
    }

    fn target(&mut self, request: &mut Request) {
        let charset = self.charset;
        // The path of CONNECT is where it goes, and `*` is nothing.
        let is_path = request.method != "CONNECT" && request.path != "*";
        if let Some(target) = request.target.as_mut().filter(|_| is_path)
            && let Some(new) = self.url(&charset.to_wire(target))
        {
            *target = text(charset, new);
        }
        if let Some(new) = self
            .path(&charset.to_wire(&request.path))
            .filter(|_| is_path)
        {
            request.path = text(charset, new);
        }
        if let Some(query) = &request.query
            && let Pairs::Rewritten(new) = self.query(&charset.to_wire(query))
        {
            request.query = (!new.is_empty()).then(|| text(charset, new));
        }
    }

    fn trailers(&mut self, trailers: &mut Option<Headers>) {
        if let Some(fields) = trailers {
            self.fields(fields);
            if fields.is_empty() {
                *trailers = None;
            }
        }
    }

    fn fields(&mut self, headers: &mut Headers) {
        let mut new = Headers::with_capacity(headers.len(), headers.memory());
        let mut changed = false;
        for (name, value) in headers.iter() {
            match self.field(name, value) {
                Some(None) => changed = true,
                Some(Some(value)) => {
                    changed = true;
                    new.push(name, &value);
                }
                None => new.push(name, value),
            }
        }
        if changed {
            *headers = new;
        }
    }

    /// What becomes of a field: nothing, gone, or another value.
    fn field(&mut self, name: &str, value: &str) -> Option<Option<String>> {
        let charset = self.charset;
        let bytes = charset.to_wire(value);
        if let Some(found) = self.redaction.lookup.header(name) {
            return Some(self.whole_field(found, name, &bytes));
        }
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("cookie") || is("cookie2") {
            let Pairs::Rewritten(new) = fields::redact(Kind::Cookie, &bytes, &mut Cookies(self))
            else {
                return None;
            };
            let new = text(charset, new).trim_start().to_owned();
            return Some((!new.is_empty()).then_some(new));
        }
        if is("set-cookie") || is("set-cookie2") {
            return self.set_cookie(&bytes);
        }
        if !self.redaction.lookup.has_urls() {
            return None;
        }
        let new = if URL_HEADERS.iter().any(|url| is(url)) {
            self.url(&bytes)
        } else if is("refresh") {
            self.url_after(&bytes, b"=", b"")
        } else if is("link") {
            self.url_after(&bytes, b"<", b">")
        } else {
            None
        };
        new.map(|new| Some(text(charset, new)))
    }

    /// A field that is marked as a whole. Of credentials (RFC 9110 section 11.4) the scheme stays.
    fn whole_field(&mut self, found: Found, name: &str, value: &[u8]) -> Option<String> {
        let is_credentials = ["authorization", "proxy-authorization"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        let value = value.trim_ascii();
        let scheme = memchr::memchr(b' ', value).filter(|_| is_credentials);
        let is_scheme = |scheme: &[u8]| {
            scheme
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        };
        match scheme.filter(|&at| is_scheme(&value[..at])) {
            Some(at) => {
                let new = self.replace(found, value[at..].trim_ascii())?;
                Some(format!("{} {new}", String::from_utf8_lossy(&value[..at])))
            }
            None => self.replace(found, value),
        }
    }

    /// A cookie that is dropped takes its attributes with it.
    fn set_cookie(&mut self, value: &[u8]) -> Option<Option<String>> {
        let name_end = value
            .iter()
            .position(|byte| b"=;,".contains(byte))
            .unwrap_or(0);
        let name = String::from_utf8_lossy(&value[..name_end])
            .trim()
            .to_owned();
        if let Some(found @ (_, Action::Drop)) = self.redaction.lookup.cookie(&name) {
            self.replace(found, value);
            return Some(None);
        }
        match fields::redact(Kind::SetCookie, value, &mut Cookies(self)) {
            Pairs::Kept => None,
            Pairs::Rewritten(new) => Some(Some(text(self.charset, new))),
        }
    }

    /// The URLs of a field that come after `open`, each up to `close` or to the end.
    fn url_after(&mut self, value: &[u8], open: &[u8], close: &[u8]) -> Option<Vec<u8>> {
        let mut new = Vec::new();
        let (mut rest, mut changed) = (value, false);
        while let Some(at) = memchr::memmem::find(rest, open) {
            let start = at + open.len();
            let end = Some(close)
                .filter(|close| !close.is_empty())
                .and_then(|close| memchr::memmem::find(&rest[start..], close))
                .map_or(rest.len(), |len| start + len);
            new.extend_from_slice(&rest[..start]);
            let old = &rest[start..end];
            let url = self.url(old);
            changed |= url.is_some();
            new.extend_from_slice(url.as_deref().unwrap_or(old));
            rest = &rest[end..];
        }
        new.extend_from_slice(rest);
        changed.then_some(new)
    }
}

/// The text of a head from its bytes on the wire.
pub(super) fn text(charset: Charset, bytes: Vec<u8>) -> String {
    match charset {
        Charset::Utf8 => String::from_utf8_lossy(&bytes).into_owned(),
        Charset::Latin1 => bytes.into_iter().map(char::from).collect(),
    }
}
