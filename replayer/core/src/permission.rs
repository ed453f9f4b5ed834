//! Which requests may be sent at all.
//!
//! A replay does to the target what the recorded users did to production. What only reads does no harm; what writes has to be
//! allowed in words: for all endpoints at once, or endpoint by endpoint. The first rule that matches decides.

use schema::{Pattern, Request};

use crate::rewrite::Skip;

/// What may be sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Everything.
    All,
    /// What does not write.
    ReadOnly,
    /// Nothing.
    Nothing,
}

/// What may be sent to some endpoints. Conditions that are empty hold.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Methods, in any case.
    pub methods: Vec<String>,
    /// The recorded host.
    pub host: Option<Pattern>,
    /// The recorded path.
    pub path: Option<Pattern>,
    /// What may be sent.
    pub allowed: Allowed,
}

/// Which requests may be sent.
#[derive(Clone, Debug)]
pub struct Permissions {
    /// The first that matches decides.
    pub rules: Vec<Rule>,
    /// What may be sent where none matches.
    pub otherwise: Allowed,
}

impl Default for Permissions {
    /// Only what does not write.
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            otherwise: Allowed::ReadOnly,
        }
    }
}

impl Permissions {
    /// Whether `request` may be sent.
    ///
    /// # Errors
    /// If it may not: why.
    pub fn check(&self, request: &Request) -> Result<(), Skip> {
        let rule = self.rules.iter().find(|rule| rule.matches(request));
        match rule.map_or(self.otherwise, |rule| rule.allowed) {
            Allowed::All => Ok(()),
            Allowed::ReadOnly if !writes(&request.method) => Ok(()),
            Allowed::ReadOnly => Err(Skip::WriteNotAllowed),
            Allowed::Nothing => Err(Skip::Policy),
        }
    }
}

impl Rule {
    fn matches(&self, request: &Request) -> bool {
        let host = request.host.as_deref();
        let is_method = |method: &String| method.eq_ignore_ascii_case(&request.method);
        (self.methods.is_empty() || self.methods.iter().any(is_method))
            && self
                .host
                .as_ref()
                .is_none_or(|pattern| host.is_some_and(|host| pattern.matches(host)))
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| pattern.matches(&request.path))
    }
}

/// Whether a method may change something: all but those that are registered as safe (RFC 9110 section 9.2.1 and the IANA
/// registry of methods). One that nobody registered may.
#[must_use]
pub fn writes(method: &str) -> bool {
    const SAFE: [&str; 8] = [
        "GET", "HEAD", "OPTIONS", "PROPFIND", "QUERY", "REPORT", "SEARCH", "TRACE",
    ];
    !SAFE.contains(&method)
}

#[cfg(test)]
mod tests;
