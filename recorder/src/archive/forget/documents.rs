//! What runs and comparisons say of exchanges beside their rows: divergences, findings, and examples in documents.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use schema::{
    ExchangeId, Keyring, decode_divergences, decode_findings, encode_divergences, encode_findings,
};
use serde_json::Value;

use super::Forgetting;

const ZSTD_LEVEL: i32 = 3;

impl Forgetting<'_> {
    /// Erases divergences or findings of erased exchanges from the files right below a folder.
    pub(super) async fn differences(&mut self, folder: &str) -> anyhow::Result<()> {
        let prefix = self.archive.path(folder);
        let listing = self.archive.store.list_with_delimiter(Some(&prefix)).await;
        let listing =
            listing.with_context(|| format!("cannot list {prefix} of {}", self.archive.place))?;
        for object in listing.objects {
            let name = object.location.filename().unwrap_or_default();
            if !name.ends_with(".parquet") {
                continue;
            }
            let path = format!("{folder}/{name}");
            let Some(file) = self.read(&path).await? else {
                continue;
            };
            let kept = if folder.ends_with("findings") {
                findings(file, &self.archive.keys, &self.ids)
            } else {
                divergences(file, &self.archive.keys, &self.ids)
            };
            match kept {
                Ok(Some((kept, erased))) => {
                    self.overwrite(&path, kept).await?;
                    self.report.differences.rows += erased;
                    self.report.differences.files += 1;
                }
                Ok(None) => {}
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    self.report.problems.push(format!("{path}: {error:#}"));
                }
            }
        }
        Ok(())
    }

    /// Erases examples of erased exchanges from a document, if it is there.
    pub(super) async fn document(&mut self, path: &str) -> anyhow::Result<()> {
        let Some(json) = self.read(path).await? else {
            return Ok(());
        };
        let keys = &self.archive.keys;
        let opened = keys.open_document(json, path).map_err(anyhow::Error::from);
        let parsed = opened.and_then(|json| Ok(serde_json::from_slice(&json)?));
        let mut document: Value = match parsed {
            Ok(document) => document,
            Err(error) => {
                self.report.problems.push(format!("{path}: {error:#}"));
                return Ok(());
            }
        };
        let ids = Arc::clone(&self.ids);
        let is_erased = move |text: &str| text.parse().is_ok_and(|id| ids.contains(&id));
        if scrub(&mut document, &is_erased) {
            let json = keys.seal_document(serde_json::to_vec_pretty(&document)?, path);
            self.overwrite(path, json.into()).await?;
            self.report.documents += 1;
        }
        Ok(())
    }
}

/// A file without the rows of these exchanges, and how many those were; `None` if there were none.
type Kept = Result<Option<(Bytes, u64)>, schema::Error>;

fn divergences(file: Bytes, keys: &Keyring, ids: &HashSet<ExchangeId>) -> Kept {
    let mut rows = decode_divergences(file, keys)?;
    let before = rows.len();
    rows.retain(|row| !ids.contains(&row.exchange));
    let erased = (before - rows.len()) as u64;
    (erased > 0)
        .then(|| Ok((encode_divergences(&rows, ZSTD_LEVEL, keys)?, erased)))
        .transpose()
}

fn findings(file: Bytes, keys: &Keyring, ids: &HashSet<ExchangeId>) -> Kept {
    let mut rows = decode_findings(file, keys)?;
    let before = rows.len();
    rows.retain(|row| !ids.contains(&row.exchange));
    let erased = (before - rows.len()) as u64;
    (erased > 0)
        .then(|| Ok((encode_findings(&rows, ZSTD_LEVEL, keys)?, erased)))
        .transpose()
}

/// What stands in the place of a script that would send a request that was erased.
const ERASED_SCRIPT: &str = "#!/bin/sh\n# Erased, with an exchange that it sent.\nexit 1\n";

/// Removes these exchanges and their examples from every list; of a group that lost one, also the answers side by side and the
/// script, which holds whole requests. Whether anything was.
fn scrub(value: &mut Value, is_erased: &dyn Fn(&str) -> bool) -> bool {
    let is_of = |value: &Value| {
        let names = ["exchange", "example"].iter();
        let texts = names.filter_map(|name| value.get(name)?.as_str());
        let mut texts = texts.chain(value.as_str());
        texts.any(is_erased)
    };
    match value {
        Value::Array(values) => {
            let before = values.len();
            values.retain(|value| !is_of(value));
            let mut any = values.len() < before;
            for value in values {
                any |= scrub(value, is_erased);
            }
            any
        }
        Value::Object(fields) => {
            let lists = ["examples", "reproducer"].iter();
            let mut lists = lists.filter_map(|name| fields.get(*name)?.as_array());
            let lost = lists.any(|list| list.iter().any(is_of));
            let erased = [
                ("sides", Value::Null),
                ("script", Value::from(ERASED_SCRIPT)),
            ];
            for (name, erased) in erased {
                if lost && fields.contains_key(name) {
                    fields.insert(name.to_owned(), erased);
                }
            }
            let mut any = lost;
            for (_, value) in fields.iter_mut() {
                any |= scrub(value, is_erased);
            }
            any
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
