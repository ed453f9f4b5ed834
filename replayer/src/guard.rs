//! Whether a target may be sent to: it has to prove that it is a test environment, and must not be one of the servers that
//! were recorded.
//!
//! Loopback is this machine, and needs no proof. Everything else does: what a replay sends are real orders of real users.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Limited};
use replayer_core::Limits;
use replayer_core::proof::Proof;
use schema::{Exchange, Projection};

use crate::select::Selected;
use crate::send::{HttpVersion, Target, Tls};

/// Bytes of an answer that is to prove something.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What a target has to prove.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// The proofs that were asked for.
    pub(crate) proofs: Vec<Proof>,
    /// Whether a server that was recorded is taken as a target.
    pub(crate) allow_recorded: bool,
}

/// A target, and how it is asked for its proof.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// Where requests go.
    pub(crate) target: &'a Target,
    /// The path that stands before all others.
    pub(crate) path_prefix: &'a str,
    /// For `https://`.
    pub(crate) tls: Option<&'a Tls>,
    /// As which version of HTTP.
    pub(crate) version: HttpVersion,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
}

impl Guard {
    /// Lets `target` through, or not. Nothing is sent before its address and name are looked at.
    ///
    /// # Errors
    /// If it proves nothing, not what was asked for, or was recorded as a server in the window.
    pub(crate) async fn check(&self, asked: &Asked<'_>, selected: &Selected) -> anyhow::Result<()> {
        let target = asked.target;
        let addresses = resolve(target).await;
        let is_here = !addresses.is_empty() && addresses.iter().all(is_this_machine);
        if !is_here && self.proofs.is_empty() {
            bail!(
                "target {target} is not proven to be a test environment, and what a replay does in production is real: \
                 add --target-proof header:NAME=VALUE (a header that only it answers with), path:/PATH=TOKEN (a page that \
                 only it has) or suffix:.DOMAIN (names that only test environments have)"
            );
        }
        if let Some(recorded) = self.recorded(target).await {
            refuse_recorded(&recorded, selected).await?;
        }
        self.check_name(target)?;
        for proof in &self.proofs {
            if let Some(path) = proof.asks_for() {
                let path = format!("{}{path}", asked.path_prefix);
                let proven = tokio::time::timeout(asked.timeout, asked.proves(&path, proof)).await;
                let proven = proven.with_context(|| format!("{target} did not answer in time"));
                if !proven.and_then(|asked| asked).with_context(|| {
                    format!("cannot ask the target for its proof at {target}{path}")
                })? {
                    bail!(
                        "target {target} does not prove {proof}: what it answers at {path} is not what --target-proof asks \
                         for, so it may not be a test environment"
                    );
                }
            }
        }
        Ok(())
    }

    /// What must not come up as a server of the recording; none where the target is this machine, or that is allowed.
    pub(crate) async fn recorded(&self, target: &Target) -> Option<Recorded> {
        let addresses = resolve(target).await;
        let is_here = !addresses.is_empty() && addresses.iter().all(is_this_machine);
        (!is_here && !self.allow_recorded).then(|| Recorded {
            target: target.to_string(),
            host: target.host().to_owned(),
            addresses,
        })
    }

    /// Of the suffixes one has to hold.
    fn check_name(&self, target: &Target) -> anyhow::Result<()> {
        let mut suffixes = self
            .proofs
            .iter()
            .filter(|proof| matches!(proof, Proof::Suffix(_)))
            .peekable();
        if suffixes.peek().is_none() || suffixes.any(|suffix| suffix.holds_for_name(target.host()))
        {
            return Ok(());
        }
        bail!(
            "target {target} has no name that --target-proof allows, so it may not be a test environment"
        );
    }
}

/// A target that must be none of the recorded servers.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    target: String,
    host: String,
    addresses: Vec<IpAddr>,
}

impl Recorded {
    /// Why `exchange` shows that the target is where it was recorded, if it does.
    pub(crate) fn problem(&self, exchange: &Exchange) -> Option<String> {
        let server = exchange.connection.server;
        let host = exchange
            .request
            .as_ref()
            .and_then(|request| request.host.as_deref());
        let is_name = host.is_some_and(|host| same_name(host, &self.host));
        if !is_name && !self.addresses.contains(&server.ip().to_canonical()) {
            return None;
        }
        let by = match host {
            Some(host) if is_name => format!("the host `{host}`"),
            _ => format!("the server {server}"),
        };
        Some(format!(
            "target {} is {by} of the recording (exchange {}): requests would go to where they were recorded; \
             correct --target, or say --allow-recorded-target if that is meant",
            self.target,
            exchange.id()
        ))
    }
}

impl Asked<'_> {
    /// Asks for `path`, and whether the answer is the proof.
    async fn proves(&self, path: &str, proof: &Proof) -> anyhow::Result<bool> {
        let is_http_2 = self.version == HttpVersion::Two;
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        if is_http_2 {
            client = client.http2_prior_knowledge();
        }
        if let Some(tls) = self.tls {
            client = client.tls_backend_preconfigured(tls.config(is_http_2));
        }
        let url = format!("{}{path}", self.target);
        let response = client.build()?.get(url).send().await?;
        let (head, body) = hyper::Response::from(response).into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        // What is too long for a token is none.
        let body = body.map_or_else(|_| bytes::Bytes::new(), |body| body.to_bytes());
        let fields = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        Ok(proof.holds_for_answer(head.status.as_u16(), fields, &body))
    }
}

/// Every address of the target; none where its name is not known, which connecting will say.
async fn resolve(target: &Target) -> Vec<IpAddr> {
    match tokio::net::lookup_host((target.host(), target.port())).await {
        Ok(addresses) => addresses
            .map(|address| address.ip().to_canonical())
            .collect(),
        Err(_) => Vec::new(),
    }
}

/// Loopback, or the unspecified address, which the system takes for it.
fn is_this_machine(address: &IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

/// Looks through the window for the target as a server.
async fn refuse_recorded(recorded: &Recorded, selected: &Selected) -> anyhow::Result<()> {
    let mut stream = selected
        .source(Projection::Summary, Limits::default())
        .stream();
    while let Some(exchange) = stream.next().await? {
        if let Some(problem) = recorded.problem(&exchange) {
            bail!(problem);
        }
    }
    Ok(())
}

/// Whether a Host field names the host `name`, whatever its port.
fn same_name(host: &str, name: &str) -> bool {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let plain = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    plain(without_port.trim_matches(['[', ']'])) == plain(name)
}

#[cfg(test)]
mod tests;
