//! Where a comparison lies: `comparisons/<id>/comparison.json` and `comparisons/<id>/findings/<number>.parquet`.
//!
//! An id stands for its inputs, so a comparison that is made again replaces itself.

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use schema::comparison::{ComparisonDocument, comparison_path};
use schema::{Finding, decode_findings, encode_findings};

use crate::store::Archive;

/// Findings a file.
const FINDINGS_ROWS_MAX: usize = 20_000;
const ZSTD_LEVEL: i32 = 3;

/// Writes findings, a file at a time.
#[derive(Debug)]
pub(super) struct FindingsWriter {
    store: Archive,
    comparison: String,
    rows: Vec<Finding>,
    files: u64,
}

impl FindingsWriter {
    pub(super) fn new(store: Archive, comparison: &str) -> Self {
        Self {
            store,
            comparison: comparison.to_owned(),
            rows: Vec::new(),
            files: 0,
        }
    }

    pub(super) async fn add(&mut self, findings: Vec<Finding>) -> anyhow::Result<()> {
        self.rows.extend(findings);
        if self.rows.len() >= FINDINGS_ROWS_MAX {
            self.publish().await?;
        }
        Ok(())
    }

    /// Writes what is left; a comparison without findings has one file without rows.
    pub(super) async fn finish(mut self) -> anyhow::Result<()> {
        if !self.rows.is_empty() || self.files == 0 {
            self.publish().await?;
        }
        Ok(())
    }

    async fn publish(&mut self) -> anyhow::Result<()> {
        let file = format!(
            "comparisons/{}/findings/{:06}.parquet",
            self.comparison, self.files
        );
        let bytes = encode_findings(&self.rows, ZSTD_LEVEL, self.store.keys())
            .context("encode findings")?;
        put(&self.store, &file, PutPayload::from(bytes)).await?;
        self.rows.clear();
        self.files += 1;
        Ok(())
    }
}

pub(super) async fn put_document(
    store: &Archive,
    document: &ComparisonDocument,
) -> anyhow::Result<()> {
    let path = comparison_path(&document.comparison);
    let payload = store.seal(document.to_json(), &Path::from(path.as_str()));
    put(store, &path, payload).await
}

/// Reads a comparison; `None` if there is none of that id.
///
/// # Errors
/// If it cannot be read.
pub(crate) async fn read_document(
    store: &Archive,
    comparison: &str,
) -> anyhow::Result<Option<ComparisonDocument>> {
    let path = comparison_path(comparison);
    let read = || format!("read {path}");
    let json = match store.get(&Path::from(path.as_str())).await {
        Ok(file) => file.bytes().await.with_context(read)?,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error).with_context(read),
    };
    let json = store
        .open(json, &Path::from(path.as_str()))
        .with_context(read)?;
    ComparisonDocument::from_json(&json)
        .with_context(read)
        .map(Some)
}

/// Every finding that a comparison stored.
///
/// # Errors
/// If a file cannot be read.
pub(super) async fn read_findings(
    store: &Archive,
    comparison: &str,
) -> anyhow::Result<Vec<Finding>> {
    let folder = Path::from(format!("comparisons/{comparison}/findings"));
    let listed: Vec<_> = store.list(Some(&folder)).try_collect().await?;
    let mut paths: Vec<Path> = listed.into_iter().map(|file| file.location).collect();
    paths.sort();
    let mut findings = Vec::new();
    for path in paths {
        let read = || format!("read {path}");
        let file = store.get(&path).await.with_context(read)?;
        let bytes = file.bytes().await.with_context(read)?;
        findings.extend(decode_findings(bytes, store.keys()).with_context(read)?);
    }
    Ok(findings)
}

async fn put(store: &Archive, path: &str, payload: PutPayload) -> anyhow::Result<()> {
    let put = store.put(&Path::from(path), payload).await;
    put.with_context(|| format!("write {path}"))?;
    Ok(())
}
