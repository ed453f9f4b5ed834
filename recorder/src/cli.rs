//! The command line exactly as it is typed; nothing is checked here, see `config`.

mod selection;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use crate::units::{ByteSize, parse_span};

pub use selection::SelectionArgs;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  finished, but the input was incomplete: a capture is cut or damaged, or reading was interrupted
  2  failed; the message on standard error says what, where and what to do";

const AFTER_READ_HELP: &str = "\
Examples:
  recorder read gateway.pcap --archive ./archive
  recorder read gateway.pcap.zst gateway.pcap1.zst --archive s3://traffic/production
  ssh gateway tcpdump -U -w - port 8080 | recorder read - --archive ./archive";

/// Records HTTP traffic into an archive of Parquet segments.
#[derive(Clone, Debug, Parser)]
#[command(name = "recorder", version, styles = STYLES, after_help = AFTER_HELP)]
#[command(max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Record capture files: pcap and pcapng, plain, gzip or zstd
    ///
    /// Reads packets, puts TCP connections together again, and writes every HTTP request with its response as a row of
    /// the archive. Traffic may be bare or wrapped in VXLAN. Several files are merged by time. HTTP is recognised by
    /// its content, on any port.
    // A flag that is given twice is what it was given last, so that scripts can add to a command.
    #[command(args_override_self = true)]
    #[command(after_help = AFTER_HELP, after_long_help = long_after_read())]
    Read(ReadArgs),
}

fn long_after_read() -> String {
    format!("{AFTER_READ_HELP}\n\n{AFTER_HELP}")
}

/// What `recorder read` takes.
#[derive(Args, Clone, Debug)]
pub struct ReadArgs {
    /// Captures, in any order; `-` is standard input
    ///
    /// What a file is (pcap or pcapng, plain, gzip or zstd) is told by its first bytes, not by its name.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// What is written into the archive.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// How traffic is read.
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Which exchanges are recorded.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// When segments are cut.
    #[command(flatten)]
    pub segments: SegmentArgs,
    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

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

    /// Name of this recorder, part of every segment's name [default: derived from the captures]
    ///
    /// The default is the same whenever the same captures are read, so that reading them again adds nothing. Example:
    /// --recorder-id gateway-1
    #[arg(long, value_name = "ID", env = "RECORDER_ID", hide_env_values = true)]
    pub recorder_id: Option<String>,

    /// How long to try again while the object store fails
    ///
    /// Wrong credentials, a missing bucket or a full disk end the program at once. Example: --retry-for 10m
    #[arg(
        long,
        value_name = "DURATION",
        env = "RECORDER_RETRY_FOR", hide_env_values = true,
        default_value = "2m",
        value_parser = parse_span
    )]
    pub retry_for: Duration,
}

/// How traffic is read.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Traffic")]
pub struct TrafficArgs {
    /// Longest body that is stored whole; of longer ones the beginning
    ///
    /// The true length is always recorded. Example: --max-body 1MiB
    #[arg(
        long,
        value_name = "BYTES",
        env = "RECORDER_MAX_BODY",
        hide_env_values = true,
        default_value = "16MiB"
    )]
    pub max_body: ByteSize,

    /// Store response bodies compressed as they were sent
    ///
    /// By default gzip, deflate, br and zstd are undone, so that bodies can be searched. Request bodies are always stored
    /// as they were sent.
    #[arg(long, env = "RECORDER_RAW_BODIES", hide_env_values = true)]
    pub raw_bodies: bool,

    /// UDP port that carries VXLAN; may be given several times
    ///
    /// 4789 is the registered port and what VPC Traffic Mirroring uses; 8472 is what Linux used before and overlays such
    /// as flannel still do. Example: --vxlan-port 4789 --vxlan-port 8472
    #[arg(
        long = "vxlan-port",
        value_name = "PORT",
        env = "RECORDER_VXLAN_PORT", hide_env_values = true,
        value_delimiter = ',',
        default_values_t = [4789, 8472]
    )]
    pub vxlan_ports: Vec<u16>,

    /// UDP port that carries GENEVE; may be given several times
    ///
    /// 6081 is the registered port and what gateway load balancers use. Example: --geneve-port 6081
    #[arg(
        long = "geneve-port",
        value_name = "PORT",
        env = "RECORDER_GENEVE_PORT", hide_env_values = true,
        value_delimiter = ',',
        default_values_t = [6081]
    )]
    pub geneve_ports: Vec<u16>,
}

/// When segments are cut, and how they are compressed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Segments")]
pub struct SegmentArgs {
    /// Size at which a segment is published and the next begun
    ///
    /// Larger segments compress and read better and need more memory here. Example: --segment-bytes 128MiB
    #[arg(
        long,
        value_name = "BYTES",
        env = "RECORDER_SEGMENT_BYTES",
        hide_env_values = true,
        default_value = "32MiB"
    )]
    pub segment_bytes: ByteSize,

    /// Age, in the capture's own time, at which a segment is published
    ///
    /// A segment never holds more than one hour of the day. Example: --segment-age 5m
    #[arg(
        long,
        value_name = "DURATION",
        env = "RECORDER_SEGMENT_AGE", hide_env_values = true,
        default_value = "1h",
        value_parser = parse_span
    )]
    pub segment_age: Duration,

    /// zstd level of the segments, 1 (fast) to 22 (small)
    ///
    /// Level 3 takes half as much processor time again and saves 3 to 4 % of API and web traffic; on bodies full of random
    /// ids it saves nothing. Example: --level 9
    #[arg(
        long,
        value_name = "LEVEL",
        env = "RECORDER_LEVEL",
        hide_env_values = true,
        default_value_t = 1
    )]
    pub level: i32,
}

/// What is printed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print the summary as JSON
    #[arg(long, env = "RECORDER_JSON", hide_env_values = true)]
    pub json: bool,

    /// Print neither summary nor progress; errors and the exit code remain
    #[arg(long, env = "RECORDER_QUIET", hide_env_values = true)]
    pub quiet: bool,
}

impl Cli {
    /// How the result is to be printed.
    #[must_use]
    pub fn output(&self) -> &OutputArgs {
        match &self.command {
            Command::Read(read) => &read.output,
        }
    }
}
