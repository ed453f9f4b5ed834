//! Who may subscribe: a token, and TLS to carry it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use ring::hmac;
use ring::rand::SystemRandom;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Fewest characters of a token.
const TOKEN_BYTES_MIN: usize = 16;

/// A secret that subscribers present. It is kept as its MAC under a key of this process, and compared as such, so that how
/// long a comparison takes tells nothing.
#[derive(Clone)]
pub struct Token {
    key: hmac::Key,
    tag: hmac::Tag,
}

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too easy to guess.
    #[error(
        "a token has at least {TOKEN_BYTES_MIN} characters; make one with: openssl rand -hex 32"
    )]
    Short,
    /// A header could not carry it.
    #[error("a token is one line of visible ASCII; make one with: openssl rand -hex 32")]
    NotVisible,
}

impl Token {
    /// The token `text`, blanks around it left out.
    ///
    /// # Errors
    /// If it is too short, or holds what a header cannot carry.
    ///
    /// # Panics
    /// If the system has no random numbers.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() < TOKEN_BYTES_MIN {
            return Err(TokenError::Short);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::NotVisible);
        }
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let key = key.expect("the system has random numbers");
        let tag = hmac::sign(&key, text.as_bytes());
        Ok(Self { key, tag })
    }

    /// Whether the value of an `Authorization` header presents it (RFC 6750 section 2.1).
    pub(super) fn is_presented(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked(7) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer ")
            && hmac::verify(&self.key, token.trim_ascii(), self.tag.as_ref()).is_ok()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The token in a file.
pub(crate) fn token_file(path: &Path) -> anyhow::Result<Token> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    Token::new(&text).with_context(|| shown.to_string())
}

/// TLS with the certificates and the key of two PEM files.
pub(crate) fn server_tls(
    certificates: &Path,
    key: &Path,
) -> anyhow::Result<Arc<rustls::ServerConfig>> {
    let shown = certificates.display();
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| anyhow!("cannot read certificates from {shown}: {error}"))?;
    if chain.is_empty() {
        bail!("{shown} holds no certificate in PEM");
    }
    let shown = key.display();
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| anyhow!("cannot read a key from {shown}: {error}"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("the certificate and the key {shown} do not fit"))?;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
