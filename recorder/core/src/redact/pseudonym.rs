//! Keyed pseudonyms: HMAC-SHA-256 of the value alone, so that a value has the same one in every place.
//!
//! Digits are permuted by a Feistel network over decimal digits whose round function is the HMAC (the construction of NIST
//! SP 800-38G, with digit-wise addition), so that two numbers of one length never get the same pseudonym.

use std::fmt;

use ring::hmac;

/// Fewest bytes of a key: a shorter one could be found by trying.
const KEY_BYTES_MIN: usize = 16;
/// Most digits that are permuted; half of them take one byte each of an HMAC.
const DIGITS_MAX: usize = 64;
/// Rounds of the Feistel network, as in FF1.
const ROUNDS: u8 = 10;

/// What a pseudonym looks like. A value that does not have the shape gets a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `p-` and 24 hexadecimal digits.
    Token,
    /// As many digits, the signs between them kept; the first is 0 where it was.
    Digits,
    /// An address that can never get mail (RFC 2606).
    Email,
    /// A UUID of the same version and variant.
    Uuid,
    /// A card number of the same length whose check digit is right.
    Card,
    /// The first of UUID, e-mail, card and digits (nothing else beside them) that the value has.
    Auto,
}

/// A key that is too short to keep pseudonyms secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key has {0} bytes and needs at least 16; make one with `openssl rand -hex 32`")]
pub struct KeyTooShort(pub usize);

/// The key of all pseudonyms. It is never shown; its id is.
#[derive(Clone)]
pub struct RedactKey {
    key: hmac::Key,
    id: String,
}

impl RedactKey {
    /// A key from its bytes; white space around them is none of it.
    ///
    /// # Errors
    /// If there are fewer than 16.
    pub fn new(secret: &[u8]) -> Result<Self, KeyTooShort> {
        let secret = secret.trim_ascii();
        if secret.len() < KEY_BYTES_MIN {
            return Err(KeyTooShort(secret.len()));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let id = hex(&hmac::sign(&key, b"reprise key id").as_ref()[..8]);
        Ok(Self { key, id })
    }

    /// Tells keys apart and says nothing else about them.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The pseudonym of a value that is not empty: ASCII, without quotes, backslashes and controls.
    pub(super) fn pseudonym(&self, shape: Shape, value: &[u8]) -> String {
        let text = std::str::from_utf8(value).unwrap_or_default();
        let plain = || text.bytes().all(|byte| byte.is_ascii_digit());
        let shaped = match shape {
            Shape::Token => None,
            Shape::Digits => self.digits(text),
            Shape::Email => self.email(text),
            Shape::Uuid => self.uuid(text),
            Shape::Card => self.card(text).or_else(|| self.digits(text)),
            Shape::Auto => self
                .uuid(text)
                .or_else(|| self.email(text))
                .or_else(|| self.card(text))
                .or_else(|| self.digits(text).filter(|_| plain())),
        };
        shaped.unwrap_or_else(|| format!("p-{}", hex(&self.hash(&[b"token\0", value])[..12])))
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }

    fn email(&self, text: &str) -> Option<String> {
        let (local, domain) = text.split_once('@')?;
        let is_email = !local.is_empty()
            && domain.contains('.')
            && !domain.contains('@')
            && !text.contains(char::is_whitespace);
        let hash = self.hash(&[b"email\0", text.as_bytes()]);
        is_email.then(|| format!("p-{}@pseudonym.invalid", hex(&hash[..12])))
    }

    fn uuid(&self, text: &str) -> Option<String> {
        let is_uuid = text.len() == 36
            && text.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        is_uuid.then_some(())?;
        // In either case it is the same UUID (RFC 9562 section 4).
        let lower = text.to_ascii_lowercase();
        let digits = hex(&self.hash(&[b"uuid\0", lower.as_bytes()]));
        let mut digits = digits.chars();
        let pseudonym: String = lower
            .char_indices()
            .map(|(index, kept)| match index {
                8 | 13 | 14 | 18 | 19 | 23 => kept,
                _ => digits.next().unwrap_or('0'),
            })
            .collect();
        let upper = text != lower && !text.contains(|c: char| c.is_ascii_lowercase());
        Some(if upper {
            pseudonym.to_ascii_uppercase()
        } else {
            pseudonym
        })
    }

    fn card(&self, text: &str) -> Option<String> {
        let mut digits = digits_of(text)?;
        let is_card = (13..=19).contains(&digits.len()) && luhn(&digits) == 0;
        is_card.then_some(())?;
        let last = digits.len() - 1;
        self.permute(&mut digits[..last]);
        digits[last] = 0;
        digits[last] = (10 - luhn(&digits)) % 10;
        Some(with_digits(text, &digits))
    }

    fn digits(&self, text: &str) -> Option<String> {
        let mut digits = digits_of(text)?;
        self.permute(&mut digits);
        Some(with_digits(text, &digits))
    }

    /// One-to-one among the numbers of one length that begin with 0, and among those that do not: what lands on the other
    /// side is permuted again.
    fn permute(&self, digits: &mut [u8]) {
        let Some(leads_with_zero) = digits.first().map(|&first| first == 0) else {
            return;
        };
        loop {
            self.permute_once(digits);
            if (digits[0] == 0) == leads_with_zero {
                return;
            }
        }
    }

    fn permute_once(&self, digits: &mut [u8]) {
        let length = u8::try_from(digits.len()).unwrap_or(u8::MAX);
        let (left, right) = digits.split_at(digits.len() / 2);
        let (mut left, mut right) = (left.to_vec(), right.to_vec());
        for round in 0..ROUNDS {
            let hash = self.hash(&[b"digits\0", &[length, round], &right]);
            for (digit, byte) in left.iter_mut().zip(hash) {
                *digit = (*digit + byte % 10) % 10;
            }
            std::mem::swap(&mut left, &mut right);
        }
        let both = left.into_iter().chain(right);
        for (digit, permuted) in digits.iter_mut().zip(both) {
            *digit = permuted;
        }
    }
}

impl fmt::Debug for RedactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedactKey({})", self.id)
    }
}

/// The digits of a text that has nothing beside them but the signs of telephone and account numbers.
fn digits_of(text: &str) -> Option<Vec<u8>> {
    let only = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b" +-./()".contains(&byte));
    let digits: Vec<u8> = text
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|byte| byte - b'0')
        .collect();
    (only && (1..=DIGITS_MAX).contains(&digits.len())).then_some(digits)
}

/// The text with other digits.
fn with_digits(text: &str, digits: &[u8]) -> String {
    let mut digits = digits.iter();
    text.chars()
        .map(|kept| {
            let digit = kept.is_ascii_digit().then(|| digits.next()).flatten();
            digit.map_or(kept, |&digit| char::from(b'0' + digit))
        })
        .collect()
}

/// The sum of ISO/IEC 7812-1 annex B, modulo 10; 0 if the check digit is right.
fn luhn(digits: &[u8]) -> u8 {
    let weigh = |(index, &digit): (usize, &u8)| {
        if index % 2 == 0 {
            digit
        } else {
            digit * 2 / 10 + digit * 2 % 10
        }
    };
    digits
        .iter()
        .rev()
        .enumerate()
        .map(weigh)
        .fold(0, |sum, weighed| (sum + weighed) % 10)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes bytes as hexadecimal digits.
pub(super) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

#[cfg(test)]
mod tests;
