//! Which proxy copied a request, what it changed in the copy, and who the client was.
//!
//! * Envoy appends `-shadow` to the host, before the port
//!   (<https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto>, `request_mirror_policies`).
//! * nginx copies to a location of its own; what the client asked for is in the request line if `proxy_pass` says so, and
//!   in `X-Original-URI` where the configuration sets that
//!   (<https://nginx.org/en/docs/http/ngx_http_mirror_module.html>).

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use schema::{Headers, Request};

use crate::http::head::split_target;

const SHADOW: &str = "-shadow";
const ORIGINAL_URI: &str = "x-original-uri";

/// Who copied a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    Envoy,
    Nginx,
    /// One that does not say.
    Other,
}

/// The names, by [`Proxy`].
static SOURCES: LazyLock<[Arc<str>; 3]> =
    LazyLock::new(|| ["envoy-mirror", "nginx-mirror", "http-mirror"].map(Arc::from));

impl Proxy {
    /// What the column `source` says.
    pub(super) fn source(self) -> Arc<str> {
        Arc::clone(&SOURCES[self as usize])
    }
}

/// Undoes what the proxy changed; gives who it is, and the client that it names.
pub(super) fn restore(request: &mut Request) -> (Proxy, Option<SocketAddr>) {
    let host = request.host.as_deref().and_then(without_shadow);
    let original = request.headers.get(ORIGINAL_URI).map(str::to_owned);
    let proxy = if host.is_some() {
        Proxy::Envoy
    } else if original.is_some() {
        Proxy::Nginx
    } else if has_field_of_envoy(&request.headers) {
        Proxy::Envoy
    } else {
        Proxy::Other
    };
    match (proxy, host, original) {
        (Proxy::Envoy, Some(host), _) => {
            let unshadow = |name: &str, value: &str| match name.eq_ignore_ascii_case("host") {
                true => Some(without_shadow(value).unwrap_or_else(|| value.to_owned())),
                false => Some(value.to_owned()),
            };
            rewrite(&mut request.headers, unshadow);
            request.host = Some(host);
        }
        (Proxy::Nginx, _, Some(original)) => {
            if original.starts_with('/') {
                (request.path, request.query, request.target) = split_target(false, &original);
            }
            // The client did not send it.
            let keep = |name: &str, value: &str| {
                (!name.eq_ignore_ascii_case(ORIGINAL_URI)).then(|| value.to_owned())
            };
            rewrite(&mut request.headers, keep);
        }
        _ => {}
    }
    (proxy, client(&request.headers))
}

/// The host without Envoy's suffix, which stands before the port; `None` if it has none.
fn without_shadow(host: &str) -> Option<String> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (host, None),
    };
    let name = name.strip_suffix(SHADOW).filter(|name| !name.is_empty())?;
    Some(match port {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    })
}

fn has_field_of_envoy(headers: &Headers) -> bool {
    let prefix = |name: &str| {
        name.get(..8)
            .is_some_and(|start| start.eq_ignore_ascii_case("x-envoy-"))
    };
    headers.iter().any(|(name, _)| prefix(name))
}

/// Every field with the value that `change` gives; without those for which it gives none.
fn rewrite(headers: &mut Headers, change: impl Fn(&str, &str) -> Option<String>) {
    let mut rewritten = Headers::with_capacity(headers.len(), headers.memory());
    for (name, value) in headers.iter() {
        if let Some(value) = change(name, value) {
            rewritten.push(name, &value);
        }
    }
    *headers = rewritten;
}

/// The client, by the first of these fields that names an address: those for which the proxy vouches come first, then the
/// lists whose first element is the client, as far as proxies before can be believed.
fn client(headers: &Headers) -> Option<SocketAddr> {
    let first = |name: &str| headers.get(name).and_then(|value| value.split(',').next());
    let alone = ["x-real-ip", "x-envoy-external-address"];
    alone
        .iter()
        .find_map(|name| headers.get(name).and_then(address))
        .or_else(|| first("forwarded").and_then(forwarded_for))
        .or_else(|| first("x-forwarded-for").and_then(address))
}

/// The parameter `for` of an element of `Forwarded` (RFC 7239 section 5.2).
fn forwarded_for(element: &str) -> Option<SocketAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_for = name.trim().eq_ignore_ascii_case("for");
        is_for.then(|| address(value))?
    })
}

/// An address with or without a port (0 then), in quotes or not, an IPv6 address with or without brackets.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim().trim_matches('"');
    let bare = |text: &str| text.parse::<IpAddr>().ok();
    let unbracketed = || text.strip_prefix('[')?.strip_suffix(']');
    let ip = bare(text).or_else(|| unbracketed().and_then(bare));
    match ip {
        Some(ip) => Some(SocketAddr::new(ip.to_canonical(), 0)),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
