//! The command line exactly as it is typed; nothing is checked here, see `config`.

mod archive;
mod live;
mod place;
mod redact;
mod selection;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use crate::listen::Shed;
use crate::spool::{SyncPolicy, WhenFull};
use crate::units::{ByteSize, ParseUnitError, parse_address, parse_percent, parse_span};

pub use archive::{
    ArchiveCommand, CalendarArg, CheckArgs, CompactArgs, CoverageArgs, ExpireArgs, FilterArgs,
    ForgetArgs, LsArgs, PlaceArgs, WindowArgs,
};
pub use live::LiveArgs;
pub use place::{ArchiveArgs, KeyArgs};
pub use redact::RedactArgs;
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
  ssh gateway tcpdump -U -w - port 8080 | recorder read - --archive ./archive
  tcpdump -U -w - port 8080 | recorder read - --archive s3://traffic/production --spool /var/lib/recorder
  recorder read --archive s3://traffic/production --spool /var/lib/recorder     (publish what is left there)";

const AFTER_LISTEN_CODES: &str = "\
Exit codes:
  0  told to stop, and everything was published
  1  told to stop, and the archive lacks something: segments wait in the spool, or it was full or damaged
  2  failed; the message on standard error says what, where and what to do";

const AFTER_LISTEN_HELP: &str = "\
Examples:
  recorder listen --archive s3://traffic/production
  recorder listen --archive s3://traffic/production --vxlan 0.0.0.0:4789 --health 0.0.0.0:8080 --metrics 127.0.0.1:9090
  recorder listen --archive s3://traffic/production --spool /var/lib/recorder --spool-max 100GiB
  recorder listen --archive s3://traffic/production --geneve 0.0.0.0:6081 --health 0.0.0.0:8080 --shards 4 --shed sample
  recorder listen --archive s3://traffic/production --http-mirror 127.0.0.1:8090";

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
    Read(Box<ReadArgs>),

    /// Record live: mirrored traffic as it arrives, until told to stop
    ///
    /// Receives what a traffic mirror sends (VXLAN or GENEVE over UDP, or copies of requests from nginx and Envoy), and does
    /// with it what `read` does with captures.
    /// SIGTERM and Ctrl-C end it: what is under way is recorded as it is, and published.
    #[command(args_override_self = true)]
    #[command(after_help = AFTER_LISTEN_CODES, after_long_help = long_after_listen())]
    Listen(Box<ListenArgs>),

    /// See what an archive holds and how whole it is, and keep it
    #[command(subcommand, args_override_self = true)]
    Archive(Box<ArchiveCommand>),
}

fn long_after_listen() -> String {
    format!("{AFTER_LISTEN_HELP}\n\n{AFTER_LISTEN_CODES}")
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
    /// Without any, what an earlier recording left in --spool is published.
    #[arg(value_name = "FILE", required_unless_present = "spool")]
    pub files: Vec<PathBuf>,

    /// What is written into the archive.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// Where what was recorded waits for the archive.
    #[command(flatten)]
    pub spool: SpoolArgs,
    /// How traffic is read.
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Which exchanges are recorded.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// What is taken out of them.
    #[command(flatten)]
    pub redact: RedactArgs,
    /// When segments are cut.
    #[command(flatten)]
    pub segments: SegmentArgs,
    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What `recorder listen` takes.
#[derive(Args, Clone, Debug)]
pub struct ListenArgs {
    /// What is received.
    #[command(flatten)]
    pub receive: ReceiveArgs,
    /// What is told while it runs.
    #[command(flatten)]
    pub operate: OperateArgs,
    /// The live stream for subscribers.
    #[command(flatten)]
    pub live: LiveArgs,
    /// What is written into the archive.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// Where what was recorded waits for the archive.
    #[command(flatten)]
    pub spool: SpoolArgs,
    /// How traffic is read.
    #[command(flatten)]
    pub traffic: TrafficArgs,
    /// Which exchanges are recorded.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// What is taken out of them.
    #[command(flatten)]
    pub redact: RedactArgs,
    /// When segments are cut.
    #[command(flatten)]
    pub segments: SegmentArgs,
    /// What is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is received live.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Receiving")]
pub struct ReceiveArgs {
    /// Address that VXLAN comes to [default: 0.0.0.0:4789 if no other input is given]
    ///
    /// VPC Traffic Mirroring sends to port 4789 of an instance or of a network load balancer. A plain UDP socket, which
    /// needs no rights. Example: --vxlan 0.0.0.0:4789
    #[arg(long, value_name = "ADDR", env = "RECORDER_VXLAN", hide_env_values = true, value_parser = parse_address)]
    pub vxlan: Option<SocketAddr>,

    /// Address that GENEVE comes to: the target of a gateway load balancer
    ///
    /// Example: --geneve 0.0.0.0:6081
    #[arg(long, value_name = "ADDR", env = "RECORDER_GENEVE", hide_env_values = true, value_parser = parse_address)]
    pub geneve: Option<SocketAddr>,

    /// Network interface whose traffic is captured as it passes, in both directions; may be given several times
    ///
    /// For traffic that is not wrapped: a switch's mirror port, or the service's own machine. It needs the right CAP_NET_RAW.
    /// Each shard has a ring of --receive-buffer for it. Example: --interface eth1
    #[arg(
        long = "interface",
        value_name = "NAME",
        env = "RECORDER_INTERFACE",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub interfaces: Vec<String>,

    /// Address that nginx `mirror` and Envoy `request_mirror_policies` copy requests to, as plain HTTP/1.1
    ///
    /// Each is answered with 204 before anything else is done with it, and recorded without an answer. What is let go because
    /// too much comes is counted in the ledger. Example: --http-mirror 127.0.0.1:8090
    #[arg(long, value_name = "ADDR", env = "RECORDER_HTTP_MIRROR", hide_env_values = true, value_parser = parse_address)]
    pub http_mirror: Option<SocketAddr>,

    /// Threads that receive and record [default: one fewer than there are processors]
    ///
    /// Each connection is recorded by one of them, both directions. Example: --shards 4
    #[arg(
        long,
        value_name = "N",
        env = "RECORDER_SHARDS",
        hide_env_values = true
    )]
    pub shards: Option<u16>,

    /// Receive buffer to ask the system for, for each socket, interface and thread
    ///
    /// It holds what comes while a thread is busy. Without CAP_NET_ADMIN the system gives at most net.core.rmem_max, and a
    /// warning says so. Example: --receive-buffer 256MiB
    #[arg(
        long,
        value_name = "BYTES",
        env = "RECORDER_RECEIVE_BUFFER",
        hide_env_values = true,
        default_value = "64MiB"
    )]
    pub receive_buffer: ByteSize,

    /// What to do when frames come faster than they are recorded
    ///
    /// Either way it is counted in the ledger as dropped frames, and warned of. Example: --shed sample
    #[arg(
        long,
        value_name = "POLICY",
        env = "RECORDER_SHED",
        hide_env_values = true,
        default_value = "frames"
    )]
    pub shed: Shed,
}

