//! The request as the target shall get it, or why it cannot be replayed.
//!
//! A recorded request goes out as it came, but for what would break on another connection:
//!
//! 1. Framing is computed anew (RFC 9112 section 6): a recorded `Transfer-Encoding` is sent again, and the body chunked; else
//!    `Content-Length`, at the place of the recorded one, says how long the stored body is.
//! 2. `Upgrade` and `HTTP2-Settings`, and their names in `Connection`, are left out (RFC 9110 section 7.8): the recorded
//!    server declined, and a target that accepts would stop speaking HTTP/1.1. What else `Connection` says is sent.
//! 3. `Host` is kept, or replaced where it stands.
//! 4. `X-Forwarded-For` gets one more field with the recorded client; `-Port`, `-Proto` and `-Host` are added unless there is
//!    one that says something: as the AWS sample for mirrored requests does it, so that a target behaves alike behind both.
//! 5. `X-Reprise-Run` and `X-Reprise-Exchange` say what replays which exchange, so that a target can tell, and find, it.
//! 6. The target is the path prefix of the target's URL, followed by the recorded path and query, byte for byte.

pub(crate) mod body;
mod field;
mod file;
mod jwt;
mod rules;
mod shift;

use std::fmt;

use schema::{Completeness, Exchange, Headers, Protocol, Request};

pub use field::{Field, ParseFieldError};
pub use file::{RewriteFileError, parse_rewrite_file};
pub use jwt::{JwtKey, JwtKeyError};
pub use rules::{
    Action, ParseRewriteError, Resigned, RewriteRule, Rewriting, Secret, When, put_resigned,
};
pub use shift::{Shift, Which};

/// The field that names the run.
pub const REPRISE_RUN: &str = "X-Reprise-Run";
/// The field that names the exchange.
pub const REPRISE_EXCHANGE: &str = "X-Reprise-Exchange";

/// What is changed in requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The path of the target's URL, without a slash at the end.
    pub path_prefix: String,
    /// What Host says.
    pub host: HostPolicy,
    /// Whether `X-Forwarded-*` fields are added.
    pub forwarded: bool,
    /// The run that `X-Reprise-*` fields name; `None` for no such fields.
    pub run: Option<String>,
}

/// What Host says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPolicy {
    /// What was recorded.
    Recorded,
    /// This.
    Fixed(String),
}

/// Why an exchange cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// The request was not seen.
    NoRequest,
    /// The mirror lost bytes of the request.
    RequestGap,
    /// Not all of the request's body is stored.
    RequestTruncated,
    /// The connection ended in the middle of the request.
    RequestAborted,
    /// The connection became something else than HTTP.
    Upgraded,
    /// CONNECT asks for a tunnel.
    Connect,
    /// It may change something, and nobody has allowed that.
    WriteNotAllowed,
    /// The policy says so.
    Policy,
    /// A run that was killed may have sent it.
    InDoubt,
    /// It came so late that it is not known whether it was sent before.
    TooLate,
}

