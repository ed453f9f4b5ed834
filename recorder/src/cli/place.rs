//! Where an archive is that is written, and the keys of one: flags that several commands take.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::units::parse_span;

/// Where the archive is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Archive")]
pub struct ArchiveArgs {
    /// Where to write: a path, file:///path or s3://bucket/prefix
    ///
    /// A folder that does not exist is created. S3 takes the usual variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    /// AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP=true; without keys, the role of the instance.
    /// Example: --archive s3://traffic/production
    #[arg(
        long,
        value_name = "URL",
        env = "RECORDER_ARCHIVE",
        hide_env_values = true
    )]
    pub archive: String,

    /// Name of this recorder, part of every segment's name [default: derived from the captures; live, the host's name]
    ///
    /// The default is the same whenever the same captures are read, so that reading them again adds nothing. Recorders that
    /// write into one archive at the same time need different names. Example: --recorder-id gateway-1
    #[arg(long, value_name = "ID", env = "RECORDER_ID", hide_env_values = true)]
    pub recorder_id: Option<String>,

    /// How long to try again while the object store fails [default: 2m; live, 24h]
    ///
    /// Wrong credentials, a missing bucket or a full disk end the program at once. With --spool there is no end of trying while
    /// recording goes on, and this is how long to go on after its end. Example: --retry-for 10m
    #[arg(
        long,
        value_name = "DURATION",
        env = "RECORDER_RETRY_FOR", hide_env_values = true,
        value_parser = parse_span
    )]
    pub retry_for: Option<Duration>,

    /// Write to a store that ignores create-only puts
    ///
    /// Publishing rests on them: without, two recorders of the same id overwrite each other. Garage is such a store.
    #[arg(long, env = "RECORDER_ALLOW_UNCONDITIONAL", hide_env_values = true)]
    pub allow_unconditional: bool,

    /// What encrypts it.
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Keys of an encrypted archive.
#[derive(Args, Clone, Debug, Default)]
pub struct KeyArgs {
    /// Encrypt what is written with the key in this file, and decrypt with it; may be given several times
    ///
    /// The first key encrypts, all of them decrypt: to change keys, put the new one first. Segments, documents and the spool
    /// are encrypted. Whoever loses the key loses what it encrypted. A key's name is its file's, without the extension. Make one
    /// with: openssl rand -base64 32. Example: --key-file /etc/reprise/2026.key --key-file /etc/reprise/2025.key
    #[arg(
        long,
        value_name = "FILE",
        env = "RECORDER_KEY_FILE",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub key_file: Vec<PathBuf>,
}
