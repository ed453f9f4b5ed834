//! Where an archive is: its URL becomes an object store and a path in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use schema::Keyring;
use url::Url;

/// An archive that can be written to.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The store that holds it.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Where in the store it begins.
    pub(crate) prefix: Path,
    /// How its URL is told to people.
    pub(crate) shown: String,
    /// The same with the endpoint that it is looked for at, for failures.
    pub(crate) place: String,
    /// What kind of store it is, for telling what to do about a failure.
    pub(crate) kind: StoreKind,
    /// What encrypts what it holds.
    pub(crate) keys: Keyring,
}

/// The kinds of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Local,
    S3,
}

impl Archive {
    /// Opens the archive at `url`; a local folder that does not exist is created.
    ///
    /// # Errors
    /// If the folder cannot be created, or the S3 configuration in the environment cannot be used.
    pub(crate) fn open(url: &Url, keys: &Keyring) -> anyhow::Result<Self> {
        let keys = keys.clone();
        match url.scheme() {
            "file" => Self::local(url, keys),
            _ => Self::s3(url, keys),
        }
    }

    /// Opens the archive at `url`, which must be there as far as that can be told without asking a store.
    ///
    /// # Errors
    /// If a local folder does not exist, or as [`Archive::open`].
    pub(crate) fn open_existing(url: &Url, keys: &Keyring) -> anyhow::Result<Self> {
        if url.scheme() == "file" {
            let folder = folder(url)?;
            if !folder.is_dir() {
                bail!("there is no archive `{}`: no such folder", folder.display());
            }
        }
        Self::open(url, keys)
    }

    /// Where the object at `path` below the archive's URL lies in the store.
    pub(crate) fn path(&self, path: &str) -> Path {
        self.prefix
            .parts()
            .chain(Path::from(path).parts())
            .collect()
    }

    fn local(url: &Url, keys: Keyring) -> anyhow::Result<Self> {
        let folder = folder(url)?;
        let shown = folder.display().to_string();
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create the archive's folder `{shown}`"))?;
        let store = LocalFileSystem::new_with_prefix(&folder)
            .with_context(|| format!("cannot open the archive's folder `{shown}`"))?;
        Ok(Self {
            store: Arc::new(store.with_fsync(true)),
            prefix: Path::default(),
            place: shown.clone(),
            shown,
            kind: StoreKind::Local,
            keys,
        })
    }

    fn s3(url: &Url, keys: Keyring) -> anyhow::Result<Self> {
        // The first provider stays; a program around this one may have installed its own.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Only short faults are ridden out in there; the uploader decides how long to go on.
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 2,
            retry_timeout: Duration::from_secs(10),
        };
        let mut builder = AmazonS3Builder::from_env()
            .with_url(url.as_str())
            .with_checksum_algorithm(Checksum::CRC64NVME)
            .with_retry(retry);
        // Who writes http:// into the endpoint's URL means it.
        let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
            .iter()
            .find_map(|name| std::env::var(name).ok());
        let mut place = url.to_string();
        if let Some(endpoint) = endpoint {
            place = format!("{place} at {endpoint}");
            if endpoint.starts_with("http://") {
                builder = builder.with_allow_http(true);
            }
        }
        let store = builder
            .build()
            .with_context(|| format!("cannot use `{url}`: check the AWS_* variables"))?;
        let prefix = Path::from_url_path(url.path())
            .with_context(|| format!("`{url}` holds a path that S3 does not know"))?;
        Ok(Self {
            store: Arc::new(store),
            prefix,
            shown: url.to_string(),
            place,
            kind: StoreKind::S3,
            keys,
        })
    }
}

/// Reads where an archive is: a path, `file:///…` or `s3://bucket/prefix`.
///
/// # Errors
/// If the text is a URL of another kind, or names no bucket: what is wrong and what is right.
pub(crate) fn archive_url(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "give a path, a URL such as file:///var/archive, or s3://bucket/prefix";
    if text.is_empty() {
        return Err(format!("it is empty; {EXPECTED}"));
    }
    if !text.contains("://") {
        let path = std::path::absolute(text).map_err(|error| format!("`{text}`: {error}"))?;
        return Url::from_directory_path(path).map_err(|()| format!("`{text}`: {EXPECTED}"));
    }
    let url = Url::parse(text).map_err(|error| format!("`{text}`: {error}; {EXPECTED}"))?;
    match url.scheme() {
        "s3" if url.host_str().is_none_or(str::is_empty) => {
            Err(format!("`{text}` names no bucket; {EXPECTED}"))
        }
        "s3" => Ok(url),
        "file" if url.to_file_path().is_ok() => Ok(url),
        _ => Err(format!("`{text}` is no place for an archive; {EXPECTED}")),
    }
}

fn folder(url: &Url) -> anyhow::Result<PathBuf> {
    url.to_file_path()
        .map_err(|()| anyhow!("`{url}` is not a path on this machine"))
}

#[cfg(test)]
mod tests;
