//! The demo's folder: made anew each time, and nothing is ever removed that the demo did not make.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The file that says whose folder this is.
const MARKER: &str = "README.txt";

/// What the marker starts with.
const MARKER_START: &str = "Made by `replayer demo`.";

/// The rest of the marker.
const MARKER_REST: &str =
    " The next demo in this folder replaces what is named here, and touches nothing else:

capture.pcap.zst   mirrored packets, as a packet handler receives them
archive/           what `recorder read` made of them, the two runs, and their comparison: Parquet, read by anything
report.html        the report on the build with a planted regression
compare.html       that build beside the faithful one and the recording
";

/// Everything else that the demo makes in its folder.
const MADE: &[&str] = &["capture.pcap.zst", "archive", "report.html", "compare.html"];

/// The demo's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder `path`, or empties it if a demo made it.
    ///
    /// # Errors
    /// If it holds files and no demo made it, or it cannot be written to.
    pub(crate) fn prepare(path: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("make folder {}", path.display()))?;
        let marker = path.join(MARKER);
        let ours = match fs::read(&marker) {
            Ok(text) => text.starts_with(MARKER_START.as_bytes()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error).context(format!("read {}", marker.display())),
        };
        let mut entries = fs::read_dir(path).with_context(|| format!("list {}", path.display()))?;
        if !ours && entries.next().is_some() {
            bail!(
                "{} has files in it and no demo made it: name another folder with --dir",
                path.display()
            );
        }
        for name in MADE {
            remove(&path.join(name))?;
        }
        fs::write(&marker, format!("{MARKER_START}{MARKER_REST}"))
            .with_context(|| format!("write {}", marker.display()))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    pub(crate) fn capture(&self) -> PathBuf {
        self.path.join("capture.pcap.zst")
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.path.join("archive")
    }

    /// The run of that name.
    pub(crate) fn run(&self, name: &str) -> PathBuf {
        self.archive().join("runs").join(name)
    }

    pub(crate) fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The report on both builds and the recording.
    pub(crate) fn comparison(&self) -> PathBuf {
        self.path.join("compare.html")
    }
}

/// Removes a file or folder, not what a link points to; that there is none is no error.
fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.with_context(|| format!("remove {}", path.display()))
}

#[cfg(test)]
mod tests;
