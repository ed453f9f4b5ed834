//! Which header and trailer fields are compared, how, and why others are not: one table.
//!
//! A field that is not in the table is compared by its exact value, whatever it is called: an unknown field may well be
//! the one that matters (`X-Total-Count`), and a noisy one shows in the report, where it can be named. A field that is
//! not compared, or not in every aspect, is counted wherever it was present and wherever the two sides differed.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// How the values of a field are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Not at all.
    Ignored,
    /// Only whether it is there.
    Presence,
    /// Every value, in order, byte for byte.
    Exact,
    /// A media type (RFC 9110 section 8.3.1): type and subtype in any case, parameters in any order.
    MediaType,
    /// A list whose order and case say nothing, such as Vary or Allow.
    List,
    /// Directives of Cache-Control (RFC 9111 section 5.2): a list, in any order.
    Directives,
    /// A URI reference (RFC 9110 section 10.2.2); the server's own origin is the same as none.
    Location,
    /// A challenge (RFC 9110 section 11.6.1): without `nonce` and `opaque`.
    Challenge,
    /// Set-Cookie (RFC 6265 section 4.1): names and attributes; not values, and not when a cookie expires.
    Cookies,
}

/// What the table says of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The name in lower case; `*` at the end stands for any end.
    pub name: &'static str,
    /// How it is compared.
    pub form: Form,
    /// What of it is not compared: `all`, or an aspect; empty where nothing is left out.
    pub aspect: &'static str,
    /// Why.
    pub reason: &'static str,
}

const fn compared(name: &'static str, form: Form) -> Policy {
    Policy {
        name,
        form,
        aspect: "",
        reason: "",
    }
}

const fn ignored(name: &'static str, reason: &'static str) -> Policy {
    Policy {
        name,
        form: Form::Ignored,
        aspect: "all",
        reason,
    }
}

const fn partly(
    name: &'static str,
    form: Form,
    aspect: &'static str,
    reason: &'static str,
) -> Policy {
    Policy {
        name,
        form,
        aspect,
        reason,
    }
}

const FRAMING: &str = "how the message is framed on this connection, not what it says";
const CODING: &str = "the body is compared after its Content-Encoding is undone";
const CLOCK: &str = "tells when the answer was made";
const IDENTITY: &str = "names one request, so it is never the same twice";
const TIMING: &str = "tells how long the server took; latency is reported by itself";
const SOFTWARE: &str = "names the software that answers, which a refactor changes on purpose";
const NETWORK: &str = "added by proxies and caches on the way, which a test environment has not";
const VALIDATOR: &str = "made from storage or build; the body it stands for is compared itself";

