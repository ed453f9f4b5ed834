//! Where requests go: a URL, taken apart once.

use std::fmt;

use anyhow::bail;

/// A target: scheme, host and port. Its URL's path is not part of it, but of how requests are rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    tls: bool,
    host: String,
    port: u16,
    /// Host and port as in the URL.
    authority: String,
}

impl Target {
    /// Reads `http://host:port/prefix`: the target, and the prefix without a slash at the end, byte for byte.
    ///
    /// # Errors
    /// If the URL is not of this form.
    pub(crate) fn parse(url: &str) -> anyhow::Result<(Self, String)> {
        let (tls, rest) = if let Some(rest) = url.strip_prefix("http://") {
            (false, rest)
        } else if let Some(rest) = url.strip_prefix("https://") {
            (true, rest)
        } else {
            bail!(
                "--target `{url}` is no URL of a target; write http://host:port or https://host:port"
            );
        };
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if rest.contains(['?', '#']) || rest.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            bail!("--target `{url}` may have a path, but no query, fragment or space");
        }
        if authority.contains('@') {
            bail!("--target must not carry a user or a password; the recorded headers are sent");
        }
        // A colon within the brackets of an IPv6 address begins no port.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port) if port > 0 => (host, port),
                _ => bail!("--target `{url}` has no port from 1 to 65535 after the colon"),
            },
            _ => (authority, if tls { 443 } else { 80 }),
        };
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            bail!("--target `{url}` names no host");
        }
        let target = Self {
            tls,
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
        };
        Ok((target, prefix.trim_end_matches('/').to_owned()))
    }

    /// Whether it is `https://`.
    #[must_use]
    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// Name or address, without brackets.
    #[must_use]
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as in the URL: what Host says when it names the target.
    #[must_use]
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}",
            if self.tls { "https" } else { "http" },
            self.authority
        )
    }
}
