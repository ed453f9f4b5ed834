//! Where requests go, and as what.

use clap::Args;

use crate::units::{Size, Span};

/// Where requests go, and as what.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Test environment to send to. A path in it is put before the recorded path. Example: http://10.0.9.4:8080/v2
    #[arg(long, value_name = "URL", env = "REPLAYER_TARGET")]
    pub target: String,

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
