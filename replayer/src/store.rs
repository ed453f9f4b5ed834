//! Archives as object stores: the same code for a folder and for S3.

use std::ops::Deref;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, PutPayload};
use schema::Keyring;
use url::Url;

/// An archive: a store whose root is the archive's, and the keys of what it holds.
#[derive(Clone, Debug)]
pub struct Archive {
    store: Arc<dyn ObjectStore>,
    keys: Keyring,
}

impl Archive {
    /// What `store` holds, with these keys.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, keys: Keyring) -> Self {
        Self { store, keys }
    }

    /// An empty one in memory.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Self {
        let store = object_store::memory::InMemory::new();
        Self::new(Arc::new(store), Keyring::default())
    }

    /// What encrypts it.
    pub(crate) fn keys(&self) -> &Keyring {
        &self.keys
    }

    /// A document as it is stored at `path`: sealed if there is a key.
    pub(crate) fn seal(&self, document: Vec<u8>, path: &Path) -> PutPayload {
        self.keys.seal_document(document, path.as_ref()).into()
    }

    /// What is stored at `path`, opened if it is sealed.
    ///
    /// # Errors
    /// If its key is not there, or it is not what was written there.
    pub(crate) fn open(&self, stored: Bytes, path: &Path) -> Result<Bytes, schema::Error> {
        self.keys.open_document(stored, path.as_ref())
    }
}

impl Deref for Archive {
    type Target = dyn ObjectStore;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

/// The store whose root is the archive at `url`: a path, `file:///…` or `s3://bucket/prefix`.
///
/// # Errors
/// If the URL is none of these, the folder does not exist, or the S3 settings in the environment are incomplete.
pub(crate) fn open(url: &str, keys: &Keyring) -> anyhow::Result<Archive> {
    Ok(Archive::new(store(url)?, keys.clone()))
}

fn store(url: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    if let Some(rest) = url.strip_prefix("s3://") {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            bail!("archive {url} names no bucket; write s3://bucket/prefix");
        }
        // Who writes http:// into the endpoint's URL means it.
        let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
            .iter()
            .find_map(|name| std::env::var(name).ok());
        let http = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_allow_http(http)
            .build()
            .with_context(|| format!("archive {url}"))?;
        return Ok(match prefix.trim_matches('/') {
            "" => Arc::new(store),
            prefix => Arc::new(PrefixStore::new(store, prefix)),
        });
    }
    let path = if url.starts_with("file:") {
        Url::parse(url)
            .ok()
            .and_then(|url| url.to_file_path().ok())
            .with_context(|| {
                format!("archive {url} names no path; write file:///path/to/archive")
            })?
    } else if url.contains("://") {
        bail!(
            "archive {url} is of no kind that is known; write a path, file:///… or s3://bucket/prefix"
        );
    } else {
        url.into()
    };
    if !path.is_dir() {
        bail!("archive {} is no folder", path.display());
    }
    let store = LocalFileSystem::new_with_prefix(&path)
        .with_context(|| format!("archive {}", path.display()))?;
    Ok(Arc::new(store))
}
