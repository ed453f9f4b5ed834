//! Keys that keep what an archive holds from whoever has its files and not the keys.
//!
//! Segments and other Parquet files are encrypted as Parquet itself specifies it (modular encryption, AES-GCM, the footer and
//! every column under one key), so that other programs read them with the same key. Everything else that holds traffic,
//! documents and the frames of a spool, is *sealed*:
//!
//! ```text
//! "RSEA" │ length of the name 1 │ key's name │ its fingerprint 8 │ salt 32 │ AES-256-GCM of the content, and its tag 16
//! ```
//! The key and the nonce of a seal are the 44 bytes that HKDF-SHA-256 (RFC 5869) makes of the key, the salt, and the words
//! `reprise sealed 1`; what comes before the ciphertext, and a context that is not stored, are authenticated with it. Salts
//! are random, so that no nonce is used twice however much one key seals. The context of a document is its path below the
//! archive's root: whoever can move files and has no key cannot put one run's verdict in the place of another's.

mod material;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

use self::material::{KeyMaterial, Retriever};
use crate::Error;

/// What a sealed content begins with.
const MAGIC: &[u8; 4] = b"RSEA";
/// AES-256: the one length that all readers take.
const KEY_BYTES: usize = 32;
const FINGERPRINT_BYTES: usize = 8;
const SALT_BYTES: usize = 32;
/// Longest name: its length is one byte.
const NAME_BYTES_MAX: usize = 255;

/// A secret of 32 bytes, and what it is called.
#[derive(Clone)]
pub struct Key {
    name: String,
    /// Tells keys apart without telling them; a file that was renamed holds the same key.
    fingerprint: [u8; FINGERPRINT_BYTES],
    secret: Vec<u8>,
}

/// The keys that a program was given: the first encrypts, all of them decrypt. Without any, nothing is encrypted.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Arc<[Key]>);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// It is not base64.
    #[error("it is not base64: make a key with `openssl rand -base64 32`")]
    NotBase64,
    /// It has another length.
    #[error("it holds {0} bytes and AES-256 takes 32: make a key with `openssl rand -base64 32`")]
    Length(usize),
    /// The name does not fit into files.
    #[error("its name is empty or longer than {NAME_BYTES_MAX} bytes")]
    Name,
}

/// Something is encrypted with a key that is not on the ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is encrypted with key `{name}` ({fingerprint}), {}", lack(*.given))]
pub struct Locked {
    /// What the key is called; a file is named so, without its extension.
    pub name: String,
    /// Its fingerprint, in hex.
    pub fingerprint: String,
    /// How many keys were given.
    pub given: usize,
}

fn lack(given: usize) -> &'static str {
    match given {
        0 => "and no key was given: give that key's file with --key-file",
        _ => "and that is none of the keys that were given: give its file too with --key-file",
    }
}

impl Key {
    /// The key `name`, as its file holds it: base64 of 32 bytes, with blanks around it or not.
    ///
    /// # Errors
    /// If it is no base64, or of another length.
    pub fn from_base64(name: &str, text: &str) -> Result<Self, ParseKeyError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(ParseKeyError::Name);
        }
        let secret = STANDARD.decode(text.trim());
        let secret = secret.map_err(|_| ParseKeyError::NotBase64)?;
        if secret.len() != KEY_BYTES {
            return Err(ParseKeyError::Length(secret.len()));
        }
        let mut fingerprint = [0; FINGERPRINT_BYTES];
        derive(&secret, b"", b"reprise fingerprint 1", &mut fingerprint);
        Ok(Self {
            name: name.to_owned(),
            fingerprint,
            secret,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its fingerprint, in hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&self.fingerprint)
    }
}

impl Keyring {
    /// A ring of these keys.
    #[must_use]
    pub fn new(keys: Vec<Key>) -> Self {
        Self(keys.into())
    }

    /// The key that encrypts what is written; `None` if nothing is encrypted.
    #[must_use]
    pub fn writing(&self) -> Option<&Key> {
        self.0.first()
    }

