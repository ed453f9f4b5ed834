//! The configuration after it was checked: what the rest of the program sees, and the only place that checks.

mod live;
mod redact;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use recorder_core::{Limits, Options, Rotation, TunnelPorts};
use schema::{Keyring, RecorderId};
use url::Url;

use crate::cli::{
    ArchiveArgs, Cli, Command, OperateArgs, OutputArgs, ReceiveArgs, RedactArgs, SegmentArgs,
    SelectionArgs, SpoolArgs, TrafficArgs,
};
use crate::keys;
use crate::listen::{Listen, ListenLimits};
use crate::spool::{SyncPolicy, WhenFull};
use crate::store;
use crate::units::ByteSize;

/// Smallest and largest size at which a segment may be cut: below, an archive becomes a heap of tiny files; above, a
/// segment no longer fits one conditional put.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (64 << 10)..=(1 << 30);

/// Smallest spool.
const SPOOL_BYTES_MIN: u64 = 1 << 20;

/// Largest body limit: a body is held in memory until its exchange is done.
const BODY_BYTES_MAX: u64 = 256 << 20;

/// How long a segment may be open: captures are read faster than they were taken, and what is recorded live is waited for.
const SEGMENT_AGE: Duration = Duration::from_secs(3_600);
const SEGMENT_AGE_LIVE: Duration = Duration::from_secs(300);

/// How long to try again while the store fails: whoever reads a capture waits, and what is recorded live cannot be recorded
/// again.
const RETRY_FOR: Duration = Duration::from_secs(120);
const RETRY_FOR_LIVE: Duration = Duration::from_secs(86_400);

/// Most threads that receive.
const SHARDS_MAX: u16 = 128;

/// What `recorder read` or `recorder listen` is to do.
#[derive(Clone, Debug)]
pub struct Config {
    /// Captures to read; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// What to receive live instead.
    pub listen: Option<Listen>,
    /// Where the archive is: `file:` or `s3:`.
    pub archive: Url,
    /// What encrypts it, and the spool.
    pub keys: Keyring,
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
    /// Whether a store is written to that ignores create-only puts.
    pub allow_unconditional: bool,
    /// Where what was recorded is kept until the archive has it; `None`: in memory.
    pub spool: Option<SpoolConfig>,
    /// Whether progress is drawn on standard error.
    pub progress: bool,
}

/// How a spool is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes that it may take on disk.
    pub bytes_max: u64,
    /// What to leave out when it is full.
    pub when_full: WhenFull,
    /// When what was recorded is made durable.
    pub sync: SyncPolicy,
    /// Bytes of frames that stay, beside all else, for subscribers of the live stream to go on from.
    pub keep_bytes: u64,
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
        match cli.command {
            Command::Read(args) => Ok(Self {
                files: args.files,
                spool: spool(args.spool, WhenFull::Stop)?,
                ..recording(
                    args.archive,
                    args.traffic,
                    args.selection,
                    &args.redact,
                    &args.segments,
                    &args.output,
                    false,
                )?
            }),
            Command::Listen(args) => {
                let mut listen = listen(&args.receive, &args.operate)?;
                listen.live = live::live(&args.live)?;
                let mut spool = spool(args.spool, WhenFull::DropNew)?;
                if let Some(spool) = spool.as_mut().filter(|_| listen.live.is_some()) {
                    spool.keep_bytes = args.live.live_keep.0;
                }
                let recording = recording(
                    args.archive,
                    args.traffic,
                    args.selection,
                    &args.redact,
                    &args.segments,
                    &args.output,
                    true,
                )?;
                Ok(Self {
                    listen: Some(listen),
                    spool,
                    ..recording
                })
            }
            Command::Archive(_) => {
                let text = "it records nothing, and has a configuration of its own".to_owned();
                Err(problem("archive", text))
            }
        }
    }
}

