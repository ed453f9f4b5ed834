//! The spool's folder on disk: steps done, names listed, the lock held. Everything is readable by its owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::SpoolError;
use super::layout::{Entry, LOCK};
use super::steps::Step;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// A spool's folder that this process holds.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    /// Held for as long as the spool is in use; the system lets go of it however the process ends.
    _lock: File,
}

impl Disk {
    /// Makes the folder if need be, and locks it.
    ///
    /// # Errors
    /// If it cannot be made or written, or another process holds it.
    pub(super) fn open(root: &Path) -> Result<Self, SpoolError> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(root);
        made.map_err(|error| SpoolError::io("make", root, error))?;
        let path = root.join(LOCK);
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(|error| SpoolError::io("open", &path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_owned(),
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(SpoolError::InUse {
                folder: root.to_owned(),
            }),
            Err(fs::TryLockError::Error(error)) => Err(SpoolError::io("lock", &path, error)),
        }
    }

    /// Where the folder is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Does steps in order; the first that fails ends it.
    pub(super) fn run(&self, steps: &[Step]) -> Result<(), SpoolError> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    /// The spool's names in the folder; others are passed by.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, SpoolError> {
        let names = self.names("")?;
        let mut entries = Vec::with_capacity(names.len());
        for (name, _) in names {
            match Entry::parse(&name) {
                Some(entry) => entries.push(entry),
                None => tracing::warn!(name, "the spool holds a file that is none of its own"),
            }
        }
        Ok(entries)
    }

    /// Names and sizes of what lies in a folder of the spool.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<(String, u64)>, SpoolError> {
        let path = self.root.join(folder);
        let list = || -> io::Result<Vec<(String, u64)>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                let bytes = entry.metadata()?.len();
                names.push((entry.file_name().to_string_lossy().into_owned(), bytes));
            }
            names.sort();
            Ok(names)
        };
        list().map_err(|error| SpoolError::io("list", &path, error))
    }

    /// Opens a file of frames to append to it.
    pub(super) fn append(&self, entry: &Entry) -> Result<File, SpoolError> {
        let path = self.root.join(entry.to_string());
        let file = OpenOptions::new().append(true).open(&path);
        file.map_err(|error| SpoolError::io("open", &path, error))
    }

    /// Opens a file to read it.
    pub(super) fn open_file(&self, path: &str) -> Result<File, SpoolError> {
        let path = self.root.join(path);
        File::open(&path).map_err(|error| SpoolError::io("open", &path, error))
    }

    fn step(&self, step: &Step) -> Result<(), SpoolError> {
        let at = |path: &str| self.root.join(path);
        let (what, path, result) = match step {
            Step::MakeFolder(path) => {
                let made = DirBuilder::new().mode(FOLDER_MODE).create(at(path));
                ("make", path, unless(made, ErrorKind::AlreadyExists))
            }
            Step::Write(path, bytes) => ("write", path, write(&at(path), bytes)),
            Step::SyncFile(path) => ("sync", path, File::open(at(path)).and_then(sync)),
            Step::SyncFolder(path) => ("sync", path, File::open(at(path)).and_then(sync)),
            Step::Rename(from, to) => ("rename", from, fs::rename(at(from), at(to))),
            Step::Remove(path) => {
                let removed = fs::remove_file(at(path));
                ("remove", path, unless(removed, ErrorKind::NotFound))
            }
            Step::RemoveFolder(path) => {
                let removed = unless(fs::remove_dir(at(path)), ErrorKind::NotFound);
                (
                    "remove",
                    path,
                    unless(removed, ErrorKind::DirectoryNotEmpty),
                )
            }
        };
        result.map_err(|error| SpoolError::io(what, &at(path), error))
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(bytes)
}

fn sync(file: File) -> io::Result<()> {
    file.sync_all()
}

/// The result without an error of the kind that says it is done already.
fn unless(result: io::Result<()>, kind: ErrorKind) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        result => result,
    }
}