/// What a running recorder tells, and how it ends.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Operating")]
pub struct OperateArgs {
    /// Address for health checks over HTTP: 200, or 503 with the reason
    ///
    /// Not healthy while draining, when the writer stalls, when the spool is full, and when --max-drops is passed. Any path.
    /// Example: --health 0.0.0.0:8080
    #[arg(long, value_name = "ADDR", env = "RECORDER_HEALTH", hide_env_values = true, value_parser = parse_address)]
    pub health: Option<SocketAddr>,

    /// Share of frames dropped within a minute above which the recorder is not healthy
    ///
    /// Example: --max-drops 0.1%
    #[arg(long, value_name = "PERCENT", env = "RECORDER_MAX_DROPS", hide_env_values = true, default_value = "1%", value_parser = parse_percent)]
    pub max_drops: f64,

    /// Address for metrics in Prometheus' text format. Any path
    ///
    /// Example: --metrics 127.0.0.1:9090
    #[arg(long, value_name = "ADDR", env = "RECORDER_METRICS", hide_env_values = true, value_parser = parse_address)]
    pub metrics: Option<SocketAddr>,

    /// Longest time from being told to stop to the end
    ///
    /// What is not published by then waits in --spool for the next start; without one it is lost, and the exit code is 2.
    /// Example: --drain 90s
    #[arg(long, value_name = "DURATION", env = "RECORDER_DRAIN", hide_env_values = true, default_value = "60s", value_parser = parse_span)]
    pub drain: Duration,
}

/// Where what was recorded waits for the archive.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Spool")]
pub struct SpoolArgs {
    /// Folder of this machine in which exchanges are made durable before anything else; only its owner can read it
    ///
    /// Recording then goes on while the archive is slow, failing or gone, for as long as there is room. After a crash the next
    /// start with the same folder publishes what it holds, each exchange once. A spool belongs to one recorder, whose id it
    /// keeps. Example: --spool /var/lib/recorder
    #[arg(
        long,
        value_name = "DIR",
        env = "RECORDER_SPOOL",
        hide_env_values = true
    )]
    pub spool: Option<PathBuf>,

    /// Disk space that the spool may take
    ///
    /// An hour of 10,000 API requests a second takes about 14 GiB. Example: --spool-max 100GiB
    #[arg(
        long,
        value_name = "BYTES",
        env = "RECORDER_SPOOL_MAX",
        hide_env_values = true,
        default_value = "10GiB"
    )]
    pub spool_max: ByteSize,

    /// When exchanges are synced to disk: always, a span of time, or none
    ///
    /// It is what a power failure can cost; a crash of the program costs no more. Example: --spool-sync 1s
    #[arg(
        long,
        value_name = "WHEN",
        env = "RECORDER_SPOOL_SYNC",
        hide_env_values = true,
        default_value = "100ms",
        value_parser = parse_sync
    )]
    pub spool_sync: SyncPolicy,

    /// What to do when the spool is full [default: stop; live, drop-new]
    ///
    /// What is left out is counted in the ledger. Example: --when-full drop-new
    #[arg(
        long,
        value_name = "POLICY",
        env = "RECORDER_WHEN_FULL",
        hide_env_values = true
    )]
    pub when_full: Option<WhenFull>,
}

fn parse_sync(text: &str) -> Result<SyncPolicy, ParseUnitError> {
    match text {
        "always" => Ok(SyncPolicy::Always),
        "none" => Ok(SyncPolicy::None),
        text => parse_span(text).map(SyncPolicy::Every),
    }
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

    /// Age, in the capture's own time, at which a segment is published [default: 1h; live, 5m]
    ///
    /// A segment never holds more than one hour of the day. Example: --segment-age 5m
    #[arg(
        long,
        value_name = "DURATION",
        env = "RECORDER_SEGMENT_AGE", hide_env_values = true,
        value_parser = parse_span
    )]
    pub segment_age: Option<Duration>,

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
            Command::Listen(listen) => &listen.output,
            Command::Archive(archive) => archive.output(),
        }
    }
}
