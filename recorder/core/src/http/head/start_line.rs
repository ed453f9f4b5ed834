//! Start lines, leniently: request lines (RFC 9112 section 3), status lines (section 4), request targets (section 3.2).

use schema::Protocol;

use super::scan::METHOD_BYTES_MAX;

/// Methods that are known by name (IANA's registry, and what UPnP, caches and streaming servers add), where a method is
/// needed to tell a request line from other text.
pub(crate) const METHODS: &[&[u8]] = &[
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"PATCH",
    b"CONNECT",
    b"TRACE",
    b"ACL",
    b"BASELINE-CONTROL",
    b"BCOPY",
    b"BDELETE",
    b"BIND",
    b"BMOVE",
    b"BPROPFIND",
    b"BPROPPATCH",
    b"CHECKIN",
    b"CHECKOUT",
    b"COPY",
    b"DESCRIBE",
    b"LABEL",
    b"LINK",
    b"LOCK",
    b"M-SEARCH",
    b"MERGE",
    b"MKACTIVITY",
    b"MKCALENDAR",
    b"MKCOL",
    b"MKREDIRECTREF",
    b"MKWORKSPACE",
    b"MOVE",
    b"NOTIFY",
    b"ORDERPATCH",
    b"POLL",
    b"PROPFIND",
    b"PROPPATCH",
    b"PURGE",
    b"QUERY",
    b"REBIND",
    b"REPORT",
    b"SEARCH",
    b"SOURCE",
    b"SUBSCRIBE",
    b"UNBIND",
    b"UNCHECKOUT",
    b"UNLINK",
    b"UNLOCK",
    b"UNSUBSCRIBE",
    b"UPDATE",
    b"UPDATEREDIRECTREF",
    b"VERSION-CONTROL",
];

/// Whether a method before which bytes may be lost is whole for sure: it is known, and does not end another one that is. The
/// batch methods of WebDAV servers (`BDELETE`) are left out, or no `DELETE` would be.
pub(crate) fn is_whole(method: &str) -> bool {
    let method = method.as_bytes();
    let ends = |known: &&&[u8]| known.ends_with(method) && !known.starts_with(b"B");
    METHODS.contains(&method)
        && METHODS
            .iter()
            .filter(ends)
            .all(|known| known.len() == method.len())
}

/// A request line's parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) protocol: Protocol,
}

/// A status line's parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StatusLine {
    pub(super) status: u16,
    pub(super) protocol: Protocol,
}

/// Takes a request line apart: a token, anything, and a word that names HTTP. Blanks between may be several, the target may
/// hold blanks.
pub(super) fn request(line: &[u8]) -> Option<RequestLine<'_>> {
    let line = line.trim_ascii_end();
    let method_end = line.iter().position(|&byte| is_blank(byte))?;
    let (method, rest) = (&line[..method_end], line[method_end..].trim_ascii_start());
    let target_end = rest.iter().rposition(|&byte| is_blank(byte))?;
    let (target, version) = (rest[..target_end].trim_ascii_end(), &rest[target_end + 1..]);
    let is_method =
        (1..=METHOD_BYTES_MAX).contains(&method.len()) && method.iter().all(|&byte| is_token(byte));
    (is_method && !target.is_empty()).then_some(())?;
    Some(RequestLine {
        method,
        target,
        protocol: protocol(version)?,
    })
}

/// Takes a status line apart: a word that names HTTP and three digits; the reason phrase may be missing.
pub(super) fn status(line: &[u8]) -> Option<StatusLine> {
    let line = line.trim_ascii_end();
    let version_end = line.iter().position(|&byte| is_blank(byte))?;
    let protocol = protocol(&line[..version_end])?;
    let rest = line[version_end..].trim_ascii_start();
    let digits = rest.first_chunk::<3>()?;
    let is_status = digits.iter().all(u8::is_ascii_digit)
        && !rest.get(3).is_some_and(|byte| byte.is_ascii_digit());
    is_status.then(|| StatusLine {
        status: digits
            .iter()
            .fold(0, |status, digit| status * 10 + u16::from(digit - b'0')),
        protocol,
    })
}

/// The protocol that a version word names: `HTTP/` in any case and a number; all but 1.0 and below is read as 1.1.
fn protocol(word: &[u8]) -> Option<Protocol> {
    let (name, number) = word.split_at_checked(5)?;
    let first = number.first().filter(|digit| digit.is_ascii_digit())?;
    let old = *first == b'0' || matches!(number, b"1.0" | b"1");
    name.eq_ignore_ascii_case(b"HTTP/").then_some(if old {
        Protocol::Http10
    } else {
        Protocol::Http11
    })
}

/// Splits a request target into path, query and, where it is not simply `path?query`, the target itself.
pub(crate) fn split_target(
    connect: bool,
    target: &str,
) -> (String, Option<String>, Option<String>) {
    let whole = || Some(target.to_owned());
    if connect || target == "*" {
        return (target.to_owned(), None, whole());
    }
    if target.starts_with('/') {
        let (path, query) = split_query(target);
        return (path, query, None);
    }
    let absolute = match target.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => rest,
        _ => {
            let (path, query) = split_query(target);
            return (path, query, None);
        }
    };
    let authority = absolute.find(['/', '?', '#']).unwrap_or(absolute.len());
    let (mut path, query) = split_query(&absolute[authority..]);
    if path.is_empty() {
        path.push('/');
    }
    (path, query, whole())
}

fn split_query(text: &str) -> (String, Option<String>) {
    match memchr::memchr(b'?', text.as_bytes()) {
        None => (text.to_owned(), None),
        Some(mark) => (text[..mark].to_owned(), Some(text[mark + 1..].to_owned())),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether a byte may stand in a method or a field name (RFC 9110 section 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether methods of common programs have such a byte.
pub(crate) fn is_usual_in_method(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')
}