/// What reading and listening have in common.
fn recording(
    archive: ArchiveArgs,
    traffic: TrafficArgs,
    selection: SelectionArgs,
    redact: &RedactArgs,
    segments: &SegmentArgs,
    output: &OutputArgs,
    live: bool,
) -> Result<Config, ConfigError> {
    let bytes = |flag, size: ByteSize, range: std::ops::RangeInclusive<u64>| {
        let (least, most) = (ByteSize(*range.start()), ByteSize(*range.end()));
        usize::try_from(size.0)
            .ok()
            .filter(|_| range.contains(&size.0))
            .ok_or_else(|| problem(flag, format!("{size} is not between {least} and {most}")))
    };
    if !(1..=22).contains(&segments.level) {
        let level = segments.level;
        return Err(problem(
            "--level",
            format!("{level} is not between 1 and 22"),
        ));
    }
    let (age, retry_for) = if live {
        (SEGMENT_AGE_LIVE, RETRY_FOR_LIVE)
    } else {
        (SEGMENT_AGE, RETRY_FOR)
    };
    let segment_age = segments.segment_age.unwrap_or(age);
    if segment_age < Duration::from_secs(1) {
        let text = "a segment must be at least 1s long, for example 5m".to_owned();
        return Err(problem("--segment-age", text));
    }
    for (flag, ports) in [
        ("--vxlan-port", &traffic.vxlan_ports),
        ("--geneve-port", &traffic.geneve_ports),
    ] {
        if ports.contains(&0) {
            return Err(problem(flag, "0 is not a port".to_owned()));
        }
    }
    let selection = selection.selection();
    let redaction = redact::redaction(redact, &selection)?;
    let recorder = archive.recorder_id.as_deref().map(str::parse);
    Ok(Config {
        files: Vec::new(),
        listen: None,
        archive: store::archive_url(&archive.archive)
            .map_err(|error| problem("--archive", error))?,
        keys: keys::load(&archive.keys.key_file)
            .map_err(|error| problem("--key-file", format!("{error:#}")))?,
        recorder: recorder
            .transpose()
            .map_err(|error: schema::ParseIdError| problem("--recorder-id", error.to_string()))?,
        options: Options {
            body_bytes_max: bytes("--max-body", traffic.max_body, 0..=BODY_BYTES_MAX)?,
            raw_bodies: traffic.raw_bodies,
            tunnel_ports: TunnelPorts {
                vxlan: traffic.vxlan_ports,
                geneve: traffic.geneve_ports,
            },
            selection,
            redaction,
        },
        limits: Limits::default(),
        rotation: Rotation {
            bytes_max: bytes("--segment-bytes", segments.segment_bytes, SEGMENT_BYTES)?,
            age_max: segment_age,
        },
        zstd_level: segments.level,
        retry_for: archive.retry_for.unwrap_or(retry_for),
        allow_unconditional: archive.allow_unconditional,
        spool: None,
        progress: !output.quiet,
    })
}

/// What is received, and how.
fn listen(receive: &ReceiveArgs, operate: &OperateArgs) -> Result<Listen, ConfigError> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let shards = match receive.shards {
        // One is left for what is not receiving: compressing, and the system's own work for each packet.
        None => processors.saturating_sub(1).clamp(1, 16),
        Some(shards) if (1..=SHARDS_MAX).contains(&shards) => usize::from(shards),
        Some(shards) => {
            let text = format!("{shards} is not between 1 and {SHARDS_MAX}");
            return Err(problem("--shards", text));
        }
    };
    let inputs = [receive.vxlan, receive.geneve, receive.http_mirror];
    let nothing = inputs.iter().all(Option::is_none) && receive.interfaces.is_empty();
    let all_vxlan = SocketAddr::from(([0, 0, 0, 0], 4789));
    Ok(Listen {
        vxlan: receive.vxlan.or_else(|| nothing.then_some(all_vxlan)),
        geneve: receive.geneve,
        interfaces: receive.interfaces.clone(),
        http_mirror: receive.http_mirror,
        shards,
        receive_buffer: receive.receive_buffer.0,
        shed: receive.shed,
        health: operate.health,
        max_drops: operate.max_drops,
        metrics: operate.metrics,
        live: None,
        drain: operate.drain,
        limits: ListenLimits::default(),
    })
}

/// The spool, if there is one; when it is full, `when_full` happens unless something else is asked for.
fn spool(args: SpoolArgs, when_full: WhenFull) -> Result<Option<SpoolConfig>, ConfigError> {
    let Some(folder) = args.spool else {
        return Ok(None);
    };
    let (least, max) = (ByteSize(SPOOL_BYTES_MIN), args.spool_max);
    if max < least {
        let text = format!("{max} is less than {least}, which a spool needs to seal a segment");
        return Err(problem("--spool-max", text));
    }
    Ok(Some(SpoolConfig {
        folder,
        bytes_max: max.0,
        when_full: args.when_full.unwrap_or(when_full),
        sync: args.spool_sync,
        keep_bytes: 0,
    }))
}

fn problem(flag: &'static str, problem: String) -> ConfigError {
    ConfigError { flag, problem }
}

#[cfg(test)]
mod tests;
