//! The flags of a run: what of them is stored, and what may be said again when the run goes on.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use schema::run::RunDocument;
use xxhash_rust::xxh3::xxh3_64;

use crate::cli::Typed;

/// Flags as text.
type Options = BTreeMap<String, Vec<String>>;

/// What may hold secrets: it is not stored, and has to be given again.
const SECRET: [&str; 3] = ["after", "before", "target-proof"];

/// What says nothing of the run, or only of one process of it.
const OF_A_PROCESS: [&str; 11] = [
    "archive",
    "checkpoint",
    "every",
    "json",
    "key-file",
    "resume",
    "resume-if-begun",
    "run",
    "send-again",
    "shard",
    "shards",
];

/// What may lie elsewhere on another machine.
const OF_A_MACHINE: [&str; 6] = [
    "ca-file",
    "client-cert",
    "client-key",
    "jwt-key",
    "live-ca-file",
    "live-token-file",
];

/// Files whose content says what is sent.
const FILES: [&str; 2] = ["policy", "rewrite-file"];

/// What of `options` is stored with the run, and the names of the flags that are not, because they may hold secrets.
pub(crate) fn stored(options: &Options) -> (Options, Vec<String>) {
    let is = |names: &[&str], name: &String| names.contains(&name.as_str());
    let stored = options
        .iter()
        .filter(|(name, _)| !is(&SECRET, name) && !is(&OF_A_PROCESS, name));
    let secret = options.keys().filter(|name| is(&SECRET, name));
    (
        stored
            .map(|(name, values)| (name.clone(), values.clone()))
            .collect(),
        secret.cloned().collect(),
    )
}

/// Hashes of the files that `options` name.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn file_hashes(options: &Options) -> anyhow::Result<BTreeMap<String, String>> {
    let named = FILES.iter().filter_map(|name| options.get_key_value(*name));
    let hashes = named.map(|(name, paths)| {
        let mut hashed = Vec::new();
        for path in paths {
            let bytes = std::fs::read(Path::new(path));
            hashed.extend(bytes.with_context(|| format!("--{name} {path} cannot be read"))?);
        }
        Ok((name.clone(), format!("{:016x}", xxh3_64(&hashed))))
    });
    hashes.collect()
}

/// The command line of the run that `document` describes, gone on with by a process that `typed` was said to.
///
/// # Errors
/// If something contradicts the run, or has to be said again and was not.
pub(super) fn arguments(typed: &Typed, document: &RunDocument) -> anyhow::Result<Vec<String>> {
    let run = &document.run;
    let mut options = document.options.clone();
    for (name, values) in &typed.0 {
        let text = name.as_str();
        let may_differ = [&SECRET[..], &OF_A_PROCESS, &OF_A_MACHINE]
            .iter()
            .any(|names| names.contains(&text));
        if !may_differ && document.options.get(name) != Some(values) {
            let before = match document.options.get(name) {
                Some(values) => format!("with --{name} {}", values.join(" ")),
                None => format!("without --{name}"),
            };
            bail!(
                "--{name} {} contradicts run {run}, which was begun {before}: leave it out, or begin another run",
                values.join(" ")
            );
        }
        if may_differ {
            options.insert(name.clone(), values.clone());
        }
    }
    for name in &document.options_left_out {
        // What comes before the run has been.
        if name != "before" && !typed.0.contains_key(name) {
            bail!(
                "run {run} was begun with --{name}, which is not stored as it may hold a secret: give it again"
            );
        }
    }
    for (name, hash) in file_hashes(&options)? {
        if document.option_files.get(&name) != Some(&hash) {
            bail!(
                "--{name} is another file than when run {run} was begun: restore it, or begin another run"
            );
        }
    }
    Ok(Typed::arguments(&options))
}

#[cfg(test)]
mod tests;
