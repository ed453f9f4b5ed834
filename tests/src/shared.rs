//! Other people's captures, in a folder that is not part of the project.

use std::path::PathBuf;

/// The shared folder: `REPRISE_SHARED`, else `../shared` beside the workspace.
///
/// # Panics
/// If there is none: tests that need it must not pass without it.
#[must_use]
pub fn shared() -> PathBuf {
    let folder = std::env::var_os("REPRISE_SHARED")
        .map_or_else(|| crate::workspace().join("../shared"), PathBuf::from);
    assert!(
        folder.join("captures/transactions.tsv").is_file(),
        "the shared captures are not at {}: set REPRISE_SHARED to the folder that holds captures/transactions.tsv",
        folder.display()
    );
    folder
}

/// Every capture file of the shared folder, sorted by name.
#[must_use]
pub fn shared_captures() -> Vec<PathBuf> {
    let mut files = crate::files_below(&shared().join("captures"));
    files.retain(|path| {
        !path
            .extension()
            .is_some_and(|extension| extension == "md" || extension == "tsv")
    });
    files
}

/// One HTTP message as tshark sees it: a row of `transactions.tsv`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transaction {
    /// Name of the capture file.
    pub capture: String,
    /// `request` or `response`.
    pub kind: String,
    /// Method of a request.
    pub method: String,
    /// Target of a request; `_` at its end where tshark cut it.
    pub target: String,
    /// Host of a request.
    pub host: String,
    /// Status of a response.
    pub status: String,
}

/// The second opinion on the shared captures.
#[must_use]
pub fn transactions() -> Vec<Transaction> {
    let path = shared().join("captures/transactions.tsv");
    let text =
        std::fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    String::from_utf8_lossy(&text)
        .lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().unwrap_or_default();
            let (capture, _stream, kind) = (next(), next(), next());
            Transaction {
                capture,
                kind,
                method: next(),
                target: next(),
                host: next(),
                status: next(),
            }
        })
        .collect()
}
