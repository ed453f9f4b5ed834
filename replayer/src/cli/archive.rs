//! Where the archive is.

use std::path::PathBuf;

use clap::Args;

/// Where the archive is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Archive")]
pub struct ArchiveArgs {
    /// Archive to read: a path, file:///… or s3://bucket/prefix
    ///
    /// S3 is reached with the usual AWS_* variables (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, …) and instance
    /// roles. Example: --archive s3://traffic/shop
    #[arg(long, value_name = "URL", env = "REPLAYER_ARCHIVE")]
    pub archive: String,

    /// What it is encrypted with.
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Keys of an encrypted archive.
#[derive(Args, Clone, Debug, Default)]
pub struct KeyArgs {
    /// Decrypt the archive with the key in this file, and encrypt what is written with it; may be given several times
    ///
    /// All keys decrypt, the first encrypts. What is written is the run: answers, differences, documents. Example: --key-file
    /// /etc/reprise/2026.key
    #[arg(
        long,
        value_name = "FILE",
        env = "REPLAYER_KEY_FILE",
        value_delimiter = ','
    )]
    pub key_file: Vec<PathBuf>,
}
