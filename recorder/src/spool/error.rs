//! Why a spool cannot be used, and what to do about it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use schema::RecorderId;

use crate::units::ByteSize;

/// A spool that cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// Another process holds it.
    #[error(
        "the spool `{}` is in use by another recorder: give each recorder a --spool of its own",
        folder.display()
    )]
    InUse { folder: PathBuf },

    /// It belongs to a recorder of another name.
    #[error(
        "the spool `{}` belongs to recorder `{owner}`: leave out --recorder-id, or give `{given}` a --spool of its own",
        folder.display()
    )]
    OtherRecorder {
        folder: PathBuf,
        owner: RecorderId,
        given: RecorderId,
    },

    /// It holds frames of another version.
    #[error(
        "`{}` was written by another version of this program: publish it with that version first",
        file.display()
    )]
    Version { file: PathBuf },

    /// It names two owners.
    #[error("the spool `{}` holds two files called `id-…`: remove the one that was put there", folder.display())]
    TwoIds { folder: PathBuf },

    /// It has reached its size, and the policy is to stop.
    #[error(
        "the spool `{}` is full ({} of {}) because the archive takes nothing: see why, raise --spool-max, or choose what \
         to leave out with --when-full",
        folder.display(), ByteSize(*bytes), ByteSize(*bytes_max)
    )]
    Full {
        folder: PathBuf,
        bytes: u64,
        bytes_max: u64,
    },

    /// The disk that it lies on is full, and the policy is to stop.
    #[error(
        "the disk of the spool `{}` is full: free space, lower --spool-max, or choose what to leave out with --when-full; \
         what is in the spool stays",
        folder.display()
    )]
    DiskFull { folder: PathBuf },

    /// The disk refuses.
    #[error("cannot {what} `{}`{}", path.display(), advice(source))]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl SpoolError {
    pub(super) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether a file was not there.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == ErrorKind::NotFound)
    }

    /// Whether there was no room on the disk.
    pub(crate) fn is_no_room(&self) -> bool {
        matches!(self, Self::Io { source, .. } if no_room(source))
    }
}

pub(super) fn no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if no_room(error) => {
            ": the disk is full; free space, or lower --spool-max; what is in the spool stays"
        }
        ErrorKind::PermissionDenied => ": check the owner and mode of the spool's folder",
        ErrorKind::ReadOnlyFilesystem => ": give --spool a place that can be written",
        _ => "",
    }
}
