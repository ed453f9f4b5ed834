//! Where the archive is.

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
}
