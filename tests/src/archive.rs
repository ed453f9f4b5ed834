//! An archive on disk, back as exchanges.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use schema::{
    Divergence, Exchange, Keyring, LedgerRow, Projection, RecorderId, SegmentDecoder, Step,
    TimeWindow,
};

/// Every file below a folder, sorted by path; nothing if there is no such folder.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a folder of a test can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Every exchange of the archive in `folder`, by time, through our own decoder.
///
/// # Panics
/// If a segment cannot be read.
#[must_use]
pub fn read_archive(folder: &Path) -> Vec<Exchange> {
    read_encrypted_archive(folder, &Keyring::default())
}

/// The same of an archive that is encrypted.
///
/// # Panics
/// If a segment cannot be read.
#[must_use]
pub fn read_encrypted_archive(folder: &Path, keys: &Keyring) -> Vec<Exchange> {
    read_segments(&folder.join("exchanges"), keys)
}

/// Every exchange of the run `run`, and its divergences.
///
/// # Panics
/// If a file cannot be read.
#[must_use]
pub fn read_run(folder: &Path, run: &str) -> (Vec<Exchange>, Vec<Divergence>) {
    let run = folder.join("runs").join(run);
    let divergences = files_below(&run.join("divergences"))
        .iter()
        .flat_map(|path| {
            schema::decode_divergences(read(path), &Keyring::default())
                .expect("a file of divergences is readable")
        })
        .collect();
    (
        read_segments(&run.join("exchanges"), &Keyring::default()),
        divergences,
    )
}

/// Every row of the ledger, with the recorder that wrote it.
///
/// # Panics
/// If a segment cannot be read.
#[must_use]
pub fn read_ledger(folder: &Path) -> Vec<(RecorderId, LedgerRow)> {
    read_encrypted_ledger(folder, &Keyring::default())
}

/// The same of an archive that is encrypted.
///
/// # Panics
/// If a segment cannot be read.
#[must_use]
pub fn read_encrypted_ledger(folder: &Path, keys: &Keyring) -> Vec<(RecorderId, LedgerRow)> {
    segments_below(&folder.join("capture"))
        .iter()
        .flat_map(|path| {
            schema::decode_ledger(read(path), keys).expect("a segment of the ledger is readable")
        })
        .collect()
}

/// The files of a table. A local store that was killed leaves `….parquet#1` of what it was about to put.
fn segments_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| path.extension().is_some_and(|end| end == "parquet"));
    files
}

fn read_segments(folder: &Path, keys: &Keyring) -> Vec<Exchange> {
    let mut exchanges: Vec<_> = segments_below(folder)
        .iter()
        .flat_map(|path| decode(&read(path), keys))
        .collect();
    exchanges.sort_by_key(|exchange| (exchange.start(), exchange.id()));
    exchanges
}

/// Every exchange of one segment, in the decoder's order.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn decode_segment(file: &Bytes) -> Vec<Exchange> {
    decode(file, &Keyring::default())
}

fn decode(file: &Bytes, keys: &Keyring) -> Vec<Exchange> {
    let mut decoder =
        SegmentDecoder::new(file.len() as u64, keys, TimeWindow::ALL, Projection::All);
    let mut exchanges = Vec::new();
    loop {
        match decoder.step().expect("a segment is readable") {
            Step::NeedsData(ranges) => {
                let slice = |range: &std::ops::Range<u64>| {
                    file.slice(range.start as usize..range.end as usize)
                };
                let data = ranges.iter().map(slice).collect();
                decoder
                    .push(ranges, data)
                    .expect("every range has its length");
            }
            Step::Exchanges(batch) => exchanges.extend(batch),
            Step::Finished => return exchanges,
        }
    }
}

fn read(path: &Path) -> Bytes {
    std::fs::read(path)
        .unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
        .into()
}
