//! JSON Web Tokens, signed anew with a key that the test environment trusts (RFC 7515, RFC 7519).
//!
//! The header keeps all but `alg`, which is the key's; of the payload the times `exp`, `iat`, `nbf` and `auth_time` are moved.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{hmac, signature};
use serde_json::{Map, Value};

/// Fewest bytes of a shared secret (RFC 7518 section 3.2 wants 32; servers of tests take less).
const SECRET_BYTES_MIN: usize = 8;
/// Longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 64 << 10;
/// Times of a payload (RFC 7519 section 4.1, OpenID Connect Core section 2), in seconds.
const TIMES: [&str; 4] = ["exp", "iat", "nbf", "auth_time"];

/// A key that signs.
pub struct JwtKey {
    key: Key,
    random: SystemRandom,
}

enum Key {
    Hs256(hmac::Key),
    Rs256(Box<RsaKeyPair>),
    Es256(EcdsaKeyPair),
}

/// Why a file holds no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeyError {
    /// PEM, and not of a key that is known.
    #[error(
        "it is PEM, but no private key of RSA (2048 bits or more) or P-256 in PKCS #8; `openssl pkcs8 -topk8 -nocrypt` makes one"
    )]
    UnknownKey,
    /// A secret that is too short.
    #[error("the secret has {0} bytes and needs at least 8")]
    TooShort(usize),
}

impl JwtKey {
    /// A key from the bytes of a file: PEM of a private key for RS256 or ES256; anything else is the secret of HS256, without
    /// the white space around it.
    ///
    /// # Errors
    /// If it is PEM of something else, or a secret of less than 8 bytes.
    pub fn new(file: &[u8]) -> Result<Self, JwtKeyError> {
        let key = if file.trim_ascii_start().starts_with(b"-----BEGIN") {
            pem(file).ok_or(JwtKeyError::UnknownKey)?
        } else {
            let secret = file.trim_ascii();
            if secret.len() < SECRET_BYTES_MIN {
                return Err(JwtKeyError::TooShort(secret.len()));
            }
            Key::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret))
        };
        Ok(Self {
            key,
            random: SystemRandom::new(),
        })
    }

    /// The algorithm's name (RFC 7518 section 3.1).
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Hs256(_) => "HS256",
            Key::Rs256(_) => "RS256",
            Key::Es256(_) => "ES256",
        }
    }

    /// `token` signed anew, its times `seconds` later; `None` if it is no signed JWT.
    pub(super) fn resign(&self, token: &str, seconds: i64) -> Option<String> {
        let (head, payload) = read(token)?;
        let (mut head, mut payload) = (head, payload);
        head.insert("alg".to_owned(), self.algorithm().into());
        for name in TIMES {
            if let Some(time) = payload.get_mut(name)
                && let Some(old) = time.as_i64()
            {
                *time = old.saturating_add(seconds).into();
            }
        }
        let part =
            |object: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(object).to_string());
        let signed = format!("{}.{}", part(head), part(payload));
        let signature = self.sign(signed.as_bytes())?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.key {
            Key::Hs256(key) => Some(hmac::sign(key, message).as_ref().to_vec()),
            Key::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature)
                    .ok()?;
                Some(signature)
            }
            Key::Es256(key) => {
                let signature: signature::Signature = key.sign(&self.random, message).ok()?;
                Some(signature.as_ref().to_vec())
            }
        }
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtKey({})", self.algorithm())
    }
}

/// The key of a PEM file (RFC 7468).
fn pem(file: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(file).ok()?;
    // Of a file with several blocks, such as parameters before a key, the last one.
    let (_, block) = text.rsplit_once("-----BEGIN ")?;
    let (label, block) = block.split_once("-----")?;
    let (inner, _) = block.split_once("-----END")?;
    let base64: String = inner.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).ok()?;
    match label {
        "PRIVATE KEY" => {
            if let Ok(key) = RsaKeyPair::from_pkcs8(&der) {
                return Some(Key::Rs256(Box::new(key)));
            }
            let random = SystemRandom::new();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random)
                .ok()
                .map(Key::Es256)
        }
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der)
            .ok()
            .map(|key| Key::Rs256(Box::new(key))),
        _ => None,
    }
}

/// Header and payload of a signed JWT.
fn read(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.');
    let (head, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || signature.is_empty() {
        return None;
    }
    let object = |part: &str| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&json).ok()
    };
    let head = object(head)?;
    head.get("alg")?.as_str()?;
    Some((head, object(payload)?))
}

/// Where in a text something stands that looks like a JWT: three parts of base64url, the first of which is a JSON object.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find("eyJ") {
        let start = at + next;
        let length = bytes[start..]
            .iter()
            .take_while(|byte| is_part(byte))
            .count();
        at = start + length.max(3);
        let begins = start == 0 || !is_part(&bytes[start - 1]);
        let word = text[start..start + length].trim_end_matches('.');
        if begins
            && length <= TOKEN_BYTES_MAX
            && word.bytes().filter(|&byte| byte == b'.').count() == 2
        {
            found.push(word);
        }
    }
    found
}

#[cfg(test)]
mod tests;