impl Skip {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRequest => "no_request",
            Self::RequestGap => "request_gap",
            Self::RequestTruncated => "request_truncated",
            Self::RequestAborted => "request_aborted",
            Self::Upgraded => "upgraded",
            Self::Connect => "connect",
            Self::WriteNotAllowed => "write_not_allowed",
            Self::Policy => "policy",
            Self::InDoubt => "in_doubt",
            Self::TooLate => "too_late",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why `exchange` cannot be replayed, judged without its body (as a summary has none).
#[must_use]
pub fn skip_reason(exchange: &Exchange) -> Option<Skip> {
    let Some(request) = &exchange.request else {
        return Some(Skip::NoRequest);
    };
    if request.method == "CONNECT" {
        return Some(Skip::Connect);
    }
    match exchange.completeness {
        Completeness::NoRequest => Some(Skip::NoRequest),
        Completeness::RequestGap => Some(Skip::RequestGap),
        Completeness::RequestTruncated => Some(Skip::RequestTruncated),
        Completeness::Upgraded => Some(Skip::Upgraded),
        _ if exchange.request_missing_bytes > 0 => Some(Skip::RequestGap),
        _ => None,
    }
}

/// The request that the target gets for `exchange`; its times are still the recorded ones.
///
/// # Errors
/// If the exchange cannot be replayed.
pub fn rewrite(exchange: &Exchange, rules: &Rewrite) -> Result<Request, Skip> {
    if let Some(reason) = skip_reason(exchange) {
        return Err(reason);
    }
    let request = exchange.request.as_ref().ok_or(Skip::NoRequest)?;
    let stored = request.body.bytes.len() as u64;
    if stored < request.body.wire_bytes {
        return Err(Skip::RequestTruncated);
    }
    if stored < declared_length(&request.headers) && !is_chunked(request) {
        return Err(Skip::RequestAborted);
    }
    let mut headers = headers(exchange, request, rules);
    if rules.forwarded {
        add_forwarded(&mut headers, exchange, request);
    }
    if let Some(run) = &rules.run {
        headers.push(REPRISE_RUN, run);
        headers.push(REPRISE_EXCHANGE, &exchange.id().to_string());
    }
    let host = match &rules.host {
        HostPolicy::Recorded => request.host.clone(),
        HostPolicy::Fixed(host) => Some(host.clone()),
    };
    Ok(Request {
        start: request.start,
        end: request.end,
        method: request.method.clone(),
        host,
        path: path(request, rules),
        query: request.query.clone(),
        target: None,
        headers,
        body: request.body.clone(),
        trailers: request.trailers.clone(),
    })
}

/// The prefix and the recorded path; `*` stands for the server as a whole and has no path (RFC 9112 section 3.2.4).
fn path(request: &Request, rules: &Rewrite) -> String {
    if request.path == "*" || rules.path_prefix.is_empty() {
        request.path.clone()
    } else {
        let mut path = String::with_capacity(rules.path_prefix.len() + request.path.len());
        path.push_str(&rules.path_prefix);
        path.push_str(&request.path);
        path
    }
}

/// What the first `Content-Length` says; 0 if there is none, or it is no number.
fn declared_length(headers: &Headers) -> u64 {
    let length = headers.get("content-length");
    length.and_then(|value| value.parse().ok()).unwrap_or(0)
}

fn is_chunked(request: &Request) -> bool {
    request.headers.get("transfer-encoding").is_some()
}

/// The recorded fields in their order, with rules 1 to 3 applied.
fn headers(exchange: &Exchange, request: &Request, rules: &Rewrite) -> Headers {
    let body_bytes = request.body.bytes.len();
    let chunked = is_chunked(request) && exchange.protocol == Protocol::Http11;
    let mut length_due = !chunked && body_bytes > 0;
    let mut host_due = match &rules.host {
        HostPolicy::Recorded => request.host.as_deref(),
        HostPolicy::Fixed(host) => Some(host.as_str()),
    };
    let mut headers =
        Headers::with_capacity(request.headers.len() + 4, request.headers.memory() + 128);
    for (name, value) in request.headers.iter() {
        match Kind::of(name) {
            Kind::Host => match (&rules.host, host_due.take()) {
                (HostPolicy::Recorded, _) => headers.push(name, value),
                (HostPolicy::Fixed(_), Some(host)) => headers.push(name, host),
                (HostPolicy::Fixed(_), None) => {}
            },
            Kind::ContentLength if chunked => {}
            Kind::TransferEncoding if chunked => headers.push(name, value),
            field @ (Kind::ContentLength | Kind::TransferEncoding) => {
                // A recorded length of 0 is sent again; a field that is there twice is sent once.
                if std::mem::take(&mut length_due) || headers.get("content-length").is_none() {
                    let recorded = matches!(field, Kind::ContentLength);
                    let name = if recorded { name } else { "Content-Length" };
                    headers.push(name, &body_bytes.to_string());
                }
            }
            Kind::Connection => {
                let options: Vec<&str> = value
                    .split(',')
                    .map(str::trim)
                    .filter(|option| !matches!(Kind::of(option), Kind::Upgrade))
                    .collect();
                if options.len() == value.split(',').count() {
                    headers.push(name, value);
                } else if !options.is_empty() {
                    headers.push(name, &options.join(", "));
                }
            }
            Kind::Upgrade => {}
            // Those of a replay that was recorded.
            Kind::Reprise if rules.run.is_some() => {}
            Kind::Reprise | Kind::Other => headers.push(name, value),
        }
    }
    if length_due {
        headers.push("Content-Length", &body_bytes.to_string());
    }
    // Only HTTP/2 has a host without a Host field, as `:authority`; HTTP/1.1 needs it as one.
    if let Some(host) = host_due {
        headers.push("Host", host);
    }
    headers
}

/// A field that is not simply copied.
enum Kind {
    Connection,
    ContentLength,
    Host,
    Reprise,
    TransferEncoding,
    Upgrade,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        // By length first: most fields are settled without comparing text.
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => Self::Host,
            7 if name.eq_ignore_ascii_case("upgrade") => Self::Upgrade,
            10 if name.eq_ignore_ascii_case("connection") => Self::Connection,
            14 if name.eq_ignore_ascii_case("content-length") => Self::ContentLength,
            13 if name.eq_ignore_ascii_case(REPRISE_RUN) => Self::Reprise,
            14 if name.eq_ignore_ascii_case("http2-settings") => Self::Upgrade,
            18 if name.eq_ignore_ascii_case(REPRISE_EXCHANGE) => Self::Reprise,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => Self::TransferEncoding,
            _ => Self::Other,
        }
    }
}

fn add_forwarded(headers: &mut Headers, exchange: &Exchange, request: &Request) {
    let connection = &exchange.connection;
    let names = ["X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Host"];
    // One look at the fields for all three.
    let mut said: [Option<bool>; 3] = [None; 3];
    for (name, value) in headers.iter() {
        let place = (name.len() > 15)
            .then(|| {
                names
                    .iter()
                    .position(|other| other.eq_ignore_ascii_case(name))
            })
            .flatten();
        if let Some(place) = place {
            said[place].get_or_insert(!value.is_empty());
        }
    }
    let mut add_unless_set = |place: usize, value: &str| {
        if said[place] != Some(true) {
            headers.push(names[place], value);
        }
    };
    add_unless_set(0, &connection.server.port().to_string());
    add_unless_set(1, "http");
    if let Some(host) = &request.host {
        add_unless_set(2, host);
    }
    headers.push("X-Forwarded-For", &connection.client.ip().to_string());
}

#[cfg(test)]
mod tests;
