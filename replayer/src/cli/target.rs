//! Where requests go, and as what.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use replayer_core::proof::Proof;

use crate::units::{Size, Span};

/// Where requests go, and as what.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Test environment to send to. A path in it is put before the recorded path. Example: http://10.0.9.4:8080/v2
    #[arg(long, value_name = "URL", env = "REPLAYER_TARGET")]
    pub target: Option<String>,

    /// What the target has to prove, so that nobody replays into production: header:NAME=VALUE (it answers GET / with it),
    /// path:/PATH=TOKEN (it answers with this text) or suffix:.test.internal (its name ends so)
    ///
    /// May be repeated: every header and path has to hold, and one of the suffixes. A target on loopback needs none.
    #[arg(long, value_name = "PROOF", env = "REPLAYER_TARGET_PROOF")]
    pub target_proof: Vec<Proof>,

    /// Send to a target even if its address or name is that of a server in the recording
    #[arg(long)]
    pub allow_recorded_target: bool,

    /// Send requests that may change something (POST, PUT, PATCH, DELETE, …), where the policy says nothing else
    #[arg(long, env = "REPLAYER_ALLOW_WRITES")]
    pub allow_writes: bool,

    /// TOML file that says, endpoint by endpoint, what may be sent
    #[arg(long, value_name = "FILE", env = "REPLAYER_POLICY")]
    pub policy: Option<PathBuf>,

    /// Shell command to run before anything is sent, such as one that restores a database; if it fails nothing is sent
    #[arg(long, value_name = "COMMAND", env = "REPLAYER_BEFORE")]
    pub before: Option<String>,

    /// Shell command to run when the last answer has come; if it fails so does the run
    #[arg(long, value_name = "COMMAND", env = "REPLAYER_AFTER")]
    pub after: Option<String>,

    /// Host to send: recorded, target (as in --target), or a name
    #[arg(
        long = "host-header",
        value_name = "HOST",
        default_value = "recorded",
        env = "REPLAYER_HOST_HEADER"
    )]
    pub host_header: String,

    /// Do not add X-Forwarded-For, -Port, -Proto and -Host
    #[arg(long)]
    pub no_forwarded: bool,

    /// auto: what was recorded as HTTP/2 goes to an https:// target that speaks it as HTTP/2, all else as HTTP/1.1
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        env = "REPLAYER_HTTP_VERSION"
    )]
    pub http_version: HttpVersionArg,

    /// Certificates (PEM) of the authorities that may vouch for an https:// target; the system's if not given
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Certificate chain (PEM) to show an https:// target that asks for one
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_cert: Option<PathBuf>,

    /// Private key (PEM) of --client-cert
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub client_key: Option<PathBuf>,

    /// Take any certificate of an https:// target, for any name: whoever answers gets the recorded requests
    #[arg(long, conflicts_with = "ca_file")]
    pub insecure: bool,
    /// Do not add X-Reprise-Run and X-Reprise-Exchange
    #[arg(long)]
    pub no_reprise_headers: bool,

    /// How long one request may take, from connecting to the last byte of the answer
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        env = "REPLAYER_TIMEOUT"
    )]
    pub timeout: Span,

    /// How much of an answer's body is stored and compared
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "16MiB",
        env = "REPLAYER_MAX_BODY"
    )]
    pub max_body: Size,

    /// Which build the target runs, for reports
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
}

/// As which version of HTTP requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HttpVersionArg {
    /// As recorded, where the target speaks it
    Auto,
    /// Everything as HTTP/1
    #[value(name = "1.1")]
    One,
    /// Everything as HTTP/2, on http:// with prior knowledge
    #[value(name = "2")]
    Two,
}
