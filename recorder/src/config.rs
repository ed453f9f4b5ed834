//! The configuration after it was checked: what the rest of the program sees, and the only place that checks.

use std::path::PathBuf;
use std::time::Duration;

use recorder_core::{Limits, Options, Rotation, TunnelPorts};
use schema::RecorderId;
use url::Url;

use crate::cli::{Cli, Command, ReadArgs};
use crate::store;
use crate::units::ByteSize;

/// Smallest and largest size at which a segment may be cut: below, an archive becomes a heap of tiny files; above, a
/// segment no longer fits one conditional put.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (64 << 10)..=(1 << 30);

/// Largest body limit: a body is held in memory until its exchange is done.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// What `recorder read` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Captures to read; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Where the archive is: `file:` or `s3:`.
    pub archive: Url,
    /// Who writes; `None` derives it from the captures.
    pub recorder: Option<RecorderId>,
    /// How exchanges are recorded.
    pub options: Options,
    /// Bounds of the pipeline.
    pub limits: Limits,
    /// When segments are cut.
    pub rotation: Rotation,
    /// zstd level of segments, 1 to 22.
    pub zstd_level: i32,
    /// How long to try again while the object store fails.
    pub retry_for: Duration,
    /// Whether progress is drawn on standard error.
    pub progress: bool,
}

impl Config {
    /// The configuration for reading `files` into `archive` that the command line has without further flags.
    ///
    /// # Errors
    /// If `archive` is no URL of an archive.
    pub fn read(files: Vec<PathBuf>, archive: &str) -> anyhow::Result<Self> {
        use clap::Parser as _;
        let mut config = Self::try_from(Cli::try_parse_from([
            "recorder",
            "read",
            "-",
            "--archive",
            archive,
        ])?)?;
        config.files = files;
        Ok(config)
    }
}

/// A flag whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flag}: {problem}")]
pub struct ConfigError {
    flag: &'static str,
    problem: String,
}

impl TryFrom<Cli> for Config {
    type Error = ConfigError;

    fn try_from(cli: Cli) -> Result<Self, Self::Error> {
        let Command::Read(read) = cli.command;
        read.try_into()
    }
}

impl TryFrom<ReadArgs> for Config {
    type Error = ConfigError;

    fn try_from(args: ReadArgs) -> Result<Self, Self::Error> {
        let bytes = |flag, size: ByteSize, range: std::ops::RangeInclusive<u64>| {
            let (least, most) = (ByteSize(*range.start()), ByteSize(*range.end()));
            usize::try_from(size.0)
                .ok()
                .filter(|_| range.contains(&size.0))
                .ok_or_else(|| problem(flag, format!("{size} is not between {least} and {most}")))
        };
        if !(1..=22).contains(&args.segments.level) {
            let level = args.segments.level;
            return Err(problem(
                "--level",
                format!("{level} is not between 1 and 22"),
            ));
        }
        if args.segments.segment_age < Duration::from_secs(1) {
            let text = "a segment must be at least 1s long, for example 5m".to_owned();
            return Err(problem("--segment-age", text));
        }
        for (flag, ports) in [
            ("--vxlan-port", &args.traffic.vxlan_ports),
            ("--geneve-port", &args.traffic.geneve_ports),
        ] {
            if ports.contains(&0) {
                return Err(problem(flag, "0 is not a port".to_owned()));
            }
        }
        let recorder = args.archive.recorder_id.as_deref().map(str::parse);
        Ok(Self {
            files: args.files,
            archive: store::archive_url(&args.archive.archive)
                .map_err(|error| problem("--archive", error))?,
            recorder: recorder
                .transpose()
                .map_err(|error: schema::ParseIdError| {
                    problem("--recorder-id", error.to_string())
                })?,
            options: Options {
                body_bytes_max: bytes("--max-body", args.traffic.max_body, 0..=BODY_BYTES_MAX)?,
                raw_bodies: args.traffic.raw_bodies,
                tunnel_ports: TunnelPorts {
                    vxlan: args.traffic.vxlan_ports,
                    geneve: args.traffic.geneve_ports,
                },
                selection: args.selection.selection(),
            },
            limits: Limits::default(),
            rotation: Rotation {
                bytes_max: bytes(
                    "--segment-bytes",
                    args.segments.segment_bytes,
                    SEGMENT_BYTES,
                )?,
                age_max: args.segments.segment_age,
            },
            zstd_level: args.segments.level,
            retry_for: args.archive.retry_for,
            progress: !args.output.quiet,
        })
    }
}

fn problem(flag: &'static str, problem: String) -> ConfigError {
    ConfigError { flag, problem }
}

#[cfg(test)]
mod tests;
