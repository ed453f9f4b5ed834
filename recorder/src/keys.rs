//! Key files: read once, at the start.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use schema::{Key, Keyring};

/// Mode bits that let others than the owner read or write.
const OTHERS: u32 = 0o077;
/// No key is longer; what is given by mistake is not read whole.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// What was read: one command may ask for its keys twice, and a file that is a pipe gives its key once.
static READ: Mutex<BTreeMap<PathBuf, Key>> = Mutex::new(BTreeMap::new());

/// The keys in these files, in their order.
///
/// # Errors
/// If one cannot be read or holds no key: which file, and what to do.
pub(crate) fn load(files: &[PathBuf]) -> anyhow::Result<Keyring> {
    let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let mut keys = Vec::new();
    for file in files {
        let key = match known.get(file) {
            Some(key) => key.clone(),
            None => key(file)?,
        };
        known.insert(file.clone(), key.clone());
        keys.push(key);
    }
    Ok(Keyring::new(keys))
}

fn key(file: &Path) -> anyhow::Result<Key> {
    let read = || format!("cannot use the key file `{}`", file.display());
    let opened = File::open(file).with_context(read)?;
    let metadata = opened.metadata().with_context(read)?;
    if metadata.mode() & OTHERS != 0 {
        let mode = metadata.mode() & 0o777;
        let file = file.display();
        tracing::warn!(
            "others than its owner may use the key file `{file}` (mode {mode:o}): chmod 600 it"
        );
    }
    let mut text = String::new();
    let mut limited = opened.take(KEY_FILE_BYTES_MAX + 1);
    let bytes = limited.read_to_string(&mut text).with_context(read)?;
    ensure!(
        bytes as u64 <= KEY_FILE_BYTES_MAX,
        "{}: it is too large to be a key",
        read()
    );
    let name = file.file_stem().and_then(|name| name.to_str());
    Key::from_base64(name.unwrap_or_default(), &text).with_context(read)
}