    /// Seals what is no Parquet; without a key it stays as it is. Whoever opens it must know `context`, which says what it is.
    ///
    /// # Panics
    /// If the system has no random bytes to give.
    #[must_use]
    pub fn seal(&self, content: Vec<u8>, context: &[u8]) -> Vec<u8> {
        let Some(key) = self.writing() else {
            return content;
        };
        let mut salt = [0; SALT_BYTES];
        let random = SystemRandom::new().fill(&mut salt);
        random.expect("the system gives random bytes");
        let mut sealed = Vec::with_capacity(seal_bytes(&key.name) + content.len());
        sealed.extend(MAGIC);
        sealed.push(u8::try_from(key.name.len()).expect("a name is bounded"));
        sealed.extend(key.name.as_bytes());
        sealed.extend(key.fingerprint);
        sealed.extend(salt);
        let head = sealed.len();
        let aad = [&sealed[..], context].concat();
        sealed.extend(content);
        let (cipher, nonce) = cipher(key, &salt);
        let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(&aad), &mut sealed[head..]);
        sealed.extend(tag.expect("the content is shorter than 64 GiB").as_ref());
        sealed
    }

    /// Opens what [`Keyring::seal`] gave. What is not sealed is given back as it is.
    ///
    /// # Errors
    /// [`Error::Locked`] if its key is not on the ring; [`Error::Damaged`] if it is not what was sealed, in this context.
    pub fn open(&self, sealed: Bytes, context: &[u8]) -> Result<Bytes, Error> {
        if !is_sealed(&sealed) {
            return Ok(sealed);
        }
        let damaged = || {
            let problem = "it is sealed, and its bytes are not those that were written";
            Error::Damaged(ParquetError::General(problem.to_owned()))
        };
        let head = Head::read(&sealed).ok_or_else(damaged)?;
        let key = self.find(head.name, &hex(head.fingerprint))?;
        let (cipher, nonce) = cipher(key, head.salt);
        let aad = [&sealed[..head.bytes], context].concat();
        let mut content = sealed[head.bytes..].to_vec();
        let opened = cipher.open_in_place(nonce, Aad::from(&aad), &mut content);
        let length = opened.map_err(|_| damaged())?.len();
        content.truncate(length);
        Ok(content.into())
    }

    /// Seals the document that belongs at `path` below the archive's root; without a key it stays as it is.
    ///
    /// # Panics
    /// As [`Keyring::seal`].
    #[must_use]
    pub fn seal_document(&self, document: Vec<u8>, path: &str) -> Vec<u8> {
        self.seal(document, path.as_bytes())
    }

    /// Opens the document that lies at `path`. One that was sealed for no path, as the first ones were, is opened wherever it lies.
    ///
    /// # Errors
    /// As [`Keyring::open`]; also if it was sealed for another path.
    pub fn open_document(&self, stored: Bytes, path: &str) -> Result<Bytes, Error> {
        self.open(stored.clone(), path.as_bytes())
            .or_else(|error| self.open(stored, b"").map_err(|_| error))
    }

    /// The key with this fingerprint; names are for people.
    fn find(&self, name: &str, fingerprint: &str) -> Result<&Key, Locked> {
        let mut keys = self.0.iter();
        keys.find(|key| key.fingerprint() == fingerprint)
            .ok_or_else(|| Locked {
                name: name.to_owned(),
                fingerprint: fingerprint.to_owned(),
                given: self.0.len(),
            })
    }

    /// How Parquet is to be encrypted.
    pub(crate) fn encryption(&self) -> Option<Arc<FileEncryptionProperties>> {
        let key = self.writing()?;
        let properties = FileEncryptionProperties::builder(key.secret.clone())
            .with_footer_key_metadata(KeyMaterial::of(key).to_json())
            .build();
        Some(properties.expect("a key for the footer alone is consistent"))
    }

    /// How Parquet is to be decrypted, if it is encrypted.
    pub(crate) fn decryption(&self) -> Arc<FileDecryptionProperties> {
        let retriever = Arc::new(Retriever(self.clone()));
        let properties = FileDecryptionProperties::with_key_retriever(retriever).build();
        properties.expect("a retriever is all that is needed")
    }
}

/// Whether a content is sealed.
#[must_use]
pub fn is_sealed(content: &[u8]) -> bool {
    content.starts_with(MAGIC)
}

/// How many bytes a seal adds to a content.
fn seal_bytes(name: &str) -> usize {
    MAGIC.len() + 1 + name.len() + FINGERPRINT_BYTES + SALT_BYTES + AES_256_GCM.tag_len()
}

/// What a sealed content begins with.
struct Head<'a> {
    name: &'a str,
    fingerprint: &'a [u8],
    salt: &'a [u8],
    /// How long it is.
    bytes: usize,
}

impl<'a> Head<'a> {
    fn read(sealed: &'a [u8]) -> Option<Self> {
        let (length, rest) = sealed.get(MAGIC.len()..)?.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (fingerprint, rest) = rest.split_at_checked(FINGERPRINT_BYTES)?;
        let (salt, rest) = rest.split_at_checked(SALT_BYTES)?;
        Some(Self {
            name: std::str::from_utf8(name).ok()?,
            fingerprint,
            salt,
            bytes: sealed.len() - rest.len(),
        })
    }
}

/// What seals one content: no other has this salt.
fn cipher(key: &Key, salt: &[u8]) -> (LessSafeKey, Nonce) {
    let mut derived = [0; KEY_BYTES + NONCE_LEN];
    derive(&key.secret, salt, b"reprise sealed 1", &mut derived);
    let (secret, nonce) = derived.split_at(KEY_BYTES);
    let secret = UnboundKey::new(&AES_256_GCM, secret).expect("AES-256 takes 32 bytes");
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("GCM takes a nonce of 12 bytes");
    (LessSafeKey::new(secret), nonce)
}

/// HKDF-SHA-256, RFC 5869.
fn derive(secret: &[u8], salt: &[u8], info: &[u8], into: &mut [u8]) {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let key = Salt::new(HKDF_SHA256, salt).extract(secret);
    key.expand(&[info], Length(into.len()))
        .and_then(|derived| derived.fill(into))
        .expect("HKDF gives up to 8160 bytes");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