/// The table. Fields that are not here are compared as [`Form::Exact`].
pub const TABLE: &[Policy] = &[
    compared("content-type", Form::MediaType),
    compared("cache-control", Form::Directives),
    compared("allow", Form::List),
    compared("accept-ranges", Form::List),
    compared("access-control-allow-headers", Form::List),
    compared("access-control-allow-methods", Form::List),
    compared("access-control-expose-headers", Form::List),
    compared("content-language", Form::List),
    partly("vary", Form::List, "accept-encoding", CODING),
    partly(
        "location",
        Form::Location,
        "own origin",
        "the test environment may have another name; path and query are compared",
    ),
    partly(
        "content-location",
        Form::Location,
        "own origin",
        "as for Location",
    ),
    partly(
        "www-authenticate",
        Form::Challenge,
        "nonce, opaque",
        IDENTITY,
    ),
    partly(
        "proxy-authenticate",
        Form::Challenge,
        "nonce, opaque",
        IDENTITY,
    ),
    partly(
        "set-cookie",
        Form::Cookies,
        "value, Expires, Max-Age",
        "sessions and tokens are new in every run; names and other attributes are compared",
    ),
    partly("etag", Form::Presence, "value", VALIDATOR),
    partly("last-modified", Form::Presence, "value", VALIDATOR),
    partly("expires", Form::Presence, "value", CLOCK),
    partly("retry-after", Form::Presence, "value", CLOCK),
    ignored("content-length", FRAMING),
    ignored("transfer-encoding", FRAMING),
    ignored("connection", FRAMING),
    ignored("keep-alive", FRAMING),
    ignored("proxy-connection", FRAMING),
    ignored("upgrade", FRAMING),
    ignored("trailer", FRAMING),
    ignored("te", FRAMING),
    ignored("alt-svc", FRAMING),
    ignored("content-encoding", CODING),
    ignored("date", CLOCK),
    ignored("age", CLOCK),
    ignored("server", SOFTWARE),
    ignored("x-powered-by", SOFTWARE),
    ignored("x-aspnet-version", SOFTWARE),
    ignored("x-aspnetmvc-version", SOFTWARE),
    ignored("x-oracle-dms-ecid", IDENTITY),
    ignored("x-oracle-dms-rid", IDENTITY),
    ignored("x-reprise-*", IDENTITY),
    ignored("x-request-id", IDENTITY),
    ignored("request-id", IDENTITY),
    ignored("x-correlation-id", IDENTITY),
    ignored("correlation-id", IDENTITY),
    ignored("x-trace-id", IDENTITY),
    ignored("traceparent", IDENTITY),
    ignored("tracestate", IDENTITY),
    ignored("traceresponse", IDENTITY),
    ignored("x-b3-*", IDENTITY),
    ignored("x-datadog-*", IDENTITY),
    ignored("x-amzn-*", IDENTITY),
    ignored("x-amz-cf-*", NETWORK),
    ignored("x-amz-request-id", IDENTITY),
    ignored("x-amz-id-2", IDENTITY),
    ignored("cf-*", NETWORK),
    ignored("via", NETWORK),
    ignored("x-cache", NETWORK),
    ignored("x-cache-*", NETWORK),
    ignored("x-served-by", NETWORK),
    ignored("x-envoy-*", NETWORK),
    ignored("x-varnish", NETWORK),
    ignored("nel", NETWORK),
    ignored("report-to", NETWORK),
    ignored("reporting-endpoints", NETWORK),
    ignored("server-timing", TIMING),
    ignored("x-runtime", TIMING),
    ignored("x-response-time", TIMING),
];

// The sets below are one bit a row.
const _: () = assert!(TABLE.len() <= 128, "the table outgrew its sets");

/// Longest name of the table; longer ones are not in it.
const NAME_BYTES_MAX: usize = 64;

static BY_NAME: LazyLock<FxHashMap<&'static [u8], usize>> = LazyLock::new(|| {
    TABLE
        .iter()
        .enumerate()
        .map(|(row, policy)| (policy.name.as_bytes(), row))
        .collect()
});

static PREFIXES: LazyLock<Vec<(&'static [u8], usize)>> = LazyLock::new(|| {
    TABLE
        .iter()
        .enumerate()
        .filter_map(|(row, policy)| Some((policy.name.strip_suffix('*')?.as_bytes(), row)))
        .collect()
});

/// The row of the table for a field name in any case.
pub(crate) fn row_of(name: &str) -> Option<usize> {
    let mut lower = [0; NAME_BYTES_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    BY_NAME.get(&*lower).copied().or_else(|| {
        PREFIXES
            .iter()
            .find(|(prefix, _)| lower.starts_with(prefix))
            .map(|&(_, row)| row)
    })
}

/// Rows of the table whose field was present and not, or not wholly, compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotComparedSet {
    seen: u128,
    differed: u128,
}

impl NotComparedSet {
    pub(super) fn see(&mut self, row: usize) {
        self.seen |= 1 << row;
    }

    pub(super) fn differ(&mut self, row: usize) {
        self.seen |= 1 << row;
        self.differed |= 1 << row;
    }

    /// Rows of [`TABLE`] whose field was on either side, with whether the sides were not the same.
    pub fn rows(self) -> impl Iterator<Item = (usize, bool)> {
        let mut seen = self.seen;
        std::iter::from_fn(move || {
            let row = seen.trailing_zeros() as usize;
            (seen != 0).then(|| {
                seen &= seen - 1;
                (row, self.differed >> row & 1 == 1)
            })
        })
    }
}
